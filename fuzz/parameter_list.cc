// Parameter lists of MODE SELECT and UNMAP, after a byte that chooses the unit and one that chooses the
// command.
#include "base/assert.h"
#include "fuzz/input.h"
#include "fuzz/units.h"
#include "scsi/mode_pages.h"
#include "scsi/unmap_parameters.h"

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

}  // namespace
}  // namespace targe::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using targe::scsi::ModeForm;
    targe::fuzz::Input input(data, size);
    const auto& unit = targe::fuzz::some_unit(input.byte());
    const std::uint8_t command = input.byte();
    if (command % 4 == 0) {
        targe::fuzz::unmap(input.rest(), unit);
    } else {
        targe::fuzz::mode_select({.form = command % 2 == 0 ? ModeForm::six : ModeForm::ten,
                                  .page_format = (command & 4U) == 0,
                                  .save_pages = (command & 8U) != 0},
                                 input.rest(), unit);
    }
    return 0;
}
