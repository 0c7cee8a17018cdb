// EXTENDED COPY, [SPC-4 r37 6.4]: from units to units that the asking nexus sees, and no others.
#include "scsi/extended_copy.h"

#include "engine/copy_manager.h"
#include "engine/copy_segments.h"
#include "engine/execute.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"

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
    if (cscd.device_type != kDisk || cscd.block_bytes != unit->lane.state().description.block_size) {
        return std::unexpected(scsi::Asc::incorrect_copy_target_device_type);
    }
    return unit;
}

/// What a unit refused or failed to do, as the copy tells it.
scsi::Outcome copy_outcome(const CopyWork& work, const scsi::Outcome& outcome, std::uint16_t number) {
    if (outcome == scsi::Outcome{scsi::Status::good}) {
        return outcome;
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
    for (std::uint16_t number = 0; number < copy.segments.size(); ++number) {
        const scsi::Outcome outcome = co_await copy_segment(arena, work, asked, copy, number);
        if (outcome != scsi::Outcome{scsi::Status::good}) {
            co_return outcome;
        }
        ++work.record.progress.segments;
    }
    co_return scsi::Status::good;
}

/// The copies of a nexus at a unit, from the first on.
CopyManager& manager_of(NexusUnit& unit) {
    if (!unit.copies) {
        unit.copies = std::make_unique<CopyManager>();
    }
    return *unit.copies;
}

std::expected<std::shared_ptr<CopyRecord>, scsi::Sense> begin_record(NexusUnit& unit,
                                                                     const scsi::ExtendedCopy& copy) {
    if (copy.usage == scsi::ListIdUsage::none) {
        return std::make_shared<CopyRecord>(CopyRecord{.id = copy.id, .progress = {}});
    }
    return manager_of(unit).begin(copy.id, unit.nexus.core().now());
}

base::Task<scsi::Outcome> copy_in_foreground(base::CommandArena& arena, Command& command,
                                             const scsi::ExtendedCopy& copy) {
    NexusUnit& unit = *command.life.unit;
    const auto record = begin_record(unit, copy);
    if (!record) {
        co_return record.error();
    }
    Visitor visitor{unit};
    command.life.visitor = &visitor;
    (*record)->visitor = &visitor;
    CopyWork work{.visitor = visitor, .record = **record, .buffer = CopyBuffer{unit.nexus}};
    const scsi::Outcome outcome = co_await copy_segments(arena, work, unit, copy);
    command.life.visitor = nullptr;
    (*record)->end(outcome, unit.nexus.core().now());
    if (copy.usage == scsi::ListIdUsage::discard &&
        (*record)->progress.status == scsi::CopyStatus::completed) {
        unit.copies->forget(*record);
    }
    co_return outcome;
}

}  // namespace

Execution execute_extended_copy(base::CommandArena& arena, Command& command) {
    const base::Segment& sent = command.life.out_segment;
    if (sent.size == 0) {
        co_return scsi::Status::good;  // nothing to copy is no error
    }
    const auto copy = scsi::parse_extended_copy(scsi::ListIdKind::lid1, {sent.data, sent.size});
    if (!copy) {
        co_return copy.error();
    }
    const scsi::Outcome outcome = co_await copy_in_foreground(arena, command, *copy);
    co_return outcome;
}

}  // namespace targe::engine
