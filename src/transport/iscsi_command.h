// A SCSI command as both iSCSI and the engine know it.
#pragma once

#include "base/intrusive_list.h"
#include "engine/command.h"
#include "iscsi/scsi_task.h"

#include <cstddef>
#include <memory>
#include <vector>

namespace targe::transport {

class IscsiCommand final : public iscsi::ScsiTask, public engine::Command {
public:
    bool submitted = false;  ///< the engine has it, and it is to be retired
};

/// The commands of one connection. Grows to what the connection had in flight at its busiest, and allocates
/// nothing after that.
class IscsiCommands {
public:
    explicit IscsiCommands(std::size_t limit) : limit_(limit) {}

    /// Null when all are in use.
    [[nodiscard]] IscsiCommand* take() {
        if (free_.empty()) {
            if (all_.size() - kept_ >= limit_) {
                return nullptr;
            }
            all_.push_back(std::make_unique<IscsiCommand>());
            free_.reserve(all_.size());
            return all_.back().get();
        }
        IscsiCommand* const command = free_.back();
        free_.pop_back();
        return command;
    }
    void give_back(IscsiCommand& command) {
        command.submitted = false;
        free_.push_back(&command);
    }
    /// The connection is done with it, and the engine is not: until let_go() it does not count.
    void keep() { ++kept_; }
    void let_go(IscsiCommand& command) {
        --kept_;
        give_back(command);
    }
    [[nodiscard]] bool all_back() const { return free_.size() == all_.size(); }

private:
    std::size_t limit_;
    std::size_t kept_ = 0;
    std::vector<std::unique_ptr<IscsiCommand>> all_;
    std::vector<IscsiCommand*> free_;
};

}  // namespace targe::transport
