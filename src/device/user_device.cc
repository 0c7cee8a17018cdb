#include "device/user_device.h"

#include "device/io_error.h"
#include "device/user_conditions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <memory>
#include <utility>

namespace targe::device {

namespace {

/// Before a handler has said what it can: what promises initiators least.
constexpr std::uint32_t kCanUntilKnown = TARGE_CAN_WRITE | TARGE_CAN_FLUSH;
constexpr std::uint64_t kArenaBytes = std::uint64_t{16} << 20U;
/// A whole transfer of a command each, and a few of them at once.
constexpr std::uint64_t kCommandArenaBytes = std::uint64_t{64} << 20U;
constexpr std::uint32_t kDefaultDepth = 64;
constexpr std::uint32_t kMostCommands = 4096;

std::uint32_t slots_of(std::uint32_t depth, std::uint32_t queues) {
    const std::uint32_t wanted = depth == 0 ? kDefaultDepth : std::min(depth, kMostCommands);
    return std::clamp((wanted + queues - 1) / queues, 1U, TARGE_MAX_SLOTS);
}

Attempt attempt_of(std::uint8_t op) {
    return op == TARGE_OP_READ || op == TARGE_OP_BLOCK_STATUS ? Attempt::read : Attempt::write;
}

}  // namespace

std::expected<std::unique_ptr<UserDevice>, OpenError> UserDevice::open(UserSettings settings) {
    std::unique_ptr<UserDevice> made(new UserDevice(std::move(settings)));
    auto gateway = UserGateway::open(made->settings_, made->presence_, *made);
    if (!gateway) {
        return std::unexpected(gateway.error());
    }
    made->gateway_ = std::move(*gateway);
    return made;
}

UserDevice::UserDevice(UserSettings settings)
    : settings_(std::move(settings)),
      known_{.blocks = settings_.size_bytes / settings_.block_size, .can = kCanUntilKnown, .server = {}},
      latest_(known_),
      can_(kCanUntilKnown),
      queues_(settings_.queues) {}

UserDevice::~UserDevice() = default;

Geometry UserDevice::geometry() const {
    const std::scoped_lock lock{mutex_};
    return {.blocks = known_.blocks,
            .block_size = settings_.block_size,
            .physical_block_exponent = settings_.physical_block_exponent};
}

Capabilities UserDevice::capabilities() const {
    const std::scoped_lock lock{mutex_};
    const auto able = [&](std::uint32_t what) { return (known_.can & what) != 0; };
    return {.read_only = settings_.read_only || (!settings_.type && !able(TARGE_CAN_WRITE)),
            .volatile_cache = able(TARGE_CAN_FLUSH),
            .unmap = able(TARGE_CAN_UNMAP),
            .unmapped_reads_zero = able(TARGE_CAN_UNMAP),
            .block_status = able(TARGE_CAN_BLOCK_STATUS),
            .rotational = settings_.rotational,
            .knows_its_size = settings_.size_bytes != 0};
}

base::Task<IoResult> UserDevice::refresh(base::CommandArena& /*arena*/) {
    const std::scoped_lock lock{mutex_};
    known_ = latest_;
    co_return IoResult{};
}

void UserDevice::observe(DeviceObserver* observer) {
    const std::scoped_lock lock{observing_};
    observer_ = observer;
    if (observer_ != nullptr) {
        observer_->changed();
    }
}

void UserDevice::admit(std::uint64_t nexus, Admission says) {
    const std::scoped_lock lock{observing_};
    if (observer_ != nullptr) {
        observer_->admit(nexus, says);
    }
}

void UserDevice::defer(const DeferredError& error) {
    const std::scoped_lock lock{observing_};
    if (observer_ != nullptr) {
        observer_->defer(error);
    }
}

void UserDevice::reservations_changed(const ReservationFacts& facts) {
    queue_here().tell_of_reservations(facts);
}

void UserDevice::stop() {
    observe(nullptr);
    presence_.stop();
}

void UserDevice::learn(const Facts& facts) {
    {
        const std::scoped_lock lock{mutex_};
        if (latest_ == facts) {
            return;
        }
        latest_ = facts;
    }
    const std::scoped_lock lock{observing_};
    if (observer_ != nullptr) {
        observer_->changed();
    }
}

std::expected<UserDevice::Agreed, std::string> UserDevice::agree(const UserGreeting& hello) {
    if ((hello.level != 0) != settings_.type.has_value()) {
        return std::unexpected(
            settings_.type ? "the device has a 'type', so its handler gets CDBs, and this one wants blocks"
                           : "the device has no 'type', so its handler gets blocks, and this one wants CDBs");
    }
    if (settings_.type) {
        return agree_on_commands(hello);
    }
    if (hello.block_size != 0 && hello.block_size != settings_.block_size) {
        return std::unexpected(
            fmt::format("the handler has blocks of {} bytes, and block_size of the device is {}",
                        hello.block_size, settings_.block_size));
    }
    if (hello.size != 0 && settings_.size_bytes != 0 && hello.size != settings_.size_bytes) {
        return std::unexpected(
            fmt::format("the handler has {} bytes, and size of the device is {}; without 'size' in the "
                        "configuration it is the handler's",
                        hello.size, settings_.size_bytes));
    }
    const std::uint64_t size = hello.size != 0 ? hello.size : settings_.size_bytes;
    if (size == 0 || size % settings_.block_size != 0) {
        return std::unexpected(fmt::format("the handler says {} bytes, which is no number of blocks of {}",
                                           size, settings_.block_size));
    }
    return Agreed{.layout = {.queues = settings_.queues,
                             .slots = slots_of(hello.depth, settings_.queues),
                             .arena_bytes = kArenaBytes},
                  .size_bytes = size};
}

std::expected<UserDevice::Agreed, std::string> UserDevice::agree_on_commands(
    const UserGreeting& hello) const {
    if (hello.peripheral_type != *settings_.type) {
        return std::unexpected(
            fmt::format("the handler is of peripheral device type {:02x}h, and 'type' says {:02x}h",
                        hello.peripheral_type, *settings_.type));
    }
    if (const auto facts = facts_of(hello); !facts) {
        return std::unexpected(facts.error());
    }
    // What is completed twice must find room among the completions both times. What goes on keeps its slot:
    // there are others, so that a handler of one command at a time is asked for the next one meanwhile.
    const bool goes_on = (hello.can & TARGE_MAY_GO_ON) != 0;
    const std::uint32_t at_once = slots_of(hello.depth, settings_.queues);
    return Agreed{.layout = {.queues = settings_.queues,
                             .slots = goes_on ? TARGE_MAX_SLOTS / 2 : at_once,
                             .arena_bytes = kCommandArenaBytes},
                  .size_bytes = 0,
                  .slot_limit = at_once};
}

void UserDevice::attached(const UserGreeting& hello, std::uint64_t size_bytes) {
    can_.store(hello.can, std::memory_order_relaxed);
    {
        const std::scoped_lock lock{mutex_};
        log_pages_.clear();  // of the one before
    }
    learn({.blocks = size_bytes / settings_.block_size,
           .can = hello.can,
           .server = settings_.type ? facts_of(hello).value_or(ServerFacts{}) : ServerFacts{}});
}

void UserDevice::asked(const targe_request& request, std::span<const std::byte> data,
                       std::move_only_function<void(int)> reply) {
    switch (request.kind) {
        case TARGE_REQUEST_RAISE:
            raise(request, std::move(reply));
            return;
        case TARGE_REQUEST_RESIZE:
            if (settings_.type || request.value == 0 || request.value % settings_.block_size != 0 ||
                settings_.size_bytes != 0) {
                reply(EINVAL);
                return;
            }
            learn({.blocks = request.value / settings_.block_size, .can = can_.load(), .server = {}});
            reply(0);
            return;
        case TARGE_REQUEST_DEPTH:
            set_depth(request.value, std::move(reply));
            return;
        case TARGE_REQUEST_LOG_PAGE:
            reply(keep_log_page(request.value, data));
            return;
        default:
            reply(EOPNOTSUPP);
    }
}

void UserDevice::set_depth(std::uint64_t depth, std::move_only_function<void(int)> reply) {
    const auto attachment = presence_.look().attachment;
    if (depth == 0 || !attachment) {
        reply(depth == 0 ? EINVAL : ENOTCONN);
        return;
    }
    const auto wanted = static_cast<std::uint32_t>(std::min<std::uint64_t>(depth, kMostCommands));
    attachment->slot_limit =
        std::min(slots_of(wanted, settings_.queues), slots_of(attachment->hello.depth, settings_.queues));
    reply(0);
}

void UserDevice::raise(const targe_request& request, std::move_only_function<void(int)> reply) {
    if (!is_condition_of_handler(request.value)) {
        reply(EINVAL);
        return;
    }
    const std::scoped_lock lock{observing_};
    if (observer_ == nullptr) {
        reply(ENOTCONN);
        return;
    }
    observer_->raise(static_cast<std::uint16_t>(request.value), request.session,
                     [reply = std::move(reply)]() mutable { reply(0); });
}

UserQueue& UserDevice::queue_here() {
    reactor::Reactor& here = *reactor::Reactor::current();
    const std::uint32_t index = here.id().value;
    TARGE_ASSERT(index < queues_.size());
    std::unique_ptr<UserQueue>& queue = queues_[index];
    if (!queue) {
        UserQueueHost& host = *this;
        queue = std::make_unique<UserQueue>(presence_, settings_, host, here, index);
    }
    return *queue;
}

bool UserDevice::leave_core() {
    std::unique_ptr<UserQueue>& queue = queues_[reactor::Reactor::current()->id().value];
    if (queue && !queue->at_rest()) {
        return false;
    }
    queue.reset();
    return true;
}

IoResult UserDevice::result_of(const UserRequest& request) const {
    const std::uint64_t lba = request.offset / settings_.block_size;
    switch (request.end) {
        case UserRequest::End::answered:
            if (request.answer.error == 0) {
                return {};
            }
            return std::unexpected(
                IoFailure{.error = io_error_of(request.answer.error, attempt_of(request.op)), .lba = lba});
        case UserRequest::End::away:
            return std::unexpected(IoFailure{
                .error = settings_.busy_when_away ? IoError::no_resources : IoError::gone, .lba = lba});
        case UserRequest::End::reset:
        case UserRequest::End::timed_out:
        case UserRequest::End::lost:
        case UserRequest::End::pending:
            break;
    }
    return std::unexpected(IoFailure{.error = IoError::gone, .lba = lba});
}

base::Task<IoResult> UserDevice::perform(base::CommandArena& /*arena*/, UserRequest& request) {
    co_await queue_here().perform(request);
    co_return result_of(request);
}

namespace {

/// The part of `segments` that begins `skip` bytes on and is `size` bytes long.
template <class Segment>
std::vector<Segment> part_of(std::span<const Segment> segments, std::uint64_t skip, std::uint64_t size) {
    std::vector<Segment> part;
    for (const Segment& segment : segments) {
        const std::uint64_t left_out = std::min<std::uint64_t>(skip, segment.size);
        skip -= left_out;
        const auto taken = static_cast<std::size_t>(std::min<std::uint64_t>(size, segment.size - left_out));
        if (taken > 0) {
            part.push_back({segment.data + left_out, taken});
            size -= taken;
        }
    }
    return part;
}

}  // namespace

base::Task<IoResult> UserDevice::in_pieces(base::CommandArena& arena, UserRequest& whole) {
    for (std::uint64_t at = 0; at < whole.length; at += UserQueue::kMostBytes) {
        const std::uint64_t length = std::min(UserQueue::kMostBytes, whole.length - at);
        const auto out = part_of(whole.out, at, length);
        const auto in = part_of(whole.in, at, length);
        UserRequest piece;
        piece.op = whole.op;
        piece.flags = whole.flags;
        piece.offset = whole.offset + at;
        piece.length = length;
        piece.out = out;
        piece.in = in;
        const IoResult done = co_await perform(arena, piece);
        if (!done) {
            co_return done;
        }
    }
    co_return IoResult{};
}

base::Task<IoResult> UserDevice::read(base::CommandArena& arena, std::uint64_t lba, base::Segments into) {
    UserRequest request;
    request.op = TARGE_OP_READ;
    request.offset = lba * settings_.block_size;
    request.length = base::total_size(into);
    request.in = into;
    if (request.length > UserQueue::kMostBytes) {
        co_return co_await in_pieces(arena, request);
    }
    co_await queue_here().perform(request);
    co_return result_of(request);
}

base::Task<IoResult> UserDevice::write(base::CommandArena& arena, std::uint64_t lba, base::ConstSegments from,
                                       Durability durability) {
    UserRequest request;
    request.op = TARGE_OP_WRITE;
    request.flags = durability == Durability::durable ? std::uint32_t{TARGE_SLOT_DURABLE} : 0;
    request.offset = lba * settings_.block_size;
    request.length = base::total_size(from);
    request.out = from;
    if (request.length > UserQueue::kMostBytes) {
        co_return co_await in_pieces(arena, request);
    }
    co_await queue_here().perform(request);
    co_return result_of(request);
}

base::Task<IoResult> UserDevice::flush(base::CommandArena& arena) {
    if (!can(TARGE_CAN_FLUSH)) {
        co_return IoResult{};
    }
    UserRequest request;
    request.op = TARGE_OP_FLUSH;
    co_return co_await perform(arena, request);
}

base::Task<IoResult> UserDevice::probe(base::CommandArena& arena) {
    UserRequest request;
    co_return co_await perform(arena, request);
}

}  // namespace targe::device
