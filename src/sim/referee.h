// Keeps the record of a run, and tells every checker what happens.
#pragma once

#include "sim/checker.h"
#include "sim/disk.h"
#include "sim/task.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace targe::sim {

/// Whether the function, as it was answered, has ended the task for certain.
[[nodiscard]] bool ends(const Function& function, const Task& task);

class Referee final : public DiskWatch {
public:
    explicit Referee(World& world) : world_(world) {}

    void add(std::unique_ptr<Checker> checker) { checkers_.push_back(std::move(checker)); }
    /// The first promise that was not kept.
    [[nodiscard]] std::optional<Violation> violation() const;
    /// Of what no checker in particular looks at.
    void fail(std::string checker, std::string what);
    /// A line for whoever reads what happened; nothing unless somebody does.
    void note(const std::string& line);
    void print_notes() { prints_ = true; }
    [[nodiscard]] bool prints() const { return prints_; }

    [[nodiscard]] Task& new_task();
    [[nodiscard]] Function& new_function();
    [[nodiscard]] Task* task(std::uint64_t id) {
        return id == 0 || id > tasks_.size() ? nullptr : &tasks_[id - 1];
    }
    /// Sent, and in no way ended.
    [[nodiscard]] const std::vector<Task*>& alive() const { return alive_; }
    [[nodiscard]] std::deque<Task>& tasks() { return tasks_; }

    // What happens, in order.
    void sent(Task& task);
    void answered(Task& task);
    void ended_unanswered(Task& task);
    void sent(Function& function);
    void answered(Function& function);
    void ended_unanswered(Function& function);
    /// PREEMPT AND ABORT was answered: what the target had of the victims when it was sent is over.
    void preempted(const Task& by, const std::vector<InitiatorIndex>& victims);
    void session_asked(const SessionEvent& session);
    void session_began(const SessionEvent& session);
    void session_lost(const SessionEvent& session);
    /// Its tasks have ended with it.
    void session_ended(const SessionEvent& session);
    void resizing();
    void resized();
    void remapping();
    void remapped();
    void killed(bool power);
    void finished();

    void began_write(std::size_t unit, std::uint64_t lba, std::uint64_t blocks, Stamp first) override;
    void ended_write(std::size_t unit, Stamp first) override;
    void touched(std::size_t unit, std::uint64_t lba, Stamp stamp, Stamp before) override;
    void mixed(std::size_t unit, std::uint64_t lba) override;

private:
    void end(std::uint64_t by, const std::function<bool(const Task&)>& which);
    template <class Tell>
    void tell(Tell tell) {
        for (const auto& checker : checkers_) {
            tell(*checker);
        }
    }

    World& world_;
    bool prints_ = false;
    std::vector<std::unique_ptr<Checker>> checkers_;
    std::optional<Violation> own_;
    std::deque<Task> tasks_;
    std::deque<Function> functions_;
    // Sent, and in no way ended.
    std::vector<Task*> alive_;
    std::vector<Function*> alive_functions_;
    std::vector<SessionEvent> sessions_;  ///< that began, and did not end
};

}  // namespace targe::sim
