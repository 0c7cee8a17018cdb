// What files and block devices have in common.
#pragma once

#include "device/device.h"
#include "device/inline_budget.h"
#include "device/off_core_threads.h"
#include "device/open_medium.h"
#include "device/resident_pages.h"
#include "device/transfer.h"
#include "device/write_back.h"
#include "reactor/file_descriptor.h"
#include "reactor/plug.h"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <string>

namespace targe::device {

/// How data reaches the store.
enum class DataPath : std::uint8_t {
    memory,      ///< a file system in memory: a call is a copy
    page_cache,  ///< a call may find what it needs in memory, or may have to wait
    direct,      ///< O_DIRECT: always waits for the store
};

struct StoreSettings {
    std::string path;
    Geometry geometry;
    Capabilities capabilities;
    DataPath data_path = DataPath::page_cache;
    bool local = false;                    ///< what the file system is asked never waits for a network
    bool writes_need_not_wait = false;     ///< RWF_NOWAIT is understood for writes to the page cache
    bool splices_without_waiting = false;  ///< pages that are in memory, into a pipe
    std::size_t memory_alignment = 1;      ///< that O_DIRECT asks of buffers; at most 4096
    reactor::PlugLimits limits = {};       ///< of what goes past the page cache
    std::uint64_t size_limit_bytes = 0;    ///< 0: all of the store is used
    /// Nobody writes it here. Whoever does so elsewhere has changed the disc: initiators are told, and it is
    /// as large as it is then.
    bool disc = false;
};

/// Blocks in something that a path names and a descriptor holds open.
///
/// The number of the descriptor never changes: when the store is opened anew, the new file takes the old
/// one's number in one step (dup3), so operations need no lock, and those in flight end on the old file.
///
/// A store that is away fails every operation with IoError::gone, and is looked for once a second by the
/// operations that come; it is taken back when it holds as many blocks as before, a smaller disc when nobody
/// writes it any more. refresh() takes it back as it is. One that has taken the place of another is another
/// medium: initiators are told that before they can read it. That a file was deleted or cut is noticed by a
/// look once a second while there are operations, by a read that finds its end too early, before a flush or a
/// durable write is answered, and before a write up to its end, which would make it whole again, with zeroes
/// for what was there.
///
/// What was answered and is then lost on its way from the page cache, or with the file that it was written
/// to, is told by every flush from then on, until refresh(): the next one that the kernel says went well says
/// nothing of it.
class StoredDevice : public Device, private FlushedStore {
public:
    [[nodiscard]] Geometry geometry() const override;
    [[nodiscard]] Capabilities capabilities() const override;
    base::Task<IoResult> read(base::CommandArena& arena, std::uint64_t lba, base::Segments into) override;
    base::Task<IoResult> write(base::CommandArena& arena, std::uint64_t lba, base::ConstSegments from,
                               Durability durability) override;
    base::Task<IoResult> flush(base::CommandArena& arena) override;
    base::Task<IoResult> unmap(base::CommandArena& arena, std::uint64_t lba, std::uint64_t blocks) override;
    base::Task<IoResult> write_zeroes(base::CommandArena& arena, std::uint64_t lba, std::uint64_t blocks,
                                      bool may_unmap, Durability durability) override;
    base::Task<IoResult> probe(base::CommandArena& arena) override;
    base::Task<IoResult> refresh(base::CommandArena& arena) override;
    void observe(DeviceObserver* observer) override;
    void stop() override { observe(nullptr); }
    [[nodiscard]] bool away() const override { return away_.load(std::memory_order_relaxed); }
    [[nodiscard]] bool lost_data() const override { return write_back_.lost(); }
    [[nodiscard]] int descriptor() const override { return fd(); }
    [[nodiscard]] std::uint64_t medium() const override { return medium_.number(); }
    [[nodiscard]] bool pin(std::uint64_t medium) override { return medium_.pin(medium); }
    void unpin() override { medium_.unpin(); }

    /// How often the store is looked at, or looked for.
    static constexpr base::Duration kLookInterval = std::chrono::seconds{1};

    /// From the page cache, where all of it is there.
    [[nodiscard]] std::optional<IoResult> read_at_once(std::uint64_t lba, base::Segment into) override;
    /// From ext4 and tmpfs, as far as the store was long when it was opened first.
    [[nodiscard]] std::optional<base::Pages> lend_pages(std::uint64_t lba, std::uint64_t bytes) override;
    /// To the page cache, as far as that does not take long.
    [[nodiscard]] std::optional<IoResult> write_at_once(std::uint64_t lba, base::ConstSegment from,
                                                        Durability durability) override;

protected:
    static constexpr int kPinned = ECANCELED;

    StoredDevice(StoreSettings settings, reactor::FileDescriptor fd);

    /// Opens the path again when it does not name what is open any more, and takes it over. The size found,
    /// or an errno; kPinned where what is open cannot be left. May block: runs on a thread of its own.
    [[nodiscard]] virtual std::expected<std::uint64_t, int> look_again() = 0;
    /// Whether what is open still exists and holds at least `bytes`.
    virtual base::Task<bool> intact(base::CommandArena& arena, std::uint64_t bytes) = 0;

    [[nodiscard]] const StoreSettings& settings() const { return settings_; }
    [[nodiscard]] int fd() const { return fd_.get(); }
    /// Puts `opened` in the place of what is open; false where that is pinned. May block.
    [[nodiscard]] bool take_over(const reactor::FileDescriptor& opened);
    /// When it is opened, and of look_again() and intact(): a number that is another one with another
    /// content, and never 0.
    void saw(std::uint64_t content);

    /// Looks when it is time to, and says whether the range can be worked on.
    base::Task<IoResult> ready(base::CommandArena& arena, std::uint64_t lba, std::uint64_t blocks);
    /// The same for what changes the range.
    base::Task<IoResult> ready_to_write(base::CommandArena& arena, std::uint64_t lba, std::uint64_t blocks);
    /// As long as a change that need not be durable is under way.
    [[nodiscard]] WriteBack::Owing owing() { return WriteBack::Owing(write_back_); }
    /// A failure at `lba`; takes note when the store is away.
    [[nodiscard]] std::unexpected<IoFailure> failed(IoError error, std::uint64_t lba);
    [[nodiscard]] std::uint64_t byte_of(std::uint64_t lba) const {
        return lba * settings_.geometry.block_size;
    }
    /// fallocate() through the ring: 0 or an errno.
    base::Task<int> allocate(base::CommandArena& arena, int mode, std::uint64_t offset, std::uint64_t size);

private:
    [[nodiscard]] bool look_due() const;
    /// Notes, and tells the administrator of a change.
    void note_away(bool away);
    /// Tells the administrator, once a minute while it lasts.
    void note_full();
    /// Whether the store is there, and the range in it.
    [[nodiscard]] bool reachable(std::uint64_t lba, std::uint64_t blocks) const;
    /// Whether the caller may use what is there.
    base::Task<bool> look(base::CommandArena& arena);
    base::Task<std::expected<std::uint64_t, IoFailure>> find_store(base::CommandArena& arena);
    /// Whether the store of that size is taken back. A disc has that size then.
    [[nodiscard]] bool takes_back(std::uint64_t bytes);
    /// Whether what was seen of a disc is something else than initiators know; they are to be told then.
    bool is_another_disc();
    /// Somebody has written into it.
    base::Task<void> change_disc(base::CommandArena& arena);
    [[nodiscard]] std::uint64_t blocks_in(std::uint64_t bytes) const;
    [[nodiscard]] std::optional<IoResult> at_once(const Transfer& transfer, std::uint64_t lba,
                                                  Durability durability);
    [[nodiscard]] Moved start(const Transfer& transfer, Durability durability);
    /// Whether it may go to the kernel together with others of its turn (reactor::Plug).
    [[nodiscard]] bool is_small_read(const Transfer& transfer) const;
    /// Whether others wait while so much is copied.
    [[nodiscard]] bool takes_turns(const Transfer& transfer) const;
    /// start(), piece by piece, each in a turn of its own; as far as the first that is not moved whole.
    base::Task<Moved> start_in_turns(base::CommandArena& arena, Transfer transfer, Durability durability);
    base::Task<Moved> finish(base::CommandArena& arena, Transfer transfer, Moved moved);
    [[nodiscard]] IoResult outcome(const Transfer& transfer, const Moved& moved, std::uint64_t lba);
    base::Task<Moved> write_zero_blocks(base::CommandArena& arena, std::uint64_t offset, std::uint64_t size);
    base::Task<IoResult> sync(base::CommandArena& arena, std::uint64_t lba);
    base::Task<bool> still_there(base::CommandArena& arena) override;
    /// Whether a write there would make a file longer that somebody has cut.
    [[nodiscard]] bool up_to_the_end(std::uint64_t lba, std::uint64_t blocks) const;
    [[nodiscard]] std::uint64_t size_in_bytes() const;
    void note_lost();
    /// Whether initiators know that what is open now is not what they knew; tells them once.
    [[nodiscard]] bool told_of_replacement();

    const StoreSettings settings_;
    const reactor::FileDescriptor fd_;
    std::atomic<std::uint64_t> blocks_;
    std::atomic<bool> away_ = false;
    std::atomic<bool> looking_ = false;
    std::atomic<bool> asking_ = false;       ///< whether it is intact
    std::atomic<bool> reads_need_not_wait_;  ///< RWF_NOWAIT is understood by the file system
    std::atomic<bool> writes_need_not_wait_;
    std::atomic<base::Duration::rep> next_look_ = 0;
    std::atomic<base::Duration::rep> next_full_line_ = 0;
    ResidentPages resident_;  ///< of a store that lends pages
    InlineBudget budget_;
    WriteBack write_back_;
    const std::unique_ptr<OffCoreThreads> off_core_;  ///< where a server may not answer
    OpenMedium medium_;
    std::atomic<bool> lost_told_ = false;
    std::atomic<bool> replaced_ = false;
    std::atomic<bool> telling_ = false;       ///< of a replacement that nobody has read since
    std::atomic<std::uint64_t> seen_ = 0;     ///< of the content, by the latest look
    std::atomic<std::uint64_t> known_ = 0;    ///< to initiators; 0: nothing was seen yet
    std::atomic<std::uint64_t> growing_ = 0;  ///< of a disc that is too small, by the look before
    std::mutex observing_;                    ///< of what follows
    DeviceObserver* observer_ = nullptr;
    std::shared_ptr<std::atomic<bool>> told_;  ///< of the last replacement; null: there was none
};

}  // namespace targe::device
