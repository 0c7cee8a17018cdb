// What a device says by itself, on its way to initiators.
#include "engine/background.h"
#include "engine/drive.h"
#include "engine/lane.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "engine/rod_tokens.h"

#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace targe::engine {

namespace {

/// Of one condition: the last core that has told its nexuses says so.
struct Telling {
    Telling(std::size_t cores, std::move_only_function<void()> done) : left(cores), told(std::move(done)) {}
    std::atomic<std::size_t> left;
    std::move_only_function<void()> told;
};

using Told = std::move_only_function<void()>;

/// Those that a change under way makes were asked for before: they end as soon as it has made them.
Background revoke_tokens(std::shared_ptr<LogicalUnit> unit) {
    end_all_tokens(unit->home().state());
    Change change{unit->home()};
    co_await change.turn();
    end_all_tokens(change.state());
    change.abandon();
}

/// Once every lane has been told that the medium is another: what tokens stood for is not there any more.
Told after_tokens_are_revoked(std::shared_ptr<LogicalUnit> unit, Told told) {
    return [unit = std::move(unit), told = std::move(told)]() mutable {
        base::Core& home = unit->home().core();
        base::post(home, [unit = std::move(unit), told = std::move(told)]() mutable {
            revoke_tokens(std::move(unit));
            told();
        });
    };
}

}  // namespace

// The engine holds the unit until it has called stop(), after which neither of these is called.

void LogicalUnit::changed() {
    refresh({});
}

void LogicalUnit::raise(std::uint16_t condition, std::uint64_t nexus, std::move_only_function<void()> told) {
    Raise raise{.condition = scsi::Asc{condition}};
    const bool drive = settings_.type == scsi::DeviceType::cdrom && device().server() == nullptr;
    if (drive && raise.condition == scsi::Asc::not_ready_to_ready_change_medium_may_have_changed) {
        take_another_disc(shared_from_this(), std::move(told));
        return;
    }
    if (nexus != 0) {
        raise.to = NexusId{nexus};
    } else if (raise.condition == scsi::Asc::not_ready_to_ready_change_medium_may_have_changed) {
        told = after_tokens_are_revoked(shared_from_this(), std::move(told));
    }
    tell_every_lane(std::move(raise), std::move(told));
}

void LogicalUnit::defer(const device::DeferredError& error) {
    scsi::Sense sense{.key = scsi::SenseKey{error.key}, .asc = scsi::Asc{error.condition}};
    sense.deferred = true;
    if (error.information) {
        sense.information = static_cast<std::uint64_t>(*error.information);
    }
    tell_every_lane({.to = NexusId{error.nexus}, .deferred = sense}, [] {});
}

void LogicalUnit::defer_to_everybody(const scsi::Sense& sense) {
    tell_every_lane({.deferred = sense}, [] {});
}

void LogicalUnit::admit(std::uint64_t nexus, device::Admission says) {
    tell_every_lane({.to = NexusId{nexus}, .admission = says}, [] {});
}

void LogicalUnit::tell_every_lane(Raise raise, std::move_only_function<void()> told) {
    const auto telling = std::make_shared<Telling>(cores_.size(), std::move(told));
    // By way of the home, which numbers what lanes tell: a nexus may be on its way from one to another.
    base::post(home_.core(), [unit = shared_from_this(), telling, raise = std::move(raise)] {
        const std::uint64_t number = unit->home().next_number();
        for (base::Core* const core : unit->cores()) {
            base::post(*core, [unit, core, telling, raise, number] {
                unit->lane(*core).tell({raise}, number);
                if (telling->left.fetch_sub(1) == 1) {
                    telling->told();
                }
            });
        }
    });
}

}  // namespace targe::engine
