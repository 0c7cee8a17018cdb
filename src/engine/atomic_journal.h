// How a write becomes atomic on a store that a crash may catch in the middle of it: what is to be written is
// kept first, and forgotten when it is in its place. Whoever finds it kept after a crash writes it again.
#pragma once

#include "base/core.h"
#include "device/device.h"
#include "engine/background.h"

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace targe::engine {

class LogicalUnit;
class RangeHold;

/// Content of blocks.
struct AtomicImage {
    std::uint64_t lba = 0;
    std::string bytes;  ///< whole blocks; empty: none
};

/// Bytes as a string has them.
[[nodiscard]] std::string text_of(std::span<const std::byte> bytes);

/// As it is kept, and back: nothing when it is not what was kept, or not of blocks of this unit.
[[nodiscard]] std::string keep_image(std::uint64_t lba, std::uint32_t block_size,
                                     std::span<const std::byte> bytes);
[[nodiscard]] std::optional<AtomicImage> kept_image(std::string_view text, const device::Geometry& geometry);

/// The journal of one unit has room for one write. On the unit's home.
class AtomicJournal {
public:
    /// `co_await journal.turn()`: true, nobody else uses it until pass(); false, it is broken off.
    [[nodiscard]] auto turn() { return Turn{*this}; }
    void pass(base::Core& home);
    /// Instead of pass(): what is kept could not be forgotten. Nobody gets a turn until mend().
    void break_off(base::Core& home);
    void mend() { state_ = State::free; }

private:
    enum class State : std::uint8_t { free, taken, broken };
    struct Turn {
        AtomicJournal& journal;
        [[nodiscard]] bool await_ready() const noexcept {
            if (journal.state_ != State::free) {
                return journal.state_ == State::broken;
            }
            journal.state_ = State::taken;
            return true;
        }
        void await_suspend(std::coroutine_handle<> self) const { journal.waiting_.push_back(self); }
        [[nodiscard]] bool await_resume() const noexcept { return journal.state_ != State::broken; }
    };

    State state_ = State::free;
    std::deque<std::coroutine_handle<>> waiting_;
};

/// Writes `image` and forgets what is kept, however often that takes; then mends the journal and releases the
/// range, which nobody else reads or writes meanwhile: as with a device that hangs, whoever waits for it too
/// long finds the unit quarantined. It does so on the medium of the number `medium`, and stops where another
/// one has taken its place: see OwnMedium. At home.
Background recover(std::shared_ptr<LogicalUnit> unit, std::uint64_t medium, AtomicImage image,
                   std::unique_ptr<RangeHold> hold);

/// Does so with what was found kept when the unit was made; its state says that it is recovering until then.
Background recover_at_start(std::shared_ptr<LogicalUnit> unit, std::uint64_t medium);

}  // namespace targe::engine
