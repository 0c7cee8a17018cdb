#include "daemon/unit_store.h"

#include "base/log.h"
#include "device/off_core.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace targe::daemon {
namespace {

using engine::Kept;

/// Of which the next start goes on with writing what is kept.
constexpr std::array kUnfinished{Kept::sanitize, Kept::atomic_write};

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

bool is_unfinished_work(Kept what) {
    return std::ranges::find(kUnfinished, what) != kUnfinished.end();
}

std::string_view work_of(Kept what) {
    return what == Kept::sanitize ? "erasure" : "atomic write";
}

// What stands before the content of such a subject: the path of the store on which it was begun and a NUL,
// which no path has; then the marks of the store and a NUL, which files of earlier versions are without.
constexpr std::string_view kBegunOnPath = "on ";
constexpr std::string_view kBegunOnStore = "of ";

std::string record_of(const std::string& path, const StoreMarks& marks, const std::string& content) {
    std::string text{kBegunOnStore};
    return content.empty()
               ? content
               : text.append(path).append(1, '\0').append(to_text(marks)).append(1, '\0').append(content);
}

/// As far as the first NUL.
std::optional<std::string> take_part(std::string& text) {
    const std::size_t end = text.find('\0');
    if (end == std::string::npos) {
        return std::nullopt;
    }
    std::string part = text.substr(0, end);
    text.erase(0, end + 1);
    return part;
}

struct BegunOn {
    std::string path;
    StoreMarks marks;
};

/// Takes it off. Nothing: there is none, as in files of the first versions.
std::optional<BegunOn> take_begun_on(std::string& text) {
    const bool marked = text.starts_with(kBegunOnStore);
    if (!marked && !text.starts_with(kBegunOnPath)) {
        return std::nullopt;
    }
    std::string rest = text;
    auto path = take_part(rest);
    const auto marks = path && marked ? take_part(rest) : std::optional<std::string>("");
    if (!path || !marks) {
        return std::nullopt;
    }
    text = std::move(rest);
    return BegunOn{.path = path->substr(kBegunOnPath.size()), .marks = marks_from_text(*marks)};
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
    admin::StateDirectory& directory, std::string name, StoreOwner owner, StorePlace place) {
    std::shared_ptr<DirectoryUnitStore> store(
        new DirectoryUnitStore(directory, std::move(name), owner, std::move(place)));
    for (const Kept what : kSubjects) {
        if (is_unfinished_work(what)) {
            continue;
        }
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
    auto unfinished = store->find_unfinished();
    if (!unfinished) {
        return std::unexpected(unfinished.error());
    }
    store->take(std::move(*unfinished));
    return store;
}

std::expected<DirectoryUnitStore::Unfinished, admin::Problem> DirectoryUnitStore::find_unfinished() const {
    Unfinished found;
    for (const Kept what : kUnfinished) {
        auto content = directory_.load(file(what));
        if (!content) {
            return std::unexpected(content.error());
        }
        if (!*content) {
            continue;
        }
        const auto begun = take_begun_on(**content);
        const SameStore same = begun ? compare(begun->marks, marks()) : SameStore{};
        const bool moved = begun && begun->path != place_.path;
        if (same.verdict == SameStore::Verdict::another) {
            found.elsewhere = {.what = what, .path = begun->path, .why = same.why};
        } else if (same.verdict == SameStore::Verdict::unknown && moved) {
            found.elsewhere = {
                .what = what, .path = begun->path, .why = "nothing but the path tells which it is"};
        }
        found.content.emplace(what, std::move(**content));
    }
    return found;
}

std::expected<DirectoryUnitStore::Unfinished, admin::Problem> DirectoryUnitStore::settle(
    engine::Unfinished what) const {
    auto found = find_unfinished();
    const bool drop = what == engine::Unfinished::drop;
    if (!found || what == engine::Unfinished::compare || (!found->elsewhere && !drop)) {
        return found;
    }
    for (auto& [each, content] : found->content) {
        if (drop) {
            content.clear();
        }
        const auto stored = directory_.store(file(each), record_of(place_.path, marks(), content));
        if (!stored) {
            return std::unexpected(stored.error());
        }
    }
    found->elsewhere.reset();
    return found;
}

void DirectoryUnitStore::take(Unfinished found) {
    for (const Kept what : kUnfinished) {
        found_.erase(what);
    }
    found_.merge(found.content);
    elsewhere_ = std::move(found.elsewhere);
    if (elsewhere_) {
        TARGE_LOG(
            error, "state",
            "device {0}: an {1} that is not finished was begun on {2}, and {3} is another store now: {4}; "
            "nothing is written to it, and nobody may use the device; put the right store there and "
            "run 'targe device refresh {0}', or 'targe device refresh {0} --here' if this is the right "
            "one, or 'targe device refresh {0} --drop' to give the {1} up",
            name_, work_of(elsewhere_->what), elsewhere_->path, place_.path, elsewhere_->why);
    }
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
    const int failed = co_await device::run_off_core(arena, [this, what, &content, &stored] {
        stored = directory_.store(
            file(what), is_unfinished_work(what) ? record_of(place_.path, marks(), content) : content);
    });
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

base::Task<bool> DirectoryUnitStore::look_again(base::CommandArena& arena, engine::Unfinished what) {
    std::expected<Unfinished, admin::Problem> found;
    const int failed = co_await device::run_off_core(arena, [this, what, &found] { found = settle(what); });
    if (failed != 0) {
        TARGE_LOG(error, "state", "device {} cannot be looked at: no thread, errno {}", name_, failed);
        co_return false;
    }
    if (!found) {
        const admin::Problem& problem = found.error();
        TARGE_LOG(error, "state", "{}: {}; {}", problem.what, problem.cause, problem.cure);
        co_return false;
    }
    take(std::move(*found));
    co_return true;
}

}  // namespace targe::daemon
