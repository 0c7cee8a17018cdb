#include "daemon/disc_openings.h"

#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace targe::daemon {

struct DiscOpenings::Shared {
    std::mutex mutex;
    std::condition_variable changed;
    std::size_t under_way = 0;
    std::vector<OpenedDisc> ended;
    std::function<void(OpenedDisc)> take;

    void end(OpenedDisc opened) {
        const std::lock_guard lock(mutex);
        --under_way;
        if (take) {
            take(std::move(opened));
        } else {
            ended.push_back(std::move(opened));
        }
        changed.notify_all();
    }
};

DiscOpenings::DiscOpenings(Open open) : open_(std::move(open)), shared_(std::make_shared<Shared>()) {}

void DiscOpenings::begin(const std::string& drive, const std::string& path) {
    {
        const std::lock_guard lock(shared_->mutex);
        ++shared_->under_way;
    }
    try {
        std::thread([shared = shared_, open = open_, drive, path] {
            shared->end({.drive = drive, .disc = open(path)});
        }).detach();
    } catch (const std::system_error& error) {
        shared_->end(
            {.drive = drive,
             .disc = std::unexpected(std::string("no thread can be had to open it: ") + error.what())});
    }
}

std::vector<OpenedDisc> DiscOpenings::wait(std::chrono::milliseconds limit) {
    std::unique_lock lock(shared_->mutex);
    shared_->changed.wait_for(lock, limit, [this] { return shared_->under_way == 0; });
    return std::exchange(shared_->ended, {});
}

void DiscOpenings::hand_on(std::function<void(OpenedDisc)> take) {
    const std::lock_guard lock(shared_->mutex);
    for (OpenedDisc& opened : std::exchange(shared_->ended, {})) {
        take(std::move(opened));
    }
    shared_->take = std::move(take);
}

void DiscOpenings::stop() {
    const std::lock_guard lock(shared_->mutex);
    // Whatever comes yet is kept until the last thread ends, and closed by it.
    shared_->take = nullptr;
}

}  // namespace targe::daemon
