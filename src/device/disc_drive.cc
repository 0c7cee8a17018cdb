#include "device/disc_drive.h"

#include "base/log.h"

#include <system_error>
#include <thread>
#include <utility>

namespace targe::device {
namespace {

std::unexpected<IoFailure> failed(IoError error, std::uint64_t lba) {
    return std::unexpected(IoFailure{.error = error, .lba = lba});
}

/// Its file may be on a share whose server does not answer: nobody here waits for that.
void close_elsewhere(std::shared_ptr<Device> disc) {
    if (!disc) {
        return;
    }
    try {
        std::thread([closed = std::move(disc)] {}).detach();
    } catch (const std::system_error& error) {
        TARGE_LOG(warning, "device", "no thread can be had to close a disc, so that others waited for it: {}",
                  error.what());
    }
}

}  // namespace

std::shared_ptr<Device> DiscDrive::disc() const {
    const std::lock_guard lock(mutex_);
    return disc_;
}

void DiscDrive::exchange(std::shared_ptr<Device> disc) {
    {
        const std::lock_guard lock(mutex_);
        disc_.swap(disc);
        if (disc) {
            disc->observe(nullptr);
        }
        if (disc_) {
            disc_->observe(observer_);
        }
    }
    close_elsewhere(std::move(disc));
}

void DiscDrive::observe(DeviceObserver* observer) {
    const std::lock_guard lock(mutex_);
    observer_ = observer;
    if (disc_) {
        disc_->observe(observer);
    }
}

Geometry DiscDrive::geometry() const {
    const auto held = disc();
    return held ? held->geometry() : Geometry{.blocks = 0, .block_size = kBlockSize};
}

Capabilities DiscDrive::capabilities() const {
    const auto held = disc();
    Capabilities can = held ? held->capabilities() : Capabilities{};
    can.read_only = true;
    can.volatile_cache = false;
    can.unmap = can.anchor = can.fill = can.block_status = false;
    can.rotational = true;
    return can;
}

base::Task<IoResult> DiscDrive::read(base::CommandArena& arena, std::uint64_t lba, base::Segments into) {
    const auto held = disc();
    if (!held) {
        co_return failed(IoError::gone, lba);
    }
    co_return co_await held->read(arena, lba, into);
}

base::Task<IoResult> DiscDrive::write(base::CommandArena& /*arena*/, std::uint64_t lba,
                                      base::ConstSegments /*from*/, Durability /*durability*/) {
    co_return failed(IoError::read_only, lba);
}

base::Task<IoResult> DiscDrive::flush(base::CommandArena& /*arena*/) {
    co_return IoResult{};  // nothing was ever written
}

base::Task<IoResult> DiscDrive::unmap(base::CommandArena& /*arena*/, std::uint64_t lba,
                                      std::uint64_t /*blocks*/) {
    co_return failed(IoError::read_only, lba);
}

base::Task<IoResult> DiscDrive::write_zeroes(base::CommandArena& /*arena*/, std::uint64_t lba,
                                             std::uint64_t /*blocks*/, bool /*may_unmap*/,
                                             Durability /*durability*/) {
    co_return failed(IoError::read_only, lba);
}

base::Task<std::expected<Extent, IoFailure>> DiscDrive::block_status(base::CommandArena& /*arena*/,
                                                                     std::uint64_t lba,
                                                                     std::uint64_t blocks) {
    co_return Extent{.lba = lba, .blocks = blocks, .mapped = true};
}

base::Task<IoResult> DiscDrive::probe(base::CommandArena& arena) {
    const auto held = disc();
    if (!held) {
        co_return IoResult{};  // the drive itself is there
    }
    co_return co_await held->probe(arena);
}

base::Task<IoResult> DiscDrive::refresh(base::CommandArena& arena) {
    const auto held = disc();
    if (!held) {
        co_return IoResult{};
    }
    co_return co_await held->refresh(arena);
}

bool DiscDrive::away() const {
    const auto held = disc();
    return held && held->away();
}

std::optional<IoResult> DiscDrive::read_at_once(std::uint64_t lba, base::Segment into) {
    const auto held = disc();
    return held ? held->read_at_once(lba, into) : std::nullopt;
}

}  // namespace targe::device
