#include "engine/copy_work.h"

#include "engine/background.h"
#include "engine/logical_unit.h"

#include <array>
#include <utility>

namespace targe::engine {

namespace {

/// The copies of a nexus at a unit, from the first on.
CopyManager& manager_of(NexusUnit& unit) {
    if (!unit.copies) {
        unit.copies = std::make_unique<CopyManager>();
    }
    return *unit.copies;
}

void end_record(NexusUnit& unit, const CopyTerms& terms, const std::shared_ptr<CopyRecord>& record,
                const scsi::Outcome& outcome) {
    record->end(unit.nexus.core(), outcome);
    if (terms.usage == scsi::ListIdUsage::discard && !terms.immediate &&
        record->progress.status == scsi::CopyStatus::completed) {
        manager_of(unit).forget(record);
    }
}

/// Without IMMED too it is no part of its command, which may have to end before it: Visitor::part(). The
/// visit to the unit that was asked keeps it, and its nexus, until the copy has ended.
Background begin_copy(NexusUnit& unit, CopyTerms terms, std::shared_ptr<CopyRecord> record,
                      std::shared_ptr<CopyEnd> end, CopyBody body) {
    alignas(base::CommandArena::kAlignment) std::array<std::byte, 4096> block;
    base::CommandArena arena{block};
    scsi::Outcome outcome = scsi::Status::good;
    {
        Visitor visitor{unit, end};
        record->visitor = &visitor;
        if (end->command != nullptr) {
            end->command->life.visitor = &visitor;
        }
        CopyWork work{.visitor = visitor, .record = *record, .buffer = CopyBuffer{unit.nexus}};
        outcome = co_await body(arena, work);
        if (end->command != nullptr) {
            end->command->life.visitor = nullptr;
        }
        end_record(unit, terms, record, outcome);
    }
    end->outcome = outcome;
    end->resume();
}

}  // namespace

std::expected<std::shared_ptr<CopyRecord>, scsi::Sense> begin_record(const Command& command,
                                                                     const CopyTerms& terms) {
    NexusUnit& unit = *command.life.unit;
    std::expected<std::shared_ptr<CopyRecord>, scsi::Sense> record =
        std::make_shared<CopyRecord>(CopyRecord{.id = terms.id, .progress = {}, .waiters = {}});
    if (terms.usage != scsi::ListIdUsage::none) {
        record = manager_of(unit).begin(terms.id, unit.nexus.core().now());
    }
    if (record) {
        (*record)->service_action = command.life.info->service_action.value_or(0);
    }
    return record;
}

base::Task<scsi::Outcome> carry_out_copy(base::CommandArena& arena, Command& command, CopyTerms terms,
                                         CopyBody body) {
    NexusUnit& unit = *command.life.unit;
    auto record = begin_record(command, terms);
    if (!record) {
        co_return record.error();
    }
    const auto end = std::make_shared<CopyEnd>();
    if (terms.immediate) {
        (*record)->progress.status = scsi::CopyStatus::in_background;
    } else {
        end->command = &command;
    }
    begin_copy(unit, terms, *std::move(record), end, std::move(body));
    if (terms.immediate) {
        co_return scsi::Status::good;
    }
    co_await *end;
    end->command = nullptr;
    command.life.visitor = nullptr;
    // Without an outcome it was aborted.
    co_return end->outcome.value_or(scsi::Status::task_aborted);
}

}  // namespace targe::engine
