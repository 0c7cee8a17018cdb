// How many connections of one address have no session with a target: they log in, or discover.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace targe::transport {

/// A peer that opens connections and says nothing cannot take those of others. From any thread; not on a
/// command's path.
class HalfOpenLogins {
public:
    /// `limit` 0: none.
    explicit HalfOpenLogins(std::uint32_t limit) : limit_(limit) {}

    /// Counts one more from `address`, unless it has as many as it may.
    [[nodiscard]] bool begin(const std::string& address) {
        const std::lock_guard lock(mutex_);
        std::uint32_t& count = counts_[address];
        if (limit_ != 0 && count >= limit_) {
            return false;
        }
        ++count;
        return true;
    }
    /// One that was counted has finished, well or not.
    void end(const std::string& address) {
        const std::lock_guard lock(mutex_);
        const auto at = counts_.find(address);
        if (at != counts_.end() && --at->second == 0) {
            counts_.erase(at);
        }
    }

private:
    std::uint32_t limit_;
    std::mutex mutex_;
    std::map<std::string, std::uint32_t> counts_;
};

}  // namespace targe::transport
