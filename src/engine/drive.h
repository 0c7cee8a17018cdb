// What a drive's device says by itself of the disc in it.
#pragma once

#include <functional>
#include <memory>

namespace targe::engine {

class LogicalUnit;

/// The disc in the drive has become another one: its size may be another, and NOT READY TO READY CHANGE,
/// MEDIUM MAY HAVE CHANGED goes to every nexus. From any thread; `told` is called when no command goes before
/// it.
void take_another_disc(std::shared_ptr<LogicalUnit> unit, std::move_only_function<void()> told);

}  // namespace targe::engine
