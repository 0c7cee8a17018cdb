#include "admin/control_server.h"

#include "admin/control_listener.h"
#include "admin/control_message.h"
#include "base/log.h"
#include "base/open_files.h"
#include "reactor/short_waits.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdint>
#include <cstring>
#include <deque>
#include <list>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace targe::admin {
namespace {

using std::chrono::steady_clock;

enum class Standing : std::uint8_t { open, done };

/// Wakes whoever polls this eventfd.
void notify(int event) {
    const std::uint64_t one = 1;
    // Cannot fail: the counter is far from full.
    [[maybe_unused]] const ssize_t written = ::write(event, &one, sizeof(one));
}

/// What takes long is answered here, on a thread of its own, in the order in which it was asked.
class LongAnswers {
public:
    struct One {
        std::uint64_t client;
        std::string text;  ///< the request, then its answer
    };

    /// Whenever an answer is there the event `wake` happens.
    LongAnswers(const AnswerRequest& answered, int wake)
        : answered_(answered), wake_(wake), thread_([this] { run(); }) {}
    ~LongAnswers() { finish(); }
    LongAnswers(const LongAnswers&) = delete;
    LongAnswers& operator=(const LongAnswers&) = delete;

    void ask(One request) {
        const std::lock_guard lock(mutex_);
        asked_.push_back(std::move(request));
        changed_.notify_one();
    }
    [[nodiscard]] std::vector<One> take() {
        const std::lock_guard lock(mutex_);
        return std::exchange(given_, {});
    }
    /// Finishes the answer it is at, and forgets what else was asked.
    void finish() {
        {
            const std::lock_guard lock(mutex_);
            ends_ = true;
            changed_.notify_one();
        }
        if (thread_.joinable()) {
            thread_.join();
        }
    }

private:
    void run() {
        std::unique_lock lock(mutex_);
        for (;;) {
            changed_.wait(lock, [this] { return ends_ || !asked_.empty(); });
            if (ends_) {
                return;
            }
            One one = std::move(asked_.front());
            asked_.pop_front();
            lock.unlock();
            one.text = answered_(one.text);
            lock.lock();
            given_.push_back(std::move(one));
            notify(wake_);
        }
    }

    const AnswerRequest& answered_;
    int wake_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<One> asked_;
    std::vector<One> given_;
    bool ends_ = false;
    std::thread thread_;  ///< last: everything that it uses is there before it
};

/// One that is connected: it has an answer to take, or waits for one, or has a request to make.
struct Client {
    std::uint64_t number;
    Socket socket;
    steady_clock::time_point deadline;
    std::string in;
    std::string out;
    std::size_t out_taken = 0;
    bool waits = false;  ///< for an answer that takes long

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
          wake_(std::move(wake)) {
        if (options_.takes_long != nullptr) {
            long_.emplace(answered_, wake_.get());
        }
        thread_ = std::thread([this] { serve(); });
    }

    ~Impl() {
        if (long_) {
            long_->finish();
        }
        ends_ = true;
        notify(wake_.get());
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
            const int wants = client.waits ? 0 : client.answering() ? POLLOUT : POLLIN;
            entries.push_back({.fd = client.socket.get(), .events = static_cast<short>(wants), .revents = 0});
        }
        ::poll(entries.data(), entries.size(), time_left_ms());
        if (entries[0].revents != 0) {
            hand_out();
            if (ends_) {
                return false;
            }
        }
        const auto now = steady_clock::now();
        std::list<Client> gone;
        auto entry = entries.begin() + 2;
        for (auto client = clients_.begin(); client != clients_.end();) {
            const auto at = client++;
            const bool ready = (entry++)->revents != 0;
            if (ready ? attend(*at, now, waits) == Standing::done : !at->waits && at->deadline <= now) {
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
        if (client.waits) {
            return Standing::done;  // it has gone
        }
        client.deadline = now + options_.idle_timeout;
        if (client.answering()) {
            return push(client) == Standing::done ? Standing::done : answer(client);
        }
        waits.begin();
        const Standing standing = pull(client);
        waits.end();
        return standing == Standing::done ? standing : answer(client);
    }

    /// Answers the requests that have arrived whole, one at a time.
    Standing answer(Client& client) {
        while (!client.answering() && !client.waits) {
            const std::size_t end = client.in.find('\n');
            const bool too_long = end == std::string::npos ? client.in.size() >= kControlRequestLimit
                                                           : end >= kControlRequestLimit;
            if (end == std::string::npos && !too_long) {
                return Standing::open;
            }
            std::string request = client.in.substr(0, end);
            client.in.erase(0, end == std::string::npos ? end : end + 1);
            if (long_ && !too_long && options_.takes_long(request)) {
                client.waits = true;
                long_->ask({.client = client.number, .text = std::move(request)});
                continue;
            }
            // A request without an end in sight is answered, with a problem, and is the last.
            client.out = answered_(request);
            client.out.push_back('\n');
            if (push(client) == Standing::done || too_long) {
                return Standing::done;
            }
        }
        return Standing::open;
    }

    /// Answers that took long, to those who still wait for them.
    void hand_out() {
        std::uint64_t events = 0;
        [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &events, sizeof(events));
        if (!long_) {
            return;
        }
        for (LongAnswers::One& each : long_->take()) {
            const auto client = std::ranges::find(clients_, each.client, &Client::number);
            if (client != clients_.end()) {
                client->waits = false;
                client->deadline = steady_clock::now() + options_.idle_timeout;
                client->out = std::move(each.text);
                client->out.push_back('\n');
                if (push(*client) == Standing::done || answer(*client) == Standing::done) {
                    ::shutdown(client->socket.get(), SHUT_RDWR);  // which is seen when it is attended to
                }
            }
        }
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
        clients_.push_back({.number = ++accepted_,
                            .socket = std::move(socket),
                            .deadline = now + options_.idle_timeout,
                            .in = {},
                            .out = {}});
    }

    [[nodiscard]] int time_left_ms() const {
        auto left = options_.idle_timeout;
        bool any = false;
        for (const Client& client : clients_) {
            if (!client.waits) {
                any = true;
                left = std::min(left, std::chrono::ceil<std::chrono::milliseconds>(client.deadline -
                                                                                   steady_clock::now()));
            }
        }
        return any ? static_cast<int>(std::max<std::int64_t>(left.count(), 0)) : -1;
    }

    ControlServerOptions options_;
    AnswerRequest answered_;
    std::optional<ControlListener> listener_;
    Socket wake_;
    std::list<Client> clients_;
    std::uint64_t accepted_ = 0;
    std::atomic<bool> ends_ = false;
    std::optional<LongAnswers> long_;
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
