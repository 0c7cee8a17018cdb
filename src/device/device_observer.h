// What a device says by itself, and to whom.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

namespace targe::device {

/// Of a command that ended well before its work did.
struct DeferredError {
    std::uint64_t nexus;
    std::uint8_t key;
    std::uint16_t condition;  ///< ASC and ASCQ
    std::optional<std::int64_t> information = {};
};

/// What a device that is asked says of a nexus.
enum class Admission : std::uint8_t {
    unheard,   ///< nothing yet
    admitted,  ///< it may use the unit
    refused,   ///< it may not, and sees none
};

/// Who hears what a device has to say by itself. Called from any thread, and does not wait.
class DeviceObserver {
public:
    /// geometry() or capabilities() will be others after refresh().
    virtual void changed() = 0;
    /// Initiators are to be told of `condition`, ASC and ASCQ: those of one nexus, or of all where `nexus` is
    /// 0. `told` is called, from any thread, when no command answered from then on comes before it.
    virtual void raise(std::uint16_t condition, std::uint64_t nexus,
                       std::move_only_function<void()> told) = 0;
    /// What was answered with GOOD has gone wrong: the next command of that nexus is told.
    virtual void defer(const DeferredError& /*error*/) {}
    /// Whether the nexus may use the unit; all may at first. `unheard`: who was asked is gone and will not
    /// say, and what was said before stays.
    virtual void admit(std::uint64_t /*nexus*/, Admission /*says*/) {}

protected:
    ~DeviceObserver() = default;
};

}  // namespace targe::device
