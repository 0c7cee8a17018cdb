// Reads and writes past the page cache, and small reads from it: those of one turn reach the kernel together,
// neighbours as one.
#pragma once

#include "base/intrusive_list.h"
#include "reactor/reactor.h"

#include <sys/uio.h>

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

namespace targe::reactor {

/// What suits a store; bytes, all of them multiples of its blocks.
struct PlugLimits {
    /// The longest operation that the store takes whole. One that the kernel would have to cut it does not
    /// begin at once: it hands it to a thread. Longer transfers go in parts, all at the same time.
    std::uint64_t longest = std::uint64_t{512} << 10U;
    /// Parts end at multiples of this; 0: wherever they are full.
    std::uint64_t boundary = 0;
    /// Neighbours become one operation up to this length; 0: never. What is longer gains nothing, and the
    /// first of them would wait for the last.
    std::uint64_t merged = std::uint64_t{64} << 10U;
    bool operator==(const PlugLimits&) const = default;
};

enum class PlugDirection : std::uint8_t { read, write };

/// What is to be moved. `pieces` and `limits` stay in place until it has been; every piece, and the offset,
/// is aligned as O_DIRECT asks of this descriptor, where it was opened so.
struct PlugRange {
    PlugDirection direction;
    int fd;
    std::span<const iovec> pieces;  ///< at most kMaxPieces
    std::uint64_t offset;
    std::uint64_t size;  ///< of all pieces; not 0
    int rw_flags;        ///< RWF_*
    const PlugLimits* limits;
    bool in_memory = false;  ///< most likely, so that the kernel ends it as it takes it

    static constexpr std::size_t kMaxPieces = 16;
};

struct PlugTag;

/// One read or write of a coroutine: `const PluggedTransfer::Result result = co_await
/// PluggedTransfer(range);`
///
/// Each has an end of its own: when an operation that was made of several fails, or falls short, every one of
/// them is done again alone. Those in flight at the same time may take effect in any order.
class [[nodiscard]] PluggedTransfer final : public base::ListHook<PlugTag> {
public:
    struct Result {
        std::uint64_t bytes = 0;  ///< moved from the beginning on
        int error = 0;            ///< an errno; 0 with bytes missing: the store ends there
        bool operator==(const Result&) const = default;
    };

    explicit PluggedTransfer(const PlugRange& range) : range_(range) {}

    [[nodiscard]] bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> self);
    [[nodiscard]] Result await_resume() const noexcept { return result_; }

private:
    friend class Plug;

    PlugRange range_;
    Result result_;
    std::size_t operations_ = 0;  ///< in flight for it alone
    std::coroutine_handle<> self_;
};

/// Counted since the reactor was made.
struct PlugStats {
    std::uint64_t transfers = 0;   ///< ended
    std::uint64_t operations = 0;  ///< that the kernel was given for them
    std::uint64_t merged = 0;      ///< transfers that went with others in one operation
    std::uint64_t parts = 0;       ///< operations that were parts of a transfer
    std::uint64_t undone = 0;  ///< transfers that were done again alone, after the operation of all failed
    std::uint64_t fixed = 0;   ///< operations in memory that the ring knows
};

/// Collects what the coroutines of a turn ask for. At its end whatever lies side by side in one file, in the
/// same direction and with the same flags, becomes one operation, and whatever is too long becomes several;
/// the ring takes all in one call. Allocates nothing once it has had as many operations in flight as it has.
class Plug final : private TurnEnd {
public:
    explicit Plug(Reactor& reactor) : reactor_(reactor) {}
    ~Plug();

    void add(PluggedTransfer& transfer);
    /// Whether what could be read at once, in a call of its own, should be added instead. Who is alone in a
    /// turn would gain nothing, and wait for its end; so the first of a turn is not, unless others came
    /// behind the first of the last one.
    [[nodiscard]] bool collects();
    /// Whether this turn has added what the kernel most likely ends as it takes it. Once.
    [[nodiscard]] bool take_ends_at_once() { return std::exchange(ends_at_once_, false); }
    /// Operations that the kernel has and has not ended.
    [[nodiscard]] std::size_t in_flight() const { return in_flight_; }
    [[nodiscard]] const PlugStats& stats() const { return stats_; }

private:
    class Operation;
    using Batch = std::span<PluggedTransfer* const>;

    /// Operations beyond these are not kept for the next.
    static constexpr std::size_t kKept = 1024;

    void turn_ended() override;
    void issue(Batch batch);
    void issue_merged(Batch batch);
    void issue_alone(PluggedTransfer& transfer);
    void issue_parts(PluggedTransfer& transfer);
    /// Null when there is no memory.
    [[nodiscard]] Operation* begin(const PluggedTransfer& first, std::uint64_t skip);
    void end(Operation& operation);
    /// The transfer has moved nothing beyond `bytes`.
    static void fell_short(PluggedTransfer& transfer, std::uint64_t bytes, int error);
    void ended(PluggedTransfer& transfer);

    Reactor& reactor_;
    base::IntrusiveList<PluggedTransfer, PlugTag> queued_;
    Operation* unused_ = nullptr;
    std::size_t kept_ = 0;
    std::size_t in_flight_ = 0;
    bool asked_ = false;     ///< collects(), in this turn
    unsigned together_ = 0;  ///< that were added in this turn, or not because they came first
    unsigned last_together_ = 0;
    bool ends_at_once_ = false;
    PlugStats stats_;
};

}  // namespace targe::reactor
