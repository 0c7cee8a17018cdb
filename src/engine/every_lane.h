// One thing to be done on every lane of a unit, and awaited.
#pragma once

#include "engine/lane.h"

#include <functional>

namespace targe::engine {

/// Runs on a lane's core, and calls `answered` there when its part is done.
using LaneWork = std::function<void(Lane& lane, std::function<void()> answered)>;

/// Lets `work` be done on every lane, that of `from` too; `done` is called on the core of `from` when all
/// have answered. By way of the unit's home: what one core asks for comes to every lane before changes of the
/// unit's state that the home makes later.
void on_every_lane(Lane& from, LaneWork work, std::function<void()> done);

}  // namespace targe::engine
