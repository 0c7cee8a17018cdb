// Parameter lists of MODE SELECT, UNMAP, LOG SELECT, REASSIGN BLOCKS and SET PRIORITY, after a byte that
// chooses the unit and one that chooses the command.
#include "base/assert.h"
#include "fuzz/input.h"
#include "fuzz/units.h"
#include "scsi/log_select.h"
#include "scsi/mode_pages.h"
#include "scsi/priority.h"
#include "scsi/reassign_blocks.h"
#include "scsi/unmap_parameters.h"

#include <array>
#include <vector>

namespace targe::fuzz {
namespace {

void unmap(wire::Bytes list, const scsi::UnitDescription& unit) {
    const auto ranges = scsi::parse_unmap(list, unit);
    for (std::size_t i = 0; ranges && i < ranges->size(); ++i) {
        const scsi::UnmapRange range = (*ranges)[i];
        TARGE_ASSERT(range.lba <= unit.blocks && range.blocks <= unit.blocks - range.lba);
    }
}

void mode_select(const scsi::ModeSelectRequest& request, wire::Bytes list,
                 const scsi::UnitDescription& unit) {
    const auto first = scsi::mode_select(request, unit, scsi::default_mode_pages(unit), list);
    if (first) {
        const auto again = scsi::mode_select(request, unit, first->pages, list);
        TARGE_ASSERT(again && !again->changed && again->pages == first->pages);
    }
}

void log_select(bool saves, wire::Bytes list) {
    const std::array cdb{std::byte{0x4c}, std::byte{saves}, std::byte{0x40}, std::byte{}, std::byte{},
                         std::byte{},     std::byte{},      std::byte{},     std::byte{}, std::byte{}};
    const scsi::LogState empty{.can_save = true};
    const auto first = scsi::log_select(cdb, list, empty);
    if (!first) {
        return;
    }
    const scsi::LogState next{
        .current = first->current, .saved = first->saved.value_or(empty.saved), .can_save = true};
    const auto again = scsi::log_select(cdb, list, next);
    TARGE_ASSERT(again && again->current == first->current && !again->saved);
    const scsi::KeptLog log{.parameters = next.saved};
    TARGE_ASSERT(scsi::kept_log(scsi::keep(log)) == log);
}

void reassign_blocks(std::uint8_t flags, wire::Bytes list, const scsi::UnitDescription& unit) {
    const std::array cdb{std::byte{0x07}, static_cast<std::byte>(flags & 3U),
                         std::byte{},     std::byte{},
                         std::byte{},     std::byte{}};
    const auto blocks = scsi::reassigned_blocks(cdb, list, unit);
    for (std::size_t i = 0; blocks && i < blocks->size(); ++i) {
        TARGE_ASSERT((*blocks)[i] < unit.blocks && (i == 0 || (*blocks)[i - 1] < (*blocks)[i]));
    }
}

void set_priority(std::uint8_t flags, wire::Bytes list) {
    const std::array cdb{std::byte{0xa4}, std::byte{0x0e}, static_cast<std::byte>(flags << 6U),
                         std::byte{},     std::byte{},     std::byte{},
                         std::byte{},     std::byte{},     std::byte{},
                         std::byte{},     std::byte{},     std::byte{}};
    const auto set = scsi::set_priority(cdb, list, {}, {});
    TARGE_ASSERT(!set || set->priorities.all().size() <= 1);
}

}  // namespace
}  // namespace targe::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using targe::scsi::ModeForm;
    targe::fuzz::Input input(data, size);
    const auto& unit = targe::fuzz::some_unit(input.byte());
    const std::uint8_t command = input.byte();
    constexpr std::uint8_t kLogSelect = 0x80;
    constexpr std::uint8_t kReassignBlocks = 0xa0;
    constexpr std::uint8_t kSetPriority = 0xc0;
    if (command >= kSetPriority) {
        targe::fuzz::set_priority(command, input.rest());
    } else if (command >= kReassignBlocks) {
        targe::fuzz::reassign_blocks(command, input.rest(), unit);
    } else if (command >= kLogSelect) {
        targe::fuzz::log_select(command % 2 != 0, input.rest());
    } else if (command % 4 == 0) {
        targe::fuzz::unmap(input.rest(), unit);
    } else {
        targe::fuzz::mode_select({.form = command % 2 == 0 ? ModeForm::six : ModeForm::ten,
                                  .page_format = (command & 4U) == 0,
                                  .save_pages = (command & 8U) != 0},
                                 input.rest(), unit);
    }
    return 0;
}
