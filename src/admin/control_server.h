// A Unix socket that `targe` talks to, on a thread of its own.
#pragma once

#include "admin/problem.h"

#include <chrono>
#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace targe::admin {

struct ControlServerOptions {
    std::string socket;
    std::string group;                               ///< owns the socket besides us; empty: our own group
    std::size_t max_clients = 32;                    ///< more are closed at once
    std::chrono::milliseconds idle_timeout{60'000};  ///< for a client that neither asks nor takes its answer
    /// Says of a request that others are not to wait for its answer. Null: none is such.
    bool (*takes_long)(std::string_view request) = nullptr;
};

/// The answer to a request, both without a newline; called on the thread of the socket, one call at a time,
/// and beside that, for what takes long, on one more, one call at a time too.
using AnswerRequest = std::function<std::string(std::string_view request)>;

/// Serves from start() to stop(). What `answer` refers to must outlive it.
class ControlServer {
public:
    /// Takes the place of a socket that nobody listens on any more; refuses where somebody does.
    static std::expected<std::unique_ptr<ControlServer>, Problem> start(ControlServerOptions options,
                                                                        AnswerRequest answer);
    ControlServer(const ControlServer&) = delete;
    ControlServer& operator=(const ControlServer&) = delete;
    /// stop()
    ~ControlServer();

    /// Finishes the answers it is at, closes everything, removes the socket, joins the thread. From any
    /// thread but its own; a second call does nothing.
    void stop();

private:
    class Impl;
    explicit ControlServer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace targe::admin
