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
            if (all_.size() == limit_) {
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
    [[nodiscard]] bool all_back() const { return free_.size() == all_.size(); }

private:
    std::size_t limit_;
    std::vector<std::unique_ptr<IscsiCommand>> all_;
    std::vector<IscsiCommand*> free_;
};

}  // namespace targe::transport
