#include "engine/logical_unit.h"

#include "base/arena.h"
#include "base/log.h"
#include "engine/background.h"
#include "engine/cache.h"
#include "engine/erasure.h"
#include "engine/rod_tokens.h"
#include "engine/run_on.h"
#include "scsi/persistent_reservation_text.h"
#include "scsi/thresholds.h"

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace targe::engine {

namespace {

/// A descriptor list that fits 4 KiB, and ranges that a device gets through within a command's time.
constexpr std::uint32_t kUnmapDescriptors = 255;
constexpr std::uint32_t kUnmapBlocks = 1U << 20U;
/// Of one WRITE SAME: bounds how long a command that cannot be broken off early may take.
constexpr std::uint64_t kWriteSameBlocks = 65535;
/// Of one PRE-FETCH: a page cache has room for it.
constexpr std::uint32_t kPrefetchBytes = 64U << 20U;
/// Linux makes no longer ones to a path, of several to a unit, while sanlock has its map take as much as it
/// reads at a time, which is this; what is too long for a path is then tried for ever.
constexpr std::uint32_t kOptimalTransferBytes = 1U << 20U;
/// Of one WRITE ATOMIC, which on a disk is written twice. As much as 256 blocks of 4 KiB: libiscsi's suite
/// tries so many, whatever the limit.
constexpr std::uint32_t kAtomicBytes = 1U << 20U;

scsi::BlockLimits limits_of(const UnitSettings& settings, const device::Geometry& geometry,
                            const device::Capabilities& can, bool thin) {
    scsi::BlockLimits limits;
    limits.max_transfer = settings.transfer_bytes / geometry.block_size;
    limits.optimal_transfer = can.optimal_transfer_blocks > 0 ? can.optimal_transfer_blocks
                                                              : kOptimalTransferBytes / geometry.block_size;
    limits.optimal_transfer = std::min(limits.optimal_transfer, limits.max_transfer);
    if (geometry.physical_block_exponent > 0) {
        limits.optimal_transfer_granularity =
            static_cast<std::uint16_t>(1U << std::min<unsigned>(geometry.physical_block_exponent, 15U));
    }
    limits.max_write_same = kWriteSameBlocks;
    // What is kept of one over a restart must be found to fit then.
    const bool atomic = !can.survives_crash || (settings.store && can.knows_its_size);
    const std::uint32_t atomic_bytes = atomic ? kAtomicBytes : 0;
    limits.max_atomic_transfer = std::min(atomic_bytes, settings.transfer_bytes) / geometry.block_size;
    if (can.read_cache == device::ReadCache::part_of_it) {
        limits.max_prefetch = kPrefetchBytes / geometry.block_size;
    }
    if (thin) {
        limits.max_unmap = kUnmapBlocks;
        limits.max_unmap_descriptors = kUnmapDescriptors;
        limits.optimal_unmap_granularity = can.unmap_granularity_blocks;
    }
    return limits;
}

/// What the device says of itself goes before what is configured.
void take_facts(UnitState& state) {
    state.facts = state.server->facts();
    scsi::UnitDescription& description = state.description;
    description.removable = description.removable || state.facts.removable;
    const auto take = [](const std::string& said, std::string& into) {
        if (!said.empty()) {
            into = said;
        }
    };
    take(state.facts.vendor, description.identity.vendor);
    take(state.facts.product, description.identity.product);
    take(state.facts.revision, description.identity.revision);
}

UnitState looked_at(const UnitSettings& settings, const UnitState& before) {
    const device::Geometry geometry = settings.device->geometry();
    const device::Capabilities can = settings.device->capabilities();
    const bool thin = settings.thin && can.unmap;
    UnitState state = before;
    scsi::UnitDescription& description = state.description;
    description.type = settings.type;
    description.removable = settings.removable;
    description.rotational = can.rotational;
    description.volatile_cache = can.volatile_cache && !settings.write_through;
    description.blocks = geometry.blocks;
    description.block_size = geometry.block_size;
    description.physical_block_exponent = geometry.physical_block_exponent;
    description.provisioning = {
        .managed = thin,
        .unmap = thin,
        .write_same_16 = thin,
        .write_same_10 = thin,
        .unmapped_blocks_read_zero = thin && can.unmapped_reads_zero,
        .anchor = thin && can.anchor,
        .threshold_exponent = thin && can.fill
                                  ? scsi::threshold_exponent(geometry.blocks, geometry.block_size)
                                  : std::uint8_t{0}};
    description.limits = limits_of(settings, geometry, can, thin);
    state.server = settings.device->server();
    if (state.server != nullptr) {
        take_facts(state);
    }
    state.traits = scsi::traits_of(description);
    state.is_disk = state.server == nullptr && state.traits.set == scsi::CommandSet::block;
    if (state.is_multimedia() && description.blocks == 0) {
        state.medium_loaded = false;
    }
    state.capabilities = can;
    state.read_only = settings.read_only || can.read_only;
    return state;
}

/// What the administrator asked for.
scsi::ModePages configured_pages(const UnitSettings& settings, const scsi::UnitDescription& unit) {
    scsi::ModePages pages = scsi::default_mode_pages(unit);
    pages.task_set_type = settings.task_set_type;
    const auto set = [&](scsi::ThresholdResource resource, const std::optional<std::uint64_t>& bytes) {
        if (bytes && unit.provisioning.threshold_exponent != 0) {
            const auto* const first = std::ranges::find(scsi::kThresholds, resource);
            pages.thresholds.at(static_cast<std::size_t>(first - scsi::kThresholds.begin())) = {
                .enabled = true, .count = scsi::threshold_sets(*bytes, unit)};
        }
    };
    set(scsi::ThresholdResource::available, settings.threshold_available_bytes);
    set(scsi::ThresholdResource::used, settings.threshold_used_bytes);
    return pages;
}

/// What was kept but cannot be read says that the medium was being erased, and not how: that has failed.
void restore_erasure(std::string_view kept, UnitState& state) {
    const auto what = scsi::kept_erasure(kept);
    state.progress = std::make_shared<std::atomic<std::uint16_t>>(std::uint16_t{0});
    state.unrestricted_exit = what && what->unrestricted_exit;
    state.work = !what                                       ? MediumWork::sanitize_failed
                 : what->kind == scsi::Erasure::Kind::format ? MediumWork::formatting
                                                             : MediumWork::sanitizing;
}

/// Work that a restart has interrupted. Not of another medium, where it would destroy what is there.
void restore_unfinished(const UnitStore& store, UnitState& state) {
    state.work = MediumWork::none;
    if (store.begun_elsewhere()) {
        state.work = MediumWork::begun_elsewhere;
        return;
    }
    if (!store.kept(Kept::atomic_write).value_or("").empty()) {
        state.work = MediumWork::recovering;
    }
    if (const auto kept = store.kept(Kept::sanitize); kept && !kept->empty()) {
        restore_erasure(*kept, state);
    }
}

/// What the unit had when the process ended. The store has found each subject whole.
void restore(const UnitStore& store, UnitState& state) {
    state.keeps = true;
    if (const auto kept = store.kept(Kept::persistent_reservation)) {
        // Unreadable: somebody may hold a reservation that nobody knows of, so nobody gets past it.
        state.persistent = std::make_shared<const scsi::PersistentReservations>(
            scsi::reservations_from_text(*kept).value_or(scsi::PersistentReservations{.lost = true}));
    }
    if (const auto kept = store.kept(Kept::mode_pages)) {
        state.saved_pages = scsi::kept_mode_pages(*kept, state.default_pages);
    }
    if (state.saved_pages && state.description.provisioning.threshold_exponent == 0) {
        state.saved_pages->threshold_reports = false;
    }
    if (state.saved_pages && !state.description.volatile_cache) {
        state.saved_pages->write_cache_enabled = false;  // the device, or its configuration, has changed
    }
    restore_unfinished(store, state);
    if (const auto kept = store.kept(Kept::log_parameters)) {
        const scsi::KeptLog log = scsi::kept_log(*kept).value_or(scsi::KeptLog{});
        state.log = std::make_shared<const scsi::LogParameters>(log.parameters);
        state.saved_log = state.log;
        state.load_unload_cycles = log.load_unload_cycles;
    }
    if (const auto kept = store.kept(Kept::identifying_information)) {
        state.identification = scsi::kept_identifying_information(*kept).value_or(state.identification);
    }
}

UnitState first_state(const UnitSettings& settings, const base::Core& home) {
    UnitState state;
    state.powered_on_ms = home.unix_ms();
    state.description.identity = settings.identity;
    state = looked_at(settings, state);
    state.default_pages = configured_pages(settings, state.description);
    if (settings.store) {
        restore(*settings.store, state);
    }
    state.pages = state.restored_pages();
    if (settings.group) {
        state.set_access(settings.group->first_access());
    }
    if (state.is_multimedia()) {
        state.tray.open = false;
        if (state.medium_loaded) {
            state.tray.happened(scsi::MediaEvent::new_media);
        }
    }
    return state;
}

bool same_capacity(const UnitState& a, const UnitState& b) {
    return a.description.blocks == b.description.blocks &&
           a.description.block_size == b.description.block_size;
}

/// Of one lane; no lane is without.
std::uint32_t share_of(std::uint32_t commands, std::size_t lane, std::size_t lanes) {
    if (commands == 0) {
        return std::numeric_limits<std::uint32_t>::max();
    }
    const auto share = static_cast<std::uint32_t>(commands / lanes + (lane < commands % lanes ? 1 : 0));
    return std::max(share, 1U);
}

Background change_identity(std::shared_ptr<LogicalUnit> unit, scsi::UnitIdentity identity) {
    Change change{unit->home()};
    co_await change.begin();
    if (change.state().description.identity != identity) {
        change.state().description.identity = std::move(identity);
        change.raise({scsi::Asc::inquiry_data_has_changed});
    }
    co_await change.commit();
}

}  // namespace

LogicalUnit::LogicalUnit(base::Cores cores, base::Core& home, UnitSettings settings)
    : settings_(std::move(settings)),
      cores_(cores),
      home_(*this, home, std::make_shared<const UnitState>(first_state(settings_, home))) {
    lanes_.reserve(cores.size());
    const base::Time made = cores.front()->clock();  // the one that makes units, while the others run
    for (base::Core* const core : cores) {
        lanes_.push_back(std::make_unique<Lane>(*core, *this, home_.shared_state(), made));
        lanes_.back()->limit_commands(share_of(settings_.max_commands, lanes_.size() - 1, cores.size()));
    }
}

LogicalUnit::~LogicalUnit() {
    device().observe(nullptr);
}

Background LogicalUnit::look_again(std::shared_ptr<LogicalUnit> self) {
    looking_ = true;
    while (!wants_refresh_.empty()) {
        std::vector<Ask> asked = std::exchange(wants_refresh_, {});
        alignas(base::CommandArena::kAlignment) std::array<std::byte, 2048> block;
        base::CommandArena arena{block};
        // Before the change: a store that does not answer must not keep the lanes closed.
        const device::IoResult found = co_await self->device().refresh(arena);
        const bool elsewhere = home_.state().work == MediumWork::begun_elsewhere;
        const std::uint64_t medium = self->device().medium();  // of which the store says what it is
        for (const Ask& each : asked) {
            if (elsewhere && found) {
                co_await settings_.store->look_again(arena, each.unfinished);
            }
        }
        if (found) {
            Change change{home_};
            co_await change.begin();
            UnitState next = looked_at(settings_, change.state());
            if (!same_capacity(next, change.state())) {
                if (next.is_multimedia()) {
                    change.raise({scsi::Asc::not_ready_to_ready_change_medium_may_have_changed});
                } else {
                    change.raise({scsi::Asc::capacity_data_has_changed});
                }
                revoke_all_tokens(change.state());
                next.tokens.reset();
            }
            if (next.facts != change.state().facts) {
                change.raise({scsi::Asc::inquiry_data_has_changed});
            }
            change.state() = std::move(next);
            if (elsewhere) {
                restore_unfinished(*settings_.store, change.state());
            }
            co_await change.commit();
            if (elsewhere) {
                resume(medium);
            }
        }
        for (Ask& each : asked) {
            if (each.done) {
                each.done(found.has_value());
            }
        }
    }
    looking_ = false;
}

void LogicalUnit::keep_out(base::Core& here, const scsi::ItNexus& nexus, bool begins) {
    for (base::Core* const core : cores_) {
        run_on(here, *core, [unit = shared_from_this(), core, nexus, begins] {
            unit->lane(*core).keep_out(nexus, begins);
        });
    }
}

void LogicalUnit::resume(std::uint64_t medium) {
    const UnitState& state = home_.state();
    if (state.work == MediumWork::begun_elsewhere) {
        return;
    }
    if (state.is_disk && state.capabilities.volatile_cache && !state.capabilities.read_only &&
        !state.pages.write_cache_enabled) {
        base::post(home_.core(),
                   [unit = shared_from_this()]() mutable { empty_cache_at_start(std::move(unit)); });
    }
    if (state.work == MediumWork::recovering) {
        base::post(home_.core(), [unit = shared_from_this(), medium]() mutable {
            recover_at_start(std::move(unit), medium);
        });
        return;
    }
    const auto kept = settings_.store ? settings_.store->kept(Kept::sanitize) : std::nullopt;
    auto what = kept ? scsi::kept_erasure(*kept) : std::nullopt;
    if (what) {
        TARGE_LOG(warning, "device", "{}: an erasure that was interrupted goes on", name());
        base::post(home_.core(), [unit = shared_from_this(), medium, what = std::move(*what)]() mutable {
            erase(std::move(unit), medium, std::move(what), {});
        });
    }
}

void LogicalUnit::refresh(Refreshed done, Unfinished unfinished) {
    base::post(home_.core(), [unit = shared_from_this(), done = std::move(done), unfinished]() mutable {
        unit->wants_refresh_.push_back({.done = std::move(done), .unfinished = unfinished});
        if (!unit->looking_) {
            unit->look_again(unit);
        }
    });
}

void LogicalUnit::take_disc(UnitState& state) const {
    state.medium_loaded = true;
    state = looked_at(settings_, state);
}

void LogicalUnit::rename(scsi::UnitIdentity identity) {
    base::post(home_.core(), [unit = shared_from_this(), identity = std::move(identity)]() mutable {
        change_identity(std::move(unit), std::move(identity));
    });
}

}  // namespace targe::engine
