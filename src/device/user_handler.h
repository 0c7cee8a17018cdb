// A handler for tests, in this process: a disk in memory behind libtarge, which can be told to misbehave.
#pragma once

#include "device/testing_device.h"
#include "device/user_device.h"
#include "libtarge/internal.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace targe::device::testing {

/// Why a test with a handler in this process is skipped, or null. Engine and handler see the same memory at
/// two addresses, and the thread sanitizer, for which these are two memories, misses what orders one side's
/// accesses after the other's.
inline const char* why_no_handler_here() {
#if __has_feature(thread_sanitizer)
    return "the thread sanitizer does not know memory that is mapped twice";
#else
    return nullptr;
#endif
}

constexpr std::uint64_t kBlock = 512;

/// Of a handler that wants to know of nothing but commands.
constexpr targe_command_ops executing(int (*execute)(void*, targe_command*)) {
    targe_command_ops ops{};
    ops.struct_size = sizeof ops;
    ops.execute = execute;
    return ops;
}

/// The medium, which outlives handlers.
struct HandlersMedium {
    explicit HandlersMedium(std::size_t size) : bytes(size) {}
    Bytes bytes;
    std::atomic<unsigned> reads = 0;
    std::atomic<unsigned> writes = 0;
    std::atomic<unsigned> durable_writes = 0;
    std::atomic<unsigned> flushes = 0;
    std::atomic<unsigned> replays = 0;
    std::atomic<bool> hold = false;  ///< requests are kept, and not completed
    std::atomic<int> error = 0;      ///< what reads and writes end with
    std::byte* lent = nullptr;  ///< memory that is lent, as long as `bytes`: reads are answered from there
    std::mutex mutex;
    std::vector<targe_io*> kept;
    std::string reserved;  ///< what was told last

    int serve(targe_io* io) {
        replays += (io->flags & TARGE_IO_REPLAYED) != 0 ? 1 : 0;
        if (hold) {
            const std::scoped_lock lock{mutex};
            kept.push_back(io);
            return TARGE_LATER;
        }
        return error;
    }
    void complete_kept(int result) {
        const std::scoped_lock lock{mutex};
        for (targe_io* const io : std::exchange(kept, {})) {
            targe_block_complete(io, result);
        }
    }
};

inline const targe_block_ops kWholeDisk{
    .struct_size = sizeof(targe_block_ops),
    .reserved = 0,
    .read =
        [](void* context, targe_io* io) {
            auto& medium = *static_cast<HandlersMedium*>(context);
            ++medium.reads;
            if (medium.lent == nullptr || targe_lend(io, io->offset) != 0) {
                std::memcpy(io->data, medium.bytes.data() + io->offset, io->length);
            }
            return medium.serve(io);
        },
    .write =
        [](void* context, targe_io* io) {
            auto& medium = *static_cast<HandlersMedium*>(context);
            ++medium.writes;
            medium.durable_writes += (io->flags & TARGE_IO_DURABLE) != 0 ? 1 : 0;
            if (medium.error == 0) {
                std::memcpy(medium.bytes.data() + io->offset, io->data, io->length);
            }
            return medium.serve(io);
        },
    .flush =
        [](void* context, targe_io* io) {
            auto& medium = *static_cast<HandlersMedium*>(context);
            ++medium.flushes;
            return medium.serve(io);
        },
    .unmap =
        [](void* context, targe_io* io) {
            auto& medium = *static_cast<HandlersMedium*>(context);
            std::memset(medium.bytes.data() + io->offset, 0, io->length);
            return medium.serve(io);
        },
    .write_zeroes =
        [](void* context, targe_io* io) {
            auto& medium = *static_cast<HandlersMedium*>(context);
            std::memset(medium.bytes.data() + io->offset, 0, io->length);
            return medium.serve(io);
        },
    .block_status =
        [](void* context, targe_io* io, targe_extent* extent) {
            // Every other 64 KiB is mapped.
            constexpr std::uint64_t kRun = 65536;
            extent->length = std::min(io->length, kRun - io->offset % kRun);
            extent->mapped = io->offset / kRun % 2 == 0 ? 1 : 0;
            return static_cast<HandlersMedium*>(context)->serve(io);
        },
    .write_same =
        [](void* context, targe_io* io) {
            auto& medium = *static_cast<HandlersMedium*>(context);
            for (std::uint64_t at = 0; at < io->length; at += kBlock) {
                std::memcpy(medium.bytes.data() + io->offset + at, io->data, kBlock);
            }
            return medium.serve(io);
        },
    .copy =
        [](void* context, targe_io* io) {
            auto& medium = *static_cast<HandlersMedium*>(context);
            std::memcpy(medium.bytes.data() + io->offset, medium.bytes.data() + io->source, io->length);
            return medium.serve(io);
        },
    .reservations_changed =
        [](void* context, const targe_reservations* now) {
            auto& medium = *static_cast<HandlersMedium*>(context);
            const std::scoped_lock lock{medium.mutex};
            medium.reserved = std::to_string(now->kind) + " " + std::to_string(now->type) + " " +
                              now->holder + " " + std::to_string(now->registrants);
        },
    .batch_ended = nullptr,
};

/// Attached from its beginning to its end, on a thread of its own.
class Handler {
public:
    /// `memory` is lent, unless it is -1.
    Handler(const std::string& socket, HandlersMedium& medium, const targe_block_ops& ops = kWholeDisk,
            int memory = -1)
        : device_(attach(socket, medium, ops, error_, 0, 10'000, memory)) {
        if (device_ != nullptr) {
            thread_ = std::thread([this] { ended_with_ = targe_run(device_); });
        }
    }
    Handler(const Handler&) = delete;
    Handler& operator=(const Handler&) = delete;
    ~Handler() { stop(); }

    void stop() {
        if (device_ != nullptr) {
            targe_stop(device_);
            thread_.join();
            targe_detach(std::exchange(device_, nullptr));
        }
    }
    /// Until targed has shut it out.
    int wait() {
        thread_.join();
        targe_detach(std::exchange(device_, nullptr));
        return ended_with_;
    }
    /// Once its connection is gone: goes without telling targed of what it has.
    int abandon(HandlersMedium& medium) {
        thread_.join();
        medium.complete_kept(-EIO);  // into memory that nobody looks at any more
        targe_detach(std::exchange(device_, nullptr));
        return ended_with_;
    }
    [[nodiscard]] int connection() const { return device_->connection; }
    [[nodiscard]] targe_device* device() const { return device_; }
    [[nodiscard]] const std::string& error() const { return error_; }

    static targe_device* attach(const std::string& socket, HandlersMedium& medium, const targe_block_ops& ops,
                                std::string& error, std::uint32_t depth = 0, int limit_ms = 10'000,
                                int memory = -1) {
        targe_attachment how{};
        how.struct_size = sizeof how;
        how.level = TARGE_BLOCKS;
        how.socket = socket.c_str();
        how.name = "test 1";
        how.context = &medium;
        how.depth = depth;
        how.size = medium.bytes.size();
        how.block_ops = &ops;
        how.lends = memory >= 0 ? 1 : 0;
        how.memory = memory;
        std::array<char, 256> text{};
        targe_device* const made = targe_attach(&how, limit_ms, text.data(), text.size());
        error = text.data();
        return made;
    }

private:
    std::string error_;
    targe_device* device_;
    int ended_with_ = 0;
    std::thread thread_;
};

inline UserSettings settings_of(const ScratchDirectory& directory) {
    return {.name = "disk", .socket = directory / "disk.sock"};
}

inline std::unique_ptr<UserDevice> open_user(UserSettings settings) {
    auto made = UserDevice::open(std::move(settings));
    if (!made) {
        ADD_FAILURE() << made.error().text;
        std::abort();
    }
    return std::move(*made);
}

/// Stopped at the end, as the daemon does. It ends on its core, whose ring may have something of it yet: the
/// daemon has ended its reactors by then.
struct Stopped {
    std::unique_ptr<UserDevice> device;
    OnReactor& on;
    ~Stopped() {
        if (!device) {
            return;
        }
        device->stop();
        static_cast<void>(on.refresh(*device));  // a turn later the queues have heard of it
        on.ask([&] {
            device.reset();
            return true;
        });
    }
    UserDevice& operator*() const { return *device; }
    UserDevice* operator->() const { return device.get(); }
};

}  // namespace targe::device::testing
