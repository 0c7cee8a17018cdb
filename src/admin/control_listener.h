// Puts a listening Unix socket where targe looks for it, and takes it away again.
#pragma once

#include "admin/problem.h"
#include "admin/unix_socket.h"

#include <sys/types.h>

#include <expected>
#include <string>

namespace targe::admin {

/// Listens, nobody but the owner and its group being able to connect, until it ends; then the path is free
/// again.
class ControlListener {
public:
    /// See ControlServer::start().
    static std::expected<ControlListener, Problem> open(const std::string& path, const std::string& group);
    ControlListener(ControlListener&&) = default;
    ControlListener& operator=(ControlListener&&) = delete;
    ~ControlListener();

    [[nodiscard]] int get() const { return socket_.get(); }

private:
    ControlListener(Socket socket, std::string path, dev_t device, ino_t inode)
        : socket_(std::move(socket)), path_(std::move(path)), device_(device), inode_(inode) {}

    Socket socket_;
    std::string path_;
    dev_t device_;
    ino_t inode_;
};

}  // namespace targe::admin
