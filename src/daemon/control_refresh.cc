// `targe device refresh`.
#include "base/log.h"
#include "daemon/ask.h"
#include "daemon/control.h"

#include <fmt/core.h>

#include <string>
#include <utility>

namespace targe::daemon {
namespace {

engine::Unfinished translated(admin::RefreshRequest::Unfinished unfinished) {
    switch (unfinished) {
        case admin::RefreshRequest::Unfinished::compare:
            return engine::Unfinished::compare;
        case admin::RefreshRequest::Unfinished::is_here:
            return engine::Unfinished::is_here;
        case admin::RefreshRequest::Unfinished::drop:
            return engine::Unfinished::drop;
    }
    __builtin_unreachable();
}

admin::Problem nothing_was_begun_elsewhere(const admin::DeviceStatus& device) {
    return {
        .what = fmt::format("device {} has nothing unfinished that was begun on another store", device.name),
        .cause = fmt::format("its state is \"{}\"", device.state),
        .cure = "run this without --here and --drop"};
}

}  // namespace

std::expected<admin::DeviceStatus, admin::Problem> Control::refresh_device(
    const admin::RefreshRequest& request) {
    const std::string& name = request.device;
    const auto device = device_named(name);
    if (!device) {
        return std::unexpected(device.error());
    }
    const auto before = describe(*device);
    if (!before) {
        return std::unexpected(before.error());
    }
    const engine::Unfinished unfinished = translated(request.unfinished);
    if (unfinished != engine::Unfinished::compare && before->begun_on.empty()) {
        return std::unexpected(nothing_was_begun_elsewhere(*before));
    }
    const auto& unit = device->unit;
    const auto found = ask_later<bool>(unit->home().core(), [unit, unfinished](auto answer) {
        unit->refresh(std::move(answer), unfinished);
    });
    if (!found) {
        return std::unexpected(core_is_stuck(fmt::format("device {} cannot be looked at", name)));
    }
    if (!*found) {
        const std::string path = path_of(*device);
        return std::unexpected(admin::Problem{
            .what = fmt::format("device {} is not to be had", name),
            .cause = fmt::format("{} is missing or cannot be read, or is another one, and an erasure or an "
                                 "atomic write of the one before is under way",
                                 path),
            .cure = fmt::format("ls -l {}; then run this again", path)});
    }
    auto after = describe(*device);
    if (after && after->blocks != before->blocks) {
        TARGE_LOG(info, "targed", "device {} has {} blocks now; it had {}", name, after->blocks,
                  before->blocks);
    }
    if (after && !after->begun_on.empty() && unfinished != engine::Unfinished::compare) {
        return std::unexpected(
            admin::Problem{.what = fmt::format("what was begun on {} is as it was", after->begun_on),
                           .cause = "the state directory fails, as the log of targed says",
                           .cure = "put that right; then run this again"});
    }
    return after;
}

}  // namespace targe::daemon
