#include "device/disc_drive.h"

#include "base/log.h"
#include "device/open.h"
#include "device/testing_device.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace targe::device {
namespace {

using testing::Bytes;
using testing::OnReactor;
using testing::pattern;

class DiscDriveTest : public ::testing::Test {
protected:
    ~DiscDriveTest() override { std::filesystem::remove_all(folder_); }

    std::string image(const std::string& name, const Bytes& content) {
        std::filesystem::create_directories(folder_);
        const std::filesystem::path path = folder_ / name;
        std::ofstream(path, std::ios::binary)
            .write(reinterpret_cast<const char*>(content.data()),
                   static_cast<std::streamsize>(content.size()));
        return path.string();
    }

    static std::shared_ptr<Device> disc(const std::string& path) {
        auto opened = open_disc(path);
        EXPECT_TRUE(opened) << opened.error().text;
        return std::move(*opened);
    }

    const std::filesystem::path folder_ = std::filesystem::temp_directory_path() /
                                          ("targe-disc-" + std::to_string(::getpid()) + "-" +
                                           ::testing::UnitTest::GetInstance()->current_test_info()->name());
    OnReactor on_;
};

TEST_F(DiscDriveTest, ReadsTheDiscThatIsInIt) {
    const Bytes first = pattern(8192, 1);
    const Bytes second = pattern(4096, 2);
    DiscDrive drive(disc(image("first.iso", first)));
    EXPECT_EQ(drive.geometry(), (Geometry{.blocks = 4, .block_size = 2048}));
    EXPECT_TRUE(drive.capabilities().read_only);
    EXPECT_FALSE(drive.capabilities().volatile_cache);
    Bytes read(4096);
    EXPECT_TRUE(on_.read(drive, 2, read));
    EXPECT_EQ(read, Bytes(first.begin() + 4096, first.end()));

    drive.exchange(disc(image("second.iso", second)));
    EXPECT_EQ(drive.geometry().blocks, 2U);
    EXPECT_TRUE(on_.read(drive, 0, read));
    EXPECT_EQ(read, second);

    drive.exchange(nullptr);
    EXPECT_EQ(drive.geometry(), (Geometry{.blocks = 0, .block_size = 2048}));
    EXPECT_EQ(on_.read(drive, 0, read), std::unexpected(IoFailure{.error = IoError::gone, .lba = 0}));
}

TEST_F(DiscDriveTest, WritesNothing) {
    const Bytes content = pattern(4096, 3);
    const std::string path = image("disc.iso", content);
    DiscDrive drive(disc(path));
    EXPECT_EQ(on_.write(drive, 1, pattern(2048, 4)),
              std::unexpected(IoFailure{.error = IoError::read_only, .lba = 1}));
    Bytes read(4096);
    EXPECT_TRUE(on_.read(drive, 0, read));
    EXPECT_EQ(read, content);
}

TEST_F(DiscDriveTest, LeavesOutWhatIsNoWholeBlock) {
    EXPECT_EQ(disc(image("cut.iso", pattern(5000, 5)))->geometry().blocks, 2U);
}

TEST_F(DiscDriveTest, SaysWhyADiscCannotBeHad) {
    const auto missing = open_disc((folder_ / "none.iso").string());
    ASSERT_FALSE(missing);
    EXPECT_NE(missing.error().text.find("it does not exist"), std::string::npos) << missing.error().text;
    EXPECT_EQ(missing.error().text.find("giving a size"), std::string::npos) << "nothing makes an image";
    const auto small = open_disc(image("small.iso", pattern(100, 6)));
    ASSERT_FALSE(small);
    EXPECT_NE(small.error().text.find("not one block"), std::string::npos);
    EXPECT_FALSE(open_disc(std::filesystem::temp_directory_path().string()));
}

TEST_F(DiscDriveTest, NoticesThatItsImageWasCut) {
    const std::string path = image("disc.iso", pattern(8192, 7));
    DiscDrive drive(disc(path));
    std::filesystem::resize_file(path, 2048);
    Bytes read(2048);
    const IoResult beyond = on_.read(drive, 3, read);
    ASSERT_FALSE(beyond);
    EXPECT_EQ(beyond.error().error, IoError::gone);
    EXPECT_TRUE(drive.away());
}

TEST_F(DiscDriveTest, SharesAnImageWithOthers) {
    const std::string path = image("disc.iso", pattern(2048, 8));
    const auto one = open_disc(path);
    const auto other = open_disc(path);
    EXPECT_TRUE(one);
    EXPECT_TRUE(other);
}

}  // namespace
}  // namespace targe::device
