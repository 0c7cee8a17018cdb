// targe-vtl: the units of a library, each at the socket of its device in targed.
#include "admin/control_server.h"
#include "admin/line_output.h"
#include "admin/notify.h"
#include "admin/signals.h"
#include "admin/unix_socket.h"
#include "base/log.h"
#include "vtl/library.h"
#include "vtl/library_requests.h"
#include "vtl/options.h"
#include "vtl/unit_server.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <expected>
#include <filesystem>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace targe::vtl {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using Units = std::vector<std::unique_ptr<UnitServer>>;  // the changer, then the drives

void print(std::FILE* to, const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), to);
}

int failed(const std::string& what, const std::string& cure) {
    print(stderr, fmt::format("targe-vtl: {}\n  try: {}\n", what, cure));
    return admin::kFailed;
}

/// Tells initiators what the changer or an operator brought up. Who returns from it may answer: what was
/// brought up before is in force, also where another thread has found it.
class Crier {
public:
    Crier(Library& library, const Units& units) : library_(library), units_(units) {}
    void tell() {
        const std::lock_guard lock(mutex_);
        for (const LibraryEvent& event : library_.take_events()) {
            units_.at(event.drive ? *event.drive + 1 : 0)->raise(event.asc);
        }
    }

private:
    Library& library_;
    const Units& units_;
    std::mutex mutex_;
};

void add_units(Units& units, Library& library, const std::string& name, Crier& crier) {
    const auto add = [&](UnitIndex unit) {
        units.push_back(
            std::make_unique<UnitServer>(library, unit, device_name(name, unit), [&crier] { crier.tell(); }));
    };
    add({});
    for (std::size_t drive = 0; drive < library.description().drives.size(); ++drive) {
        add(drive);
    }
}

enum class Attached : std::uint8_t { all, told_to_stop };

/// Tries in short turns for as long as may be waited. What no waiting mends ends the first turn early.
std::expected<Attached, std::string> attach(UnitServer& unit, const std::string& socket,
                                            steady_clock::time_point until, admin::StopSignals& signals) {
    constexpr milliseconds kTurn{200};
    for (;;) {
        const auto begin = steady_clock::now();
        const auto left = std::chrono::duration_cast<milliseconds>(until - begin);
        const auto turn = std::clamp(left, milliseconds::zero(), kTurn);
        const auto attached = unit.attach(socket, static_cast<int>(turn.count()));
        if (signals.wait_for(milliseconds::zero())) {
            return Attached::told_to_stop;
        }
        if (attached) {
            return Attached::all;
        }
        if (steady_clock::now() - begin < turn || left <= kTurn) {
            return std::unexpected(attached.error());
        }
    }
}

/// An error says what stands in the way.
std::expected<Attached, std::string> attach(const Units& units, const Options& options,
                                            admin::StopSignals& signals) {
    const auto until = steady_clock::now() + std::chrono::seconds(options.wait_seconds);
    for (std::size_t i = 0; i < units.size(); ++i) {
        const UnitIndex unit = i == 0 ? UnitIndex{} : UnitIndex{i - 1};
        const auto attached = attach(
            *units[i], fmt::format("{}/{}.handler.sock", options.socket_dir, device_name(options.name, unit)),
            until, signals);
        if (!attached || *attached == Attached::told_to_stop) {
            return attached;
        }
    }
    return Attached::all;
}

int path_too_long(const std::string& socket, const Options& options) {
    const auto folder = std::filesystem::absolute(options.library).string();
    return failed(
        fmt::format("{}: the path has {} bytes, and the system takes {} for a socket", socket, socket.size(),
                    sizeof(sockaddr_un::sun_path) - 1),
        fmt::format("ln -s {} SHORT, then targe-vtl SHORT --name {}; also name it SHORT to targe vtl", folder,
                    options.name));
}

/// An error is the exit status; why is said.
std::expected<std::unique_ptr<Library>, int> open_library(const Options& options) {
    auto shelf = open_shelf(options.library, false);
    if (!shelf) {
        const bool served = shelf.error().kind == FaultKind::in_use;
        return std::unexpected(
            failed(shelf.error().what,
                   served ? fmt::format("targe vtl list {}: where that works, targe-vtl serves it already",
                                        options.library)
                          : fmt::format("name the folder of a library, or make one: targe vtl create {}",
                                        options.library)));
    }
    auto library = Library::open(std::move(*shelf));
    if (!library) {
        std::string cure = problem_of(library.error(), "targe vtl create LIBRARY").cure;
        if (const std::size_t at = cure.find("LIBRARY"); at != std::string::npos) {
            cure.replace(at, std::string_view("LIBRARY").size(), options.library);
        }
        return std::unexpected(failed(library.error().what, cure));
    }
    return std::move(*library);
}

int serve(const Options& options) {
    admin::log_without_waiting();
    admin::StopSignals signals;
    const std::string socket = control_socket(options.library);
    if (!admin::unix_address(socket)) {
        return path_too_long(socket, options);
    }
    const auto opened = open_library(options);
    if (!opened) {
        return opened.error();
    }
    Library& library = **opened;
    Units units;
    Crier crier(library, units);
    add_units(units, library, options.name, crier);
    const auto attached = attach(units, options, signals);
    if (!attached) {
        return failed(attached.error(),
                      fmt::format("targe vtl config {} --name {}, which says what targe.toml of a running "
                                  "targed needs",
                                  options.library, options.name));
    }
    if (*attached == Attached::told_to_stop) {
        return admin::kDone;
    }
    for (const auto& unit : units) {
        unit->start();
    }
    const auto control =
        admin::ControlServer::start({.socket = socket, .group = {}}, [&](std::string_view request) {
            const std::string answer = handle_library_request(request, library);
            crier.tell();
            return answer;
        });
    if (!control) {
        return failed(fmt::format("{}: {}", control.error().what, control.error().cause),
                      fmt::format("ls -ld {}", options.library));
    }
    TARGE_LOG(info, "vtl", "serving {}: a changer and {} drives", options.library, units.size() - 1);
    admin::notify_service_manager("READY=1");
    signals.wait();
    admin::notify_service_manager("STOPPING=1");
    (*control)->stop();
    for (const auto& unit : units) {
        unit->stop();
    }
    for (const auto& unit : units) {
        unit->join();
    }
    if (const auto synced = library.sync(); !synced) {
        return failed(synced.error().what, "look at the file system of the library");
    }
    return admin::kDone;
}

int run(std::span<const char* const> arguments) {
    const auto parsed = parse_options(arguments);
    if (const auto* const message = std::get_if<admin::Message>(&parsed)) {
        print(message->exit_status == admin::kDone ? stdout : stderr, message->text);
        return message->exit_status;
    }
    return serve(std::get<Options>(parsed));
}

}  // namespace
}  // namespace targe::vtl

int main(int argc, char** argv) {
    return targe::vtl::run({argv, static_cast<std::size_t>(argc)});
}
