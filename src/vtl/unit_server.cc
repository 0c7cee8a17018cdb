#include "vtl/unit_server.h"

#include "base/log.h"
#include "vtl/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <span>
#include <utility>

namespace targe::vtl {
namespace {

constexpr std::uint8_t kTape = 0x01;
constexpr std::uint8_t kChanger = 0x08;

std::uint64_t now_ms() {
    using std::chrono::duration_cast;
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(duration_cast<std::chrono::milliseconds>(now).count());
}

std::uint64_t monotonic_ns() {
    using std::chrono::duration_cast;
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(duration_cast<std::chrono::nanoseconds>(now).count());
}

/// From when on targed would soon take the unit for hung, because of the command.
std::uint64_t last_moment_ns(const targe_command& command) {
    constexpr std::uint64_t kEarlyNs = 5'000'000'000;
    if (command.deadline_ns == 0) {
        return ~std::uint64_t{0};
    }
    const std::uint64_t left = command.deadline_ns - std::min(monotonic_ns(), command.deadline_ns);
    return command.deadline_ns - std::min(kEarlyNs, left / 4);
}

UnitServer& server(void* context) {
    return *static_cast<UnitServer*>(context);
}

}  // namespace

const targe_command_ops UnitServer::kOperations{
    .struct_size = sizeof(targe_command_ops),
    .reserved = 0,
    .execute = [](void* context, targe_command* command) { return server(context).execute(*command); },
    .session_attach =
        [](void* context, const targe_session* session) {
            server(context).sessions_.insert(session->handle);
            return 0;
        },
    .session_detach = [](void* context, std::uint64_t session) { server(context).session_gone(session); },
    .task_management =
        [](void* context, const targe_task_management* function) {
            if (function->function == TARGE_LOGICAL_UNIT_RESET && function->done != 0) {
                server(context).reset();
            }
        },
    .reservations_changed = nullptr,
    .delivered = nullptr,
    .batch_ended = nullptr,
    .goes_on = 0,
    .remaps = 0,
};

UnitServer::UnitServer(Library& library, UnitIndex unit, std::string name, Tell tell)
    : library_(library), unit_(unit), name_(std::move(name)), tell_(std::move(tell)) {}

UnitServer::~UnitServer() {
    stop();
    join();
}

std::expected<void, std::string> UnitServer::attach(const std::string& socket, int limit_ms) {
    const LibraryDescription& library = library_.description();
    const UnitName& unit = unit_ ? library.drives.at(*unit_).name : library.changer;
    const std::span<const std::uint8_t> pages = unit_ ? Drive::vpd_pages() : Changer::vpd_pages();
    targe_attachment how{};
    how.struct_size = sizeof how;
    how.level = TARGE_COMMANDS;
    how.socket = socket.c_str();
    how.name = "targe-vtl " TARGE_VERSION;
    how.context = this;
    how.command_ops = &kOperations;
    how.peripheral_type = unit_ ? kTape : kChanger;
    how.removable = 1;
    how.vendor = unit.vendor.c_str();
    how.product = unit.product.c_str();
    how.revision = unit.revision.c_str();
    how.vpd_pages = pages.data();
    how.vpd_page_count = static_cast<std::uint32_t>(pages.size());
    how.reattach = 1;
    std::array<char, 512> error{};
    device_.reset(targe_attach(&how, limit_ms, error.data(), error.size()));
    if (!device_) {
        return std::unexpected(fmt::format("{}: {}", name_, error.data()));
    }
    return {};
}

void UnitServer::start() {
    thread_ = std::thread([this] { targe_run(device_.get()); });
}

void UnitServer::stop() {
    if (device_) {
        targe_stop(device_.get());
    }
}

void UnitServer::join() {
    if (thread_.joinable()) {
        thread_.join();
    }
}

void UnitServer::raise(scsi::Asc condition, std::uint64_t session) {
    const auto code = static_cast<unsigned>(condition);
    const int failed = targe_raise(device_.get(), static_cast<std::uint8_t>(code >> 8U),
                                   static_cast<std::uint8_t>(code & 0xffU), session);
    if (failed != 0 && failed != -ENOTCONN) {
        TARGE_LOG(warning, "vtl", "{}: initiators were not told of unit attention {:04x}h: {}", name_, code,
                  std::strerror(-failed));
    }
}

void UnitServer::raise_all(const Reply& reply, std::uint64_t sender) {
    for (const Attention& attention : reply.attentions) {
        if (attention.to == Attention::To::everybody) {
            raise(attention.asc);
            continue;
        }
        for (const std::uint64_t session : sessions_) {
            if (session != sender) {
                raise(attention.asc, session);
            }
        }
    }
}

int UnitServer::execute(targe_command& command) {
    Command asked = command_of(command, now_ms());
    asked.overdue = [&command, last = last_moment_ns(command)] {
        return targe_aborted(&command) != 0 || monotonic_ns() >= last;
    };
    const Reply reply = unit_ ? library_.execute_drive(*unit_, asked) : library_.execute_changer(asked);
    if (!reply.trouble.empty()) {
        TARGE_LOG(error, "vtl", "{}: {}", name_, reply.trouble);
    }
    raise_all(reply, command.session);
    if (!unit_) {
        tell_();
    }
    answer(command, reply);
    return TARGE_DONE;
}

void UnitServer::session_gone(std::uint64_t session) {
    sessions_.erase(session);
    if (unit_) {
        library_.drive_session_gone(*unit_, session);
    } else {
        library_.changer_session_gone(session);
    }
}

void UnitServer::reset() {
    if (unit_) {
        library_.reset_drive(*unit_);
    } else {
        library_.reset_changer();
    }
}

}  // namespace targe::vtl
