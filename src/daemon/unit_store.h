// What units and device groups keep, in the state directory: a file for each of them and each subject.
#pragma once

#include "admin/state_directory.h"
#include "daemon/store_marks.h"
#include "engine/unit_store.h"

#include <array>
#include <cstdint>
#include <expected>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace targe::daemon {

/// Whose file it is: they have names of their own.
enum class StoreOwner : std::uint8_t { unit, device_group };

/// Where the blocks of a unit are.
struct StorePlace {
    std::string path = {};
    std::function<StoreMarks()> marks = {};  ///< of what is open there; may block. Null: there are none
};

class DirectoryUnitStore final : public engine::UnitStore {
public:
    static constexpr std::array kSubjects{engine::Kept::mode_pages,
                                          engine::Kept::persistent_reservation,
                                          engine::Kept::identifying_information,
                                          engine::Kept::access_states,
                                          engine::Kept::log_parameters,
                                          engine::Kept::sanitize,
                                          engine::Kept::atomic_write};

    /// Reads all that is kept of what has this name. The directory outlives the store. The log tells of work
    /// that was begun elsewhere.
    static std::expected<std::shared_ptr<DirectoryUnitStore>, admin::Problem> open(
        admin::StateDirectory& directory, std::string name, StoreOwner owner = StoreOwner::unit,
        StorePlace place = {});

    [[nodiscard]] std::optional<std::string> kept(engine::Kept what) const override;
    base::Task<bool> keep(base::CommandArena& arena, engine::Kept what, std::string content) override;
    [[nodiscard]] bool begun_elsewhere() const override { return elsewhere_.has_value(); }
    base::Task<bool> look_again(base::CommandArena& arena, engine::Unfinished what) override;

    /// The path of the store on which unfinished work was begun, where it may not go on here; for people.
    /// Asked as kept() is.
    [[nodiscard]] std::optional<std::string> begun_on() const {
        return elsewhere_ ? std::optional(elsewhere_->path) : std::nullopt;
    }

private:
    struct Elsewhere {
        engine::Kept what;
        std::string path;
        std::string why;
    };
    struct Unfinished {
        std::map<engine::Kept, std::string> content;
        std::optional<Elsewhere> elsewhere;
    };

    DirectoryUnitStore(admin::StateDirectory& directory, std::string name, StoreOwner owner, StorePlace place)
        : directory_(directory), name_(std::move(name)), owner_(owner), place_(std::move(place)) {}
    // Of what follows, all but take() runs on any thread.
    [[nodiscard]] std::expected<Unfinished, admin::Problem> find_unfinished() const;
    [[nodiscard]] std::expected<Unfinished, admin::Problem> settle(engine::Unfinished what) const;
    [[nodiscard]] StoreMarks marks() const { return place_.marks ? place_.marks() : StoreMarks{}; }
    [[nodiscard]] std::string file(engine::Kept what) const;
    void take(Unfinished found);

    admin::StateDirectory& directory_;
    std::string name_;
    StoreOwner owner_;
    StorePlace place_;
    std::map<engine::Kept, std::string> found_;  ///< as it was when it was opened, or looked at again
    std::optional<Elsewhere> elsewhere_;
};

}  // namespace targe::daemon
