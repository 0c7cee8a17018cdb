#include "device/user_gateway.h"

#include "base/log.h"
#include "base/open_files.h"
#include "device/user_socket.h"

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

namespace targe::device {

namespace {

using namespace std::chrono_literals;

/// From connecting to the hello.
constexpr auto kHelloLimit = 5s;
/// Requests of a handler that are not answered yet.
constexpr unsigned kOpenRequests = 16;
constexpr int kDescriptorsExhaustedMs = 100;
/// All that region.h names.
constexpr std::uint32_t kDoes = 2U * TARGE_MAY_REMAP - 1U;
/// So much memory may be lent by a handler whose device is smaller.
constexpr std::uint64_t kLeastLent = std::uint64_t{16} << 20U;

std::string_view text_of(std::span<const char> field) {
    return {field.data(), static_cast<std::size_t>(std::ranges::find(field, '\0') - field.begin())};
}

/// Only blocks are answered from there.
bool lends_memory(const targe_hello& hello) {
    return (hello.can & TARGE_LENDS) != 0 && hello.level == 0;
}

void reply_to(const UserAttachment& attachment, std::uint32_t id, int error) {
    const targe_reply reply{.id = id, .error = error};
    // A handler that does not read its replies does without.
    ::send(attachment.connection.get(), &reply, sizeof reply, MSG_NOSIGNAL | MSG_DONTWAIT);
}

}  // namespace

std::expected<std::unique_ptr<UserGateway>, OpenError> UserGateway::open(const UserSettings& settings,
                                                                         UserPresence& presence,
                                                                         UserHost& host) {
    const bool open_to_all = !settings.allow_users.empty() || !settings.allow_groups.empty();
    auto listener = listen_for_handlers(settings.socket, open_to_all);
    if (!listener) {
        return std::unexpected(listener.error());
    }
    reactor::FileDescriptor wake{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    auto leavings = UserLeavings::create();
    if (!wake || !leavings) {
        const int error = errno;
        return std::unexpected(OpenError{fmt::format(
            "no event can be made: {}{}", std::strerror(error),
            base::too_many_open_files(error) ? fmt::format("; {}", base::allow_more_open_files(error))
                                             : "")});
    }
    try {
        return std::unique_ptr<UserGateway>(new UserGateway(settings, presence, host, std::move(*listener),
                                                            std::move(wake), std::move(leavings)));
    } catch (const std::system_error&) {
        ::unlink(settings.socket.c_str());
        return std::unexpected(
            OpenError{"no thread can be had to hear handlers; raise TasksMax of the service (ulimit -u)"});
    }
}

UserGateway::UserGateway(const UserSettings& settings, UserPresence& presence, UserHost& host,
                         reactor::FileDescriptor listener, reactor::FileDescriptor wake,
                         std::shared_ptr<UserLeavings> leavings)
    : settings_(settings),
      presence_(presence),
      host_(host),
      listener_(std::move(listener)),
      wake_(std::move(wake)),
      leavings_(std::move(leavings)),
      thread_([this] { run(); }) {}

UserGateway::~UserGateway() {
    stopping_ = true;
    ::eventfd_write(wake_.get(), 1);
    thread_.join();
    if (attachment_) {
        presence_.set(nullptr);
    }
    ::unlink(settings_.socket.c_str());
}

void UserGateway::run() {
    reactor::ShortWaits waits;
    while (!stopping_ && hear_all(waits)) {
    }
    if (!stopping_) {
        return;
    }
    // All that others may have passed along ends here, where it takes no longer than it may.
    waits.begin();
    listener_.reset();
    candidate_.reset();
    if (attachment_) {
        hear_no_more(attachment_->connection.get());
    }
    leavings_->close();
}

/// False: it cannot go on.
bool UserGateway::hear_all(reactor::ShortWaits& waits) {
    std::array<pollfd, 5> wanted{};
    wanted[0] = {.fd = wake_.get(), .events = POLLIN, .revents = 0};
    wanted[1] = {.fd = listener_.get(), .events = POLLIN, .revents = 0};
    wanted[2] = {.fd = candidate_ ? candidate_->connection.get() : -1, .events = POLLIN, .revents = 0};
    wanted[3] = {.fd = attachment_ ? attachment_->connection.get() : -1, .events = POLLIN, .revents = 0};
    wanted[4] = {.fd = leavings_->descriptor(), .events = POLLIN, .revents = 0};
    int limit = -1;
    if (candidate_) {
        const auto left = candidate_->until - reactor::RunningTime::now();
        limit = static_cast<int>(
            std::max(std::chrono::duration_cast<std::chrono::milliseconds>(left), 0ms).count() + 1);
    }
    if (::poll(wanted.data(), wanted.size(), limit) < 0 && errno != EINTR) {
        TARGE_LOG(error, "device", "{}: poll fails with errno {}; no handler can attach any more",
                  settings_.name, errno);
        return false;
    }
    waits.begin();
    // Who goes makes room for who comes.
    if (wanted[3].revents != 0) {
        hear_handler();
    }
    if (wanted[2].revents != 0) {
        hear_candidate();
    } else if (candidate_ && reactor::RunningTime::now() >= candidate_->until) {
        send_refusal(candidate_->connection.get(), ETIMEDOUT, "no hello came within 5 s");
        candidate_.reset();
    }
    if (wanted[1].revents != 0) {
        greet();
    }
    if (wanted[4].revents != 0) {
        leavings_->clear();
    }
    waits.end();
    return true;
}

bool UserGateway::may_attach(int connection, const UserPeer& peer) const {
    return peer.uid == 0 || peer.uid == ::geteuid() ||
           std::ranges::find(settings_.allow_users, peer.uid) != settings_.allow_users.end() ||
           std::ranges::any_of(settings_.allow_groups, [&](gid_t group) {
               return group == peer.gid || peer_is_in_group(connection, group);
           });
}

void UserGateway::greet() {
    reactor::FileDescriptor connection{::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC)};
    if (!connection) {
        if (base::too_many_open_files(errno) || errno == ENOMEM || errno == ENOBUFS) {
            ::poll(nullptr, 0, kDescriptorsExhaustedMs);  // until somebody closes one
        }
        return;
    }
    const auto peer = peer_of(connection.get());
    if (!peer || !may_attach(connection.get(), *peer)) {
        TARGE_LOG(warning, "device", "{}: process {} of user {} may not attach: it is not in allow_uids",
                  settings_.name, peer ? peer->pid : -1, peer ? peer->uid : 0U);
        send_refusal(connection.get(), EACCES,
                     "this user may not attach; allow_uids and allow_gids of the device say who may");
        return;
    }
    if (attachment_ || candidate_) {
        const pid_t pid = attachment_ ? attachment_->peer.pid : candidate_->peer.pid;
        send_refusal(connection.get(), EBUSY, fmt::format("process {} is attached, and has not let go", pid));
        return;
    }
    candidate_.emplace(std::move(connection), *peer, reactor::RunningTime::now() + kHelloLimit);
}

void UserGateway::hear_candidate() {
    UserGreeting hello{};
    std::array<targe_rule, TARGE_MAX_RULES> rules{};
    const int connection = candidate_->connection.get();
    std::array<iovec, 2> parts{
        {{.iov_base = static_cast<targe_hello*>(&hello), .iov_len = sizeof(targe_hello)},
         {.iov_base = rules.data(), .iov_len = sizeof rules}}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const ssize_t got = ::recvmsg(connection, &message, MSG_DONTWAIT | MSG_TRUNC | MSG_PEEK);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    const bool lends =
        got >= ssize_t{sizeof(targe_hello)} && hello.magic == TARGE_MAGIC && lends_memory(hello);
    const reactor::FileDescriptor lent = hear_descriptor(connection, lends);
    const auto further = static_cast<std::size_t>(std::max<ssize_t>(got - ssize_t{sizeof(targe_hello)}, 0));
    const std::size_t count = std::min(further / sizeof(targe_rule), rules.size());
    hello.rules.assign(rules.begin(), rules.begin() + static_cast<std::ptrdiff_t>(count));
    if (got < ssize_t{sizeof(targe_hello)} || further != count * sizeof(targe_rule) ||
        hello.magic != TARGE_MAGIC) {
        send_refusal(connection, EPROTO, "that was no hello of a handler");
    } else if (hello.protocol != TARGE_PROTOCOL) {
        send_refusal(connection, EPROTONOSUPPORT,
                     fmt::format("this targed speaks version {} of the handlers' protocol, not {}",
                                 TARGE_PROTOCOL, hello.protocol));
    } else if (const auto agreed = host_.agree(hello); !agreed) {
        TARGE_LOG(warning, "device", "{}: process {} cannot attach: {}", settings_.name, candidate_->peer.pid,
                  agreed.error());
        send_refusal(connection, EINVAL, agreed.error());
    } else {
        attach(hello, *agreed, lent);
    }
    candidate_.reset();
}

/// Takes the message that was looked at, and what comes with it only when that is what it is to be.
reactor::FileDescriptor UserGateway::hear_descriptor(int connection, bool wanted) {
    if (wanted && passed_memory_.comes_next_on(connection)) {
        return reactor::FileDescriptor{receive_descriptor(connection, 0)};
    }
    ::recv(connection, nullptr, 0, MSG_DONTWAIT);
    return {};
}

void UserGateway::attach(const UserGreeting& hello, const UserHost::Agreed& agreed,
                         const reactor::FileDescriptor& lent) {
    if (had_handler_ && !host_.replace_handler()) {
        send_refusal(candidate_->connection.get(), EAGAIN,
                     "initiators cannot be told of another handler yet");
        return;
    }
    const auto made = leavings_->make_attachment();
    if (lends_memory(hello)) {
        auto mapped = LentMemory::map(lent.get(), std::max(agreed.size_bytes, kLeastLent));
        if (!mapped) {
            send_refusal(candidate_->connection.get(), EINVAL, mapped.error());
            return;
        }
        made->lent = std::move(*mapped);
    }
    auto memory = UserMemory::create(agreed.layout);
    Bell bell = make_bell();
    bool complete = memory.has_value() && bell.targeds;
    std::vector<int> descriptors{complete ? (*memory)->descriptor() : -1, bell.handlers.get()};
    for (std::uint32_t i = 0; i < agreed.layout.queues; ++i) {
        made->queue_events.emplace_back(::eventfd(0, EFD_CLOEXEC));
        descriptors.push_back(made->queue_events.back().get());
        complete = complete && made->queue_events.back();
    }
    if (!complete) {
        send_refusal(candidate_->connection.get(), ENOMEM, "targed has not enough memory or descriptors");
        return;
    }
    made->memory = std::move(*memory);
    made->bell = std::move(bell.targeds);
    made->hello = hello;
    made->peer = candidate_->peer;
    made->replaces = had_handler_;
    made->slot_limit = agreed.slot_limit;
    const targe_welcome welcome{.magic = TARGE_MAGIC,
                                .protocol = TARGE_PROTOCOL,
                                .error = 0,
                                .queues = agreed.layout.queues,
                                .slots = agreed.layout.slots,
                                .block_size = settings_.block_size,
                                .size = agreed.size_bytes,
                                .arena_bytes = agreed.layout.arena_bytes,
                                .region_bytes = agreed.layout.region_bytes(),
                                .text = {},
                                .does = kDoes};
    if (!send_welcome(candidate_->connection.get(), welcome, descriptors)) {
        return;
    }
    made->connection = std::move(candidate_->connection);
    attachment_ = made;
    had_handler_ = true;
    TARGE_LOG(info, "device", "{}: handler {} is attached, process {} of user {}", settings_.name,
              text_of(hello.name), made->peer.pid, made->peer.uid);
    // Whoever asks this handler already knows what it can.
    host_.attached(hello, agreed.size_bytes);
    presence_.set(made);
}

void UserGateway::hear_handler() {
    targe_request request{};
    std::array<std::byte, TARGE_MAX_LOG_BYTES> data{};
    std::array<iovec, 2> parts{{{.iov_base = &request, .iov_len = sizeof request},
                                {.iov_base = data.data(), .iov_len = data.size()}}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const ssize_t got = ::recvmsg(attachment_->connection.get(), &message, MSG_DONTWAIT | MSG_TRUNC);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (got <= 0) {
        part(attachment_->given_up() ? "it has let go" : "it is gone");
        return;
    }
    if (attachment_->given_up()) {
        return;
    }
    const auto size = static_cast<std::size_t>(got);
    const std::size_t most = request.kind == TARGE_REQUEST_LOG_PAGE ? data.size() : 0;
    if (size < sizeof request || size > sizeof request + most) {
        attachment_->give_up("it sent a request that is none");
        presence_.give_up(attachment_, settings_.name);
        return;
    }
    answer(request, std::span{data}.first(size - sizeof request));
}

void UserGateway::answer(const targe_request& request, std::span<const std::byte> data) {
    if (open_requests_->fetch_add(1) >= kOpenRequests) {
        open_requests_->fetch_sub(1);
        reply_to(*attachment_, request.id, EAGAIN);
        return;
    }
    host_.asked(request, data, [to = attachment_, id = request.id, open = open_requests_](int error) {
        open->fetch_sub(1);
        reply_to(*to, id, error);
    });
}

void UserGateway::part(const char* how) {
    TARGE_LOG(info, "device", "{}: handler {}, process {}: {}", settings_.name,
              text_of(attachment_->hello.name), attachment_->peer.pid, how);
    presence_.set(nullptr);
    hear_no_more(attachment_->connection.get());
    attachment_.reset();
}

}  // namespace targe::device
