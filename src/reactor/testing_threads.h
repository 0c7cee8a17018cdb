// For tests: a process that can have no thread.
#pragma once

#include <gtest/gtest.h>
#include <pthread.h>

#include <cstddef>

namespace targe::reactor::testing {

/// While this lives no thread can be made: each would have a stack for which there are no addresses.
class NoThreads {
public:
    NoThreads() {
        pthread_attr_t huge{};
        EXPECT_EQ(pthread_getattr_default_np(&before_), 0);
        EXPECT_EQ(pthread_attr_init(&huge), 0);
        EXPECT_EQ(pthread_attr_setstacksize(&huge, std::size_t{1} << 46U), 0);
        EXPECT_EQ(pthread_setattr_default_np(&huge), 0);
        pthread_attr_destroy(&huge);
    }
    NoThreads(const NoThreads&) = delete;
    NoThreads& operator=(const NoThreads&) = delete;
    ~NoThreads() {
        EXPECT_EQ(pthread_setattr_default_np(&before_), 0);
        pthread_attr_destroy(&before_);
    }

private:
    pthread_attr_t before_{};
};

}  // namespace targe::reactor::testing
