#include "engine/device_group.h"

#include "base/arena.h"
#include "engine/background.h"
#include "engine/logical_unit.h"

#include <algorithm>
#include <array>
#include <coroutine>
#include <cstddef>
#include <sstream>
#include <utility>

namespace targe::engine {

namespace {

using scsi::AsymmetricAccess;
using Access = std::shared_ptr<const AsymmetricAccess>;

scsi::Sense command_failed() {
    return {.key = scsi::SenseKey::hardware_error, .asc = scsi::Asc::set_target_port_groups_command_failed};
}

/// "id state preferred changed" of each group.
std::string states_text(const AsymmetricAccess& access) {
    std::ostringstream text;
    for (const scsi::TargetPortGroup& group : access.groups) {
        text << group.id << ' ' << static_cast<unsigned>(group.state) << ' ' << group.preferred << ' '
             << static_cast<unsigned>(group.changed) << ' ';
    }
    return text.str();
}

/// Of the groups that are there still; false when it is no such text.
bool read_states(const std::string& line, AsymmetricAccess& access) {
    std::istringstream text(line);
    unsigned id = 0;
    unsigned state = 0;
    unsigned changed = 0;
    bool preferred = false;
    while (text >> id >> state >> preferred >> changed) {
        const auto group = std::ranges::find(access.groups, id, &scsi::TargetPortGroup::id);
        if (group == access.groups.end() || scsi::to_string(static_cast<scsi::AccessState>(state)).empty()) {
            return false;
        }
        group->state = static_cast<scsi::AccessState>(state);
        group->preferred = preferred;
        group->changed = static_cast<scsi::AccessChange>(changed & 3U);
    }
    return text.eof();
}

/// Two lines: what was configured when it was kept, and what was in force. Who has changed the configuration
/// since means the configuration.
std::string kept_text(const AsymmetricAccess& configured, const AsymmetricAccess& live) {
    return states_text(configured) + "\n" + states_text(live) + "\n";
}

AsymmetricAccess restored(const DeviceGroupSettings& settings) {
    AsymmetricAccess live = settings.access;
    const auto kept = settings.store ? settings.store->kept(Kept::access_states) : std::nullopt;
    std::istringstream lines(kept.value_or(""));
    std::string configured;
    std::string states;
    std::getline(lines, configured);
    std::getline(lines, states);
    const bool means_this = configured == states_text(settings.access) && read_states(states, live);
    return means_this ? live : settings.access;
}

Background put_in_force(std::shared_ptr<LogicalUnit> unit, Access access, bool tell,
                        std::optional<NexusId> issuer, std::function<void()> done) {
    Change change{unit->home()};
    co_await change.begin();
    change.state().set_access(std::move(access));
    if (tell) {
        change.raise({scsi::Asc::asymmetric_access_state_changed, issuer});
    }
    co_await change.commit();
    done();
}

/// `co_await EveryUnit{…}`: on the group's home, until each unit has the states.
class EveryUnit {
public:
    EveryUnit(base::Core& home, std::vector<std::shared_ptr<LogicalUnit>> units, Access access, bool tell,
              std::optional<NexusId> issuer)
        : home_(home),
          units_(std::move(units)),
          access_(std::move(access)),
          tell_(tell),
          issuer_(issuer),
          left_(units_.size()) {}

    [[nodiscard]] bool await_ready() const noexcept { return units_.empty(); }
    void await_suspend(std::coroutine_handle<> self) {
        waiter_ = self;
        for (const auto& unit : units_) {
            base::post(unit->home().core(),
                       [unit, access = access_, tell = tell_, issuer = issuer_, home = &home_, this] {
                           put_in_force(unit, access, tell, issuer,
                                        [home, this] { base::post(*home, [this] { one_has(); }); });
                       });
        }
    }
    void await_resume() const noexcept {}

private:
    void one_has() {
        if (--left_ == 0) {
            waiter_.resume();
        }
    }

    base::Core& home_;
    std::vector<std::shared_ptr<LogicalUnit>> units_;
    Access access_;
    bool tell_;
    std::optional<NexusId> issuer_;
    std::size_t left_;
    std::coroutine_handle<> waiter_;
};

std::vector<std::shared_ptr<LogicalUnit>> living(const std::vector<std::weak_ptr<LogicalUnit>>& units) {
    std::vector<std::shared_ptr<LogicalUnit>> all;
    for (const auto& each : units) {
        if (auto unit = each.lock()) {
            all.push_back(std::move(unit));
        }
    }
    return all;
}

std::vector<AccessMove> moves_between(const AsymmetricAccess& before, const AsymmetricAccess& after) {
    std::vector<AccessMove> moves;
    for (std::size_t i = 0; i < before.groups.size(); ++i) {
        if (before.groups[i].state != after.groups[i].state) {
            moves.push_back(
                {.group = before.groups[i].id, .from = before.groups[i].state, .to = after.groups[i].state});
        }
    }
    return moves;
}

}  // namespace

DeviceGroup::DeviceGroup(base::Core& home, DeviceGroupSettings settings)
    : home_(home),
      settings_(std::move(settings)),
      access_(std::make_shared<const AsymmetricAccess>(restored(settings_))) {}

base::Task<bool> DeviceGroup::ask_hook(base::CommandArena& arena, const AsymmetricAccess& next) {
    std::vector<AccessMove> moves = moves_between(*access_, next);
    if (!settings_.hook || moves.empty()) {
        co_return true;
    }
    AsymmetricAccess moving = *access_;
    for (scsi::TargetPortGroup& group : moving.groups) {
        const bool moves_too = std::ranges::find(moves, group.id, &AccessMove::group) != moves.end();
        group.state = moves_too ? scsi::AccessState::transitioning : group.state;
    }
    co_await EveryUnit{home_, living(units_), std::make_shared<const AsymmetricAccess>(std::move(moving)),
                       false, std::nullopt};
    const bool done = co_await settings_.hook->run(arena, settings_.name, std::move(moves));
    if (!done) {
        co_await EveryUnit{home_, living(units_), access_, false, std::nullopt};
    }
    co_return done;
}

base::Task<bool> DeviceGroup::keep(base::CommandArena& arena, const AsymmetricAccess& next) {
    if (!settings_.store) {
        co_return true;
    }
    const bool kept =
        co_await settings_.store->keep(arena, Kept::access_states, kept_text(settings_.access, next));
    doubted_ = !kept;
    co_return kept;
}

base::Task<scsi::Outcome> DeviceGroup::move(base::CommandArena& arena, AsymmetricAccess next,
                                            std::optional<NexusId> issuer) {
    changing_ = true;
    bool agreed = true;
    if (issuer) {
        agreed = co_await ask_hook(arena, next);
    }
    const bool kept = agreed && co_await keep(arena, next);
    // In each unit changes follow one another: where a device hangs, none of the others waits for this one.
    changing_ = false;
    if (!agreed) {
        co_return command_failed();
    }
    if (kept) {
        access_ = std::make_shared<const AsymmetricAccess>(std::move(next));
    }
    ++settling_;
    co_await EveryUnit{home_, living(units_), access_, kept, issuer};
    --settling_;
    co_return kept ? scsi::Outcome{scsi::Status::good} : command_failed();
}

base::Task<scsi::Outcome> DeviceGroup::change(base::CommandArena& arena, const Decide& decide,
                                              std::optional<NexusId> issuer) {
    if (changing_) {
        co_return scsi::Status::busy;
    }
    auto next = decide(*access_);
    if (!next) {
        co_return next.error();
    }
    if (*next != *access_) {
        const scsi::Outcome outcome = co_await move(arena, std::move(*next), issuer);
        co_return outcome;
    }
    if (doubted_) {
        changing_ = true;
        const bool kept = co_await keep(arena, *next);
        changing_ = false;
        if (!kept) {
            co_return command_failed();
        }
    }
    if (settling_ > 0) {  // behind what not every unit has yet
        co_await EveryUnit{home_, living(units_), access_, false, std::nullopt};
    }
    co_return scsi::Status::good;
}

base::Task<scsi::Outcome> DeviceGroup::set_by_command(base::CommandArena& arena, Decide decide,
                                                      NexusId issuer) {
    const auto self = shared_from_this();
    const scsi::Outcome outcome = co_await change(arena, decide, issuer);
    co_return outcome;
}

namespace {

Background set_later(std::shared_ptr<DeviceGroup> group, DeviceGroup::Decide decide, DeviceGroup::Done done,
                     base::Task<scsi::Outcome> (*change)(base::CommandArena&, DeviceGroup&,
                                                         const DeviceGroup::Decide&)) {
    alignas(base::CommandArena::kAlignment) std::array<std::byte, 4096> block;
    base::CommandArena arena{block};
    const scsi::Outcome outcome = co_await change(arena, *group, decide);
    done(outcome);
}

}  // namespace

void DeviceGroup::set(Decide decide, Done done) {
    base::post(home_,
               [self = shared_from_this(), decide = std::move(decide), done = std::move(done)]() mutable {
                   set_later(std::move(self), std::move(decide), std::move(done),
                             [](base::CommandArena& arena, DeviceGroup& group, const Decide& what) {
                                 return group.change(arena, what, std::nullopt);
                             });
               });
}

}  // namespace targe::engine
