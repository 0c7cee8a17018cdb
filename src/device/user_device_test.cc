#include "device/user_device.h"

#include "device/user_fixture.h"
#include "device/user_handler.h"
#include "device/user_socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <future>
#include <thread>

namespace targe::device {
namespace {

using namespace std::chrono_literals;
using testing::Bytes;
using testing::failure;
using testing::Handler;
using testing::HandlersMedium;
using testing::OnReactor;
using testing::open_user;
using testing::pattern;
using testing::ScratchDirectory;
using testing::settings_of;
using testing::Stopped;

constexpr std::size_t kSize = 8U << 20U;

class UserDisk : public testing::WithHandlerHere {
protected:
    UserDevice& disk() { return device(); }
    /// A read on a thread of its own, which the test need not wait for.
    std::future<IoResult> read_later(Bytes& into) {
        return std::async(std::launch::async, [&] { return on_.read(disk(), 0, into); });
    }

    HandlersMedium medium_{kSize};
};

TEST_F(UserDisk, HasTheSizeThatItsHandlerSays) {
    open(settings_);
    EXPECT_EQ(disk().geometry().blocks, 0U);
    EXPECT_TRUE(disk().away());
    const Handler handler(settings_.socket, medium_);
    ASSERT_TRUE(on_.probe(disk()));
    await([&] { return on_.refresh(disk()) && disk().geometry().blocks != 0; });
    EXPECT_EQ(disk().geometry(), (Geometry{.blocks = kSize / 512, .block_size = 512}));
    EXPECT_FALSE(disk().away());
    EXPECT_TRUE(disk().capabilities().unmap);
}

TEST_F(UserDisk, ReadsWhatWasWrittenInAnySize) {
    open(settings_);
    const Handler handler(settings_.socket, medium_);
    unsigned seed = 0;
    for (const std::size_t blocks : {1U, 8U, 33U, 300U, 2048U, 5000U}) {
        const Bytes data = pattern(blocks * 512, ++seed);
        EXPECT_TRUE(on_.write(disk(), 77 + seed, data));
        Bytes read(data.size());
        EXPECT_TRUE(on_.read(disk(), 77 + seed, read));
        EXPECT_EQ(read, data) << blocks;
    }
}

TEST_F(UserDisk, ReadsMoreThanThereIsMemoryForAtOnce) {
    open(settings_);
    const Handler handler(settings_.socket, medium_);
    Bytes read(std::size_t{1} << 20U);
    for (int i = 0; i < 16; ++i) {
        ASSERT_TRUE(on_.read(disk(), 0, read)) << i;
    }
}

TEST_F(UserDisk, GivesEveryOperationToItsHandler) {
    open(settings_);
    const Handler handler(settings_.socket, medium_);
    const Bytes data = pattern(4096, 1);
    EXPECT_TRUE(on_.write(disk(), 0, data, Durability::durable));
    EXPECT_EQ(medium_.durable_writes, 1U);
    EXPECT_TRUE(on_.flush(disk()));
    EXPECT_EQ(medium_.flushes, 1U);
    EXPECT_TRUE(on_.unmap(disk(), 0, 4));
    EXPECT_TRUE(on_.write_zeroes(disk(), 4, 2, true));
    Bytes read(4096);
    EXPECT_TRUE(on_.read(disk(), 0, read));
    Bytes expected = data;
    std::fill(expected.begin(), expected.begin() + 6 * 512, std::byte{0});
    EXPECT_EQ(read, expected);
    EXPECT_EQ(on_.block_status(disk(), 100, 1000), (Extent{.lba = 100, .blocks = 28, .mapped = true}));
    EXPECT_EQ(on_.block_status(disk(), 130, 1000), (Extent{.lba = 130, .blocks = 126, .mapped = false}));
}

TEST_F(UserDisk, WritesZeroesItselfWhereTheHandlerCannot) {
    open(settings_);
    targe_block_ops ops = testing::kWholeDisk;
    ops.write_zeroes = nullptr;
    ops.unmap = nullptr;
    ops.flush = nullptr;
    const Handler handler(settings_.socket, medium_, ops);
    EXPECT_TRUE(on_.write(disk(), 0, pattern(300 * 512, 1)));
    EXPECT_TRUE(on_.write_zeroes(disk(), 0, 300, false));
    Bytes read(300 * 512, std::byte{1});
    EXPECT_TRUE(on_.read(disk(), 0, read));
    EXPECT_EQ(read, Bytes(300 * 512));
    await([&] { return on_.refresh(disk()) && !disk().capabilities().volatile_cache; });
    EXPECT_FALSE(disk().capabilities().unmap);
    EXPECT_TRUE(on_.flush(disk()));
    EXPECT_EQ(medium_.flushes, 0U);
}

TEST_F(UserDisk, TellsWhatItsHandlerCouldNot) {
    open(settings_);
    const Handler handler(settings_.socket, medium_);
    Bytes data(512);
    medium_.error = -EIO;
    EXPECT_EQ(on_.read(disk(), 3, data), failure(IoError::unreadable, 3));
    EXPECT_EQ(on_.write(disk(), 3, data), failure(IoError::unwritable, 3));
    medium_.error = -ENOSPC;
    EXPECT_EQ(on_.write(disk(), 3, data), failure(IoError::no_space, 3));
    medium_.error = -EAGAIN;
    EXPECT_EQ(on_.read(disk(), 3, data), failure(IoError::no_resources, 3));
    medium_.error = -100'000;
    EXPECT_EQ(on_.read(disk(), 3, data), failure(IoError::unreadable, 3));
}

TEST_F(UserDisk, HoldsCommandsUntilAHandlerComes) {
    open(settings_);
    Bytes read(512);
    auto result = read_later(read);
    auto there = std::async(std::launch::async, [&] { return on_.probe(disk()); });
    EXPECT_EQ(result.wait_for(50ms), std::future_status::timeout);
    medium_.bytes[0] = std::byte{7};
    const Handler handler(settings_.socket, medium_);
    EXPECT_TRUE(result.get());
    EXPECT_TRUE(there.get());
    EXPECT_EQ(read[0], std::byte{7});
}

TEST_F(UserDisk, RefusesWhenNoHandlerHasComeForTooLong) {
    settings_.hold = 30ms;
    open(settings_);
    Bytes read(512);
    EXPECT_EQ(on_.read(disk(), 5, read), failure(IoError::gone, 5));
    EXPECT_EQ(on_.probe(disk()), failure(IoError::gone, 0));
}

TEST_F(UserDisk, IsBusyInsteadWhereThatIsTheRule) {
    settings_.hold = 30ms;
    settings_.busy_when_away = true;
    open(settings_);
    Bytes read(512);
    EXPECT_EQ(on_.read(disk(), 5, read), failure(IoError::no_resources, 5));
}

TEST_F(UserDisk, AsksTheNextHandlerForWhatTheLastOneLeft) {
    open(settings_);
    const Bytes data = pattern(4096, 5);
    auto first = std::make_unique<Handler>(settings_.socket, medium_);
    ASSERT_TRUE(on_.probe(disk()));
    medium_.hold = true;
    auto written = std::async(std::launch::async, [&] { return on_.write(disk(), 8, data); });
    await([&] { return medium_.writes == 1; });
    medium_.bytes.assign(kSize, std::byte{0});  // nothing of it had reached the medium
    // It lets go without completing what it has.
    medium_.hold = false;
    ::shutdown(first->connection(), SHUT_RDWR);
    await([&] { return disk().away() && on_.refresh(disk()); });
    EXPECT_EQ(first->abandon(medium_), -ENOTCONN);
    EXPECT_EQ(written.wait_for(20ms), std::future_status::timeout);
    const Handler second(settings_.socket, medium_);
    EXPECT_TRUE(written.get());
    EXPECT_EQ(medium_.writes, 2U);
    EXPECT_EQ(medium_.replays, 1U);
    Bytes read(4096);
    EXPECT_TRUE(on_.read(disk(), 8, read));
    EXPECT_EQ(read, data);
}

TEST_F(UserDisk, AnswersInTimeForAHandlerThatHangs) {
    settings_.deadline = 100ms;
    open(settings_);
    auto handler = std::make_unique<Handler>(settings_.socket, medium_);
    ASSERT_TRUE(on_.probe(disk()));
    medium_.hold = true;
    Bytes read(512);
    EXPECT_EQ(on_.read(disk(), 9, read), failure(IoError::gone, 9));
    await([&] { return disk().away(); });
    // As long as it has not let go, nobody else is let in.
    std::string error;
    EXPECT_EQ(Handler::attach(settings_.socket, medium_, testing::kWholeDisk, error, 0, 50), nullptr);
    EXPECT_NE(error.find("has not let go"), std::string::npos) << error;
    medium_.hold = false;
    medium_.complete_kept(0);
    EXPECT_EQ(handler->wait(), -ENOTCONN);
    const Handler next(settings_.socket, medium_);
    ASSERT_TRUE(on_.probe(disk()));
    EXPECT_TRUE(on_.read(disk(), 9, read));
}

TEST_F(UserDisk, GivesNoMoreAtOnceThanItsHandlerWants) {
    open(settings_);
    const Handler handler(settings_.socket, medium_);
    ASSERT_TRUE(on_.probe(disk()));
    EXPECT_EQ(targe_set_depth(handler.device(), 0), -EINVAL);
    ASSERT_EQ(targe_set_depth(handler.device(), 2), 0);
    medium_.hold = true;
    std::vector<Bytes> into(6, Bytes(512));
    std::vector<std::future<IoResult>> results;
    for (Bytes& each : into) {
        results.push_back(read_later(each));
    }
    await([&] { return medium_.reads == 2; });
    std::this_thread::sleep_for(20ms);
    EXPECT_EQ(medium_.reads, 2U);
    EXPECT_TRUE(on_.probe(disk())) << "it is there, however much it has to do";
    medium_.hold = false;
    medium_.complete_kept(0);
    for (auto& each : results) {
        EXPECT_TRUE(each.get());
    }
}

TEST_F(UserDisk, RefusesAHandlerOfAnotherSize) {
    settings_.size_bytes = 2 * kSize;
    open(settings_);
    std::string error;
    EXPECT_EQ(Handler::attach(settings_.socket, medium_, testing::kWholeDisk, error), nullptr);
    EXPECT_NE(error.find("size of the device is 16777216"), std::string::npos) << error;
}

TEST_F(UserDisk, MakesTheFolderOfItsSocket) {
    settings_.socket = std::filesystem::path(settings_.socket).parent_path() / "new" / "disk.sock";
    open(settings_);
    EXPECT_TRUE(std::filesystem::is_socket(settings_.socket));
}

TEST_F(UserDisk, TakesOverASocketThatNobodyListensOn) {
    open(settings_);
    stopped_.reset();
    {
        // As a daemon that was killed leaves it.
        auto left = listen_for_handlers(settings_.socket, false);
        ASSERT_TRUE(left);
    }
    open(settings_);
    auto second = UserDevice::open(settings_);
    ASSERT_FALSE(second);
    EXPECT_NE(second.error().text.find("another process listens there"), std::string::npos);
}

TEST_F(UserDisk, WritesOneBlockOverAndOverAndCopiesWhereTheDataAre) {
    open(settings_);
    Handler handler(settings_.socket, medium_);
    ASSERT_TRUE(on_.probe(disk()));
    const Bytes block = pattern(512, 5);
    const auto same = [&] {
        return on_.run([&](base::CommandArena& arena) {
            return disk().write_same(arena, 8, 100, {block.data(), block.size()}, Durability::cached);
        });
    };
    const auto written = same();
    ASSERT_TRUE(written && *written);
    Bytes read(512);
    EXPECT_TRUE(on_.read(disk(), 107, read));
    EXPECT_EQ(read, block);
    EXPECT_EQ(on_.copy(disk(), 1000, disk(), 100, 4096), CopyPath::copied);
    EXPECT_TRUE(on_.read(disk(), 1007, read));
    EXPECT_EQ(read, block);
    medium_.error = -ENOTSUP;  // this time
    EXPECT_FALSE(same());
    EXPECT_EQ(on_.copy(disk(), 1000, disk(), 100, 4096), CopyPath::none);
    medium_.error = -ENOSPC;
    EXPECT_EQ(same()->error().error, IoError::no_space);
    EXPECT_EQ(on_.copy(disk(), 1000, disk(), 100, 4096).error().error, IoError::no_space);
    handler.stop();
    medium_.error = 0;
    targe_block_ops less = testing::kWholeDisk;
    less.write_same = less.copy = nullptr;
    const Handler plain(settings_.socket, medium_, less);
    EXPECT_TRUE(on_.read(disk(), 0, read));
    EXPECT_FALSE(same());
    EXPECT_EQ(on_.copy(disk(), 1000, disk(), 100, 4096), CopyPath::none);
}

TEST_F(UserDisk, HearsOfReservationsAndItsNextHandlerToo) {
    open(settings_);
    const auto told = [&](const std::string& wanted) {
        await([&] {
            const std::scoped_lock lock{medium_.mutex};
            return medium_.reserved == wanted;
        });
        const std::scoped_lock lock{medium_.mutex};
        medium_.reserved.clear();
    };
    Handler handler(settings_.socket, medium_);
    ASSERT_TRUE(on_.probe(disk()));
    on_.ask([&] {
        disk().reservations_changed({.kind = ReservationFacts::Kind::persistent,
                                     .type = 5,
                                     .holder = "iqn.a",
                                     .generation = 3,
                                     .registrants = 2});
        return true;
    });
    told("2 5 iqn.a 2");
    handler.stop();
    const Handler next(settings_.socket, medium_);
    told("2 5 iqn.a 2");
}

struct Heard final : DeviceObserver {
    void changed() override { ++changes; }
    void raise(std::uint16_t condition, std::uint64_t nexus, std::move_only_function<void()> told) override {
        raised = condition;
        raised_for = nexus;
        told();
    }
    std::atomic<unsigned> changes = 0;
    std::atomic<unsigned> raised = 0;
    std::atomic<std::uint64_t> raised_for = 0;
};

TEST_F(UserDisk, PassesOnWhatItsHandlerSays) {
    open(settings_);
    Heard heard;
    disk().observe(&heard);
    const Handler handler(settings_.socket, medium_);
    await([&] { return heard.changes == 2; });  // once for itself
    EXPECT_EQ(targe_raise(handler.device(), 0x3f, 0x03, 12), 0);
    EXPECT_EQ(heard.raised, 0x3f03U);
    EXPECT_EQ(heard.raised_for, 12U);
    for (const auto& [asc, ascq] : {std::pair{0x29, 0x00}, {0x2a, 0x03}, {0x3f, 0x0e}, {0x00, 0x00}}) {
        EXPECT_EQ(
            targe_raise(handler.device(), static_cast<std::uint8_t>(asc), static_cast<std::uint8_t>(ascq), 0),
            -EINVAL);
    }
    medium_.bytes.resize(2 * kSize);
    EXPECT_EQ(targe_resize(handler.device(), 2 * kSize + 1), -EINVAL);
    EXPECT_EQ(targe_resize(handler.device(), 2 * kSize), 0);
    EXPECT_EQ(heard.changes, 3U);
    EXPECT_TRUE(on_.refresh(disk()));
    EXPECT_EQ(disk().geometry().blocks, 2 * kSize / 512);
    Bytes data = pattern(512, 3);
    EXPECT_TRUE(on_.write(disk(), 2 * kSize / 512 - 1, data));
    disk().observe(nullptr);
}

}  // namespace
}  // namespace targe::device
