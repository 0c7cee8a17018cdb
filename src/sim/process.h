// A run of targed: the real engine and the real iSCSI service, on simulated cores, disks and wires.
#pragma once

#include "engine/engine.h"
#include "iscsi/directory.h"
#include "sim/disk.h"
#include "sim/fault_model.h"
#include "sim/kept.h"
#include "sim/link.h"
#include "sim/medium.h"
#include "sim/world.h"
#include "transport/iscsi_service.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace targe::sim {

inline constexpr std::size_t kUnits = 2;
inline constexpr std::uint64_t kBlocks = 48;
/// What a unit has after it has grown. Nobody writes there.
inline constexpr std::uint64_t kMoreBlocks = 64;
inline constexpr const char* kTarget = "iqn.2026-11.io.targe:sim";

/// What outlives a process.
struct Site {
    std::array<Medium, kUnits> media{Medium{kMoreBlocks}, Medium{kMoreBlocks}};
    std::array<KeptContent, kUnits> kept;
    std::array<std::uint64_t, kUnits> blocks{kBlocks, kBlocks};
    bool both_luns = true;  ///< LUN 1 is in the map
};

/// A killed one is cut off from everything and left to run out, because its memory has to go somehow: nothing
/// that it does then counts.
class Process {
public:
    Process(World& world, Site& site, DiskWatch& watch, const Plan& plan);
    ~Process();

    /// As a TCP listener would.
    void connect(const std::shared_ptr<Link>& link);
    void kill();
    void heal();

    /// LUN 1 comes or goes; `done` says when that is in force on every core.
    void remap(std::function<void()> done);
    /// Some session, if there is one that can, goes to some other core.
    void move_session();
    /// A unit gets another size; `done` says when that is in force.
    void resize(std::size_t unit, std::uint64_t blocks, std::function<void()> done);
    /// Asks all initiators to log out, as targed does when it stops.
    void close();
    [[nodiscard]] bool quiet() const { return service_->connection_count() == 0; }

private:
    class OpenDirectory final : public iscsi::Directory {
    public:
        [[nodiscard]] iscsi::TargetAnswer find_target(std::string_view name,
                                                      const iscsi::Viewpoint& from) const override;
        [[nodiscard]] std::vector<iscsi::TargetListing> list_targets(const iscsi::Viewpoint&) const override {
            return {};
        }
        [[nodiscard]] iscsi::AuthPolicy discovery_auth(const iscsi::Viewpoint&) const override { return {}; }
        [[nodiscard]] iscsi::NegotiationPolicy discovery_negotiation(const iscsi::Viewpoint&) const override {
            return {};
        }
    };
    [[nodiscard]] engine::LunMaps maps() const;
    void visit(std::size_t core, std::function<void()> done);

    World& world_;
    Site& site_;
    std::vector<std::unique_ptr<SimCore>> cores_;
    std::vector<base::Core*> all_;
    OpenDirectory directory_;
    std::unique_ptr<engine::Engine> engine_;
    std::array<std::shared_ptr<engine::LogicalUnit>, kUnits> units_;
    std::array<SimDisk*, kUnits> disks_{};
    std::array<std::shared_ptr<SimStore>, kUnits> stores_;
    engine::Target* target_ = nullptr;
    std::unique_ptr<transport::IscsiService> service_;
    std::vector<std::weak_ptr<Link>> links_;
    bool killed_ = false;
};

}  // namespace targe::sim
