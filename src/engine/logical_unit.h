// A logical unit: a device, what it is called, and a lane to it on every core.
#pragma once

#include "base/core.h"
#include "device/device.h"
#include "device/device_observer.h"
#include "engine/background.h"
#include "engine/device_group.h"
#include "engine/lane.h"
#include "engine/unit_home.h"
#include "engine/unit_state.h"
#include "engine/unit_store.h"
#include "scsi/unit_description.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace targe::engine {

struct UnitSettings {
    std::string name;
    std::unique_ptr<device::Device> device;
    scsi::UnitIdentity identity;
    scsi::DeviceType type = scsi::DeviceType::disk;  ///< another one only where the device executes CDBs
    bool removable = false;
    bool thin = true;            ///< announced only where the device can unmap
    bool write_through = false;  ///< every write is durable before it is answered, and WCE says so
    bool read_only = false;
    /// TST: whose tasks wait for one another. The administrator's alone.
    scsi::TaskSetType task_set_type = scsi::TaskSetType::one_per_nexus;
    /// Of all nexuses together; 0: no bound. Split over the cores, so that no command asks another core.
    std::uint32_t max_commands = 0;
    /// Of a thin unit: initiators are told when less is left in its store, or when it takes up more, until
    /// they set thresholds of their own. Nothing: only then.
    std::optional<std::uint64_t> threshold_available_bytes = {};
    std::optional<std::uint64_t> threshold_used_bytes = {};
    /// None: nothing outlives the process, and whatever would have to is not offered.
    std::shared_ptr<UnitStore> store = {};
    std::shared_ptr<DeviceGroup> group = {};   ///< none: asymmetric access is not offered
    std::uint32_t transfer_bytes = 8U << 20U;  ///< of one command; Limits::transfer_bytes
};

/// What an administrator wants in a drive.
struct DiscChange {
    std::shared_ptr<device::Device> disc;  ///< null: nothing, and the tray open
    bool force = false;                    ///< although an initiator prevents it; nobody does afterwards
};

enum class DiscChanged : std::uint8_t {
    changed,
    prevented,  ///< nothing has changed; initiators that ask for events hear that the disc is wanted back
};

/// Reachable from every core. Lives as long as a LUN map, a nexus or an operation on it.
class LogicalUnit final : public std::enable_shared_from_this<LogicalUnit>, private device::DeviceObserver {
public:
    LogicalUnit(base::Cores cores, base::Core& home, UnitSettings settings);
    ~LogicalUnit();

    [[nodiscard]] const std::string& name() const { return settings_.name; }
    /// The daemon ends: what goes on by itself stops where it is. From any thread.
    void stop() {
        stopping_.store(true, std::memory_order_relaxed);
        device().stop();
    }
    [[nodiscard]] bool stopping() const { return stopping_.load(std::memory_order_relaxed); }
    /// Goes on with what was interrupted, where that was begun on this medium, which had that number when it
    /// was compared.
    void resume(std::uint64_t medium = 0);
    /// Hears what the device says by itself, until stop(). Once somebody holds the unit.
    void listen() { device().observe(this); }
    [[nodiscard]] const UnitSettings& settings() const { return settings_; }
    [[nodiscard]] device::Device& device() const { return *settings_.device; }
    [[nodiscard]] base::Cores cores() const { return cores_; }
    [[nodiscard]] Lane& lane(const base::Core& core) { return *lanes_[core.id().value]; }
    [[nodiscard]] UnitHome& home() { return home_; }
    /// Its device holds tasks of a nexus that has ended, or does so no more: who comes back as that nexus
    /// gets BUSY meanwhile, on whichever core. `here` is the caller's.
    void keep_out(base::Core& here, const scsi::ItNexus& nexus, bool begins);

    // For whoever goes from lane to lane to see which nexuses there are.
    /// A nexus leaves a lane for another, or has come there.
    void departs() { ++departures_; }
    void arrives() { ++arrivals_; }
    [[nodiscard]] std::uint64_t departures() const { return departures_.load(); }
    [[nodiscard]] std::uint64_t arrivals() const { return arrivals_.load(); }

    /// Says whether the store is to be had.
    using Refreshed = std::move_only_function<void(bool)>;
    /// Looks again at the backing store, while commands go on: CAPACITY DATA HAS CHANGED to every nexus
    /// when its size did. What is unfinished and was begun elsewhere goes on when it may do so now. From any
    /// core; `done` is called on the unit's home.
    void refresh(Refreshed done, Unfinished unfinished = Unfinished::compare);
    /// Removes every registration and reservation, kept ones too, as an administrator may: RESERVATIONS
    /// PREEMPTED to whoever was registered. Says whether that is done, and durable; if not, nothing changes,
    /// because the device hangs or nothing can be kept. From any core; `done` is called on the unit's home.
    void clear_reservations(Refreshed done);
    /// Gives the unit another identity: INQUIRY DATA HAS CHANGED to every nexus.
    void rename(scsi::UnitIdentity identity);

    /// Of a unit whose device is a drive: changes its disc. NOT READY TO READY CHANGE, MEDIUM MAY HAVE
    /// CHANGED to every nexus when there is one. From any core; `done` is called on the unit's home.
    void change_disc(DiscChange wanted, std::move_only_function<void(DiscChanged)> done);
    /// The next command of each nexus is told of it. From any core.
    void defer_to_everybody(const scsi::Sense& sense);
    /// While every lane is closed: `state` becomes what the device says of the disc that it has now.
    void take_disc(UnitState& state) const;

private:
    void changed() override;
    void raise(std::uint16_t condition, std::uint64_t nexus, std::move_only_function<void()> told) override;
    void defer(const device::DeferredError& error) override;
    void admit(std::uint64_t nexus, device::Admission says) override;
    void tell_every_lane(Raise raise, std::move_only_function<void()> told);
    /// One at a time, and one more for all that ask meanwhile: the store may have changed since it began.
    Background look_again(std::shared_ptr<LogicalUnit> self);
    struct Ask {
        Refreshed done;
        Unfinished unfinished;
    };

    UnitSettings settings_;
    std::atomic<bool> stopping_ = false;
    std::atomic<std::uint64_t> departures_ = 0;
    std::atomic<std::uint64_t> arrivals_ = 0;
    base::Cores cores_;
    std::vector<std::unique_ptr<Lane>> lanes_;
    UnitHome home_;
    bool looking_ = false;            // home only
    std::vector<Ask> wants_refresh_;  // home only
};

}  // namespace targe::engine
