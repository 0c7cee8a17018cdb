// targe-vtl: the units of a library, each at the socket of its device in targed.
#include "admin/control_server.h"
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
#include <cstdio>
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

/// Nothing, or what stands in the way.
std::string attach(const Units& units, const Options& options) {
    const auto until = steady_clock::now() + std::chrono::seconds(options.wait_seconds);
    for (std::size_t i = 0; i < units.size(); ++i) {
        const UnitIndex unit = i == 0 ? UnitIndex{} : UnitIndex{i - 1};
        const auto left = std::chrono::duration_cast<milliseconds>(until - steady_clock::now());
        const auto attached = units[i]->attach(
            fmt::format("{}/{}.handler.sock", options.socket_dir, device_name(options.name, unit)),
            std::max(static_cast<int>(left.count()), 0));
        if (!attached) {
            return attached.error();
        }
    }
    return {};
}

int path_too_long(const std::string& socket, const Options& options) {
    const auto folder = std::filesystem::absolute(options.library).string();
    return failed(
        fmt::format("{}: the path has {} bytes, and the system takes {} for a socket", socket, socket.size(),
                    sizeof(sockaddr_un::sun_path) - 1),
        fmt::format("ln -s {} SHORT, then targe-vtl SHORT --name {}; also name it SHORT to targe vtl", folder,
                    options.name));
}

int serve(const Options& options) {
    admin::StopSignals signals;
    const std::string socket = control_socket(options.library);
    if (!admin::unix_address(socket)) {
        return path_too_long(socket, options);
    }
    auto shelf = open_shelf(options.library, false);
    if (!shelf) {
        const bool served = shelf.error().kind == FaultKind::in_use;
        return failed(shelf.error().what,
                      served ? fmt::format("targe vtl list {}: where that works, targe-vtl serves it already",
                                           options.library)
                             : fmt::format("name the folder of a library, or make one: targe vtl create {}",
                                           options.library));
    }
    const auto library = Library::open(std::move(*shelf));
    if (!library) {
        return failed(library.error().what, fmt::format("targe vtl create {}", options.library));
    }
    Units units;
    Crier crier(**library, units);
    add_units(units, **library, options.name, crier);
    if (const std::string wrong = attach(units, options); !wrong.empty()) {
        return failed(wrong, fmt::format("targe vtl config {} --name {}, which says what targe.toml of a "
                                         "running targed needs",
                                         options.library, options.name));
    }
    for (const auto& unit : units) {
        unit->start();
    }
    const auto control =
        admin::ControlServer::start({.socket = socket, .group = {}}, [&](std::string_view request) {
            const std::string answer = handle_library_request(request, **library);
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
    if (const auto synced = (*library)->sync(); !synced) {
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
