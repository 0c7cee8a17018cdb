// What units keep, in the state directory: a file for each unit and subject.
#pragma once

#include "admin/state_directory.h"
#include "engine/unit_store.h"

#include <map>
#include <memory>
#include <optional>
#include <string>

namespace targe::daemon {

class DirectoryUnitStore final : public engine::UnitStore {
public:
    /// Reads all that is kept of `device`. The directory outlives the store.
    static std::expected<std::shared_ptr<DirectoryUnitStore>, admin::Problem> open(
        admin::StateDirectory& directory, std::string device);

    [[nodiscard]] std::optional<std::string> kept(engine::Kept what) const override;
    base::Task<bool> keep(base::CommandArena& arena, engine::Kept what, std::string content) override;

private:
    DirectoryUnitStore(admin::StateDirectory& directory, std::string device)
        : directory_(directory), device_(std::move(device)) {}
    [[nodiscard]] std::string file(engine::Kept what) const;

    admin::StateDirectory& directory_;
    std::string device_;
    std::map<engine::Kept, std::string> found_;  ///< never altered once it is open
};

}  // namespace targe::daemon
