// What is made durable of the files of a library, and when. That the disk then has it is the kernel's
// promise.
#include "vtl/posix_store.h"

#include "admin/testing/seen_syncs.h"
#include "vtl/shelf.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <random>
#include <span>
#include <string>
#include <vector>

namespace {

/// As a disk that is nearly full, or a signal, has it.
thread_local std::size_t most_of_a_write = SIZE_MAX;

}  // namespace

// In the place of the system's.
extern "C" ssize_t pwritev(int fd, const iovec* parts, int count, off_t offset) {
    return most_of_a_write == SIZE_MAX
               ? ::syscall(SYS_pwritev, fd, parts, count, offset, 0)
               : ::pwrite(fd, parts->iov_base, std::min(parts->iov_len, most_of_a_write), offset);
}

namespace targe::vtl {
namespace {

using admin::testing::SeenSyncs;
using Seen = std::vector<std::string>;

class DurableStore : public ::testing::Test {
protected:
    DurableStore() { std::filesystem::create_directory(above_); }
    ~DurableStore() override { std::filesystem::remove_all(above_); }

    static wire::Bytes some() {
        static constexpr std::array kSome{std::byte{1}, std::byte{2}};
        return kSome;
    }

    const std::filesystem::path above_ =
        std::filesystem::temp_directory_path() / ("targe-store-" + std::to_string(std::random_device{}()));
    const std::string folder_ = (above_ / "folder").string();
};

TEST_F(DurableStore, SyncsAFileAndItsFolderWhereItIsAskedTo) {
    const auto store = open_folder(folder_, true).value();
    const auto file = store->open("file", true).value();
    SeenSyncs syncs;
    EXPECT_TRUE(file->write(0, std::array{some()}));
    EXPECT_EQ(syncs.take(), Seen{});
    EXPECT_TRUE(file->sync());
    EXPECT_EQ(syncs.take(), Seen{"sync file"});
    EXPECT_TRUE(store->sync());
    EXPECT_EQ(syncs.take(), Seen{"sync folder"});
}

TEST_F(DurableStore, WritesAllHoweverLittleOfItTheSystemTakesAtOnce) {
    const auto store = open_folder(folder_, true).value();
    std::vector<std::byte> all(350);
    for (std::size_t i = 0; i < all.size(); ++i) {
        all[i] = static_cast<std::byte>(i);
    }
    const std::span<const std::byte> bytes(all);
    for (const std::size_t most :
         {std::size_t{1}, std::size_t{7}, std::size_t{60}, std::size_t{100}, SIZE_MAX}) {
        const auto file = store->open("file", true).value();
        EXPECT_TRUE(file->truncate(0));
        most_of_a_write = most;
        EXPECT_TRUE(file->write(10, std::array{bytes.first(100), bytes.subspan(100, 0),
                                               bytes.subspan(100, 50), bytes.subspan(150)}));
        most_of_a_write = SIZE_MAX;
        std::vector<std::byte> found(400);
        EXPECT_EQ(file->read(0, found).value(), 360U) << most;
        found.resize(360);
        EXPECT_TRUE(std::ranges::equal(std::span{found}.subspan(10), all)) << most;
    }
}

// The content before the name, and the name before the answer.
TEST_F(DurableStore, ReplacesAFileDurably) {
    const auto store = open_folder(folder_, true).value();
    SeenSyncs syncs;
    EXPECT_TRUE(store->replace("file", some()));
    EXPECT_EQ(syncs.take(), (Seen{"sync file.new", "rename to file", "sync folder"}));
}

TEST_F(DurableStore, MakesTheNameOfANewLibraryDurable) {
    SeenSyncs syncs;
    EXPECT_TRUE(open_shelf(folder_, true));
    const Seen made = syncs.take();
    EXPECT_NE(std::ranges::find(made, "sync " + above_.filename().string()), made.end());
    EXPECT_NE(std::ranges::find(made, "sync folder"), made.end());
    EXPECT_TRUE(open_shelf(folder_, false));
    EXPECT_EQ(syncs.take(), Seen{});
}

TEST_F(DurableStore, MakesTheNameOfANewCartridgeDurable) {
    const auto shelf = open_shelf(folder_, true).value();
    SeenSyncs syncs;
    EXPECT_TRUE(shelf->cartridge("A00001L6", Access::create));
    EXPECT_EQ(syncs.take(), Seen{"sync cartridges"});
    EXPECT_TRUE(shelf->remove("A00001L6"));
    EXPECT_EQ(syncs.take(), Seen{"sync cartridges"}) << "and that it is gone";
}

}  // namespace
}  // namespace targe::vtl
