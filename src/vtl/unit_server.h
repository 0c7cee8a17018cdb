// A unit of a library at the socket of its device in targed.
#pragma once

#include "libtarge/targe.h"
#include "vtl/device_names.h"
#include "vtl/library.h"

#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <thread>

namespace targe::vtl {

/// Executes the commands of one unit, on a thread of its own from start() to stop(). When targed goes it
/// waits for the next one, and attaches to that.
class UnitServer {
public:
    /// Raises what a command of the changer brought up at other units; called on the changer's thread, before
    /// the command is answered.
    using Tell = std::function<void()>;

    /// The library outlives it.
    UnitServer(Library& library, UnitIndex unit, std::string name, Tell tell);
    UnitServer(const UnitServer&) = delete;
    UnitServer& operator=(const UnitServer&) = delete;
    ~UnitServer();

    /// Tries for `limit_ms`. Otherwise a sentence for the administrator.
    [[nodiscard]] std::expected<void, std::string> attach(const std::string& socket, int limit_ms);
    void start();
    /// Begins to end: what is in hand is completed. From any thread.
    void stop();
    /// Once stop() was called.
    void join();

    /// For every nexus, or for one; in force when this returns, unless targed is away: it tells of a reset
    /// when it is back. From any thread.
    void raise(scsi::Asc condition, std::uint64_t session = 0);

private:
    int execute(targe_command& command);
    void raise_all(const Reply& reply, std::uint64_t sender);
    void session_gone(std::uint64_t session);
    void reset();

    static const targe_command_ops kOperations;

    struct Detach {
        void operator()(targe_device* device) const { targe_detach(device); }
    };

    Library& library_;
    UnitIndex unit_;
    std::string name_;
    Tell tell_;
    std::set<std::uint64_t> sessions_;  ///< thread of targe_run() only
    std::unique_ptr<targe_device, Detach> device_;
    std::thread thread_;
};

}  // namespace targe::vtl
