#include "admin/control_server.h"

#include "admin/control_listener.h"
#include "admin/control_message.h"
#include "base/log.h"
#include "base/open_files.h"
#include "reactor/short_waits.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <list>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace targe::admin {
namespace {

using std::chrono::steady_clock;

enum class Standing : std::uint8_t { open, done };

/// One that is connected: it has either an answer to take or a request to make, never both.
struct Client {
    Socket socket;
    steady_clock::time_point deadline;
    std::string in;
    std::string out;
    std::size_t out_taken = 0;

    [[nodiscard]] bool answering() const { return out_taken < out.size(); }
};

/// Sends what the socket takes now.
Standing push(Client& client) {
    while (client.answering()) {
        const ssize_t sent = ::send(client.socket.get(), client.out.data() + client.out_taken,
                                    client.out.size() - client.out_taken, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0) {
            return errno == EAGAIN || errno == EINTR ? Standing::open : Standing::done;
        }
        client.out_taken += static_cast<std::size_t>(sent);
    }
    client.out.clear();
    client.out_taken = 0;
    return Standing::open;
}

/// Answers the requests that have arrived whole, one at a time.
Standing answer(Client& client, const AnswerRequest& answered) {
    while (!client.answering()) {
        const std::size_t end = client.in.find('\n');
        const bool too_long =
            end == std::string::npos ? client.in.size() >= kControlRequestLimit : end >= kControlRequestLimit;
        if (end == std::string::npos && !too_long) {
            return Standing::open;
        }
        // A request without an end in sight is answered, with a problem, and is the last.
        client.out = answered(std::string_view(client.in).substr(0, end));
        client.out.push_back('\n');
        client.in.erase(0, end == std::string::npos ? end : end + 1);
        if (push(client) == Standing::done || too_long) {
            return Standing::done;
        }
    }
    return Standing::open;
}

Standing pull(Client& client) {
    std::array<char, 16'384> piece{};
    const ssize_t got = ::recv(client.socket.get(), piece.data(), piece.size(), MSG_DONTWAIT);
    if (got < 0) {
        return errno == EAGAIN || errno == EINTR ? Standing::open : Standing::done;
    }
    client.in.append(piece.data(), static_cast<std::size_t>(got));
    return got == 0 ? Standing::done : Standing::open;
}

}  // namespace

class ControlServer::Impl {
public:
    Impl(ControlServerOptions options, AnswerRequest answered, ControlListener listener, Socket wake)
        : options_(std::move(options)),
          answered_(std::move(answered)),
          listener_(std::move(listener)),
          wake_(std::move(wake)),
          thread_([this] { serve(); }) {}

    ~Impl() {
        const std::uint64_t one = 1;
        // Cannot fail: the counter is far from full.
        [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof(one));
        thread_.join();
    }
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;

private:
    /// What clients passed along (SCM_RIGHTS) nobody takes, and it may be slow to close all the same: only
    /// this thread closes any of it.
    void serve() {
        reactor::ShortWaits waits;
        while (serve_once(waits)) {
        }
        waits.begin();
        clients_.clear();
        listener_.reset();
    }

    /// False: it is to end.
    bool serve_once(reactor::ShortWaits& waits) {
        std::vector<pollfd> entries{{.fd = wake_.get(), .events = POLLIN, .revents = 0},
                                    {.fd = listener_->get(), .events = POLLIN, .revents = 0}};
        for (const Client& client : clients_) {
            entries.push_back({.fd = client.socket.get(),
                               .events = static_cast<short>(client.answering() ? POLLOUT : POLLIN),
                               .revents = 0});
        }
        ::poll(entries.data(), entries.size(), time_left_ms());
        if (entries[0].revents != 0) {
            return false;
        }
        const auto now = steady_clock::now();
        std::list<Client> gone;
        auto entry = entries.begin() + 2;
        for (auto client = clients_.begin(); client != clients_.end();) {
            const auto at = client++;
            const bool ready = (entry++)->revents != 0;
            if (ready ? attend(*at, now, waits) == Standing::done : at->deadline <= now) {
                gone.splice(gone.end(), clients_, at);
            }
        }
        waits.begin();
        gone.clear();
        if (entries[1].revents != 0) {
            accept(now);
        }
        waits.end();
        return true;
    }

    Standing attend(Client& client, steady_clock::time_point now, reactor::ShortWaits& waits) {
        client.deadline = now + options_.idle_timeout;
        if (client.answering()) {
            return push(client) == Standing::done ? Standing::done : answer(client, answered_);
        }
        waits.begin();
        const Standing standing = pull(client);
        waits.end();
        return standing == Standing::done ? standing : answer(client, answered_);
    }

    void accept(steady_clock::time_point now) {
        Socket socket(::accept4(listener_->get(), nullptr, nullptr, SOCK_CLOEXEC));
        if (!socket) {
            if (const int error = errno; base::too_many_open_files(error)) {
                TARGE_LOG(warning, "control", "a client cannot be let in: {}; {}", std::strerror(error),
                          base::allow_more_open_files(error));
                // The caller stays in the queue, and poll() would come back at once.
                std::this_thread::sleep_for(std::chrono::milliseconds(100));
            }
            return;
        }
        if (clients_.size() >= options_.max_clients) {
            TARGE_LOG(warning, "control", "there are {} clients already; one more was sent away",
                      clients_.size());
            return;
        }
        clients_.push_back(
            {.socket = std::move(socket), .deadline = now + options_.idle_timeout, .in = {}, .out = {}});
    }

    [[nodiscard]] int time_left_ms() const {
        auto left = options_.idle_timeout;
        for (const Client& client : clients_) {
            left = std::min(
                left, std::chrono::ceil<std::chrono::milliseconds>(client.deadline - steady_clock::now()));
        }
        return clients_.empty() ? -1 : static_cast<int>(std::max<std::int64_t>(left.count(), 0));
    }

    ControlServerOptions options_;
    AnswerRequest answered_;
    std::optional<ControlListener> listener_;
    Socket wake_;
    std::list<Client> clients_;
    std::thread thread_;  ///< last: everything that it uses is there before it, and ends after it
};

std::expected<std::unique_ptr<ControlServer>, Problem> ControlServer::start(ControlServerOptions options,
                                                                            AnswerRequest answer) {
    auto listener = ControlListener::open(options.socket, options.group);
    if (!listener) {
        return std::unexpected(std::move(listener.error()));
    }
    Socket wake(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
    if (!wake) {
        const int error = errno;
        return std::unexpected(Problem{.what = "the control socket cannot be served",
                                       .cause = std::strerror(error),
                                       .cure = std::string(base::allow_more_open_files(error))});
    }
    try {
        auto impl = std::make_unique<Impl>(std::move(options), std::move(answer), std::move(*listener),
                                           std::move(wake));
        return std::unique_ptr<ControlServer>(new ControlServer(std::move(impl)));
    } catch (const std::system_error& error) {
        return std::unexpected(Problem{.what = "the control socket cannot be served",
                                       .cause = "no thread can be had: " + error.code().message(),
                                       .cure = "raise TasksMax of the service (ulimit -u)"});
    }
}

ControlServer::ControlServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ControlServer::~ControlServer() {
    stop();
}

void ControlServer::stop() {
    impl_.reset();
}

}  // namespace targe::admin
