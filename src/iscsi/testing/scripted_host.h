// A host for tests and fuzzers: it serves reads with a pattern, keeps what is written, and may be told to
// answer later or in strange ways. It checks that every task ends exactly once.
#pragma once

#include "iscsi/connection.h"
#include "iscsi/host.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace targe::iscsi::testing {

/// Two targets, iqn.2026-11.test:disk and iqn.2026-11.test:tape, for everybody.
class TestDirectory final : public Directory {
public:
    [[nodiscard]] TargetAnswer find_target(std::string_view name, const Viewpoint& from) const override;
    [[nodiscard]] std::vector<TargetListing> list_targets(const Viewpoint& from) const override;
    [[nodiscard]] AuthPolicy discovery_auth(const Viewpoint& from) const override;
    [[nodiscard]] NegotiationPolicy discovery_negotiation(const Viewpoint& from) const override;

    NegotiationPolicy policy = {.max_recv_data_segment_length = 65536, .max_burst_length = 262144};
    std::size_t extra_targets = 0;
};
inline constexpr std::string_view kDisk = "iqn.2026-11.test:disk";

class TestRandom final : public RandomSource {
public:
    void fill(std::span<std::byte> out) override;

private:
    std::mt19937 engine_{1};
};

class HostTask : public ScsiTask {
public:
    bool live = false;
    bool answered = false;  ///< responded or abandoned
    bool accepted = false;
    std::vector<std::byte> memory;     ///< for data-out
    std::vector<std::byte> in_memory;  ///< for data-in
    std::array<base::Segment, 3> into{};
    std::array<base::ConstSegment, 3> from{};
    std::array<std::byte, 18> sense{};
};

class ScriptedHost final : public Host {
public:
    static constexpr std::size_t kTasks = 64;
    /// Whatever an initiator says that it expects.
    static constexpr std::uint32_t kMaxBytes = 1U << 20U;

    ScriptedHost();
    ~ScriptedHost();

    /// Byte `i` of what a read with this tag returns.
    [[nodiscard]] static std::byte pattern(TaskTag tag, std::size_t i);

    void establish(const Establish& login) override;
    [[nodiscard]] ScsiTask* new_task() override;
    void command(ScsiTask& task) override;
    void data_out_complete(ScsiTask& task) override;
    void data_out_failed(ScsiTask& task, DataOutFailure reason) override;
    void task_ended(ScsiTask& task, Delivery delivery) override;
    /// The two most significant bits are the form, and say nothing of which.
    [[nodiscard]] bool name_one_unit(Lun one, Lun other) const override;
    void task_management(ManagementRequest& request) override;
    void receipt_confirmed() override { ++receipts; }
    void logout() override;
    void closed() override;
    void log(std::string_view what) override;

    // What the default behaviour is made of.
    void accept(HostTask& task, std::uint32_t bytes);
    void respond_good(HostTask& task);
    void respond_check(HostTask& task, std::uint8_t key, std::uint16_t code);
    void abandon(HostTask& task);
    /// Ends every task that has not been answered: after a lost connection.
    void abandon_all();
    void for_each_unanswered(const std::function<void(HostTask&)>& visit);
    [[nodiscard]] HostTask* find(std::uint32_t tag);
    [[nodiscard]] std::size_t live() const;

    Connection* connection = nullptr;
    bool establish_at_once = true;
    std::function<void(HostTask&)> on_command;  ///< in place of the default
    std::function<void(ManagementRequest&)> on_management;
    std::size_t task_limit = kTasks;

    std::vector<std::byte> written;  ///< of the write that was complete last
    std::vector<DataOutFailure> failures;
    std::vector<std::string> logs;
    std::size_t commands = 0;
    std::size_t ended = 0;
    std::size_t receipts = 0;
    std::array<std::size_t, 3> deliveries{};  ///< by Delivery
    bool is_established = false;
    bool is_closed = false;
    bool logged_out = false;
    bool ends_session_at_logout = true;  ///< false: the test calls session_ended()
    bool keep_written = true;
    bool pipes_data = false;       ///< data-in come in a pipe that the task's tag names
    bool data_may_change = false;  ///< the connection copies data-in before it sends them
    bool takes_data_here = false;  ///< writes from Connection::data_here() where it can
    bool answers_later = false;    ///< those: the test does
    std::size_t taken_here = 0;

private:
    std::array<HostTask, kTasks> tasks_;
};

}  // namespace targe::iscsi::testing
