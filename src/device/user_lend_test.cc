// Reads that a handler answers from memory of its own.
#include "device/user_fixture.h"
#include "device/user_handler.h"
#include "device/user_lendable.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <expected>
#include <filesystem>
#include <fstream>
#include <future>
#include <iterator>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace targe::device {
namespace {

using testing::Bytes;
using testing::Handler;
using testing::HandlersMedium;
using testing::kWholeDisk;
using testing::LendableMemory;
using testing::pattern;

constexpr std::size_t kSize = 8U << 20U;

class LendingHandler : public testing::WithHandlerHere {
protected:
    void SetUp() override {
        WithHandlerHere::SetUp();
        std::ranges::copy(content_, memory_.at);
        medium_.lent = memory_.at;
    }
    std::expected<Loan, IoFailure> read_lent(std::uint64_t lba, std::uint64_t blocks) {
        return on_.run([&](base::CommandArena& arena) { return device().read_lent(arena, lba, blocks); });
    }
    bool lends(std::uint64_t bytes) {
        return on_.ask([&] { return device().lends_reads(bytes); });
    }
    /// One block, on loan where there are `loans`.
    base::Task<IoResult> read_somehow(base::CommandArena& arena, std::uint64_t lba,
                                      std::vector<Loan>* loans) {
        if (loans == nullptr) {
            std::array<std::byte, 512> block{};
            const base::Segment into{block.data(), block.size()};
            co_return co_await device().read(arena, lba, {&into, 1});
        }
        const auto loan = co_await device().read_lent(arena, lba, 1);
        if (!loan) {
            co_return std::unexpected(loan.error());
        }
        loans->push_back(*loan);
        co_return IoResult{};
    }
    void give_back(const Loan& loan) {
        on_.ask([&] {
            device().give_back(loan.number);
            return true;
        });
    }
    [[nodiscard]] bool is_content(const base::ConstSegment& data, std::uint64_t lba) const {
        return std::equal(data.data, data.data + data.size,
                          content_.begin() + static_cast<std::ptrdiff_t>(lba * 512));
    }

    Bytes content_ = pattern(kSize, 1);
    LendableMemory memory_{kSize};
    HandlersMedium medium_{kSize};
};

TEST_F(LendingHandler, IsReadWhereItsDataAre) {
    open(settings_);
    const Handler handler(settings_.socket, medium_, kWholeDisk, memory_.descriptor);
    ASSERT_TRUE(on_.probe(device()));
    for (const std::uint64_t blocks : {1U, 8U, 33U, 2048U}) {
        ASSERT_TRUE(lends(blocks * 512));
        const auto loan = read_lent(77, blocks);
        ASSERT_TRUE(loan);
        ASSERT_EQ(loan->data.size, blocks * 512);
        EXPECT_TRUE(is_content(loan->data, 77));
        memory_.at[77 * 512] ^= std::byte{0xff};
        EXPECT_EQ(*loan->data.data, memory_.at[77 * 512]) << "it was copied";
        memory_.at[77 * 512] ^= std::byte{0xff};
        give_back(*loan);
    }
}

TEST_F(LendingHandler, IsReadIntoMemoryOfOthers) {
    open(settings_);
    const Handler handler(settings_.socket, medium_, kWholeDisk, memory_.descriptor);
    for (const std::size_t blocks : {1U, 8U, 33U, 5000U}) {
        Bytes read(blocks * 512);
        ASSERT_TRUE(on_.read(device(), 3, read));
        EXPECT_TRUE(is_content({read.data(), read.size()}, 3)) << blocks;
    }
}

TEST_F(LendingHandler, KeepsItsSlotsHoweverLongItIsReadFrom) {
    open(settings_);
    const Handler handler(settings_.socket, medium_, kWholeDisk, memory_.descriptor);
    ASSERT_TRUE(on_.probe(device()));
    std::vector<Loan> loans;
    for (std::uint64_t i = 0; i < 2 * TARGE_MAX_SLOTS; ++i) {
        ASSERT_TRUE(lends(4096)) << i;
        const auto loan = read_lent(i, 8);
        ASSERT_TRUE(loan);
        loans.push_back(*loan);
    }
    for (std::uint64_t i = 0; i < loans.size(); ++i) {
        EXPECT_TRUE(is_content(loans[i].data, i));
        give_back(loans[i]);
    }
}

TEST_F(LendingHandler, MayGoWhileItIsReadFrom) {
    open(settings_);
    std::optional<Handler> handler(std::in_place, settings_.socket, medium_, kWholeDisk, memory_.descriptor);
    const auto loan = read_lent(9, 8);
    ASSERT_TRUE(loan);
    handler.reset();
    await([&] { return device().away(); });
    EXPECT_TRUE(is_content(loan->data, 9));
    handler.emplace(settings_.socket, medium_, kWholeDisk, memory_.descriptor);
    const auto later = read_lent(10, 8);
    ASSERT_TRUE(later);
    EXPECT_TRUE(is_content(loan->data, 9) && is_content(later->data, 10));
    give_back(*loan);
    give_back(*later);
}

TEST_F(LendingHandler, MayFillTheMemoryThatIsSharedAllTheSame) {
    open(settings_);
    medium_.lent = nullptr;
    medium_.bytes = content_;
    const Handler handler(settings_.socket, medium_, kWholeDisk, memory_.descriptor);
    ASSERT_TRUE(on_.probe(device()));
    // As much as there is room for; then it is to be copied, and room comes back.
    std::vector<Loan> loans;
    while (lends(std::uint64_t{1} << 20U)) {
        const auto loan = read_lent(loans.size(), 2048);
        ASSERT_TRUE(loan);
        EXPECT_TRUE(is_content(loan->data, loans.size()));
        loans.push_back(*loan);
    }
    EXPECT_FALSE(loans.empty());
    Bytes read(std::size_t{1} << 20U);
    EXPECT_TRUE(on_.read(device(), 1, read));
    EXPECT_TRUE(is_content({read.data(), read.size()}, 1));
    std::ranges::for_each(loans, [&](const Loan& loan) { give_back(loan); });
    EXPECT_TRUE(lends(std::uint64_t{1} << 20U));
}

TEST_F(LendingHandler, LendsSoMuchOfTheMemoryThatIsShared) {
    constexpr std::uint64_t kMost = std::uint64_t{1} << 20U;
    open(settings_);
    medium_.lent = nullptr;
    medium_.bytes = content_;
    EXPECT_FALSE(lends(512)) << "nobody is there who would";
    std::optional<Handler> handler(std::in_place, settings_.socket, medium_, kWholeDisk, memory_.descriptor);
    ASSERT_TRUE(on_.probe(device()));
    EXPECT_TRUE(lends(kMost));
    EXPECT_FALSE(lends(kMost + 512));
    std::vector<Loan> loans;
    const auto borrow = [&](std::uint64_t bytes) {
        const auto loan = read_lent(loans.size(), bytes / 512);
        ASSERT_TRUE(loan);
        loans.push_back(*loan);
    };
    // What lies in the slots' own pieces does not count.
    while (loans.size() < 28) {
        borrow(TARGE_SLOT_BYTES);
    }
    while (lends(kMost) && loans.size() < 32) {
        borrow(kMost);
    }
    EXPECT_EQ(loans.size(), 28U + 3U) << "of 15 MiB behind the slots a quarter";
    EXPECT_TRUE(lends(kMost / 2 + kMost / 8));
    EXPECT_FALSE(lends(kMost / 2 + kMost / 4 + 512));
    std::ranges::for_each(loans, [&](const Loan& loan) { give_back(loan); });
    handler.reset();
    await([&] { return device().away(); });
    handler.emplace(settings_.socket, medium_);
    ASSERT_TRUE(on_.probe(device()));
    EXPECT_TRUE(lends(TARGE_SLOT_BYTES));
    EXPECT_FALSE(lends(TARGE_SLOT_BYTES + 512)) << "this one has no memory of its own";
}

TEST_F(LendingHandler, HasItsSlotsBackWhenItCouldNotRead) {
    open(settings_);
    medium_.lent = nullptr;
    const Handler handler(settings_.socket, medium_, kWholeDisk, memory_.descriptor);
    ASSERT_TRUE(on_.probe(device()));
    ASSERT_EQ(targe_set_depth(handler.device(), 2), 0);
    medium_.error = -EIO;
    EXPECT_FALSE(read_lent(9, 1));
    EXPECT_TRUE(lends(512));
}

// It wants fewer commands at once than it has lent.
TEST_F(LendingHandler, IsReadFromOnceWhatItHasLentIsBack) {
    settings_.deadline = std::chrono::minutes{1};
    open(settings_);
    medium_.lent = nullptr;
    medium_.bytes = content_;
    const Handler handler(settings_.socket, medium_, kWholeDisk, memory_.descriptor);
    const auto first = read_lent(1, 1);
    const auto second = read_lent(2, 1);
    ASSERT_TRUE(first && second);
    ASSERT_EQ(targe_set_depth(handler.device(), 1), 0);
    Bytes data(512);
    auto read = std::async(std::launch::async, [&] { return on_.read(device(), 3, data); });
    EXPECT_EQ(read.wait_for(std::chrono::milliseconds{50}), std::future_status::timeout);
    give_back(*first);
    give_back(*second);
    EXPECT_TRUE(read.get());
    EXPECT_TRUE(is_content({data.data(), data.size()}, 3));
}

/// How often memory that a device shares with its handler is mapped here.
std::ptrdiff_t shared_mappings() {
    std::ifstream maps("/proc/self/maps");
    std::ptrdiff_t count = 0;
    for (std::string line; std::getline(maps, line);) {
        count += line.find("/memfd:targe-device") != std::string::npos ? 1 : 0;
    }
    return count;
}

TEST_F(LendingHandler, IsForgottenOnceItIsGoneAndAllThatItHasLentIsBack) {
    enum class Back : std::uint8_t { before_it_goes, while_nobody_is_there, to_the_next };
    open(settings_);
    medium_.bytes = content_;
    for (std::byte* const lent : {memory_.at, static_cast<std::byte*>(nullptr)}) {
        for (const Back back : {Back::before_it_goes, Back::while_nobody_is_there, Back::to_the_next}) {
            SCOPED_TRACE(static_cast<int>(back));
            medium_.lent = lent;
            std::optional<Handler> handler(std::in_place, settings_.socket, medium_, kWholeDisk,
                                           memory_.descriptor);
            const auto first = read_lent(9, 8);
            const auto second = read_lent(10, 8);
            ASSERT_TRUE(first && second);
            const auto give_back_both = [&] {
                give_back(*first);
                EXPECT_TRUE(is_content(second->data, 10)) << "that is in use yet";
                give_back(*second);
            };
            if (back == Back::before_it_goes) {
                give_back_both();
            }
            handler.reset();
            await([&] { return device().away() && on_.refresh(device()); });
            if (back == Back::while_nobody_is_there) {
                give_back_both();
            }
            handler.emplace(settings_.socket, medium_, kWholeDisk, memory_.descriptor);
            ASSERT_TRUE(on_.probe(device()));
            if (back == Back::to_the_next) {
                give_back_both();
            }
            handler.reset();
            await([&] { return shared_mappings() == 0; });
        }
    }
}

TEST_F(LendingHandler, KeepsASlotForOthersHoweverFewItWants) {
    open(settings_);
    medium_.lent = nullptr;
    medium_.bytes = content_;
    const Handler handler(settings_.socket, medium_, kWholeDisk, memory_.descriptor);
    ASSERT_TRUE(on_.probe(device()));
    for (const std::uint32_t depth : {1U, 2U, 3U, 8U}) {
        ASSERT_EQ(targe_set_depth(handler.device(), depth), 0);
        std::vector<Loan> loans;
        while (lends(512) && loans.size() < depth) {
            const auto loan = read_lent(loans.size(), 1);
            ASSERT_TRUE(loan);
            loans.push_back(*loan);
        }
        EXPECT_EQ(loans.size(), depth / 2);
        std::ranges::for_each(loans, [&](const Loan& loan) { give_back(loan); });
    }
}

TEST_F(LendingHandler, KeepsSlotsForOthersHoweverManyReadsWaited) {
    constexpr std::size_t kSlots = 64;
    open(settings_);
    medium_.lent = nullptr;
    medium_.bytes = content_;
    medium_.hold = true;
    const Handler handler(settings_.socket, medium_, kWholeDisk, memory_.descriptor);
    ASSERT_TRUE(on_.probe(device()));
    std::thread lets_go([&] {
        await([&] {
            const std::scoped_lock lock{medium_.mutex};
            return medium_.kept.size() == kSlots;
        });
        medium_.hold = false;
        medium_.complete_kept(0);
    });
    // None of those that have come first lends, and the others wait for their slots.
    std::vector<Loan> loans;
    const auto read = [&](base::CommandArena& arena, std::size_t i) -> base::Task<IoResult> {
        return read_somehow(arena, i, i >= kSlots && device().lends_reads(512) ? &loans : nullptr);
    };
    const auto results = on_.run_together(4 * kSlots, read);
    lets_go.join();
    EXPECT_TRUE(std::ranges::all_of(results, &IoResult::has_value));
    EXPECT_EQ(loans.size(), kSlots / 2);
    std::ranges::for_each(loans, [&](const Loan& loan) { give_back(loan); });
}

/// Of this process, which device and handler are.
std::ptrdiff_t open_descriptors() {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
}

/// Sends what is no hello, with `count` descriptors, and waits for the refusal.
void be_refused(const std::string& socket, std::size_t count) {
    const reactor::FileDescriptor connection{::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)};
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    socket.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::connect(connection.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    targe_hello hello{};
    iovec part{.iov_base = &hello, .iov_len = sizeof hello};
    const std::vector<int> descriptors(count, STDERR_FILENO);
    std::vector<std::byte> control(CMSG_SPACE(count * sizeof(int)));
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(count * sizeof(int));
    std::memcpy(CMSG_DATA(header), descriptors.data(), count * sizeof(int));
    ASSERT_EQ(::sendmsg(connection.get(), &message, 0), ssize_t{sizeof hello});
    targe_welcome refusal{};
    ASSERT_EQ(::recv(connection.get(), &refusal, sizeof refusal, 0), ssize_t{sizeof refusal});
    EXPECT_EQ(refusal.error, EPROTO);
}

TEST_F(LendingHandler, LeavesNoDescriptorsBehind) {
    open(settings_);
    be_refused(settings_.socket, 1);
    const auto before = open_descriptors();
    for (const std::size_t count : {1U, 2U, 3U, 200U}) {
        be_refused(settings_.socket, count);
    }
    // The last connection may be closed a little later than it is answered.
    await([&] { return open_descriptors() <= before; });
}

TEST_F(LendingHandler, LendsNothingThatCouldGoAway) {
    open(settings_);
    const int shrinks = ::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    ASSERT_EQ(::ftruncate(shrinks, 4096), 0);
    const reactor::FileDescriptor owner{shrinks};
    const LendableMemory large(std::uint64_t{kSize} + (16U << 20U));
    const std::array<int, 3> wrong{shrinks, large.descriptor, STDERR_FILENO};
    for (const int descriptor : wrong) {
        std::string error;
        EXPECT_EQ(Handler::attach(settings_.socket, medium_, kWholeDisk, error, 0, 10'000, descriptor),
                  nullptr);
        EXPECT_NE(error.find("the memory that it lends"), std::string::npos) << error;
    }
}

}  // namespace
}  // namespace targe::device
