// Log pages that a handler fills, and reads that leave their data where it has put them.
#include "device/user_device.h"
#include "device/user_fixture.h"
#include "device/user_handler.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace targe::device {
namespace {

using namespace std::chrono_literals;
using testing::Bytes;
using testing::Handler;
using testing::HandlersMedium;
using testing::OnReactor;
using testing::open_user;
using testing::pattern;
using testing::ScratchDirectory;
using testing::settings_of;
using testing::Stopped;

constexpr std::size_t kSize = 8U << 20U;

class UserMemoryInUse : public testing::WithHandlerHere {
protected:
    void SetUp() override {
        WithHandlerHere::SetUp();
        if (!IsSkipped()) {
            open(settings_);
        }
    }
    UserDevice& disk() { return device(); }

    HandlersMedium medium_{kSize};
};

TEST_F(UserMemoryInUse, HasTheLogPagesThatItsHandlerFills) {
    auto handler = std::make_unique<Handler>(settings_.socket, medium_);
    const auto set = [&](unsigned code, const std::string& parameters) {
        return targe_set_log_page(handler->device(), static_cast<std::uint8_t>(code), parameters.data(),
                                  parameters.size());
    };
    const std::string warm("\0\0\3\2\0\50", 6);
    EXPECT_EQ(set(0x30, warm), 0);
    EXPECT_EQ(set(0x0d, warm), 0);
    EXPECT_EQ(set(0x0d, warm), 0);
    EXPECT_EQ(set(0x31, warm.substr(1)), -EINVAL);
    EXPECT_EQ(set(0x31, warm + warm), -EINVAL) << "the codes do not ascend";
    EXPECT_EQ(set(0x00, warm), -EINVAL);
    EXPECT_EQ(set(0x31, std::string(TARGE_MAX_LOG_BYTES + 1, 'x')), -EINVAL);
    ASSERT_EQ(disk().log_pages().size(), 2U);
    EXPECT_EQ(disk().log_pages()[0].code, 0x0d);
    EXPECT_EQ(disk().log_pages()[1].parameters.size(), warm.size());
    EXPECT_EQ(set(0x30, ""), 0);
    EXPECT_EQ(disk().log_pages().size(), 1U);
    handler.reset();
    const Handler next(settings_.socket, medium_);
    while (!disk().log_pages().empty()) {
        std::this_thread::sleep_for(1ms);
    }
}

// Each bound from both sides.
TEST_F(UserMemoryInUse, HasNoLogPagesThatCannotBe) {
    const Handler handler(settings_.socket, medium_);
    const auto set = [&](unsigned code, const std::vector<unsigned>& parameters) {
        const std::vector<std::uint8_t> bytes(parameters.begin(), parameters.end());
        return targe_set_log_page(handler.device(), static_cast<std::uint8_t>(code), bytes.data(),
                                  bytes.size());
    };
    const std::vector<unsigned> some{0, 0, 0, 1, 9};
    EXPECT_EQ(set(0x01, some), 0);
    EXPECT_EQ(set(0x3e, some), 0);
    EXPECT_EQ(set(0x3f, some), -EINVAL);
    EXPECT_EQ(set(0x40, some), -EINVAL);
    EXPECT_EQ(set(0x02, {0, 0, 0, 0}), 0) << "a parameter of no bytes";
    EXPECT_EQ(set(0x02, {0, 0, 0}), -EINVAL);
    EXPECT_EQ(set(0x02, {0, 0, 0, 1}), -EINVAL) << "it has one byte, which is not there";
    EXPECT_EQ(set(0x02, {0, 0, 0, 0, 0, 1, 0}), -EINVAL);
    EXPECT_EQ(set(0x02, {0, 0xff, 0, 0, 1, 0, 0, 0}), 0) << "codes of two bytes ascend";
    EXPECT_EQ(set(0x02, {1, 0, 0, 0, 0, 0xff, 0, 0}), -EINVAL);
    EXPECT_EQ(set(0x02, {0, 1, 0, 0, 0, 1, 0, 0}), -EINVAL);
    const std::vector<LogPage> pages = disk().log_pages();
    ASSERT_EQ(pages.size(), 3U);
    EXPECT_EQ(pages[0].parameters.size(), some.size());
    EXPECT_EQ(pages[1].parameters.size(), 8U) << "what is wrong takes nothing's place";
    EXPECT_EQ(set(0x03, {}), 0) << "there is none, as there was";
    EXPECT_EQ(disk().log_pages().size(), 3U);
}

TEST_F(UserMemoryInUse, HasSoManyLogPages) {
    const Handler handler(settings_.socket, medium_);
    const std::string some("\0\0\0\1\11", 5);
    const auto set = [&](unsigned code, const std::string& parameters) {
        return targe_set_log_page(handler.device(), static_cast<std::uint8_t>(code), parameters.data(),
                                  parameters.size());
    };
    for (unsigned code = 1; code <= TARGE_MAX_LOG_PAGES; ++code) {
        EXPECT_EQ(set(code, some), 0);
    }
    EXPECT_EQ(set(0x3e, some), -ENOSPC);
    EXPECT_EQ(set(1, some + std::string("\0\1\0\0", 4)), 0) << "one that there is already";
    EXPECT_EQ(disk().log_pages()[0].parameters.size(), 9U);
    EXPECT_EQ(set(2, ""), 0);
    EXPECT_EQ(set(0x3e, some), 0);
    EXPECT_EQ(disk().log_pages().size(), std::size_t{TARGE_MAX_LOG_PAGES});
}

TEST_F(UserMemoryInUse, LendsWhatItsHandlerHasReadAndNeverAllItsSlots) {
    auto handler = std::make_unique<Handler>(settings_.socket, medium_);
    ASSERT_TRUE(on_.probe(disk()));
    const Bytes data = pattern(4096, 9);
    ASSERT_TRUE(on_.write(disk(), 8, data));
    const auto holds = [&](const Loan& loan) {
        return std::ranges::equal(std::span{loan.data.data, loan.data.size}, data);
    };
    const auto read_lent = [&] {
        return on_.run([&](base::CommandArena& arena) { return disk().read_lent(arena, 8, 8); });
    };
    const auto lends = [&](std::uint64_t bytes) {
        return on_.ask([&] { return disk().lends_reads(bytes); });
    };
    std::vector<Loan> loans;
    while (lends(4096)) {
        const auto loan = read_lent();
        ASSERT_TRUE(loan);
        EXPECT_TRUE(holds(*loan));
        loans.push_back(*loan);
    }
    EXPECT_EQ(loans.size(), 32U);  // of 64 slots
    Bytes read(4096);
    EXPECT_TRUE(on_.read(disk(), 8, read));
    EXPECT_EQ(read, data);
    handler.reset();
    const Handler next(settings_.socket, medium_);
    ASSERT_TRUE(on_.read(disk(), 8, read));
    EXPECT_TRUE(holds(loans[0])) << "memory that is there as long as it is used, whoever has shared it";
    on_.ask([&] {
        for (const Loan& loan : loans) {
            disk().give_back(loan.number);
        }
        return true;
    });
    EXPECT_TRUE(lends(4096));
    EXPECT_FALSE(lends(1U << 20U));
    medium_.error = -EIO;
    const auto failed = read_lent();
    ASSERT_FALSE(failed);
    EXPECT_EQ(failed.error().error, IoError::unreadable);
}

}  // namespace
}  // namespace targe::device
