#include "daemon/unit_store.h"

#include "base/log.h"
#include "device/off_core.h"

#include <fmt/core.h>

#include <string_view>
#include <utility>

namespace targe::daemon {
namespace {

using engine::Kept;

std::string_view subject(Kept what) {
    switch (what) {
        case Kept::mode_pages:
            return "mode-pages";
        case Kept::persistent_reservation:
            return "reservations";
        case Kept::identifying_information:
            return "identifying-information";
        case Kept::access_states:
            return "access-states";
        case Kept::log_parameters:
            return "log-parameters";
        case Kept::sanitize:
            return "sanitize";
        case Kept::atomic_write:
            return "atomic-write";
    }
    __builtin_unreachable();
}

/// Of which the next start goes on with writing what is kept.
bool is_unfinished_work(Kept what) {
    return what == Kept::sanitize || what == Kept::atomic_write;
}

// What stands before the content of such a subject: where it was begun, and a NUL, which no path has.
constexpr std::string_view kBegunOn = "on ";

std::string begun_on(const std::string& path, const std::string& content) {
    std::string text{kBegunOn};
    return content.empty() ? content : text.append(path).append(1, '\0').append(content);
}

/// Takes it off. Nothing: there is none, as in files of earlier versions.
std::optional<std::string> take_begun_on(std::string& text) {
    const std::size_t end = text.find('\0');
    if (!text.starts_with(kBegunOn) || end == std::string::npos) {
        return std::nullopt;
    }
    std::string path = text.substr(kBegunOn.size(), end - kBegunOn.size());
    text.erase(0, end + 1);
    return path;
}

/// Content that nobody can have kept: the unit keeps everybody out, and the other units are not concerned.
std::string lost_reservations(const std::string& device, const admin::Problem& problem) {
    TARGE_LOG(error, "state",
              "{}: {}; who has reserved device {} is lost, so nobody may use it until an initiator sends "
              "REPLACE LOST RESERVATION or 'targe reservation clear {}' is run",
              problem.what, problem.cause, device, device);
    return "lost";
}

}  // namespace

std::expected<std::shared_ptr<DirectoryUnitStore>, admin::Problem> DirectoryUnitStore::open(
    admin::StateDirectory& directory, std::string name, StoreOwner owner, std::string path) {
    std::shared_ptr<DirectoryUnitStore> store(
        new DirectoryUnitStore(directory, std::move(name), owner, std::move(path)));
    for (const Kept what : kSubjects) {
        auto content = directory.load(store->file(what));
        if (!content && what == Kept::persistent_reservation) {
            content = lost_reservations(store->name_, content.error());
        }
        if (!content) {
            return std::unexpected(content.error());
        }
        if (*content && is_unfinished_work(what)) {
            const auto begun = take_begun_on(**content);
            if (begun && *begun != store->path_) {
                return std::unexpected(store->begun_elsewhere(what, *begun));
            }
        }
        if (*content) {
            store->found_.emplace(what, std::move(**content));
        }
    }
    return store;
}

admin::Problem DirectoryUnitStore::begun_elsewhere(Kept what, const std::string& path) const {
    const std::string_view work = what == Kept::sanitize ? "erasure" : "atomic write";
    return {.what = fmt::format("an {} of device {} is not finished, and the device has another path now",
                                work, name_),
            .cause = fmt::format("it was begun on {}, and would go on writing to {}", path, path_),
            .cure = fmt::format("give the device its path back until it is finished, or another name; or "
                                "remove {}/{} to give it up",
                                directory_.path(), file(what))};
}

std::string DirectoryUnitStore::file(Kept what) const {
    return (owner_ == StoreOwner::unit ? "unit." : "group.") + name_ + "." + std::string(subject(what));
}

std::optional<std::string> DirectoryUnitStore::kept(Kept what) const {
    const auto at = found_.find(what);
    return at == found_.end() ? std::nullopt : std::optional(at->second);
}

base::Task<bool> DirectoryUnitStore::keep(base::CommandArena& arena, Kept what, std::string content) {
    if (is_unfinished_work(what)) {
        content = begun_on(path_, content);
    }
    std::expected<void, admin::Problem> stored;
    const int failed = co_await device::run_off_core(
        arena, [this, what, &content, &stored] { stored = directory_.store(file(what), content); });
    if (failed == 0 && stored) {
        co_return true;
    }
    if (failed != 0) {
        TARGE_LOG(error, "state", "nothing can be kept for {}: no thread, errno {}", name_, failed);
    } else {
        const admin::Problem& problem = stored.error();
        TARGE_LOG(error, "state", "{}: {}; {}", problem.what, problem.cause, problem.cure);
    }
    co_return false;
}

}  // namespace targe::daemon
