// What a logical unit, or a device group, keeps across the end of the process.
#pragma once

#include "base/task.h"

#include <cstdint>
#include <optional>
#include <string>

namespace targe::engine {

/// One file, as it were, each: replaced as a whole.
enum class Kept : std::uint8_t {
    mode_pages,              ///< saved by MODE SELECT with SP
    persistent_reservation,  ///< registered with APTPL
    identifying_information,
    access_states,   ///< of a device group: see DeviceGroup
    log_parameters,  ///< saved by LOG SELECT with SP, and how often the medium was loaded
    sanitize,        ///< of a SANITIZE or FORMAT UNIT that has not ended well
    atomic_write,    ///< that may have been interrupted: atomic_journal.h
};

/// What is to become of a `sanitize` or an `atomic_write` that is kept, where it was begun on another medium.
enum class Unfinished : std::uint8_t {
    compare,  ///< it goes on when this is the medium after all
    is_here,  ///< it goes on here: whoever administers the unit says that this is the medium
    drop,     ///< it is given up
};

/// The daemon's state directory, or a simulated one. Content is the unit's own and any bytes.
class UnitStore {
public:
    UnitStore() = default;
    UnitStore(const UnitStore&) = delete;
    UnitStore& operator=(const UnitStore&) = delete;
    virtual ~UnitStore() = default;

    /// What keep() kept last. Asked before any core runs, and on the unit's home.
    [[nodiscard]] virtual std::optional<std::string> kept(Kept what) const = 0;
    /// True: the content is durable, at whatever instant the process or the host ends from now on. False: it
    /// is not, and after a crash either the content before or this one is found. Goes on on the core that
    /// asked. One at a time for a unit and a subject.
    virtual base::Task<bool> keep(base::CommandArena& arena, Kept what, std::string content) = 0;
    /// A `sanitize` or an `atomic_write` that is kept was begun on another medium than this one: here it
    /// would destroy what is none of its business. Asked as kept() is.
    [[nodiscard]] virtual bool begun_elsewhere() const { return false; }
    /// Afterwards begun_elsewhere(), and kept() of those two, are as they are found now. False: that could
    /// not be found out, and they are as before. On the unit's home.
    virtual base::Task<bool> look_again(base::CommandArena& /*arena*/, Unfinished /*what*/) {
        co_return true;
    }
};

}  // namespace targe::engine
