#include "iscsi/testing/scripted_host.h"

#include "base/assert.h"

#include <algorithm>

namespace targe::iscsi::testing {

TargetAnswer TestDirectory::find_target(std::string_view name, const Viewpoint& /*from*/) const {
    if (name != kDisk) {
        return TargetNotFound{};
    }
    return TargetFound{.negotiation = policy};
}

std::vector<TargetListing> TestDirectory::list_targets(const Viewpoint& /*from*/) const {
    const std::vector<TargetAddress> here = {{.host = "192.0.2.1"}};
    std::vector<TargetListing> all = {{.name = std::string{kDisk}, .addresses = here},
                                      {.name = "iqn.2026-11.test:tape", .addresses = here}};
    for (std::size_t i = 0; i < extra_targets; ++i) {
        all.push_back({.name = "iqn.2026-11.test:extra" + std::to_string(i), .addresses = here});
    }
    return all;
}

AuthPolicy TestDirectory::discovery_auth(const Viewpoint& /*from*/) const {
    return {};
}

NegotiationPolicy TestDirectory::discovery_negotiation(const Viewpoint& /*from*/) const {
    return policy;
}

void TestRandom::fill(std::span<std::byte> out) {
    std::ranges::generate(out, [this] { return static_cast<std::byte>(engine_()); });
}

ScriptedHost::ScriptedHost() = default;

ScriptedHost::~ScriptedHost() {
    TARGE_ASSERT(live() == 0);
}

std::byte ScriptedHost::pattern(TaskTag tag, std::size_t i) {
    return static_cast<std::byte>(std::size_t{tag.value} * 31 + i * 7 + (i >> 8U));
}

void ScriptedHost::establish(const Establish& /*login*/) {
    is_established = true;
    if (establish_at_once) {
        connection->established(1);
    }
}

ScsiTask* ScriptedHost::new_task() {
    const auto free = std::ranges::find(tasks_, false, &HostTask::live);
    if (free == tasks_.end() || live() >= task_limit) {
        return nullptr;
    }
    free->live = true;
    free->answered = free->accepted = false;
    return &*free;
}

void ScriptedHost::command(ScsiTask& scsi_task) {
    auto& task = static_cast<HostTask&>(scsi_task);
    ++commands;
    if (on_command) {
        on_command(task);
    } else if (takes_data_here && !connection->data_here().empty()) {
        ++taken_here;
        written.assign(connection->data_here().begin(), connection->data_here().end());
        connection->data_taken();
        if (!answers_later) {
            respond_good(task);
        }
    } else if (task.expected_data_out() > 0) {
        accept(task, std::min(task.expected_data_out(), kMaxBytes));
    } else {
        respond_good(task);
    }
}

void ScriptedHost::accept(HostTask& task, std::uint32_t bytes) {
    task.accepted = true;
    task.memory.resize(bytes);
    const std::size_t first = bytes / 3;
    const std::size_t second = bytes / 2 - first;
    task.into = {base::Segment{task.memory.data(), first}, base::Segment{task.memory.data() + first, second},
                 base::Segment{task.memory.data() + first + second, bytes - first - second}};
    connection->accept_data(task, task.into, bytes);
}

void ScriptedHost::respond_good(HostTask& task) {
    task.answered = true;
    Response response;
    const std::size_t size = std::min(task.expected_data_in(), kMaxBytes);
    if (size > 0) {
        task.in_memory.resize(size);
        for (std::size_t i = 0; i < size; ++i) {
            task.in_memory[i] = pattern(task.tag(), i);
        }
        const std::size_t half = size / 2;
        task.from = {base::ConstSegment{task.in_memory.data(), half}, base::ConstSegment{nullptr, 0},
                     base::ConstSegment{task.in_memory.data() + half, size - half}};
        if (pipes_data) {
            response.data_in_piped = {.pipe = static_cast<int>(task.tag().value), .size = size};
        } else {
            response.data_in = task.from;
        }
        response.data_in_may_change = data_may_change;
    }
    connection->respond(task, response);
}

void ScriptedHost::respond_check(HostTask& task, std::uint8_t key, std::uint16_t code) {
    task.answered = true;
    task.sense = {};
    task.sense[0] = std::byte{0x70};
    task.sense[2] = static_cast<std::byte>(key);
    task.sense[7] = std::byte{10};
    task.sense[12] = static_cast<std::byte>(code >> 8U);
    task.sense[13] = static_cast<std::byte>(code);
    connection->respond(task, {.status = 2, .sense = task.sense});
}

void ScriptedHost::abandon(HostTask& task) {
    task.answered = true;
    connection->abandon(task);
}

void ScriptedHost::for_each_unanswered(const std::function<void(HostTask&)>& visit) {
    for (HostTask& task : tasks_) {
        if (task.live && !task.answered) {
            visit(task);
        }
    }
}

void ScriptedHost::abandon_all() {
    for_each_unanswered([this](HostTask& task) { abandon(task); });
}

void ScriptedHost::data_out_complete(ScsiTask& scsi_task) {
    auto& task = static_cast<HostTask&>(scsi_task);
    if (keep_written) {
        written = task.memory;
    }
    if (!on_command) {
        respond_good(task);
    }
}

void ScriptedHost::data_out_failed(ScsiTask& task, DataOutFailure reason) {
    failures.push_back(reason);
    switch (reason) {
        case DataOutFailure::digest_error:
            respond_check(static_cast<HostTask&>(task), 0xb, 0x4705);
            return;
        case DataOutFailure::unexpected_unsolicited:
            respond_check(static_cast<HostTask&>(task), 0xb, 0x0c0c);
            return;
        case DataOutFailure::incorrect_amount:
            respond_check(static_cast<HostTask&>(task), 0xb, 0x0c0d);
            return;
        case DataOutFailure::no_room:
            break;
    }
    static_cast<HostTask&>(task).answered = true;
    connection->respond(task, {.status = 8});
}

void ScriptedHost::task_ended(ScsiTask& scsi_task, Delivery delivery) {
    auto& task = static_cast<HostTask&>(scsi_task);
    TARGE_ASSERT(task.live && task.answered);
    task.live = false;
    ++ended;
    ++deliveries.at(static_cast<std::size_t>(delivery));
    // Whoever still touches the memory is found out.
    std::ranges::fill(task.memory, std::byte{0xdb});
    std::ranges::fill(task.in_memory, std::byte{0xdb});
}

bool ScriptedHost::name_one_unit(Lun one, Lun other) const {
    return one.value << 2U == other.value << 2U;
}

void ScriptedHost::task_management(ManagementRequest& request) {
    if (on_management) {
        on_management(request);
        return;
    }
    if (request.task != nullptr) {
        abandon(static_cast<HostTask&>(*request.task));
    } else {
        abandon_all();
    }
    connection->management_done(request, TaskFunctionResponse::function_complete);
}

void ScriptedHost::logout() {
    logged_out = true;
    abandon_all();
    connection->session_ended();
    if (ends_session_at_logout) {
        connection->session_ended();
    }
}

void ScriptedHost::closed() {
    TARGE_ASSERT(!is_closed && live() == 0);
    is_closed = true;
}

void ScriptedHost::log(std::string_view what) {
    logs.emplace_back(what);
}

HostTask* ScriptedHost::find(std::uint32_t tag) {
    for (HostTask& task : tasks_) {
        if (task.live && task.tag().value == tag) {
            return &task;
        }
    }
    return nullptr;
}

std::size_t ScriptedHost::live() const {
    return static_cast<std::size_t>(std::ranges::count(tasks_, true, &HostTask::live));
}

}  // namespace targe::iscsi::testing
