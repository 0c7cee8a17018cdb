#include "device/stored_device.h"

#include "base/log.h"
#include "device/device_observer.h"
#include "device/off_core.h"
#include "reactor/io.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <optional>
#include <utility>

namespace targe::device {
namespace {

using reactor::Reactor;

constexpr std::size_t kZeroesSize = 64ULL << 10U;
alignas(4096) constexpr std::array<std::byte, kZeroesSize> kZeroes{};

}  // namespace

StoredDevice::StoredDevice(StoreSettings settings, reactor::FileDescriptor fd)
    : settings_(std::move(settings)),
      fd_(std::move(fd)),
      blocks_(settings_.geometry.blocks),
      reads_need_not_wait_(settings_.data_path == DataPath::page_cache),
      writes_need_not_wait_(settings_.data_path == DataPath::page_cache && settings_.writes_need_not_wait),
      resident_(fd_.get(), settings_.splices_without_waiting
                               ? settings_.geometry.blocks * settings_.geometry.block_size
                               : 0),
      write_back_(*this, fd_.get(),
                  settings_.data_path == DataPath::direct || settings_.capabilities.read_only
                      ? WriteBack::Retry::possible
                      : WriteBack::Retry::in_vain),
      off_core_(settings_.local ? nullptr : std::make_unique<OffCoreThreads>()) {}

Capabilities StoredDevice::capabilities() const {
    Capabilities can = settings_.capabilities;
    switch (settings_.data_path) {
        case DataPath::memory:
            can.read_cache = ReadCache::whole_medium;
            break;
        case DataPath::page_cache:
            can.read_cache = ReadCache::part_of_it;
            break;
        case DataPath::direct:
            can.read_cache = ReadCache::none;
            break;
    }
    return can;
}

Geometry StoredDevice::geometry() const {
    Geometry now = settings_.geometry;
    now.blocks = blocks_.load(std::memory_order_relaxed);
    return now;
}

bool StoredDevice::look_due() const {
    return Reactor::current()->now().time_since_epoch().count() >= next_look_.load(std::memory_order_relaxed);
}

bool StoredDevice::reachable(std::uint64_t lba, std::uint64_t blocks) const {
    const std::uint64_t have = blocks_.load(std::memory_order_relaxed);
    return !away_.load(std::memory_order_relaxed) && lba <= have && blocks <= have - lba;
}

std::unexpected<IoFailure> StoredDevice::failed(IoError error, std::uint64_t lba) {
    if (error == IoError::gone) {
        note_away(true);
    } else if (error == IoError::no_space) {
        note_full();
    }
    return std::unexpected(IoFailure{.error = error, .lba = lba});
}

void StoredDevice::note_away(bool away) {
    // Every operation comes by here: only a change is worth the write, and the line.
    if (away_.load(std::memory_order_relaxed) == away || away_.exchange(away) == away) {
        return;
    }
    medium_.may_have_changed();
    if (away) {
        TARGE_LOG(error, "device",
                  "{} is away (deleted, cut, or its disk is gone): initiators get errors until it is back",
                  settings_.path);
    } else {
        TARGE_LOG(warning, "device", "{} is back", settings_.path);
    }
}

void StoredDevice::note_full() {
    constexpr base::Duration kBetweenLines = std::chrono::minutes{1};
    const base::Time now = Reactor::current()->now();
    auto due = next_full_line_.load(std::memory_order_relaxed);
    if (due > now.time_since_epoch().count() ||
        !next_full_line_.compare_exchange_strong(due, (now + kBetweenLines).time_since_epoch().count())) {
        return;
    }
    TARGE_LOG(error, "device",
              "{0} finds no room where it is kept: writes that need some fail, as DATA PROTECT (27/07), "
              "until there "
              "is; df -h {0}",
              settings_.path);
}

bool StoredDevice::take_over(const reactor::FileDescriptor& opened) {
    return medium_.exchange([this, &opened] {
        if (::dup3(opened.get(), fd_.get(), O_CLOEXEC) < 0) {
            return false;
        }
        write_back_.moved();
        resident_.follow(fd_.get());
        replaced_.store(true);
        return true;
    });
}

void StoredDevice::observe(DeviceObserver* observer) {
    const std::scoped_lock lock{observing_};
    observer_ = observer;
}

bool StoredDevice::told_of_replacement() {
    constexpr std::uint16_t kMediumMayHaveChanged = 0x2800;
    const std::scoped_lock lock{observing_};
    if (replaced_.exchange(false)) {
        told_ = std::make_shared<std::atomic<bool>>(observer_ == nullptr);
        if (observer_ != nullptr) {
            telling_.store(true);
            observer_->raise(kMediumMayHaveChanged, 0, [told = told_] { told->store(true); });
        }
    }
    return told_ == nullptr || told_->load();
}

void StoredDevice::note_lost() {
    if (!lost_told_.exchange(true)) {
        TARGE_LOG(error, "device",
                  "{}: data that initiators had been told were written are lost, because the host could not "
                  "write them back: every SYNCHRONIZE CACHE fails from now on. Look what is damaged, then "
                  "go on with what is there by 'targe device refresh'",
                  settings_.path);
    }
}

std::uint64_t StoredDevice::size_in_bytes() const {
    return byte_of(blocks_.load(std::memory_order_relaxed));
}

bool StoredDevice::up_to_the_end(std::uint64_t lba, std::uint64_t blocks) const {
    return lba + blocks == blocks_.load(std::memory_order_relaxed);
}

base::Task<bool> StoredDevice::look(base::CommandArena& arena) {
    auto due = next_look_.load(std::memory_order_relaxed);
    const base::Time now = Reactor::current()->now();
    const auto next = (now + kLookInterval).time_since_epoch().count();
    if (due > now.time_since_epoch().count() || !next_look_.compare_exchange_strong(due, next)) {
        co_return true;  // another core looks
    }
    const std::uint64_t bytes = size_in_bytes();
    if (!away_.load(std::memory_order_relaxed)) {
        // Of those that wait for a server one is enough.
        if (asking_.exchange(true)) {
            co_return true;
        }
        const bool well = co_await intact(arena, bytes);
        asking_.store(false);
        note_away(!well);
        if (well && is_another_disc()) {
            co_await change_disc(arena);
        }
        co_return true;
    }
    const auto found = co_await find_store(arena);
    if (!found || !takes_back(*found)) {
        co_return false;
    }
    if (!told_of_replacement()) {
        next_look_.store(0, std::memory_order_relaxed);  // it takes moments
        co_return false;
    }
    note_away(false);
    // Whoever looks may have begun before initiators were told.
    co_return !telling_.exchange(false);
}

base::Task<std::expected<std::uint64_t, IoFailure>> StoredDevice::find_store(base::CommandArena& arena) {
    if (looking_.exchange(true)) {
        co_return failed(IoError::no_resources, 0);  // another core does it
    }
    std::expected<std::uint64_t, int> found = std::unexpected(EAGAIN);
    const int refused = co_await run_off_core(arena, [this, &found] { found = look_again(); });
    looking_.store(false);
    if (refused != 0) {
        co_return failed(IoError::no_resources, 0);
    }
    if (!found) {
        co_return failed(found.error() == kPinned ? IoError::no_resources : IoError::gone, 0);
    }
    co_return *found;
}

base::Task<IoResult> StoredDevice::probe(base::CommandArena& arena) {
    co_return co_await ready(arena, 0, 0);
}

base::Task<IoResult> StoredDevice::refresh(base::CommandArena& arena) {
    const auto found = co_await find_store(arena);
    if (!found) {
        co_return std::unexpected(found.error());
    }
    const std::uint64_t blocks = blocks_in(*found);
    if (blocks == 0) {
        co_return failed(IoError::gone, 0);
    }
    blocks_.store(blocks, std::memory_order_relaxed);
    static_cast<void>(is_another_disc());
    if (write_back_.forgive()) {
        lost_told_.store(false);
        TARGE_LOG(warning, "device", "{}: served on without the data that were lost", settings_.path);
    }
    // What the caller changes next closes every lane, behind this.
    static_cast<void>(told_of_replacement());
    note_away(false);
    co_return IoResult{};
}

base::Task<IoResult> StoredDevice::ready(base::CommandArena& arena, std::uint64_t lba, std::uint64_t blocks) {
    if (look_due()) {
        const bool usable = co_await look(arena);
        if (!usable) {
            co_return std::unexpected(IoFailure{.error = IoError::gone, .lba = lba});
        }
    }
    if (!reachable(lba, blocks)) {
        co_return std::unexpected(IoFailure{.error = IoError::gone, .lba = lba});
    }
    co_return IoResult{};
}

base::Task<IoResult> StoredDevice::ready_to_write(base::CommandArena& arena, std::uint64_t lba,
                                                  std::uint64_t blocks) {
    const IoResult fit = co_await ready(arena, lba, blocks);
    if (!fit) {
        co_return fit;
    }
    if (settings_.capabilities.read_only) {
        co_return failed(IoError::read_only, lba);
    }
    if (up_to_the_end(lba, blocks)) {
        const bool well = co_await still_there(arena);
        if (!well) {
            co_return failed(IoError::gone, lba);
        }
    }
    co_return IoResult{};
}

base::Task<bool> StoredDevice::still_there(base::CommandArena& arena) {
    co_return co_await intact(arena, size_in_bytes());
}

base::Task<IoResult> StoredDevice::sync(base::CommandArena& arena, std::uint64_t lba) {
    const int error = co_await write_back_.sync(arena);
    const bool lost = write_back_.lost();
    if (lost) {
        note_lost();
    }
    if (error != 0) {
        co_return failed(io_error_of(error, Attempt::write), lba);
    }
    if (lost) {
        co_return failed(IoError::unwritable, lba);
    }
    co_return IoResult{};
}

base::Task<IoResult> StoredDevice::flush(base::CommandArena& arena) {
    const IoResult fit = co_await ready(arena, 0, 0);
    if (!fit || settings_.capabilities.read_only) {
        co_return fit;
    }
    co_return co_await sync(arena, 0);
}

base::Task<int> StoredDevice::allocate(base::CommandArena& /*arena*/, int mode, std::uint64_t offset,
                                       std::uint64_t size) {
    int result = 0;
    do {
        result = co_await reactor::fallocate(fd(), mode, offset, size);
    } while (result == -EINTR);
    co_return -result;
}

base::Task<IoResult> StoredDevice::unmap(base::CommandArena& arena, std::uint64_t lba, std::uint64_t blocks) {
    const IoResult fit = co_await ready_to_write(arena, lba, blocks);
    if (!fit) {
        co_return fit;
    }
    // Where unmapped blocks read as zeroes, so do those of the granules at the ends that stay allocated.
    const std::uint64_t granule =
        settings_.capabilities.unmapped_reads_zero ? 1 : settings_.capabilities.unmap_granularity_blocks;
    const std::uint64_t first = (lba + granule - 1) / granule * granule;
    const std::uint64_t end = (lba + blocks) / granule * granule;
    if (first >= end) {
        co_return IoResult{};
    }
    const auto owed = owing();
    const int error = co_await allocate(arena, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, byte_of(first),
                                        byte_of(end - first));
    if (error != 0) {
        co_return failed(io_error_of(error, Attempt::write), first);
    }
    co_return IoResult{};
}

base::Task<Moved> StoredDevice::write_zero_blocks(base::CommandArena& arena, std::uint64_t offset,
                                                  std::uint64_t size) {
    std::array<base::ConstSegment, 16> segments{};
    Moved moved;
    while (moved.bytes < size) {
        std::uint64_t left = std::min<std::uint64_t>(size - moved.bytes, segments.size() * kZeroesSize);
        std::size_t count = 0;
        while (left > 0) {
            const std::size_t piece = std::min<std::uint64_t>(left, kZeroesSize);
            segments.at(count++) = {.data = kZeroes.data(), .size = piece};
            left -= piece;
        }
        const base::ConstSegments zeroes = std::span(segments).first(count);
        Transfer transfer = writing(fd(), zeroes, offset + moved.bytes, 0);
        transfer.off_core = off_core_.get();
        const Moved done = co_await move(arena, transfer, Moved{});
        moved.bytes += done.bytes;
        if (done.bytes != transfer.size) {
            co_return Moved{.bytes = moved.bytes, .error = done.error};
        }
    }
    co_return moved;
}

base::Task<IoResult> StoredDevice::write_zeroes(base::CommandArena& arena, std::uint64_t lba,
                                                std::uint64_t blocks, bool may_unmap, Durability durability) {
    const IoResult fit = co_await ready_to_write(arena, lba, blocks);
    if (!fit) {
        co_return fit;
    }
    const Capabilities& can = settings_.capabilities;
    const std::uint64_t size = byte_of(blocks);
    const bool durable = durability == Durability::durable;
    std::optional<WriteBack::Owing> owed;
    if (!durable) {
        owed.emplace(write_back_);
    }
    int error = EOPNOTSUPP;
    if (may_unmap && can.unmap && can.unmapped_reads_zero) {
        error = co_await allocate(arena, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, byte_of(lba), size);
    }
    if (error == EOPNOTSUPP) {
        error = co_await allocate(arena, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, byte_of(lba), size);
    }
    Moved moved{.bytes = error == 0 ? size : 0, .error = error};
    if (error == EOPNOTSUPP) {
        moved = co_await write_zero_blocks(arena, byte_of(lba), size);
    }
    if (moved.bytes != size) {
        const std::uint64_t at = lba + moved.bytes / settings_.geometry.block_size;
        co_return failed(io_error_of(moved.error, Attempt::write), at);
    }
    if (durable) {
        co_return co_await sync(arena, lba);
    }
    co_return IoResult{};
}

}  // namespace targe::device
