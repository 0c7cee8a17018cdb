// What a test has the system make durable, in order.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace targe::admin::testing {

/// While it lives, of this thread. A name is the last part of a path. A program with it has the system's own
/// calls go through here.
class SeenSyncs {
public:
    SeenSyncs();
    ~SeenSyncs();
    SeenSyncs(const SeenSyncs&) = delete;
    SeenSyncs& operator=(const SeenSyncs&) = delete;

    /// What has happened since this was asked last: "sync NAME", "rename to NAME".
    std::vector<std::string> take() { return std::exchange(seen_, {}); }

    void note(const char* what, const std::filesystem::path& path) {
        seen_.push_back(std::string(what) + " " + path.filename().string());
    }

private:
    std::vector<std::string> seen_;
};

}  // namespace targe::admin::testing
