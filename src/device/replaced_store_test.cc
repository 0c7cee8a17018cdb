// A file that another one has taken the place of: another medium, of which initiators know something else.
#include "device/device_observer.h"
#include "device/disc_drive.h"
#include "device/stored_device.h"
#include "device/testing_device.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <thread>
#include <utility>

namespace targe::device {
namespace {

using testing::Bytes;
using testing::OnReactor;
using testing::pattern;
using testing::ScratchDirectory;

/// Tells initiators when the test says so.
class Observer final : public DeviceObserver {
public:
    void changed() override {}
    void raise(std::uint16_t condition, std::uint64_t nexus, std::move_only_function<void()> told) override {
        raised.push_back({condition, nexus});
        told_ = std::move(told);
    }
    void tell() { std::exchange(told_, nullptr)(); }

    std::vector<std::pair<std::uint16_t, std::uint64_t>> raised;

private:
    std::move_only_function<void()> told_;
};

const std::vector<std::pair<std::uint16_t, std::uint64_t>> kToldAll{{0x2800, 0}};
const std::vector<std::pair<std::uint16_t, std::uint64_t>> kToldNobody;

void put(const std::string& path, const Bytes& content) {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
}

class ReplacedStore : public ::testing::TestWithParam<bool> {
protected:
    ReplacedStore() {
        put(path_, first_);
        auto opened = GetParam() ? open_disc(path_)
                                 : open({.handler = Handler::file, .path = path_, .block_size = 2048});
        EXPECT_TRUE(opened) << opened.error().text;
        device_ = std::move(*opened);
        if (GetParam()) {
            device_ = std::make_unique<DiscDrive>(std::move(device_));
        }
        device_->observe(&observer_);
    }
    ~ReplacedStore() override { device_->observe(nullptr); }

    /// The device has noticed that its file is gone, and may look for it again.
    void replace() {
        put(directory_ / "new", second_);
        std::filesystem::rename(directory_ / "new", path_);
        wait_for_a_look();
        EXPECT_EQ(read_first(), std::nullopt);
        EXPECT_TRUE(device_->away());
        wait_for_a_look();
    }
    void write_into(const Bytes& content) {
        std::fstream(path_, std::ios::binary | std::ios::in | std::ios::out)
            .write(reinterpret_cast<const char*>(content.data()),
                   static_cast<std::streamsize>(content.size()));
    }
    static void wait_for_a_look() {
        std::this_thread::sleep_for(StoredDevice::kLookInterval + std::chrono::milliseconds{50});
    }
    std::optional<Bytes> read_first() {
        Bytes read(2048);
        return on_.read(*device_, 0, read) ? std::optional{read} : std::nullopt;
    }
    [[nodiscard]] static std::optional<Bytes> first_of(const Bytes& content) {
        return Bytes(content.begin(), content.begin() + 2048);
    }

    ScratchDirectory directory_;
    std::string path_ = directory_ / "image";
    Bytes first_ = pattern(65536, 1);
    Bytes second_ = pattern(65536, 2);
    Observer observer_;
    OnReactor on_;
    std::unique_ptr<Device> device_;
};

TEST_P(ReplacedStore, IsReadOnlyByThoseWhoKnowThatItIsAnother) {
    EXPECT_EQ(read_first(), first_of(first_));
    replace();
    EXPECT_EQ(read_first(), std::nullopt) << "nobody has been told";
    ASSERT_EQ(observer_.raised, kToldAll);
    EXPECT_EQ(read_first(), std::nullopt);
    observer_.tell();
    EXPECT_EQ(read_first(), std::nullopt) << "this one may have begun before";
    EXPECT_EQ(read_first(), first_of(second_));
    EXPECT_EQ(observer_.raised, kToldAll) << "once";
}

TEST_P(ReplacedStore, IsToldOfWhenAnAdministratorLooks) {
    EXPECT_EQ(read_first(), first_of(first_));
    replace();
    EXPECT_TRUE(on_.refresh(*device_));
    EXPECT_EQ(observer_.raised, kToldAll);
    EXPECT_EQ(read_first(), first_of(second_));
}

TEST_P(ReplacedStore, ThatIsTheSameFileAgainIsNoOther) {
    EXPECT_EQ(read_first(), first_of(first_));
    std::filesystem::create_hard_link(path_, directory_ / "kept");
    std::filesystem::remove(path_);
    std::filesystem::rename(directory_ / "kept", path_);
    wait_for_a_look();
    EXPECT_EQ(read_first(), first_of(first_));
    EXPECT_TRUE(on_.refresh(*device_));
    EXPECT_TRUE(observer_.raised.empty());
}

/// Moved out of the way, so that the file lives on; and the path may be a link.
TEST_P(ReplacedStore, IsAnotherDiscWhereItsPathLeadsNow) {
    const bool disc = GetParam();
    EXPECT_EQ(read_first(), first_of(first_));
    std::filesystem::rename(path_, directory_ / "kept");
    wait_for_a_look();
    EXPECT_EQ(read_first(), first_of(first_)) << "nothing is in its place";
    put(directory_ / "other", second_);
    std::filesystem::create_symlink(directory_ / "other", path_);
    wait_for_a_look();
    EXPECT_EQ(read_first(), disc ? std::nullopt : first_of(first_));
    wait_for_a_look();
    EXPECT_EQ(read_first(), disc ? std::nullopt : first_of(first_));
    ASSERT_EQ(observer_.raised, disc ? kToldAll : kToldNobody);
    if (disc) {
        observer_.tell();
        EXPECT_EQ(read_first(), std::nullopt) << "this one may have begun before";
        EXPECT_EQ(read_first(), first_of(second_));
    }
}

TEST_P(ReplacedStore, IsAnotherDiscWhenSomebodyHasWrittenIntoIt) {
    const bool disc = GetParam();
    EXPECT_EQ(read_first(), first_of(first_));
    wait_for_a_look();
    write_into(second_);
    EXPECT_EQ(read_first(), first_of(second_));
    EXPECT_EQ(observer_.raised, disc ? kToldAll : kToldNobody) << "whatever else writes a disk, it is one";
    wait_for_a_look();
    EXPECT_EQ(read_first(), first_of(second_));
    EXPECT_EQ(observer_.raised.size(), disc ? 1U : 0U) << "once";
}

TEST_P(ReplacedStore, IsAnotherDiscAlsoBeforeAnybodyHasLooked) {
    std::this_thread::sleep_for(std::chrono::milliseconds{50});  // what time files have goes by steps
    second_ = pattern(2 * first_.size(), 2);
    write_into(second_);
    EXPECT_EQ(read_first(), first_of(second_));
    EXPECT_EQ(observer_.raised, GetParam() ? kToldAll : kToldNobody);
    EXPECT_EQ(device_->geometry().blocks, (GetParam() ? second_ : first_).size() / 2048);
}

TEST_P(ReplacedStore, IsAnotherDiscWhenAnAdministratorLooks) {
    EXPECT_EQ(read_first(), first_of(first_));
    wait_for_a_look();
    write_into(second_);
    EXPECT_TRUE(on_.refresh(*device_));
    EXPECT_EQ(observer_.raised, GetParam() ? kToldAll : kToldNobody);
}

TEST_P(ReplacedStore, MayBeLargerWhereItIsADisc) {
    second_ = pattern(2 * first_.size(), 2);
    EXPECT_EQ(read_first(), first_of(first_));
    replace();
    EXPECT_EQ(read_first(), std::nullopt);
    observer_.tell();
    EXPECT_EQ(read_first(), std::nullopt);
    EXPECT_EQ(read_first(), first_of(second_));
    EXPECT_EQ(device_->geometry().blocks, (GetParam() ? second_ : first_).size() / 2048);
}

TEST_P(ReplacedStore, MayBeSmallerWhereItIsADiscThatNobodyWrites) {
    second_ = pattern(first_.size() / 2, 2);
    EXPECT_EQ(read_first(), first_of(first_));
    replace();
    EXPECT_EQ(read_first(), std::nullopt) << "it may just be written";
    EXPECT_TRUE(observer_.raised.empty());
    wait_for_a_look();
    put(path_, second_);
    EXPECT_EQ(read_first(), std::nullopt) << "as it is";
    EXPECT_TRUE(observer_.raised.empty());
    wait_for_a_look();
    EXPECT_EQ(read_first(), std::nullopt);
    ASSERT_EQ(observer_.raised, GetParam() ? kToldAll : kToldNobody);
    if (GetParam()) {
        EXPECT_EQ(device_->geometry().blocks, second_.size() / 2048);
        observer_.tell();
        EXPECT_EQ(read_first(), std::nullopt);
        EXPECT_EQ(read_first(), first_of(second_));
    }
}

INSTANTIATE_TEST_SUITE_P(StoredDevice, ReplacedStore, ::testing::Values(false, true),
                         [](const auto& way) { return way.param ? "Disc" : "File"; });

}  // namespace
}  // namespace targe::device
