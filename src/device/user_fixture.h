// What tests of a device have whose handler is in this process.
#pragma once

#include "device/user_device.h"
#include "device/user_handler.h"

#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <thread>
#include <utility>

namespace targe::device::testing {

class WithHandlerHere : public ::testing::Test {
protected:
    void SetUp() override {
        if (const char* const why = why_no_handler_here()) {
            GTEST_SKIP() << why;
        }
    }
    /// Before what a test's own class has, which the device may know of.
    void TearDown() override { stopped_.reset(); }

    void open(UserSettings settings) { stopped_.emplace(open_user(std::move(settings)), on_); }
    UserDevice& device() { return **stopped_; }
    template <class Condition>
    static void await(Condition holds) {
        while (!holds()) {
            std::this_thread::sleep_for(std::chrono::milliseconds{1});
        }
    }

    ScratchDirectory directory_;
    UserSettings settings_ = settings_of(directory_);
    OnReactor on_;
    std::optional<Stopped> stopped_;
};

}  // namespace targe::device::testing
