// Files that somebody serves over a network.
#include "device/stored_device.h"
#include "device/testing_device.h"
#include "device/testing_served_file.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <thread>

namespace targe::device {
namespace {

using testing::Bytes;
using testing::OnReactor;
using testing::open_or_fail;
using testing::pattern;
using testing::ServedFile;
using namespace std::chrono_literals;

constexpr std::size_t kSize = 1U << 20U;
constexpr std::size_t kBlock = 4096;

class Served : public ::testing::Test {
protected:
    void SetUp() override {
        if (!file_) {
            GTEST_SKIP() << file_.why_not();
        }
        device_ = open_or_fail({.handler = Handler::file, .path = file_.path(), .block_size = kBlock});
    }
    static void wait_for_a_look() { std::this_thread::sleep_for(StoredDevice::kLookInterval + 50ms); }
    std::optional<Bytes> block(std::uint64_t lba) {
        Bytes read(kBlock);
        return on_.read(*device_, lba, read) ? std::optional{read} : std::nullopt;
    }
    static std::optional<Bytes> block_of(const Bytes& content, std::size_t lba) {
        const auto from = content.begin() + static_cast<std::ptrdiff_t>(lba * kBlock);
        return Bytes(from, from + kBlock);
    }

    Bytes first_ = pattern(kSize, 1);
    ServedFile file_{first_};
    OnReactor on_;
    std::unique_ptr<Device> device_;
};

TEST_F(Served, IsReadAndWritten) {
    EXPECT_EQ(block(7), block_of(first_, 7));
    EXPECT_TRUE(on_.write(*device_, 9, pattern(kBlock, 3), Durability::durable));
    EXPECT_EQ(block(9), pattern(kBlock, 3));
}

TEST_F(Served, ThatIsStaleComesBackAsWhatHasItsNameNow) {
    EXPECT_EQ(block(7), block_of(first_, 7));
    const Bytes second = pattern(kSize, 2);
    file_.replace(second);
    wait_for_a_look();
    EXPECT_EQ(block(8), std::nullopt);
    EXPECT_TRUE(device_->away());
    wait_for_a_look();
    EXPECT_EQ(block(8), block_of(second, 8));
    EXPECT_EQ(block(7), block_of(second, 7)) << "and nothing of the old one";
}

TEST_F(Served, ThatIsStaleComesBackWhenAnAdministratorLooks) {
    const Bytes second = pattern(2 * kSize, 2);
    file_.replace(second);
    EXPECT_TRUE(on_.refresh(*device_));
    EXPECT_EQ(device_->geometry().blocks, second.size() / kBlock);
    EXPECT_EQ(block(300), block_of(second, 300));
}

}  // namespace
}  // namespace targe::device
