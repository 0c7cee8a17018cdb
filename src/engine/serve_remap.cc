#include "engine/serve_remap.h"

#include "base/assert.h"
#include "engine/block_io.h"
#include "engine/command_path.h"
#include "engine/gates.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "engine/visitor.h"
#include "scsi/read_write.h"

#include <algorithm>
#include <array>
#include <coroutine>
#include <cstddef>
#include <optional>
#include <span>
#include <utility>

namespace targe::engine {

namespace {

using device::ServerAnswer;
using device::ServerRequest;
using Range = device::ServerRemap::Range;

constexpr std::uint64_t kPiece = 131'072;
constexpr std::size_t kAtOnce = 8;
constexpr std::uint8_t kRead16 = 0x88;
constexpr std::uint8_t kWrite16 = 0x8a;

constexpr scsi::Sense kNobodyKnowsHowFar{.key = scsi::SenseKey::aborted_command,
                                         .asc = scsi::Asc::internal_target_failure};

/// What all that carry out one remap share. They begin pieces while the lane is open: its state may change
/// between them, and they wait for that.
class Remapping {
public:
    Remapping(Command& command, const device::ServerRemap& remap) : command_(command), remap_(remap) {
        ServerRequest* along = nullptr;
        for (ServerRequest& each : requests_) {
            each.nexus = command.life.nexus->id().value;
            each.tag = command.tag.value;
            each.only_by = remap.answered_by;
            each.along = std::exchange(along, &each);
        }
        command.life.at_server = along;
        const auto longest = std::ranges::max(remap.ranges, {}, &Range::blocks).blocks;
        piece_blocks_ = std::min(longest, std::max<std::uint64_t>(kPiece / remap.block_bytes, 1));
    }
    Remapping(const Remapping&) = delete;
    Remapping& operator=(const Remapping&) = delete;
    ~Remapping() {
        command_.life.at_server = nullptr;
        command_.life.visitor = nullptr;
    }

    [[nodiscard]] bool copies() const { return remap_.block.empty(); }
    [[nodiscard]] std::uint32_t block_bytes() const { return remap_.block_bytes; }
    [[nodiscard]] const std::optional<scsi::Outcome>& failure() const { return failure_; }
    [[nodiscard]] bool goes_on() const { return !failure_ && !was_aborted(command_); }

    /// Memory for all that is under way at once. False: there is none.
    bool take_buffer() {
        const std::uint64_t piece = piece_blocks_ * block_bytes();
        base::Buffer& buffer = command_.life.in_buffer;
        if (!command_.life.nexus->take_buffer(buffer,
                                              static_cast<std::size_t>(copies() ? kAtOnce * piece : piece))) {
            return false;
        }
        for (std::uint64_t at = 0; !copies() && at < piece; at += block_bytes()) {
            std::ranges::copy(remap_.block, buffer.bytes().data() + at);
        }
        return true;
    }
    [[nodiscard]] std::span<std::byte> memory_of(std::size_t index, std::uint64_t blocks) {
        const std::size_t at = copies() ? index * piece_blocks_ * block_bytes() : 0;
        return command_.life.in_buffer.bytes().subspan(at, blocks * block_bytes());
    }

    /// The command leaves its lane, into which pieces go from then on.
    void begin() {
        command_.life.unit->lane.leave_for_pieces(command_);
        command_.life.visitor = &visitor_.emplace(*command_.life.unit);
    }
    void begin(const Range& range) { left_ = range; }
    [[nodiscard]] bool is_left() const { return left_.blocks != 0 && goes_on(); }
    [[nodiscard]] Visit& visit() { return visitor_->at(*command_.life.unit); }
    /// Inside the lane. False: what has changed since the command was let in, or the last pieces were, keeps
    /// it out.
    bool is_let_in() {
        const NexusUnit& unit = *command_.life.unit;
        const UnitState& state = unit.lane.state();
        if (write_protected(unit, state)) {
            failure_ = write_protected_sense();
        } else if (const auto refusal = refused_at_gate(command_, state)) {
            failure_ = refusal;
        }
        return !failure_;
    }
    void fail() { failure_ = failure_.value_or(kNobodyKnowsHowFar); }
    /// The next piece of the range; nothing when there is none, or there is to be none now.
    std::optional<Range> next() {
        if (!is_left() || !visit().may_enter_at_once({})) {
            return std::nullopt;
        }
        const Range piece{
            .lba = left_.lba, .blocks = std::min(piece_blocks_, left_.blocks), .source = left_.source};
        left_.lba += piece.blocks;
        left_.source += piece.blocks;
        left_.blocks -= piece.blocks;
        return piece;
    }

    base::Task<ServerAnswer> execute(base::CommandArena& arena, std::size_t index,
                                     std::span<const std::byte> cdb) {
        requests_[index].cdb = cdb;
        return command_.life.unit->unit->device().server()->execute(arena, requests_[index]);
    }
    void set_data(std::size_t index, base::ConstSegments out, base::Segments in) {
        requests_[index].out = out;
        requests_[index].in = in;
    }
    /// Whether it ended well, with as many data as were asked for.
    bool take(const ServerAnswer& answer, std::size_t in_bytes) {
        const auto how = ended(answer, in_bytes);
        if (!failure_ && how != scsi::Outcome{scsi::Status::good}) {
            failure_ = how;
        }
        return how == scsi::Outcome{scsi::Status::good};
    }

    std::size_t under_way = 0;
    std::coroutine_handle<> waiter;

private:
    /// What the answer means for the command that was remapped, of which other parts may have been done.
    [[nodiscard]] scsi::Outcome ended(const ServerAnswer& answer, std::size_t in_bytes) const {
        if (answer.end != ServerAnswer::End::answered) {
            return kNobodyKnowsHowFar;
        }
        ServerAnswer now = answer;
        now.deferred = false;
        const auto how = outcome_of(now, command_.life.unit->lane.state().pages.sense_format());
        return how == scsi::Outcome{scsi::Status::good} && answer.in_bytes != in_bytes ? kNobodyKnowsHowFar
                                                                                       : how;
    }

    Command& command_;
    const device::ServerRemap& remap_;
    std::optional<Visitor> visitor_;
    std::array<ServerRequest, kAtOnce> requests_;
    std::uint64_t piece_blocks_;
    Range left_{};
    std::optional<scsi::Outcome> failure_;
};

/// One of those that work on a range. It belongs to nobody, and is gone when the last of them wakes who
/// waits.
struct Worker {
    struct promise_type {
        promise_type(base::CommandArena& /*arena*/, Remapping& work, std::size_t /*index*/) : work_(work) {}

        static void* operator new(std::size_t n, base::CommandArena& arena, auto&&...) {
            return base::detail::allocate_frame(n, arena);
        }
        static void operator delete(void* frame, std::size_t n) noexcept {
            base::detail::release_frame(frame, n);
        }
        struct End {
            [[nodiscard]] bool await_ready() const noexcept { return false; }
            void await_suspend(std::coroutine_handle<promise_type> self) const noexcept {
                Remapping& work = self.promise().work_;
                self.destroy();
                if (--work.under_way == 0 && work.waiter) {
                    std::exchange(work.waiter, {}).resume();
                }
            }
            void await_resume() const noexcept {}
        };
        Worker get_return_object() noexcept { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        End final_suspend() noexcept { return {}; }
        void return_void() noexcept {}
        [[noreturn]] void unhandled_exception() noexcept {
            base::assertion_failed("a part of a remap threw", __FILE__, __LINE__);
        }

    private:
        Remapping& work_;
    };
};

using Cdb = std::array<std::byte, scsi::ReadWrite16Cdb::kSize>;

Cdb cdb_of(std::uint8_t opcode, std::uint64_t lba, std::uint64_t blocks) {
    using L = scsi::ReadWrite16Cdb;
    Cdb cdb{};
    const std::span<std::byte, L::kSize> raw{cdb};
    wire::put<L::kOpcode>(raw, opcode);
    wire::put<L::kLba>(raw, lba);
    wire::put<L::kBlocks>(raw, static_cast<std::uint32_t>(blocks));
    return cdb;
}

Worker work_on(base::CommandArena& arena, Remapping& work, std::size_t index) {
    while (const auto piece = work.next()) {
        const std::span<std::byte> memory = work.memory_of(index, piece->blocks);
        const base::Segment in{memory.data(), memory.size()};
        const base::ConstSegment out{memory.data(), memory.size()};
        if (work.copies()) {
            const Cdb read = cdb_of(kRead16, piece->source, piece->blocks);
            work.set_data(index, {}, {&in, 1});
            const ServerAnswer answer = co_await work.execute(arena, index, read);
            if (!work.take(answer, memory.size()) || !work.goes_on()) {
                co_return;
            }
        }
        const Cdb write = cdb_of(kWrite16, piece->lba, piece->blocks);
        work.set_data(index, {&out, 1}, {});
        const ServerAnswer answer = co_await work.execute(arena, index, write);
        if (!work.take(answer, 0)) {
            co_return;
        }
    }
}

/// Begins them all, inside the lane. Nothing is left to wait for when they have ended at once.
struct WorkOn {
    base::CommandArena& arena;
    Remapping& work;

    [[nodiscard]] bool await_ready() const {
        work.under_way = kAtOnce;
        for (std::size_t index = 0; index < kAtOnce; ++index) {
            work_on(arena, work, index);
        }
        return work.under_way == 0;
    }
    void await_suspend(std::coroutine_handle<> self) const noexcept { work.waiter = self; }
    void await_resume() const noexcept {}
};

}  // namespace

namespace {

/// As far as there is no failure.
base::Task<void> work_on_range(base::CommandArena& arena, Remapping& work) {
    while (work.is_left()) {
        const auto kept_out = co_await work.visit().enter(arena, {});
        if (kept_out) {
            work.fail();
            co_return;
        }
        if (work.is_let_in()) {
            co_await WorkOn{arena, work};
        }
        work.visit().leave();
    }
}

}  // namespace

base::Task<scsi::Outcome> carry_out_remap(base::CommandArena& arena, Command& command,
                                          const device::ServerRemap& remap) {
    Remapping work{command, remap};
    if (!work.take_buffer()) {
        co_return no_room(command);
    }
    work.begin();
    for (const Range& range : remap.ranges) {
        work.begin(range);
        co_await work_on_range(arena, work);
        if (!work.goes_on()) {
            break;
        }
    }
    co_return work.failure().value_or(scsi::Status::good);
}

}  // namespace targe::engine
