// What the engine asks of a store of blocks. Devices never see an initiator, and never a CDB.
#pragma once

#include "base/buffer.h"
#include "base/pages.h"
#include "base/task.h"

#include <cstdint>
#include <expected>
#include <optional>
#include <string_view>
#include <vector>

namespace targe::device {

class CommandServer;
class DeviceObserver;

/// What the host did to us. The engine turns it into sense data in one exhaustive switch.
enum class IoError : std::uint8_t {
    unreadable,  ///< the medium lost these blocks (EIO on read)
    unwritable,  ///< the medium did not take these blocks (EIO on write or flush)
    no_space,    ///< thin store is full (ENOSPC, EDQUOT)
    read_only,   ///< the store may not be written (EROFS, EPERM)
    gone,        ///< the store is away (ENODEV, ENXIO, ESTALE, a file that shrank or vanished); it may return
    no_resources,  ///< the host is short of something for now; the same request may work later
};

struct IoFailure {
    IoError error;
    std::uint64_t lba;  ///< the first block not known to be good
    bool operator==(const IoFailure&) const = default;
};

using IoResult = std::expected<void, IoFailure>;

/// Whether a write must have reached the medium, past every volatile cache, before it is answered.
enum class Durability : std::uint8_t { cached, durable };

struct Geometry {
    std::uint64_t blocks;
    std::uint32_t block_size;                  ///< bytes: 512, 1024, 2048 or 4096
    std::uint8_t physical_block_exponent = 0;  ///< log2 of logical blocks per physical block
    bool operator==(const Geometry&) const = default;
};

/// What of the medium reads find in memory.
enum class ReadCache : std::uint8_t { none, part_of_it, whole_medium };

/// What the device really does. Whatever is false here the engine emulates or does not announce.
struct Capabilities {
    bool read_only = false;
    bool volatile_cache = true;  ///< a write may be lost by a power cut until flush() or a durable write
    bool survives_crash = true;  ///< what was written is there when the process is started again
    ReadCache read_cache = ReadCache::none;
    bool unmap = false;                ///< unmap() gives space back
    bool unmapped_reads_zero = false;  ///< LBPRZ
    bool block_status = false;         ///< block_status() tells holes from data
    bool anchor = false;               ///< anchor() gives blocks their space before they are written
    bool fill = false;                 ///< fill() tells how full the store is
    bool rotational = false;
    bool knows_its_size = true;             ///< geometry() is right from the start, before anybody was asked
    bool lends_what_never_changes = false;  ///< what lend() names is the same whatever is written
    std::uint32_t unmap_granularity_blocks = 1;
    std::uint32_t optimal_transfer_blocks = 0;  ///< 0: no preference
};

struct Extent {
    std::uint64_t lba;
    std::uint64_t blocks;
    bool mapped;
    bool anchored = false;  ///< not mapped, but has its space
    bool operator==(const Extent&) const = default;
};

/// Data in memory of a device.
struct Loan {
    base::ConstSegment data;
    std::uint64_t number;  ///< for Device::give_back(); never 0
};

/// That the device itself fills: parameters as LOG SENSE returns them.
struct LogPage {
    std::uint8_t code;
    std::vector<std::byte> parameters;
};

/// What has become of a copy that a device was asked for.
enum class CopyPath : std::uint8_t {
    none,    ///< it cannot: whoever asked reads and writes. Part of the range may be copied
    copied,  ///< by the host, without moving the data through this process
    cloned,  ///< not moved at all: both ranges have the same space until one of them is written
};

/// How full a thin store is.
struct Fill {
    std::uint64_t used_bytes;       ///< that this device takes up
    std::uint64_t available_bytes;  ///< that it may take up besides
    bool shared;                    ///< what others take up is not available any more
    bool operator==(const Fill&) const = default;
};

/// What reservations of a unit are, after something about them has changed.
struct ReservationFacts {
    enum class Kind : std::uint8_t { none, reserve, persistent };
    Kind kind = Kind::none;        ///< which one there is: by RESERVE, or persistent
    std::uint8_t type = 0;         ///< of a persistent one, as in PERSISTENT RESERVE OUT
    std::uint64_t nexus = 0;       ///< that holds the one of RESERVE
    std::string_view holder{};     ///< initiator port that holds the persistent one; empty: all registrants
    std::uint32_t generation = 0;  ///< PRGENERATION
    std::uint32_t registrants = 0;
};

/// A store of fixed-size blocks, used from every core at once: an operation runs on the core that asks for
/// it, and the awaiting coroutine goes on there. Ranges are whole blocks and already within geometry(); a
/// segment list is exactly as long as its range, and stays where it is until the operation ends. Operations
/// that overlap and are in flight together may take effect in any order.
class Device {
public:
    Device() = default;
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;
    virtual ~Device() = default;

    /// May differ from call to call after refresh().
    [[nodiscard]] virtual Geometry geometry() const = 0;
    [[nodiscard]] virtual Capabilities capabilities() const = 0;

    virtual base::Task<IoResult> read(base::CommandArena& arena, std::uint64_t lba, base::Segments into) = 0;
    virtual base::Task<IoResult> write(base::CommandArena& arena, std::uint64_t lba, base::ConstSegments from,
                                       Durability durability) = 0;
    /// Copies `bytes`, whole blocks of both devices, from another device of any kind; ranges of one device
    /// must not overlap. Fails where there is no space; whatever else is in the way shows to whoever reads
    /// and writes.
    virtual base::Task<std::expected<CopyPath, IoFailure>> copy_from(
        base::CommandArena& /*arena*/, std::uint64_t /*lba*/, Device& /*source*/,
        std::uint64_t /*source_lba*/, std::uint64_t /*bytes*/, Durability /*durability*/) {
        co_return CopyPath::none;
    }
    /// Everything written before is durable when this ends well.
    virtual base::Task<IoResult> flush(base::CommandArena& arena) = 0;
    /// Gives back the space of whole granules inside the range; with Capabilities::unmapped_reads_zero all of
    /// the range reads as zeroes afterwards. Only with Capabilities::unmap.
    virtual base::Task<IoResult> unmap(base::CommandArena& arena, std::uint64_t lba,
                                       std::uint64_t blocks) = 0;
    /// `block` over and over. Nothing: whoever asked writes it out.
    virtual base::Task<std::optional<IoResult>> write_same(base::CommandArena& /*arena*/,
                                                           std::uint64_t /*lba*/, std::uint64_t /*blocks*/,
                                                           base::ConstSegment /*block*/,
                                                           Durability /*durability*/) {
        co_return std::nullopt;
    }
    /// All of the range reads as zeroes afterwards and has its space, so that writing it finds room. When it
    /// fails, part of it may be so. Only with Capabilities::anchor.
    virtual base::Task<IoResult> anchor(base::CommandArena& /*arena*/, std::uint64_t lba,
                                        std::uint64_t /*blocks*/) {
        co_return std::unexpected(IoFailure{.error = IoError::unwritable, .lba = lba});
    }
    /// The range reads as zeroes afterwards; `may_unmap` allows to give its space back.
    virtual base::Task<IoResult> write_zeroes(base::CommandArena& arena, std::uint64_t lba,
                                              std::uint64_t blocks, bool may_unmap,
                                              Durability durability) = 0;
    /// A run from `lba` on, at most `blocks` long, that is all mapped, all anchored or all neither.
    /// Only with Capabilities::block_status.
    virtual base::Task<std::expected<Extent, IoFailure>> block_status(base::CommandArena& arena,
                                                                      std::uint64_t lba,
                                                                      std::uint64_t blocks) = 0;
    /// Cheap, too. Only with Capabilities::fill.
    virtual base::Task<std::expected<Fill, IoFailure>> fill(base::CommandArena& /*arena*/) {
        co_return std::unexpected(IoFailure{.error = IoError::no_resources, .lba = 0});
    }
    /// Whether the store is there. Cheap; a store that is away may be looked for.
    virtual base::Task<IoResult> probe(base::CommandArena& /*arena*/) { co_return IoResult{}; }
    /// Looks again at the backing store: its size may have changed, or it may have come back.
    /// Afterwards geometry() and capabilities() are what was found.
    virtual base::Task<IoResult> refresh(base::CommandArena& arena) = 0;

    /// By code. At once, from any core.
    [[nodiscard]] virtual std::vector<LogPage> log_pages() const { return {}; }
    /// Whether the backing store was away when it was last needed. From any thread, and at once: nothing is
    /// looked at.
    [[nodiscard]] virtual bool away() const { return false; }
    /// Whether data are gone that had been acknowledged, until refresh(). The same.
    [[nodiscard]] virtual bool lost_data() const { return false; }
    /// Of what is open now, a number that never changes: whatever takes the place of that gets it. -1: the
    /// device has no store that the host knows of. The same.
    [[nodiscard]] virtual int descriptor() const { return -1; }

    // What a device can do without waiting for anything, so that it costs no coroutine. Nothing was done, or
    // may be done again by read() and write(), where they give no answer.
    [[nodiscard]] virtual std::optional<IoResult> read_at_once(std::uint64_t /*lba*/,
                                                               base::Segment /*into*/) {
        return std::nullopt;
    }
    [[nodiscard]] virtual std::optional<IoResult> write_at_once(std::uint64_t /*lba*/,
                                                                base::ConstSegment /*from*/,
                                                                Durability /*durability*/) {
        return std::nullopt;
    }

    /// Of a device that executes CDBs itself, and is no store of blocks; null: it is one.
    [[nodiscard]] virtual CommandServer* server() { return nullptr; }
    /// Who is told from now on; null: nobody, and when this returns nobody is being told any more. From any
    /// thread.
    virtual void observe(DeviceObserver* /*observer*/) {}
    /// They have changed. Does not wait, and keeps nothing of what it is given; on any core.
    virtual void reservations_changed(const ReservationFacts& /*facts*/) {}
    /// The daemon ends: nobody is told any more, and no operation waits long for something outside the
    /// process. From any thread.
    virtual void stop() {}
    /// Whether read_lent() may be called now.
    [[nodiscard]] virtual bool lends_reads(std::uint64_t /*bytes*/) { return false; }
    /// Into memory of the device's own. The data may change until they are given back.
    virtual base::Task<std::expected<Loan, IoFailure>> read_lent(base::CommandArena& /*arena*/,
                                                                 std::uint64_t lba,
                                                                 std::uint64_t /*blocks*/) {
        co_return std::unexpected(IoFailure{.error = IoError::no_resources, .lba = lba});
    }
    /// Of each loan once, on the core that has it.
    virtual void give_back(std::uint64_t /*loan*/) {}

    /// The device's own memory that holds the range, when it has it at hand; it stays valid and in place as
    /// long as the device lives. Content may change under concurrent writes, as on any disk.
    [[nodiscard]] virtual std::optional<base::ConstSegment> lend(std::uint64_t /*lba*/,
                                                                 std::uint64_t /*blocks*/) {
        return std::nullopt;
    }

    /// `bytes` from the beginning of `lba` on, in pages of the kernel's that are lent as they are, when they
    /// are in memory. They may change, by writes that come later, until the initiator has them.
    [[nodiscard]] virtual std::optional<base::Pages> lend_pages(std::uint64_t /*lba*/,
                                                                std::uint64_t /*bytes*/) {
        return std::nullopt;
    }

    /// A number that is greater whenever the medium may be another one: something else was opened in its
    /// place, or it was away, or has come back. 0: it is what was opened first. From any thread, and at once.
    [[nodiscard]] virtual std::uint64_t medium() const { return 0; }
    /// For work that must not go on with another medium. True: it is the one of that number, and nothing
    /// takes its place until unpin(). False: it is another one, or is just becoming one. The same.
    [[nodiscard]] virtual bool pin(std::uint64_t /*medium*/) { return true; }
    virtual void unpin() {}
};

}  // namespace targe::device
