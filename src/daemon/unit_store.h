// What units and device groups keep, in the state directory: a file for each of them and each subject.
#pragma once

#include "admin/state_directory.h"
#include "engine/unit_store.h"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace targe::daemon {

/// Whose file it is: they have names of their own.
enum class StoreOwner : std::uint8_t { unit, device_group };

class DirectoryUnitStore final : public engine::UnitStore {
public:
    static constexpr std::array kSubjects{engine::Kept::mode_pages,
                                          engine::Kept::persistent_reservation,
                                          engine::Kept::identifying_information,
                                          engine::Kept::access_states,
                                          engine::Kept::log_parameters,
                                          engine::Kept::sanitize,
                                          engine::Kept::atomic_write};

    /// Reads all that is kept of what has this name. The directory outlives the store. `path` is where the
    /// blocks of a unit are: work that was begun elsewhere, and would go on there, is a problem.
    static std::expected<std::shared_ptr<DirectoryUnitStore>, admin::Problem> open(
        admin::StateDirectory& directory, std::string name, StoreOwner owner = StoreOwner::unit,
        std::string path = {});

    [[nodiscard]] std::optional<std::string> kept(engine::Kept what) const override;
    base::Task<bool> keep(base::CommandArena& arena, engine::Kept what, std::string content) override;

private:
    DirectoryUnitStore(admin::StateDirectory& directory, std::string name, StoreOwner owner, std::string path)
        : directory_(directory), name_(std::move(name)), owner_(owner), path_(std::move(path)) {}
    [[nodiscard]] admin::Problem begun_elsewhere(engine::Kept what, const std::string& path) const;
    [[nodiscard]] std::string file(engine::Kept what) const;

    admin::StateDirectory& directory_;
    std::string name_;
    StoreOwner owner_;
    std::string path_;
    std::map<engine::Kept, std::string> found_;  ///< never altered once it is open
};

}  // namespace targe::daemon
