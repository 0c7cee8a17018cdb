// A thread that signals come to while it waits in a call of libtarge.
#pragma once

#include <pthread.h>

#include <chrono>
#include <csignal>
#include <thread>
#include <utility>

namespace targe::testing {

class Interrupted {
public:
    template <class Work>
    explicit Interrupted(Work work) {
        struct sigaction quietly{};
        quietly.sa_handler = [](int) {};  // without SA_RESTART
        sigaction(SIGUSR1, &quietly, &before_);
        thread_ = std::thread(std::move(work));
    }
    Interrupted(const Interrupted&) = delete;
    Interrupted& operator=(const Interrupted&) = delete;
    ~Interrupted() { sigaction(SIGUSR1, &before_, nullptr); }

    /// Often enough to meet it where it waits. It runs yet.
    void interrupt() {
        for (int i = 0; i < 20; ++i) {
            pthread_kill(thread_.native_handle(), SIGUSR1);
            std::this_thread::sleep_for(std::chrono::milliseconds{2});
        }
    }
    void join() { thread_.join(); }

private:
    struct sigaction before_{};
    std::thread thread_;
};

}  // namespace targe::testing
