// The administrator's program that is asked before SET TARGET PORT GROUPS takes effect.
#pragma once

#include "engine/device_group.h"

#include <chrono>
#include <string>

namespace targe::daemon {

/// Runs `program DEVICE_GROUP PORT_GROUP FROM TO [PORT_GROUP FROM TO …]` and takes exit status 0 for consent.
/// A program that does not end in time is killed, and has refused.
class ProgramHook final : public engine::AccessHook {
public:
    ProgramHook(std::string program, std::chrono::milliseconds timeout)
        : program_(std::move(program)), timeout_(timeout) {}
    base::Task<bool> run(base::CommandArena& arena, const std::string& device_group,
                         std::vector<engine::AccessMove> moves) override;

private:
    std::string program_;
    std::chrono::milliseconds timeout_;
};

}  // namespace targe::daemon
