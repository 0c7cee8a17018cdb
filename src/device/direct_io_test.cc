// What goes past the page cache, several commands at a time: a file with O_DIRECT, and loop devices.
#include "device/file_device.h"
#include "device/testing_device.h"
#include "device/testing_loop.h"
#include "reactor/plug.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <numeric>
#include <random>

namespace targe::device {
namespace {

using testing::Bytes;
using testing::failure;
using testing::LoopDevice;
using testing::OnReactor;
using testing::open_or_fail;
using testing::pattern;
using testing::ScratchDirectory;

constexpr std::uint64_t kMiB = 1ULL << 20U;
constexpr std::uint64_t kBlock = 4096;

enum class Store : std::uint8_t { file, loop512, loop4096 };

/// Pages for O_DIRECT: what is not aligned goes another way.
class Pages {
public:
    explicit Pages(std::size_t size)
        : memory_(static_cast<std::byte*>(std::aligned_alloc(kBlock, size))), size_(size) {}
    explicit Pages(const Bytes& content) : Pages(content.size()) {
        std::ranges::copy(content, memory_.get());
    }
    [[nodiscard]] std::span<std::byte> bytes() const { return {memory_.get(), size_}; }
    [[nodiscard]] bool operator==(const Bytes& other) const { return std::ranges::equal(bytes(), other); }

private:
    struct Free {
        void operator()(std::byte* memory) const { std::free(memory); }
    };
    std::unique_ptr<std::byte, Free> memory_;
    std::size_t size_;
};

class DirectIo : public ::testing::TestWithParam<Store> {
protected:
    void SetUp() override {
        std::ofstream(file_).close();
        std::filesystem::resize_file(file_, 16 * kMiB);
        DeviceConfig config{.handler = Handler::file, .path = file_, .block_size = kBlock, .direct = true};
        if (GetParam() != Store::file) {
            loop_ = std::make_unique<LoopDevice>(file_, GetParam() == Store::loop512 ? 512 : 4096);
            if (!*loop_) {
                GTEST_SKIP() << loop_->why_not();
            }
            config = {.handler = Handler::block, .path = loop_->path(), .block_size = kBlock};
        }
        auto opened = open(config);
        if (!opened) {
            GTEST_SKIP() << opened.error().text;
        }
        device_ = std::move(*opened);
        content_ = pattern(16 * kMiB, 1);
        ASSERT_TRUE(on_.write(*device_, 0, content_));
    }
    /// Writes `blocks` blocks to each of `at`, all in one turn.
    std::vector<IoResult> write(const std::vector<std::uint64_t>& at, const std::vector<Pages>& from) {
        return on_.run_together(at.size(), [&](base::CommandArena& arena, std::size_t i) {
            const std::span<const std::byte> bytes = from[i].bytes();
            return one_write(arena, *device_, at[i], bytes);
        });
    }
    std::vector<IoResult> read(const std::vector<std::uint64_t>& at, const std::vector<Pages>& into) {
        return on_.run_together(at.size(), [&](base::CommandArena& arena, std::size_t i) {
            return one_read(arena, *device_, at[i], into[i].bytes());
        });
    }
    static base::Task<IoResult> one_write(base::CommandArena& arena, Device& device, std::uint64_t lba,
                                          std::span<const std::byte> from) {
        const base::ConstSegment segment{.data = from.data(), .size = from.size()};
        co_return co_await device.write(arena, lba, {&segment, 1}, Durability::cached);
    }
    static base::Task<IoResult> one_read(base::CommandArena& arena, Device& device, std::uint64_t lba,
                                         std::span<std::byte> into) {
        const base::Segment segment{.data = into.data(), .size = into.size()};
        co_return co_await device.read(arena, lba, {&segment, 1});
    }
    [[nodiscard]] reactor::PlugStats plugged() {
        return on_.ask([] { return reactor::Reactor::current()->plug().stats(); });
    }
    [[nodiscard]] Bytes expected(std::uint64_t lba, std::uint64_t blocks) const {
        const auto from = content_.begin() + static_cast<std::ptrdiff_t>(lba * kBlock);
        return {from, from + static_cast<std::ptrdiff_t>(blocks * kBlock)};
    }
    void put(std::uint64_t lba, std::span<const std::byte> data) {
        std::ranges::copy(data, content_.begin() + static_cast<std::ptrdiff_t>(lba * kBlock));
    }

    ScratchDirectory directory_;
    std::string file_ = directory_ / "backing";
    std::unique_ptr<LoopDevice> loop_;
    OnReactor on_;
    std::unique_ptr<Device> device_;
    Bytes content_;
};

TEST_P(DirectIo, MergesTheCommandsOfATurn) {
    std::vector<std::uint64_t> at;
    std::vector<Pages> data;
    for (std::uint64_t lba = 100; lba < 132; ++lba) {
        at.push_back(lba);
        data.emplace_back(pattern(kBlock, static_cast<unsigned>(lba)));
        put(lba, data.back().bytes());
    }
    const reactor::PlugStats before = plugged();
    EXPECT_EQ(write(at, data), std::vector<IoResult>(32));
    // Two of 64 KiB; a command that had to look after its store first comes a turn later.
    EXPECT_LE(plugged().operations - before.operations, 4U);
    const std::vector<Pages> back = [&] {
        std::vector<Pages> made;
        for (std::size_t i = 0; i < at.size(); ++i) {
            made.emplace_back(kBlock);
        }
        return made;
    }();
    EXPECT_EQ(read(at, back), std::vector<IoResult>(32));
    EXPECT_GE(plugged().merged - before.merged, 60U);
    for (std::size_t i = 0; i < at.size(); ++i) {
        EXPECT_EQ(back[i], expected(at[i], 1)) << at[i];
    }
}

// The store loses its second half: what is read across the end, in one operation, has an end of its own for
// each command.
TEST_P(DirectIo, FailsOnlyTheCommandsWhoseBlocksAreLost) {
    std::filesystem::resize_file(file_, 8 * kMiB);
    if (loop_ && loop_->hides_losses(8 * kMiB)) {
        GTEST_SKIP() << "loop devices of this kernel read zeroes where their file was cut";
    }
    const std::uint64_t end = 8 * kMiB / kBlock;
    std::vector<std::uint64_t> at;
    std::vector<Pages> into;
    for (std::uint64_t lba = end - 3; lba < end + 3; ++lba) {
        at.push_back(lba);
        into.emplace_back(kBlock);
    }
    const std::vector<IoResult> results = read(at, into);
    EXPECT_GE(plugged().undone, 5U);
    const IoError lost = GetParam() == Store::file ? IoError::gone : IoError::unreadable;
    for (std::size_t i = 0; i < 6; ++i) {
        if (at[i] < end) {
            EXPECT_EQ(results[i], IoResult{}) << at[i];
            EXPECT_EQ(into[i], expected(at[i], 1));
        } else {
            EXPECT_EQ(results[i], IoResult(failure(lost, at[i])));
        }
    }
}

TEST_P(DirectIo, TellsOfALongCommandTheFirstBlockThatIsNotKnownToBeGood) {
    std::filesystem::resize_file(file_, 8 * kMiB);
    if (loop_ && loop_->hides_losses(8 * kMiB)) {
        GTEST_SKIP() << "loop devices of this kernel read zeroes where their file was cut";
    }
    const std::uint64_t end = 8 * kMiB / kBlock;
    const std::vector<Pages> into = [] {
        std::vector<Pages> made;
        made.emplace_back(6 * kMiB);
        return made;
    }();
    const std::uint64_t begin = 3 * kMiB / kBlock + 1;
    const IoResult result = read({begin}, into).front();
    EXPECT_GE(plugged().parts, 6U);
    ASSERT_FALSE(result);
    EXPECT_LE(result.error().lba, end);
    EXPECT_GT(result.error().lba + kMiB / kBlock, end) << "a part is at most 1 MiB";
    const std::uint64_t good = result.error().lba - begin;
    EXPECT_TRUE(std::ranges::equal(into[0].bytes().first(good * kBlock), expected(begin, good)));
}

TEST_P(DirectIo, DoesAnyMixtureAsIfEachWereAlone) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    for (int turn = 0; turn < 40; ++turn) {
        const bool reads = turn % 2 == 1;
        std::vector<std::uint64_t> at;
        std::vector<Pages> memory;
        std::uint64_t lba = random() % 100;
        for (int i = 0; i < 20; ++i) {
            const std::uint64_t blocks = random() % 8 == 0 ? 200 + random() % 300 : 1 + random() % 5;
            if (lba + blocks > 16 * kMiB / kBlock) {
                break;
            }
            at.push_back(lba);
            memory.emplace_back(pattern(blocks * kBlock, static_cast<unsigned>(random())));
            if (!reads) {
                put(lba, memory.back().bytes());
            }
            lba += blocks + (random() % 3 == 0 ? random() % 9 : 0);
        }
        ASSERT_EQ(reads ? read(at, memory) : write(at, memory), std::vector<IoResult>(at.size()));
        for (std::size_t i = 0; reads && i < at.size(); ++i) {
            ASSERT_EQ(memory[i], expected(at[i], memory[i].bytes().size() / kBlock));
        }
    }
    Bytes all(content_.size());
    ASSERT_TRUE(on_.read(*device_, 0, all));
    EXPECT_TRUE(all == content_);
}

INSTANTIATE_TEST_SUITE_P(Stores, DirectIo, ::testing::Values(Store::file, Store::loop512, Store::loop4096),
                         [](const auto& store) {
                             switch (store.param) {
                                 case Store::file:
                                     return "File";
                                 case Store::loop512:
                                     return "Loop512";
                                 case Store::loop4096:
                                     return "Loop4096";
                             }
                             return "";
                         });

}  // namespace
}  // namespace targe::device
