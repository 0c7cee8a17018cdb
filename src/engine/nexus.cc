#include "engine/nexus.h"

#include "engine/aca.h"
#include "engine/command_path.h"
#include "engine/copy_manager.h"
#include "engine/logical_unit.h"
#include "engine/parameter_in.h"
#include "scsi/lun.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>

namespace targe::engine {

using detail::Stage;

namespace {

NexusId next_nexus_id() {
    static std::atomic<std::uint64_t> last{0};
    return NexusId{last.fetch_add(1, std::memory_order_relaxed) + 1};
}

/// A tag is free again as soon as its status is on the way: the initiator may have it before we are told.
bool in_task_set(const Command* task) {
    return task != nullptr && task->life.stage != Stage::responding && task->life.stage != Stage::dropped &&
           !task->life.answered;
}

std::string port_name(const Target& target, std::uint16_t portal_group) {
    std::array<char, 16> suffix{};
    std::snprintf(suffix.data(), suffix.size(), ",t,0x%04x", static_cast<unsigned>(portal_group));
    return target.name() + suffix.data();
}

scsi::PortDescription port_of(const Target& target, const NexusIdentity& identity) {
    std::vector<scsi::TargetPortName> all;
    for (const TargetPort& port : target.ports()) {
        all.push_back({port.relative_target_port, port_name(target, port.portal_group)});
    }
    std::ranges::sort(all, {}, &scsi::TargetPortName::relative_target_port);
    return {.target_device_name = target.name(),
            .target_port_name = port_name(target, identity.portal_group),
            .relative_target_port = target.port(identity.portal_group).relative_target_port,
            .several_ports = target.ports().size() > 1,
            .all_ports = std::move(all)};
}

}  // namespace

NexusUnit::NexusUnit(Nexus& owner, std::shared_ptr<LogicalUnit> what, std::uint16_t number, bool protect)
    : nexus(owner),
      unit(std::move(what)),
      lane(unit->lane(owner.core())),
      lun(number),
      read_only(protect),
      own_tasks(lane, false),
      task_set(lane.task_set_of(*this)) {
    lane.join(*this);
}

NexusUnit::NexusUnit(NexusUnit& left)
    : nexus(left.nexus),
      unit(std::move(left.unit)),
      lane(unit->lane(nexus.core())),
      lun(left.lun),
      read_only(left.read_only),
      admission(left.admission),
      told(left.told),
      own_tasks(lane, false),
      task_set(lane.task_set_of(*this)),
      attentions(left.attentions),
      deferred(left.deferred),
      echo(std::move(left.echo)),
      copies(std::move(left.copies)),
      media_events_told(left.media_events_told),
      operational_changes_told(left.operational_changes_told),
      reads_error_history(left.reads_error_history) {
    lane.join(*this);
}

NexusUnit::~NexusUnit() {
    TARGE_ASSERT(commands == 0);
    unlink();
}

void NexusUnit::raise(scsi::Asc condition) {
    attentions.raise(condition);
    nexus.port().unit_event(scsi::encode_lun(scsi::Lun{lun}), scsi::unit_attention(condition));
}

Nexus::Nexus(base::Core& core, Target& target, NexusIdentity identity, CommandPort& port, NexusOrigin origin,
             const Limits& limits)
    : core_(&core),
      target_(target),
      identity_(std::move(identity)),
      port_(port),
      limits_(limits),
      id_(next_nexus_id()),
      port_description_(port_of(target, identity_)),
      it_nexus_{.target_port = port_description_.relative_target_port,
                .initiator = scsi::initiator_port(identity_.initiator_name, identity_.initiator_session_id)},
      maps_version_(target.maps_version(core)) {
    if (target.command_limit() != 0) {
        limits_.commands_per_nexus_and_unit = target.command_limit();
    }
    for (const LunEntry& entry : target.maps(core).for_initiator(identity_.initiator_name)) {
        attach(entry);
    }
    // A nexus that comes back has lost its tasks and reservations; a new one learns nothing of the past.
    const scsi::Asc first = origin == NexusOrigin::reinstated
                                ? scsi::Asc::i_t_nexus_loss_occurred
                                : scsi::Asc::power_on_reset_or_bus_device_reset_occurred;
    units_.for_each([first](NexusUnit& unit) { unit.attentions.raise(first); });
    target.nexuses(core).push_back(*this);
}

Nexus::~Nexus() {
    TARGE_ASSERT(commands_ == 0 && managing_ == 0 && leaving_.empty());
    unlink();
}

NexusUnit* Nexus::locate(std::uint64_t lun_field) const {
    // What nearly every initiator sends: peripheral device addressing, [SAM-5 r21].
    NexusUnit* found = nullptr;
    if ((lun_field & 0xff00'ffff'ffff'ffffU) == 0) [[likely]] {
        found = units_.find(static_cast<std::uint32_t>(lun_field >> 48U));
    } else if (const auto lun = scsi::decode_lun(lun_field)) {
        found = units_.find(lun->value);
    }
    const bool hidden = found != nullptr && found->admission == device::Admission::refused;
    return hidden ? nullptr : found;
}

void Nexus::submit(Command& command, wire::Bytes data_here) {
    if (data_here.empty()) {
        take_on(command);
        return;
    }
    arriving_ = &command;
    data_here_ = data_here;
    take_on(command);
    arriving_ = nullptr;
}

void Nexus::take_on(Command& command) {
    auto& life = command.life;
    TARGE_ASSERT(life.stage == Stage::idle && life.nexus == nullptr);
    life.nexus = this;
    life.began = core_->now();
    ++commands_;
    if (closing_) {
        life.stage = Stage::dropped;
        port_.dropped(command);
        return;
    }
    NexusUnit* const unit = locate(command.lun);
    const bool overlapped = in_task_set(tags_.find(command.tag));
    if (!overlapped) {
        tags_.insert(command);
    }
    if (unit == nullptr) {
        without_unit(command);
        return;
    }
    life.unit = unit;
    ++unit->commands;
    if (overlapped) {
        // [SAM-5 r21]: the initiator has lost count, so its other tasks go too.
        unit->lane.abort(AbortScope::own_tasks(*unit), {});
        unit->lane.add(command);
        finish(command, scsi::Sense{.key = scsi::SenseKey::aborted_command,
                                    .asc = scsi::Asc::overlapped_commands_attempted});
        return;
    }
    unit->lane.add(command);
    if (unit->commands > limits_.commands_per_nexus_and_unit || unit->lane.overfull()) [[unlikely]] {
        finish(command, no_room(command));
        return;
    }
    if (unit->task_set.aca_conditions > 0 || command.attribute == scsi::TaskAttribute::aca) [[unlikely]] {
        if (const auto refusal = meets_aca(command)) {
            finish(command, *refusal);
            return;
        }
    }
    if (const auto refusal = decode(command)) {
        finish(command, *refusal);
        return;
    }
    if (unit->kept_out && !life.info->rules.skips_unit_attention) [[unlikely]] {
        finish(command, scsi::Status::busy);
        return;
    }
    take_turn(command);
}

void Nexus::without_unit(Command& command) {
    finish(command, answer_without_unit(command));
}

void Nexus::data_out_arrived(Command& command) {
    if (command.life.stage != Stage::awaiting_data) {
        return;  // it was dropped while the last bytes came
    }
    command.life.data_is_here = true;
    proceed(command);
}

void Nexus::data_out_failed(Command& command, const scsi::Outcome& outcome) {
    if (command.life.stage == Stage::awaiting_data) {
        finish(command, outcome);
    }
}

bool Nexus::retire(Command& command, Delivery delivery) {
    auto& life = command.life;
    const bool ended = life.stage == Stage::responding || life.stage == Stage::dropped;
    TARGE_ASSERT(life.nexus == this && (ended || life.answered) && !life.retired);
    tags_.erase(command);
    if (!ended) [[unlikely]] {
        life.retired = true;
        ++kept_;
        return false;
    }
    if (delivery == Delivery::failed) {
        undelivered(command);
    }
    release(command, delivery);
    return true;
}

void Nexus::let_go(Command& command) {
    --kept_;
    release(command, Delivery::failed);
    port_.let_go(command);
}

void Nexus::release(Command& command, Delivery delivery) {
    auto& life = command.life;
    buffer_bytes_ -= life.out_buffer.capacity() + life.in_buffer.capacity();
    NexusUnit* const unit = life.unit;
    if (life.loan != 0) {
        unit->unit->device().give_back(life.loan);
    }
    if (life.report != 0) {
        const bool arrived = delivery == Delivery::delivered && life.stage == Stage::responding;
        unit->unit->device().server()->delivered(id_.value, life.report, arrived);
    }
    const bool lent = life.lent;
    if (lent) {
        unit->lane.give_back(command);
    }
    life.reset();
    --commands_;
    if (unit != nullptr && --unit->commands == 0 && unit->removed) {
        leave(*unit);
    }
    if (lent) {
        unit->lane.settle();  // the unit leaves in a later turn
    }
    if (closing_) [[unlikely]] {
        close_when_idle();
    }
}

bool Nexus::take_buffer(base::Buffer& into, std::size_t size) {
    TARGE_ASSERT(!into);
    if (buffer_bytes_ != 0 && buffer_bytes_ + size > limits_.buffer_bytes_per_nexus) {
        return false;
    }
    auto buffer = core_->buffers().take(size);
    if (!buffer) {
        return false;
    }
    buffer_bytes_ += buffer->capacity();
    into = *std::move(buffer);
    return true;
}

void Nexus::give_back(base::Buffer& buffer) {
    buffer_bytes_ -= buffer.capacity();
    buffer.reset();
}

void Nexus::visited(NexusUnit& unit) {
    if (--unit.commands == 0 && unit.removed) {
        leave(unit);
    }
}

void Nexus::answer(TaskManagement& request, TaskResponse response) {
    request.response = response;
    --managing_;
    port_.managed(request);
    if (closing_) {
        close_when_idle();
    }
}

}  // namespace targe::engine
