// A reactor for tests of devices, and what they read and write.
#pragma once

#include "device/open.h"
#include "reactor/reactors.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace targe::device::testing {

using Bytes = std::vector<std::byte>;

/// A reactor on a thread; run() has an operation done there and waits for it.
class OnReactor {
public:
    OnReactor() {
        auto made = reactor::Reactors::start({.count = 1, .pin = false, .each = {}});
        if (!made) {
            ADD_FAILURE() << made.error().text;
            std::abort();
        }
        reactors_ = std::move(*made);
    }
    ~OnReactor() {
        reactors_->stop();
        EXPECT_EQ(reactors_->leaks(), std::vector<std::string>{});
    }
    OnReactor(const OnReactor&) = delete;
    OnReactor& operator=(const OnReactor&) = delete;

    /// `operation(arena)` gives a task.
    template <class Operation>
    auto run(Operation operation) {
        using Result = decltype(operation(std::declval<base::CommandArena&>()).result());
        alignas(base::CommandArena::kAlignment) std::array<std::byte, 16384> block;
        base::CommandArena arena{block};
        std::promise<Result> promise;
        base::post(core(), [&] { drive(arena, operation, promise); });
        auto result = promise.get_future().get();
        run_next_turn();
        return result;
    }

    /// Begins `count` operations in one turn and waits until all have ended: `operation(arena, i)` gives the
    /// task of the i-th.
    template <class Operation>
    std::vector<IoResult> run_together(std::size_t count, Operation operation) {
        struct Frame {
            alignas(base::CommandArena::kAlignment) std::array<std::byte, 8192> block;
            base::CommandArena arena{block};
            std::promise<IoResult> promise;
        };
        std::deque<Frame> frames(count);
        base::post(core(), [&] {
            for (std::size_t i = 0; i < count; ++i) {
                const auto one = [&operation, i](base::CommandArena& arena) { return operation(arena, i); };
                drive_copy(frames[i].arena, one, frames[i].promise);
            }
        });
        std::vector<IoResult> results;
        for (Frame& frame : frames) {
            results.push_back(frame.promise.get_future().get());
        }
        run_next_turn();
        return results;
    }
    /// Asks the reactor something on its own thread.
    template <class Question>
    auto ask(Question question) {
        std::promise<decltype(question())> promise;
        base::post(core(), [&] { promise.set_value(question()); });
        return promise.get_future().get();
    }

    IoResult read(Device& device, std::uint64_t lba, Bytes& into) {
        const base::Segment segment{into.data(), into.size()};
        return run([&](base::CommandArena& arena) { return device.read(arena, lba, {&segment, 1}); });
    }
    IoResult write(Device& device, std::uint64_t lba, const Bytes& from,
                   Durability durability = Durability::cached) {
        const base::ConstSegment segment{from.data(), from.size()};
        return run(
            [&](base::CommandArena& arena) { return device.write(arena, lba, {&segment, 1}, durability); });
    }
    IoResult flush(Device& device) {
        return run([&](base::CommandArena& arena) { return device.flush(arena); });
    }
    IoResult unmap(Device& device, std::uint64_t lba, std::uint64_t blocks) {
        return run([&](base::CommandArena& arena) { return device.unmap(arena, lba, blocks); });
    }
    std::expected<CopyPath, IoFailure> copy(Device& to, std::uint64_t lba, Device& from,
                                            std::uint64_t from_lba, std::uint64_t bytes,
                                            Durability durability = Durability::cached) {
        return run([&](base::CommandArena& arena) {
            return to.copy_from(arena, lba, from, from_lba, bytes, durability);
        });
    }
    IoResult anchor(Device& device, std::uint64_t lba, std::uint64_t blocks) {
        return run([&](base::CommandArena& arena) { return device.anchor(arena, lba, blocks); });
    }
    std::expected<Fill, IoFailure> fill(Device& device) {
        return run([&](base::CommandArena& arena) { return device.fill(arena); });
    }
    IoResult write_zeroes(Device& device, std::uint64_t lba, std::uint64_t blocks, bool may_unmap,
                          Durability durability = Durability::cached) {
        return run([&](base::CommandArena& arena) {
            return device.write_zeroes(arena, lba, blocks, may_unmap, durability);
        });
    }
    std::expected<Extent, IoFailure> block_status(Device& device, std::uint64_t lba, std::uint64_t blocks) {
        return run([&](base::CommandArena& arena) { return device.block_status(arena, lba, blocks); });
    }
    IoResult probe(Device& device) {
        return run([&](base::CommandArena& arena) { return device.probe(arena); });
    }
    IoResult refresh(Device& device) {
        return run([&](base::CommandArena& arena) { return device.refresh(arena); });
    }

private:
    base::Core& core() { return (*reactors_)[0]; }

    /// The frame that kept a promise is freed in the same turn: waits for the next.
    void run_next_turn() {
        std::promise<void> next_turn;
        base::post(core(), [&] { next_turn.set_value(); });
        next_turn.get_future().wait();
    }

    template <class Operation>
    static base::Detached drive_copy(base::CommandArena& arena, Operation operation,
                                     std::promise<IoResult>& promise) {
        IoResult result = co_await operation(arena);
        promise.set_value(std::move(result));
    }
    template <class Operation, class Result>
    static base::Detached drive(base::CommandArena& arena, Operation& operation,
                                std::promise<Result>& promise) {
        Result result = co_await operation(arena);
        promise.set_value(std::move(result));
    }

    std::unique_ptr<reactor::Reactors> reactors_;
};

/// A directory that is empty, and gone afterwards.
class ScratchDirectory {
public:
    ScratchDirectory() {
        std::string pattern = (std::filesystem::temp_directory_path() / "device-test-XXXXXX").string();
        if (::mkdtemp(pattern.data()) == nullptr) {
            ADD_FAILURE() << "no temporary directory";
            std::abort();
        }
        path_ = pattern;
    }
    ~ScratchDirectory() { std::filesystem::remove_all(path_); }
    ScratchDirectory(const ScratchDirectory&) = delete;
    ScratchDirectory& operator=(const ScratchDirectory&) = delete;

    [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }
    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

inline std::unique_ptr<Device> open_or_fail(const DeviceConfig& config) {
    auto device = open(config);
    if (!device) {
        ADD_FAILURE() << device.error().text;
        std::abort();
    }
    return std::move(*device);
}

/// Bytes that differ from block to block and from seed to seed.
inline Bytes pattern(std::size_t size, unsigned seed) {
    Bytes made(size);
    std::uint32_t state = seed * 2654435761U + 1;
    for (std::byte& b : made) {
        state = state * 1664525U + 1013904223U;
        b = static_cast<std::byte>(state >> 24U);
    }
    return made;
}

inline std::unexpected<IoFailure> failure(IoError error, std::uint64_t lba) {
    return std::unexpected(IoFailure{.error = error, .lba = lba});
}

}  // namespace targe::device::testing
