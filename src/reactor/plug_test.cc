// The plug, on ordinary files: what it does with descriptors does not depend on O_DIRECT.
#include "reactor/plug.h"

#include "base/task.h"
#include "reactor/file_descriptor.h"
#include "reactor/io.h"
#include "reactor/reactors.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <deque>
#include <future>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <vector>

namespace targe::reactor {
namespace {

using Bytes = std::vector<std::byte>;
constexpr std::uint64_t kBlock = 4096;
constexpr PlugLimits kLimits{.longest = 16 * kBlock, .boundary = 0, .merged = 8 * kBlock};

Bytes pattern(std::size_t size, unsigned seed) {
    Bytes made(size);
    std::mt19937 random(seed);
    std::ranges::generate(made, [&random] { return static_cast<std::byte>(random()); });
    return made;
}

/// One transfer: what is asked for, and how it ended.
struct Asked {
    PlugDirection direction = PlugDirection::read;
    std::uint64_t offset = 0;
    std::vector<iovec> pieces = {};
    int rw_flags = 0;
    int fd = -1;  ///< -1: the common one
    PluggedTransfer::Result result = {};
    alignas(base::CommandArena::kAlignment) std::array<std::byte, 1024> block = {};
    base::CommandArena arena{block};

    [[nodiscard]] std::uint64_t size() const {
        std::uint64_t sum = 0;
        for (const iovec& piece : pieces) {
            sum += piece.iov_len;
        }
        return sum;
    }
};

PluggedTransfer::Result ended(std::uint64_t bytes, int error = 0) {
    return {.bytes = bytes, .error = error};
}

/// A reactor with a file of 64 blocks in memory, and transfers that are all asked for in one turn.
class PlugTest : public ::testing::Test {
protected:
    static constexpr std::uint64_t kBlocks = 64;

    PlugTest()
        : file_(::memfd_create("plug", MFD_CLOEXEC | MFD_ALLOW_SEALING)),
          content_(pattern(kBlocks * kBlock, 1)) {
        EXPECT_EQ(::pwrite(file_.get(), content_.data(), content_.size(), 0),
                  static_cast<ssize_t>(content_.size()));
        auto made = Reactors::start({.count = 1, .pin = false, .each = {}});
        EXPECT_TRUE(made);
        reactors_ = std::move(*made);
    }
    ~PlugTest() override {
        reactors_->stop();
        EXPECT_EQ(reactors_->leaks(), std::vector<std::string>{});
    }

    Asked& read(std::uint64_t block, Bytes& into) {
        return ask(PlugDirection::read, block, {{.iov_base = into.data(), .iov_len = into.size()}});
    }
    Asked& write(std::uint64_t block, const Bytes& from) {
        auto* const data = const_cast<std::byte*>(from.data());
        return ask(PlugDirection::write, block, {{.iov_base = data, .iov_len = from.size()}});
    }
    Asked& ask(PlugDirection direction, std::uint64_t block, std::vector<iovec> pieces) {
        Asked& one = asked_.emplace_back();
        one.direction = direction;
        one.offset = block * kBlock;
        one.pieces = std::move(pieces);
        return one;
    }
    /// Asks for all of them in one turn, and waits for the last. How each ended is in results_.
    PlugStats run(const PlugLimits& limits = kLimits) {
        std::promise<PlugStats> done;
        const PlugStats before = stats_;
        left_ = asked_.size();
        base::post(core(), [&] {
            for (Asked& one : asked_) {
                drive(one.arena, one, limits, done);
            }
        });
        stats_ = done.get_future().get();
        settle();
        results_.clear();
        for (const Asked& one : asked_) {
            results_.push_back(one.result);
        }
        asked_.clear();
        return {.transfers = stats_.transfers - before.transfers,
                .operations = stats_.operations - before.operations,
                .merged = stats_.merged - before.merged,
                .parts = stats_.parts - before.parts,
                .undone = stats_.undone - before.undone,
                .fixed = stats_.fixed - before.fixed};
    }
    [[nodiscard]] Bytes on_file() const {
        Bytes now(kBlocks * kBlock);
        EXPECT_EQ(::pread(file_.get(), now.data(), now.size(), 0), static_cast<ssize_t>(now.size()));
        return now;
    }
    void put(std::uint64_t block, const Bytes& data) {
        std::ranges::copy(data, content_.begin() + static_cast<std::ptrdiff_t>(block * kBlock));
    }
    base::Core& core() { return (*reactors_)[0]; }
    /// Until the frame that told us has gone.
    void settle() {
        std::promise<void> next_turn;
        base::post(core(), [&] { next_turn.set_value(); });
        next_turn.get_future().wait();
    }

    FileDescriptor file_;
    Bytes content_;
    std::unique_ptr<Reactors> reactors_;
    std::deque<Asked> asked_;
    std::vector<PluggedTransfer::Result> results_;
    std::size_t left_ = 0;
    PlugStats stats_;

private:
    base::Detached drive(base::CommandArena& /*arena*/, Asked& one, const PlugLimits& limits,
                         std::promise<PlugStats>& done) {
        const PlugRange range{.direction = one.direction,
                              .fd = one.fd < 0 ? file_.get() : one.fd,
                              .pieces = one.pieces,
                              .offset = one.offset,
                              .size = one.size(),
                              .rw_flags = one.rw_flags,
                              .limits = &limits};
        one.result = co_await PluggedTransfer(range);
        if (--left_ == 0) {
            done.set_value(Reactor::current()->plug().stats());
        }
    }
};

TEST_F(PlugTest, MakesNeighboursOfATurnOneOperation) {
    std::deque<Bytes> written;
    // Not in order, and with one that is no neighbour.
    for (const std::uint64_t block : {12U, 10U, 11U, 30U, 13U}) {
        write(block, written.emplace_back(pattern(kBlock, static_cast<unsigned>(block))));
        put(block, written.back());
    }
    const PlugStats stats = run();
    EXPECT_EQ(stats.transfers, 5U);
    EXPECT_EQ(stats.operations, 2U);
    EXPECT_EQ(stats.merged, 4U);
    EXPECT_EQ(on_file(), content_);

    std::deque<Bytes> read_back(3, Bytes(2 * kBlock));
    for (std::uint64_t i = 0; i < 3; ++i) {
        read(10 + 2 * i, read_back[i]);
    }
    EXPECT_EQ(run().operations, 1U);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_TRUE(
            std::ranges::equal(read_back[i], std::span(content_).subspan((10 + 2 * i) * kBlock, 2 * kBlock)));
    }
}

TEST_F(PlugTest, MergesUpToALengthOnly) {
    std::deque<Bytes> written;
    for (std::uint64_t block = 0; block < 20; ++block) {
        write(block, written.emplace_back(pattern(kBlock, 100 + static_cast<unsigned>(block))));
        put(block, written.back());
    }
    const PlugStats stats = run();
    EXPECT_EQ(stats.operations, 3U) << "8 blocks, 8 blocks, 4 blocks";
    EXPECT_EQ(on_file(), content_);
    for (std::uint64_t block = 0; block < 4; ++block) {
        write(block, written[block]);
    }
    EXPECT_EQ(run({.longest = 16 * kBlock, .boundary = 0, .merged = 0}).operations, 4U);
}

TEST_F(PlugTest, DoesNotMergeWhatIsNotAlike) {
    const FileDescriptor other(::memfd_create("other", MFD_CLOEXEC));
    ASSERT_EQ(::ftruncate(other.get(), static_cast<off_t>(kBlocks * kBlock)), 0);
    const Bytes data = pattern(kBlock, 2);
    Bytes into(kBlock);
    write(3, data);
    write(4, data).rw_flags = RWF_DSYNC;
    write(5, data).fd = other.get();
    read(6, into);
    EXPECT_EQ(run().merged, 0U);
    EXPECT_TRUE(std::ranges::equal(into, std::span(content_).subspan(6 * kBlock, kBlock)));
    // Neighbours but for the file, whichever of the two is looked at first.
    write(10, data);
    write(11, data).fd = other.get();
    EXPECT_EQ(run().merged, 0U);
    write(10, data).fd = other.get();
    write(11, data);
    EXPECT_EQ(run().merged, 0U);
}

TEST_F(PlugTest, DoesNotMergeWhatOverlaps) {
    const Bytes a = pattern(4 * kBlock, 3);
    const Bytes b = pattern(4 * kBlock, 4);
    const Bytes c = pattern(4 * kBlock, 5);
    write(0, a);
    write(2, b);
    write(4, c);
    write(4, c);
    const PlugStats stats = run();
    EXPECT_EQ(stats.merged, 0U);
    const Bytes now = on_file();
    const auto is = [&now](std::uint64_t block, const Bytes& data, std::uint64_t from) {
        return std::equal(now.begin() + static_cast<std::ptrdiff_t>(block * kBlock),
                          now.begin() + static_cast<std::ptrdiff_t>((block + 1) * kBlock),
                          data.begin() + static_cast<std::ptrdiff_t>(from * kBlock));
    };
    EXPECT_TRUE(is(0, a, 0) && is(1, a, 1) && is(6, c, 2) && is(7, c, 3));
    EXPECT_TRUE(is(2, a, 2) || is(2, b, 0)) << "each block is of one of those that wrote it";
    EXPECT_TRUE(is(5, b, 3) || is(5, c, 1));
}

TEST_F(PlugTest, CutsWhatIsTooLong) {
    const Bytes data = pattern(50 * kBlock, 6);
    put(5, data);
    // Pieces of memory that end anywhere but where the parts do.
    std::vector<iovec> pieces;
    for (std::size_t at = 0; at < data.size();) {
        const std::size_t size = std::min<std::size_t>(data.size() - at, 7 * kBlock);
        pieces.push_back({.iov_base = const_cast<std::byte*>(data.data()) + at, .iov_len = size});
        at += size;
    }
    ask(PlugDirection::write, 5, pieces);
    const PlugStats stats = run();
    EXPECT_EQ(stats.parts, 4U);
    EXPECT_EQ(stats.operations, 4U);
    EXPECT_EQ(on_file(), content_);
    Bytes into(50 * kBlock);
    read(5, into);
    EXPECT_EQ(run({.longest = 16 * kBlock, .boundary = 16 * kBlock, .merged = 0}).parts, 4U)
        << "11, 16, 16 and 7 blocks: to each multiple of 16";
    EXPECT_EQ(into, data);
}

/// No file of this process grows or is written beyond `bytes`: what begins below is cut short there, what
/// begins above is refused with EFBIG.
class WritesEndAt {
public:
    explicit WritesEndAt(rlim_t bytes) {
        signal_ = std::signal(SIGXFSZ, SIG_IGN);
        EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &before_), 0);
        const rlimit now{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
        EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &now), 0);
    }
    ~WritesEndAt() {
        EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &before_), 0);
        std::signal(SIGXFSZ, signal_);
    }
    WritesEndAt(const WritesEndAt&) = delete;
    WritesEndAt& operator=(const WritesEndAt&) = delete;

private:
    rlimit before_{};
    void (*signal_)(int) = SIG_DFL;
};

TEST_F(PlugTest, GivesEachOfAMergedWriteItsOwnEnd) {
    std::deque<Bytes> written;
    for (std::uint64_t block = 20; block < 26; ++block) {
        write(block, written.emplace_back(pattern(kBlock, static_cast<unsigned>(block))));
    }
    PlugStats stats;
    {
        const WritesEndAt limit(22 * kBlock + 2048);
        stats = run();
    }
    EXPECT_EQ(stats.merged, 6U);
    EXPECT_EQ(stats.undone, 6U);
    EXPECT_EQ(results_, (std::vector{ended(kBlock), ended(kBlock), ended(2048, EFBIG), ended(0, EFBIG),
                                     ended(0, EFBIG), ended(0, EFBIG)}));
    put(20, written[0]);
    put(21, written[1]);
    put(22, Bytes(written[2].begin(), written[2].begin() + 2048));
    EXPECT_EQ(on_file(), content_);
}

TEST_F(PlugTest, GivesEachOfAMergedReadItsOwnEnd) {
    ASSERT_EQ(::ftruncate(file_.get(), 42 * kBlock), 0);
    std::deque<Bytes> into(4, Bytes(kBlock));
    for (std::uint64_t i = 0; i < 4; ++i) {
        read(40 + i, into[i]);
    }
    EXPECT_EQ(run().undone, 4U);
    EXPECT_EQ(results_, (std::vector{ended(kBlock), ended(kBlock), ended(0), ended(0)}));
    EXPECT_TRUE(std::ranges::equal(into[1], std::span(content_).subspan(41 * kBlock, kBlock)));
}

TEST_F(PlugTest, TellsOfACutTransferTheFirstByteThatIsMissing) {
    ASSERT_EQ(::ftruncate(file_.get(), 40 * kBlock + 1000), 0);
    Bytes into(60 * kBlock);
    read(4, into);
    EXPECT_EQ(run().parts, 4U);
    EXPECT_EQ(results_, (std::vector{ended(36 * kBlock + 1000)}));
    EXPECT_TRUE(std::ranges::equal(std::span(into).first(36 * kBlock),
                                   std::span(content_).subspan(4 * kBlock, 36 * kBlock)));

    const Bytes data = pattern(48 * kBlock, 7);
    write(0, data);
    {
        const WritesEndAt limit(20 * kBlock);
        run();
    }
    EXPECT_EQ(results_, (std::vector{ended(20 * kBlock, EFBIG)}));
}

TEST_F(PlugTest, TellsTheErrorOfADescriptor) {
    const FileDescriptor reads_only(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    const Bytes data = pattern(kBlock, 8);
    write(3, data).fd = reads_only.get();
    write(4, data).fd = reads_only.get();
    write(5, data);
    EXPECT_EQ(run().undone, 2U);
    EXPECT_EQ(results_, (std::vector{ended(0, EBADF), ended(0, EBADF), ended(kBlock)}));
}

TEST_F(PlugTest, DoesAnyMixtureAsIfEachWereAlone) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    for (int turn = 0; turn < 200; ++turn) {
        // Each turn either reads or writes, so that what must come out is known; writes do not overlap.
        const bool reads = random() % 2 == 0;
        std::deque<Bytes> memory;
        std::vector<std::uint64_t> blocks;
        for (std::uint64_t block = random() % 3; block < kBlocks;) {
            const std::uint64_t count = std::min<std::uint64_t>(1 + random() % 20, kBlocks - block);
            memory.push_back(reads ? Bytes(count * kBlock)
                                   : pattern(count * kBlock, static_cast<unsigned>(random())));
            blocks.push_back(block);
            block += count + (random() % 4 == 0 ? random() % 5 : 0);
        }
        std::vector<std::size_t> order(blocks.size());
        std::iota(order.begin(), order.end(), 0U);
        std::ranges::shuffle(order, random);
        for (const std::size_t i : order) {
            if (reads) {
                read(blocks[i], memory[i]);
            } else {
                write(blocks[i], memory[i]);
                put(blocks[i], memory[i]);
            }
        }
        const PlugLimits limits{
            .longest = (1 + random() % 16) * kBlock, .boundary = 0, .merged = random() % 12 * kBlock};
        run(limits);
        for (std::size_t i = 0; i < order.size(); ++i) {
            ASSERT_EQ(results_[i], ended(memory[order[i]].size()));
        }
        for (std::size_t i = 0; reads && i < blocks.size(); ++i) {
            ASSERT_TRUE(std::ranges::equal(
                memory[i], std::span(content_).subspan(blocks[i] * kBlock, memory[i].size())));
        }
        ASSERT_EQ(on_file(), content_);
    }
}

}  // namespace
}  // namespace targe::reactor
