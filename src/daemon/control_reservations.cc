// Who may use which device, for the administrator.
#include "daemon/ask.h"
#include "daemon/control.h"
#include "engine/logical_unit.h"
#include "scsi/persistent_reservation.h"

#include <fmt/core.h>

#include <algorithm>
#include <memory>
#include <utility>

namespace targe::daemon {
namespace {

/// What is shown of a unit, read on its home.
struct View {
    std::shared_ptr<const scsi::PersistentReservations> persistent;
    bool reserved = false;
};

admin::ReservationStatus status_of(std::string device, const View& view) {
    const scsi::PersistentReservations& unit = *view.persistent;
    admin::ReservationStatus status{
        .device = std::move(device),
        .type = unit.reserved ? std::string(scsi::to_string(*unit.reserved)) : std::string(),
        .reserved = view.reserved,
        .kept = unit.through_power_loss,
        .lost = unit.lost,
        .generation = unit.generation};
    for (const scsi::Registrant& each : unit.registrants) {
        status.registrants.push_back({.initiator = each.nexus.initiator.name,
                                      .isid = fmt::format("{:012x}", each.nexus.initiator.isid),
                                      .target_port = each.nexus.target_port,
                                      .key = fmt::format("{:016x}", each.key),
                                      .holder = unit.is_held_by(each.nexus)});
    }
    return status;
}

std::expected<admin::ReservationStatus, admin::Problem> status_of(
    const std::shared_ptr<engine::LogicalUnit>& unit) {
    const auto view = ask(unit->home().core(), [unit] {
        const engine::UnitState& state = unit->home().state();
        return View{.persistent = state.persistent, .reserved = state.reserved_by.has_value()};
    });
    if (!view) {
        return std::unexpected(
            core_is_stuck(fmt::format("the reservations of device {} cannot be read", unit->name())));
    }
    return status_of(unit->name(), *view);
}

}  // namespace

std::expected<std::vector<admin::ReservationStatus>, admin::Problem> Control::reservations() {
    const auto serving = target_.serving();
    std::vector<admin::ReservationStatus> statuses;
    for (const RunningDevice& running : serving->devices) {
        auto status = status_of(running.unit);
        if (!status) {
            return std::unexpected(status.error());
        }
        statuses.push_back(std::move(*status));
    }
    return statuses;
}

std::expected<admin::ReservationStatus, admin::Problem> Control::clear_reservations(std::string_view device) {
    const auto running = device_named(device);
    if (!running) {
        return std::unexpected(running.error());
    }
    const auto& unit = running->unit;
    const auto durable = ask_later<bool>(
        unit->home().core(), [unit](auto answer) { unit->clear_reservations(std::move(answer)); });
    if (!durable) {
        return std::unexpected(
            core_is_stuck(fmt::format("the reservations of device {} are not cleared yet", device)));
    }
    if (!*durable) {
        return std::unexpected(admin::Problem{
            .what = fmt::format("the reservations of device {} stay as they are", device),
            .cause = "what is kept of them in the state directory could not be replaced, or the device hangs",
            .cure = "look at the log of targed for the reason; then run this again"});
    }
    return status_of(unit);
}

}  // namespace targe::daemon
