// Where handlers in other programs attach to a device.
#pragma once

#include "device/open.h"
#include "device/passed_memory.h"
#include "device/user_attachment.h"
#include "device/user_leavings.h"
#include "device/user_presence.h"
#include "reactor/file_descriptor.h"
#include "reactor/short_waits.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <expected>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <thread>

namespace targe::device {

/// What the gateway asks the device. Called on the gateway's thread.
class UserHost {
public:
    struct Agreed {
        UserLayout layout;
        std::uint64_t size_bytes;
        std::uint32_t slot_limit = TARGE_MAX_SLOTS;  ///< UserAttachment::slot_limit at first
    };
    /// Whether this handler will do for the device; or why not, in a sentence.
    virtual std::expected<Agreed, std::string> agree(const UserGreeting& hello) = 0;
    /// Another handler is about to take the place of one that was attached before. False: it cannot yet.
    virtual bool replace_handler() = 0;
    /// The presence is told next: no request has reached this handler yet.
    virtual void attached(const UserGreeting& hello, std::uint64_t size_bytes) = 0;
    /// `data` came with it, and stay until this returns. `reply` is called once, with 0 or an errno, from any
    /// thread.
    virtual void asked(const targe_request& request, std::span<const std::byte> data,
                       std::move_only_function<void(int)> reply) = 0;

protected:
    ~UserHost() = default;
};

/// A thread of its own that listens on the device's socket, lets one handler at a time in, and speaks with
/// it. It touches nothing that commands need: a handler that keeps it busy slows down no one but itself.
class UserGateway {
public:
    [[nodiscard]] static std::expected<std::unique_ptr<UserGateway>, OpenError> open(
        const UserSettings& settings, UserPresence& presence, UserHost& host);
    UserGateway(const UserGateway&) = delete;
    UserGateway& operator=(const UserGateway&) = delete;
    /// Whoever is attached is let go.
    ~UserGateway();

private:
    using Time = std::chrono::steady_clock::time_point;
    struct Candidate {
        reactor::FileDescriptor connection;
        UserPeer peer;
        Time until;
    };

    UserGateway(const UserSettings& settings, UserPresence& presence, UserHost& host,
                reactor::FileDescriptor listener, reactor::FileDescriptor wake,
                std::shared_ptr<UserLeavings> leavings);
    void run();
    [[nodiscard]] bool hear_all(reactor::ShortWaits& waits);
    void greet();
    [[nodiscard]] bool may_attach(int connection, const UserPeer& peer) const;
    void hear_candidate();
    [[nodiscard]] reactor::FileDescriptor hear_descriptor(int connection, bool wanted);
    void attach(const UserGreeting& hello, const UserHost::Agreed& agreed,
                const reactor::FileDescriptor& lent);
    void hear_handler();
    void answer(const targe_request& request, std::span<const std::byte> data);
    void part(const char* how);

    const UserSettings& settings_;
    UserPresence& presence_;
    UserHost& host_;
    reactor::FileDescriptor listener_;
    reactor::FileDescriptor wake_;
    std::optional<Candidate> candidate_;
    std::shared_ptr<UserAttachment> attachment_;
    std::shared_ptr<UserLeavings> leavings_;
    PassedMemory passed_memory_;
    bool had_handler_ = false;
    std::shared_ptr<std::atomic<unsigned>> open_requests_ = std::make_shared<std::atomic<unsigned>>(0);
    std::atomic<bool> stopping_ = false;
    std::thread thread_;
};

}  // namespace targe::device
