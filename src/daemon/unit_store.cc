#include "daemon/unit_store.h"

#include "base/log.h"
#include "device/off_core.h"

#include <array>
#include <string_view>
#include <utility>

namespace targe::daemon {
namespace {

using engine::Kept;

constexpr std::array kSubjects{
    Kept::mode_pages,    Kept::persistent_reservation, Kept::identifying_information,
    Kept::access_states, Kept::log_parameters,         Kept::sanitize,
    Kept::atomic_write};

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
    admin::StateDirectory& directory, std::string name, StoreOwner owner) {
    std::shared_ptr<DirectoryUnitStore> store(new DirectoryUnitStore(directory, std::move(name), owner));
    for (const Kept what : kSubjects) {
        auto content = directory.load(store->file(what));
        if (!content && what == Kept::persistent_reservation) {
            content = lost_reservations(store->name_, content.error());
        }
        if (!content) {
            return std::unexpected(content.error());
        }
        if (*content) {
            store->found_.emplace(what, std::move(**content));
        }
    }
    return store;
}

std::string DirectoryUnitStore::file(Kept what) const {
    return (owner_ == StoreOwner::unit ? "unit." : "group.") + name_ + "." + std::string(subject(what));
}

std::optional<std::string> DirectoryUnitStore::kept(Kept what) const {
    const auto at = found_.find(what);
    return at == found_.end() ? std::nullopt : std::optional(at->second);
}

base::Task<bool> DirectoryUnitStore::keep(base::CommandArena& arena, Kept what, std::string content) {
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
