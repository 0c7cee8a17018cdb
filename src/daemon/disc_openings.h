// Discs that are opened while nobody waits for them: what keeps one may not answer.
#pragma once

#include "device/device.h"

#include <chrono>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace targe::daemon {

/// How long a start, and whoever looks whether one would go well, waits for discs.
inline constexpr std::chrono::seconds kDiscLimit{5};

/// Of one drive; or why there is none, in a sentence.
struct OpenedDisc {
    std::string drive = {};
    std::expected<std::shared_ptr<device::Device>, std::string> disc;
};

/// Each disc is opened on a thread of its own, which ends when what keeps the disc answers: after this
/// object, if need be. From one thread, but for what hand_on() calls.
class DiscOpenings {
public:
    using Open =
        std::function<std::expected<std::shared_ptr<device::Device>, std::string>(const std::string& path)>;

    /// `open` may block, on any thread, and outlive this.
    explicit DiscOpenings(Open open);
    DiscOpenings(const DiscOpenings&) = delete;
    DiscOpenings& operator=(const DiscOpenings&) = delete;
    ~DiscOpenings() { stop(); }

    void begin(const std::string& drive, const std::string& path);
    /// Waits until all have ended, or for so long: those that have, in any order.
    [[nodiscard]] std::vector<OpenedDisc> wait(std::chrono::milliseconds limit);
    /// Gives `take` each that ends later, one at a time, on any thread.
    void hand_on(std::function<void(OpenedDisc)> take);
    /// Nothing is handed on any more. Waits for `take` where it is at work.
    void stop();

private:
    struct Shared;

    Open open_;
    std::shared_ptr<Shared> shared_;
};

}  // namespace targe::daemon
