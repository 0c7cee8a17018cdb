// EXTENDED COPY, [SPC-4 r37 6.4]: from units to units that the asking nexus sees, and no others.
#include "scsi/extended_copy.h"

#include "engine/copy_manager.h"
#include "engine/copy_work.h"
#include "engine/execute.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "scsi/third_party_copy.h"

#include <utility>
#include <variant>

namespace targe::engine {

namespace {

constexpr std::uint8_t kDisk = 0x00;

/// The unit that a descriptor names, by whichever LUN the nexus sees it; by that of the command if it can be.
NexusUnit* resolve(NexusUnit& asked, const scsi::Cscd& cscd) {
    const auto is_named = [&](const NexusUnit& unit) {
        return scsi::designates(cscd, unit.lane.state().description.identity);
    };
    if (is_named(asked)) {
        return &asked;
    }
    NexusUnit* found = nullptr;
    asked.nexus.units().for_each([&](NexusUnit& unit) {
        if (found == nullptr && is_named(unit)) {
            found = &unit;
        }
    });
    return found;
}

std::expected<NexusUnit*, scsi::Asc> unit_of(NexusUnit& asked, const scsi::ExtendedCopy& copy,
                                             std::uint16_t index) {
    if (index >= copy.cscds.size() || copy.cscds[index].null) {
        return std::unexpected(scsi::Asc::unreachable_copy_target);
    }
    const scsi::Cscd& cscd = copy.cscds[index];
    NexusUnit* const unit = resolve(asked, cscd);
    if (unit == nullptr) {
        return std::unexpected(scsi::Asc::unreachable_copy_target);
    }
    const UnitState& state = unit->lane.state();
    if (!state.is_disk || cscd.device_type != kDisk || cscd.block_bytes != state.description.block_size) {
        return std::unexpected(scsi::Asc::incorrect_copy_target_device_type);
    }
    return unit;
}

/// What a unit refused or failed to do, as the copy tells it.
scsi::Outcome copy_outcome(const CopyWork& work, const scsi::Outcome& outcome, std::uint16_t number) {
    if (outcome == scsi::Outcome{scsi::Status::good}) {
        return outcome;
    }
    if (work.record.terminated) {
        return scsi::copy_aborted(scsi::Asc::no_additional_sense_information, number);
    }
    return scsi::copy_aborted(work.visitor.cancelled() ? scsi::Asc::copy_target_device_not_reachable
                                                       : scsi::Asc::third_party_device_failure,
                              number);
}

base::Task<scsi::Outcome> copy_segment(base::CommandArena& arena, CopyWork& work, NexusUnit& asked,
                                       const scsi::ExtendedCopy& copy, std::uint16_t number) {
    const scsi::CopySegment& segment = copy.segments[number];
    const auto source = unit_of(asked, copy, segment.source);
    if (!source) {
        co_return scsi::copy_aborted(source.error(), number);
    }
    const auto destination = unit_of(asked, copy, segment.destination);
    if (!destination) {
        co_return scsi::copy_aborted(destination.error(), number);
    }
    const auto extent = scsi::plan_segment(segment, number, (*source)->lane.state().description,
                                           (*destination)->lane.state().description);
    if (!extent) {
        co_return extent.error();
    }
    const scsi::Outcome outcome = co_await copy_extent(arena, work, **source, **destination, *extent);
    co_return copy_outcome(work, outcome, number);
}

base::Task<scsi::Outcome> copy_segments(base::CommandArena& arena, CopyWork& work, NexusUnit& asked,
                                        const scsi::ExtendedCopy& copy) {
    for (std::size_t number = 0; number < copy.segments.size(); ++number) {
        const scsi::Outcome outcome =
            co_await copy_segment(arena, work, asked, copy, static_cast<std::uint16_t>(number));
        if (outcome != scsi::Outcome{scsi::Status::good}) {
            co_return outcome;
        }
        ++work.record.progress.segments;
    }
    co_return scsi::Status::good;
}

}  // namespace

Execution execute_extended_copy(base::CommandArena& arena, Command& command) {
    const base::Segment& sent = command.life.out_segment;
    if (sent.size == 0) {
        co_return scsi::Status::good;  // nothing to copy is no error
    }
    const auto kind = command.life.info->id == scsi::CommandId::extended_copy_lid1 ? scsi::ListIdKind::lid1
                                                                                   : scsi::ListIdKind::lid4;
    auto parsed = scsi::parse_extended_copy(kind, {sent.data, sent.size});
    if (!parsed) {
        co_return parsed.error();
    }
    const auto copy = std::make_shared<const scsi::ExtendedCopy>(*std::move(parsed));
    const scsi::Outcome outcome = co_await carry_out_copy(
        arena, command, {.id = copy->id, .usage = copy->usage, .immediate = copy->immediate},
        [copy, &unit = *command.life.unit](base::CommandArena& within, CopyWork& work) {
            return copy_segments(within, work, unit, *copy);
        });
    co_return outcome;
}

Execution execute_copy_operation_abort(base::CommandArena& /*arena*/, Command& command) {
    using L = scsi::CopyOperationAbortCdb;
    const NexusUnit& unit = *command.life.unit;
    const scsi::CopyListId id{.kind = scsi::ListIdKind::lid4,
                              .value = wire::get<L::kListIdentifier>(command.cdb.first<L::kSize>())};
    const auto record = unit.copies ? unit.copies->find(id, unit.nexus.core().now()) : nullptr;
    if (!record) {
        co_return scsi::invalid_field(L::kListIdentifier);
    }
    if (!record->progress.ended()) {
        record->terminated = true;
        if (record->visitor != nullptr) {  // a token is made without
            record->visitor->cancel();
        }
        co_await record->end_of_copy();
    }
    co_return scsi::Status::good;
}

}  // namespace targe::engine
