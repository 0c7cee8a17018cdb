#include "sim/process.h"

#include "transport/iscsi_connection.h"

#include <utility>

namespace targe::sim {

using std::chrono::microseconds;
using std::chrono::milliseconds;

iscsi::TargetAnswer Process::OpenDirectory::find_target(std::string_view name,
                                                        const iscsi::Viewpoint& /*from*/) const {
    if (name != kTarget) {
        return iscsi::TargetNotFound{};
    }
    return iscsi::TargetFound{.negotiation = {.max_recv_data_segment_length = 8192}};
}

Process::Process(World& world, Site& site, DiskWatch& watch, const Plan& plan) : world_(world), site_(site) {
    for (std::size_t i = 0; i < plan.cores; ++i) {
        cores_.push_back(
            std::make_unique<SimCore>(world, base::CoreId{static_cast<std::uint16_t>(i)}, plan.cores));
        all_.push_back(cores_.back().get());
    }
    engine_ = std::make_unique<engine::Engine>(base::Cores{all_});
    for (std::size_t i = 0; i < kUnits; ++i) {
        auto disk = std::make_unique<SimDisk>(world, site.media[i], watch, plan, i, site.blocks[i]);
        disks_[i] = disk.get();
        stores_[i] = std::make_shared<SimStore>(world, site.kept[i], plan.faults);
        engine::UnitSettings settings;
        settings.name = "disk" + std::to_string(i);
        settings.device = std::move(disk);
        settings.identity.serial = settings.name;
        settings.write_through = plan.write_through && i == 0;
        settings.task_set_type =
            plan.shared && i == 0 ? scsi::TaskSetType::shared : scsi::TaskSetType::one_per_nexus;
        settings.store = stores_[i];
        units_[i] = engine_->add_unit(std::move(settings));
    }
    target_ = &engine_->add_target(kTarget, maps());
    transport::IscsiServiceSettings settings;
    settings.targets.push_back({.name = kTarget, .target = target_, .tuning = {}});
    service_ = std::make_unique<transport::IscsiService>(*engine_, directory_, base::Cores{all_},
                                                         std::move(settings));
}

Process::~Process() {
    TARGE_ASSERT(quiet());
}

engine::LunMaps Process::maps() const {
    engine::LunMaps maps;
    maps.luns.push_back({.lun = 0, .unit = units_[0]});
    if (site_.both_luns) {
        maps.luns.push_back({.lun = 1, .unit = units_[1]});
    }
    return maps;
}

void Process::connect(const std::shared_ptr<Link>& link) {
    if (killed_) {
        link->refuse();
        return;
    }
    links_.push_back(link);
    SimCore& core = *cores_[service_->placement().choose().value];
    world_.after(world_.between(microseconds{5}, milliseconds{1}), &core, [this, &core, link] {
        if (killed_) {
            service_->placement().left(core.id());
            link->refuse();
            return;
        }
        const auto address = transport::SocketAddress::parse("127.0.0.1:3260");
        transport::IscsiConnection::accept(
            *service_, core, {.portal = 0, .peer = *address, .local = *address},
            [&](transport::StreamUser& user) { return link->open(core, user); });
    });
}

void Process::kill() {
    killed_ = true;
    for (std::size_t i = 0; i < kUnits; ++i) {
        disks_[i]->cut_off();
        stores_[i]->cut_off();
    }
    for (const auto& weak : links_) {
        if (const auto link = weak.lock()) {
            link->cut_off();
        }
    }
    close();
}

void Process::heal() {
    for (std::size_t i = 0; i < kUnits; ++i) {
        disks_[i]->heal();
        stores_[i]->heal();
    }
}

/// Message after message from core to core: behind the maps that set_maps() has sent.
void Process::visit(std::size_t core, std::function<void()> done) {
    if (core == cores_.size()) {
        done();
        return;
    }
    base::post(*cores_[core], [this, core, done = std::move(done)]() mutable {
        base::post(*cores_[0],
                   [this, core, done = std::move(done)]() mutable { visit(core + 1, std::move(done)); });
    });
}

void Process::remap(std::function<void()> done) {
    site_.both_luns = !site_.both_luns;
    world_.after({}, cores_[0].get(), [this, done = std::move(done)]() mutable {
        target_->set_maps(std::make_shared<const engine::LunMaps>(maps()));
        visit(0, std::move(done));
    });
}

void Process::move_session() {
    SimCore& from = *cores_[world_.below(cores_.size())];
    SimCore& to = *cores_[world_.below(cores_.size())];
    world_.after({}, &from, [this, &from, &to] {
        for (transport::IscsiConnection& each : service_->connections(from)) {
            if (world_.below(2) == 0 && each.move_to(to, 0)) {
                return;
            }
        }
    });
}

void Process::resize(std::size_t unit, std::uint64_t blocks, std::function<void()> done) {
    site_.blocks[unit] = blocks;
    disks_[unit]->resize(blocks);
    world_.after({}, cores_[0].get(), [this, unit, done = std::move(done)]() mutable {
        units_[unit]->refresh([done = std::move(done)](bool) { done(); });
    });
}

void Process::close() {
    world_.after({}, cores_[0].get(), [this] {
        engine_->stop();
        service_->close_all(milliseconds{1});
    });
}

}  // namespace targe::sim
