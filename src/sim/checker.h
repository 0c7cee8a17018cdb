// What a run is watched by: each checker holds the target to one promise.
#pragma once

#include "sim/disk.h"
#include "sim/task.h"
#include "sim/world.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace targe::sim {

/// A promise that was not kept. The first ends the run.
struct Violation {
    std::string checker;
    std::string what;
};

/// How a session begins or ends, which unit attentions and reservations depend on.
struct SessionEvent {
    InitiatorIndex initiator = 0;
    std::uint64_t session = 0;
};

/// Everything that a checker can hear of, when it happens. Nobody but the run knows it all: an initiator does
/// not know when its answer was sent, nor the target what was lost.
class Checker {
public:
    Checker(std::string_view name, World& world) : name_(name), world_(world) {}
    Checker(const Checker&) = delete;
    Checker& operator=(const Checker&) = delete;
    virtual ~Checker() = default;

    virtual void sent(const Task& /*task*/) {}
    /// The target has sent the status.
    virtual void answered(const Task& /*task*/) {}
    /// It will not be answered, and nothing of it may happen any more.
    virtual void ended_unanswered(const Task& /*task*/) {}
    virtual void sent(const Function& /*function*/) {}
    virtual void answered(const Function& /*function*/) {}
    /// It will not be answered.
    virtual void ended_unanswered(const Function& /*function*/) {}
    virtual void session_asked(const SessionEvent& /*session*/) {}
    virtual void session_began(const SessionEvent& /*session*/) {}
    /// From now on the target may take it for ended: its connection is broken, or it logs out.
    virtual void session_lost(const SessionEvent& /*session*/) {}
    /// Nothing of it can act any more, nor holds a reservation: of a logout, or because it was reinstated.
    virtual void session_ended(const SessionEvent& /*session*/) {}

    virtual void began_write(std::uint16_t /*lun*/, std::uint64_t /*lba*/, std::uint64_t /*blocks*/,
                             Stamp /*first*/) {}
    virtual void ended_write(std::uint16_t /*lun*/, Stamp /*first*/) {}
    virtual void touched(std::uint16_t /*lun*/, std::uint64_t /*lba*/, Stamp /*now*/, Stamp /*before*/) {}

    /// An administrator asks for another size, or another LUN map; and all of it is in force.
    virtual void resizing() {}
    virtual void resized() {}
    virtual void remapping() {}
    virtual void remapped() {}

    /// The process is dead, and perhaps the power off. All tasks and sessions have ended before.
    virtual void killed(bool /*power*/) {}
    /// All is quiet.
    virtual void finished() {}

    [[nodiscard]] const std::string& name() const { return name_; }
    [[nodiscard]] const std::optional<Violation>& violation() const { return violation_; }
    void fail(std::string what) {
        if (!violation_) {
            violation_ = Violation{name_, std::move(what)};
        }
    }

protected:
    [[nodiscard]] Time now() const { return world_.now(); }

private:
    std::string name_;
    World& world_;
    std::optional<Violation> violation_;
};

/// "WRITE #12 of initiator 1, session 3, lun 0, lba 4+2"
[[nodiscard]] std::string describe(const Task& task);
[[nodiscard]] std::string describe(const Function& function);

}  // namespace targe::sim
