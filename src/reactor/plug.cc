#include "reactor/plug.h"

#include "reactor/buffer_cache.h"

#include <liburing.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <new>
#include <tuple>
#include <utility>

namespace targe::reactor {
namespace {

/// As many pieces of memory fit in one operation; more than 16 transfers of a turn are seldom neighbours.
constexpr std::size_t kPieces = 64;
/// Transfers that are looked at together.
constexpr std::size_t kBatch = 256;
/// A signal may interrupt an operation; one that is always interrupted is given up.
constexpr unsigned kMaxInterruptions = 16;
/// No store moves part of a sector: what ends within one has met the end of a file.
constexpr int kSector = 512;

auto key(const PlugRange& range) {
    return std::tie(range.fd, range.direction, range.rw_flags, range.offset);
}

bool follows(const PlugRange& range, const PlugRange& before) {
    return range.fd == before.fd && range.direction == before.direction &&
           range.rw_flags == before.rw_flags && range.offset == before.offset + before.size;
}

}  // namespace

/// What the kernel is given: several whole transfers, or one, or a part of one.
class Plug::Operation final : public Completion {
public:
    explicit Operation(Plug& plug) : plug_(plug) {}

    void reset(const PlugRange& first, std::uint64_t skip) {
        direction_ = first.direction;
        fd_ = first.fd;
        rw_flags_ = first.rw_flags;
        offset_ = first.offset + skip;
        skip_ = skip;
        size_ = 0;
        moved_ = 0;
        first_ = 0;
        count_ = 0;
        interruptions_ = 0;
        of_ = nullptr;
    }

    /// `size` bytes of the transfer, from `skip` on. Pieces that lie side by side in memory become one.
    void append(const PluggedTransfer& transfer, std::uint64_t skip, std::uint64_t size) {
        size_ += size;
        for (const iovec& piece : transfer.range_.pieces) {
            if (skip >= piece.iov_len) {
                skip -= piece.iov_len;
                continue;
            }
            if (size == 0) {
                return;
            }
            const std::size_t part = std::min<std::uint64_t>(piece.iov_len - skip, size);
            append(static_cast<std::byte*>(piece.iov_base) + skip, part);
            size -= part;
            skip = 0;
        }
    }

    void take_whole(PluggedTransfer& transfer) { whole_.push_back(transfer); }
    void make_part_of(PluggedTransfer& transfer) {
        of_ = &transfer;
        ++transfer.operations_;
    }

    void submit() {
        const iovec* const pieces = &pieces_[first_];
        const std::uint64_t at = offset_ + moved_;
        const std::size_t left = count_ - first_;
        const bool reads = direction_ == PlugDirection::read;
        // Before there is a submission: it may have to make room, which hands over all that there are.
        const auto fixed = left == 1
                               ? plug_.reactor_.buffer_cache().slot_of(pieces->iov_base, pieces->iov_len)
                               : std::nullopt;
        io_uring_sqe& sqe = plug_.reactor_.prepare(*this);
        ++plug_.in_flight_;
        ++plug_.stats_.operations;
        if (fixed) {
            ++plug_.stats_.fixed;
            const auto size = static_cast<unsigned>(pieces->iov_len);
            reads ? io_uring_prep_read_fixed(&sqe, fd_, pieces->iov_base, size, at, *fixed)
                  : io_uring_prep_write_fixed(&sqe, fd_, pieces->iov_base, size, at, *fixed);
            sqe.rw_flags = rw_flags_;
            return;
        }
        const auto count = static_cast<unsigned>(left);
        reads ? io_uring_prep_readv2(&sqe, fd_, pieces, count, at, rw_flags_)
              : io_uring_prep_writev2(&sqe, fd_, pieces, count, at, rw_flags_);
    }

    void completed(int result, unsigned /*flags*/) override {
        --plug_.in_flight_;
        if (of_ == nullptr) {
            merged_ended(result);
            return;
        }
        if (result == -EINTR && ++interruptions_ < kMaxInterruptions) {
            submit();
            return;
        }
        if (result > 0) {
            advance(static_cast<std::uint64_t>(result));
            if (moved_ < size_ && result % kSector == 0) {
                submit();
                return;
            }
        }
        if (moved_ < size_) {
            fell_short(*of_, skip_ + moved_, std::max(-result, 0));
        }
        PluggedTransfer& transfer = *of_;
        plug_.end(*this);
        if (--transfer.operations_ == 0) {
            plug_.ended(transfer);
        }
    }

    Operation* next = nullptr;  ///< of the unused

private:
    void append(std::byte* data, std::size_t size) {
        if (count_ != 0) {
            iovec& last = pieces_[count_ - 1];
            if (static_cast<std::byte*>(last.iov_base) + last.iov_len == data) {
                last.iov_len += size;
                return;
            }
        }
        pieces_[count_++] = {.iov_base = data, .iov_len = size};
    }

    void advance(std::uint64_t bytes) {
        moved_ += bytes;
        while (first_ < count_ && bytes >= pieces_[first_].iov_len) {
            bytes -= pieces_[first_++].iov_len;
        }
        if (bytes != 0) {
            iovec& piece = pieces_[first_];
            piece = {.iov_base = static_cast<std::byte*>(piece.iov_base) + bytes,
                     .iov_len = piece.iov_len - bytes};
        }
    }

    /// What went wrong with all of them says nothing of each: they are done again, one by one.
    void merged_ended(int result) {
        const bool well = result >= 0 && static_cast<std::uint64_t>(result) == size_;
        base::IntrusiveList<PluggedTransfer, PlugTag> whole;
        while (!whole_.empty()) {
            whole.push_back(whole_.pop_front());
        }
        Plug& plug = plug_;
        plug.end(*this);
        while (!whole.empty()) {
            PluggedTransfer& transfer = whole.pop_front();
            if (well) {
                plug.ended(transfer);
            } else {
                ++plug.stats_.undone;
                plug.issue_alone(transfer);
            }
        }
    }

    Plug& plug_;
    PlugDirection direction_{};
    int fd_ = -1;
    int rw_flags_ = 0;
    unsigned interruptions_ = 0;
    std::uint64_t offset_ = 0;
    std::uint64_t size_ = 0;
    std::uint64_t moved_ = 0;
    std::uint64_t skip_ = 0;         ///< where in the transfer it begins
    PluggedTransfer* of_ = nullptr;  ///< the one that it moves, all or part of; null: those in whole_
    base::IntrusiveList<PluggedTransfer, PlugTag> whole_;
    std::size_t first_ = 0;  ///< piece that is not yet moved
    std::size_t count_ = 0;
    std::array<iovec, kPieces> pieces_;
};

void PluggedTransfer::await_suspend(std::coroutine_handle<> self) {
    self_ = self;
    Reactor::current()->plug().add(*this);
}

Plug::~Plug() {
    TARGE_ASSERT(queued_.empty() && in_flight_ == 0);
    while (unused_ != nullptr) {
        delete std::exchange(unused_, unused_->next);
    }
}

void Plug::add(PluggedTransfer& transfer) {
    TARGE_ASSERT(transfer.range_.pieces.size() <= PlugRange::kMaxPieces);
    transfer.result_ = {.bytes = transfer.range_.size};
    queued_.push_back(transfer);
    ++together_;
    ends_at_once_ = ends_at_once_ || transfer.range_.in_memory;
    reactor_.at_turn_end(*this);
}

bool Plug::collects() {
    reactor_.at_turn_end(*this);
    if (std::exchange(asked_, true) || last_together_ > 1) {
        return true;
    }
    ++together_;
    return false;
}

void Plug::turn_ended() {
    asked_ = false;
    last_together_ = std::exchange(together_, 0);
    std::array<PluggedTransfer*, kBatch> batch;
    while (!queued_.empty()) {
        std::size_t count = 0;
        while (count < batch.size() && !queued_.empty()) {
            batch[count++] = &queued_.pop_front();
        }
        std::sort(batch.begin(), batch.begin() + count,
                  [](const PluggedTransfer* a, const PluggedTransfer* b) {
                      return key(a->range_) < key(b->range_);
                  });
        issue(Batch(batch).first(count));
    }
}

/// Sorted by where they lie.
void Plug::issue(Batch batch) {
    while (!batch.empty()) {
        const PlugRange& first = batch.front()->range_;
        if (first.size > first.limits->longest) {
            issue_parts(*batch.front());
            batch = batch.subspan(1);
            continue;
        }
        std::size_t count = 1;
        std::uint64_t size = first.size;
        std::size_t pieces = first.pieces.size();
        while (count < batch.size()) {
            const PlugRange& next = batch[count]->range_;
            size += next.size;
            pieces += next.pieces.size();
            if (!follows(next, batch[count - 1]->range_) || size > first.limits->merged || pieces > kPieces) {
                break;
            }
            ++count;
        }
        if (count == 1) {
            issue_alone(*batch.front());
        } else {
            issue_merged(batch.first(count));
        }
        batch = batch.subspan(count);
    }
}

void Plug::issue_merged(Batch batch) {
    Operation* const operation = begin(*batch.front(), 0);
    if (operation == nullptr) {
        for (PluggedTransfer* const transfer : batch) {
            issue_alone(*transfer);
        }
        return;
    }
    for (PluggedTransfer* const transfer : batch) {
        operation->append(*transfer, 0, transfer->range_.size);
        operation->take_whole(*transfer);
    }
    stats_.merged += batch.size();
    operation->submit();
}

void Plug::issue_alone(PluggedTransfer& transfer) {
    Operation* const operation = begin(transfer, 0);
    if (operation == nullptr) {
        fell_short(transfer, 0, ENOMEM);
        ended(transfer);
        return;
    }
    operation->append(transfer, 0, transfer.range_.size);
    operation->make_part_of(transfer);
    operation->submit();
}

void Plug::issue_parts(PluggedTransfer& transfer) {
    const PlugRange& range = transfer.range_;
    const PlugLimits& limits = *range.limits;
    // Held until all parts are issued.
    ++transfer.operations_;
    for (std::uint64_t at = 0; at < range.size;) {
        const std::uint64_t past = limits.boundary == 0 ? 0 : (range.offset + at) % limits.boundary;
        const std::uint64_t size = std::min(limits.longest - past, range.size - at);
        Operation* const operation = begin(transfer, at);
        if (operation == nullptr) {
            fell_short(transfer, at, ENOMEM);
            break;
        }
        operation->append(transfer, at, size);
        operation->make_part_of(transfer);
        ++stats_.parts;
        operation->submit();
        at += size;
    }
    if (--transfer.operations_ == 0) {
        ended(transfer);
    }
}

Plug::Operation* Plug::begin(const PluggedTransfer& first, std::uint64_t skip) {
    Operation* operation = unused_;
    if (operation != nullptr) {
        unused_ = operation->next;
        --kept_;
    } else {
        operation = new (std::nothrow) Operation(*this);
    }
    if (operation != nullptr) {
        operation->reset(first.range_, skip);
    }
    return operation;
}

void Plug::end(Operation& operation) {
    if (kept_ == kKept) {
        delete &operation;
        return;
    }
    operation.next = unused_;
    unused_ = &operation;
    ++kept_;
}

void Plug::fell_short(PluggedTransfer& transfer, std::uint64_t bytes, int error) {
    if (bytes < transfer.result_.bytes) {
        transfer.result_ = {.bytes = bytes, .error = error};
    }
}

void Plug::ended(PluggedTransfer& transfer) {
    ++stats_.transfers;
    transfer.self_.resume();
}

}  // namespace targe::reactor
