#include "engine/testing/initiator.h"

#include "scsi/lun.h"

#include <algorithm>
#include <utility>

namespace targe::engine::testing {

ByteVector cdb(std::initializer_list<unsigned> bytes) {
    ByteVector made;
    for (const unsigned b : bytes) {
        made.push_back(static_cast<std::byte>(b));
    }
    return made;
}

ByteVector cdb10(unsigned opcode, std::uint32_t lba, std::uint16_t blocks) {
    return cdb({opcode, 0, lba >> 24U, lba >> 16U & 0xffU, lba >> 8U & 0xffU, lba & 0xffU, 0,
                static_cast<unsigned>(blocks) >> 8U, static_cast<unsigned>(blocks) & 0xffU, 0});
}

ByteVector cdb16(unsigned opcode, std::uint64_t lba, std::uint32_t blocks) {
    ByteVector made = cdb({opcode, 0});
    for (unsigned shift = 64; shift > 0; shift -= 8) {
        made.push_back(static_cast<std::byte>(lba >> (shift - 8) & 0xffU));
    }
    for (unsigned shift = 32; shift > 0; shift -= 8) {
        made.push_back(static_cast<std::byte>(blocks >> (shift - 8) & 0xffU));
    }
    made.resize(16);
    return made;
}

std::uint32_t Task::sense_code() const {
    if (sense_received.empty()) {
        return 0;
    }
    const auto at = [this](std::size_t i) { return std::to_integer<std::uint32_t>(sense_received[i]); };
    const bool descriptor = (at(0) & 0x7fU) == 0x72;
    return descriptor ? (at(1) << 16U | at(2) << 8U | at(3))
                      : ((at(2) & 0x0fU) << 16U | at(12) << 8U | at(13));
}

Initiator::Initiator(World& world, Engine& engine, Target& target, base::Core& core, std::string name,
                     NexusOrigin origin, std::uint16_t portal_group)
    : world_(world), core_(&core) {
    world_.as(*core_, [&] {
        nexus_ = engine.open_nexus(
            *core_, target, {.initiator_name = std::move(name), .portal_group = portal_group}, *this, origin);
    });
}

Initiator::~Initiator() {
    if (nexus_) {
        close();
    }
}

Task& Initiator::send(ByteVector cdb, std::uint32_t in, ByteVector out, std::uint16_t lun,
                      scsi::TaskAttribute attribute) {
    auto task = std::make_unique<Task>();
    task->cdb = scsi::Cdb{cdb};
    task->lun = scsi::encode_lun(scsi::Lun{lun});
    task->attribute = attribute;
    task->expected = {true, static_cast<std::uint32_t>(out.size()), in};
    task->data_to_send = std::move(out);
    return submit(std::move(task));
}

Task& Initiator::submit(std::unique_ptr<Task> task) {
    TARGE_ASSERT(nexus_ != nullptr);
    if (task->tag.value == 0) {
        task->tag = TaskTag{next_tag_++};
    }
    task->held = hold_responses;
    task->takes_pages = takes_pages;
    tasks_.push_back(std::move(task));
    Task& sent = *tasks_.back();
    ByteVector along = data_come_along ? sent.data_to_send : ByteVector{};
    world_.as(*core_, [&] { nexus_->submit(sent, along); });
    std::ranges::fill(along, std::byte{0xee});
    return sent;
}

Task& Initiator::run(ByteVector cdb, std::uint32_t in, ByteVector out, std::uint16_t lun) {
    Task& task = send(std::move(cdb), in, std::move(out), lun);
    while (!task.ended && world_.step()) {
    }
    if (!task.ended) {
        world_.advance(std::chrono::seconds{1});  // what looks now and then for the end of something long
    }
    TARGE_ASSERT(task.ended);
    return task;
}

std::uint32_t Initiator::next_attention(std::uint16_t lun) {
    return run(testing::cdb({0, 0, 0, 0, 0, 0}), 0, {}, lun).sense_code();
}

void Initiator::clear_attentions(std::uint16_t lun) {
    while (next_attention(lun) >> 16U == 6) {
    }
}

TaskManagement& Initiator::begin(TaskFunction function, std::uint16_t lun, std::uint64_t tag) {
    requests_.push_back({.function = function, .lun = scsi::encode_lun(scsi::Lun{lun}), .referenced = tag});
    TaskManagement& request = requests_.back();
    world_.as(*core_, [&] { nexus_->manage(request); });
    return request;
}

TaskResponse Initiator::manage(TaskFunction function, std::uint16_t lun, std::uint64_t tag) {
    TaskManagement& request = begin(function, lun, tag);
    while (std::ranges::find(answered, &request) == answered.end() && world_.step()) {
    }
    TARGE_ASSERT(std::ranges::find(answered, &request) != answered.end());
    return request.response;
}

void Initiator::deliver_data(Task& task) {
    const std::byte* from = task.data_to_send.data();
    for (const base::Segment& segment : task.data_out.segments) {
        std::copy_n(from, segment.size, segment.data);
        from += segment.size;
    }
    world_.as(*core_, [&] { nexus_->data_out_arrived(task); });
}

void Initiator::depart() {
    world_.as(*core_, [&] { nexus_->depart(); });
}

void Initiator::arrive(base::Core& core) {
    core_ = &core;
    world_.as(*core_, [&] { nexus_->arrive(core); });
}

void Initiator::move_to(base::Core& core) {
    world_.as(*core_, [&] {
        nexus_->depart();
        base::post(core, [this, &core] {
            core_ = &core;
            nexus_->arrive(core);
        });
    });
}

void Initiator::data_out_wanted(Command& command) {
    auto& task = static_cast<Task&>(command);
    task.asked_for_data = true;
    TARGE_ASSERT(task.data_to_send.size() >= command.data_out.size);
    if (data_out_mode == DataOutMode::at_once) {
        deliver_data(task);
    }
}

void Initiator::completed(Command& command) {
    auto& task = static_cast<Task&>(command);
    for (const base::ConstSegment& segment : command.data_in) {
        task.data_received.insert(task.data_received.end(), segment.data, segment.data + segment.size);
    }
    const auto sense = command.sense();
    task.sense_received.assign(sense.begin(), sense.end());
    task.ended = true;
    if (task.on_end) {
        task.on_end(task);
    }
    if (!task.held) {
        retire(task, delivery);
    }
}

void Initiator::dropped(Command& command) {
    auto& task = static_cast<Task&>(command);
    task.ended = task.was_dropped = true;
    if (task.on_end) {
        task.on_end(task);
    }
    if (!task.held) {
        retire(task);
    }
}

void Initiator::retire(Task& task, Delivery how) {
    world_.as(*core_, [&] { task.kept = !nexus_->retire(task, how); });
}

void Initiator::let_go(Command& command) {
    static_cast<Task&>(command).kept = false;
}

void Initiator::managed(TaskManagement& request) {
    answered.push_back(&request);
    if (on_managed) {
        on_managed(request);
    }
}

void Initiator::unit_event(std::uint64_t /*lun*/, const scsi::Sense& sense) {
    events.push_back(sense.asc);
}

void Initiator::begin_close(std::function<void()> closed, std::function<void()> overdue) {
    world_.as(*core_, [&] {
        nexus_->close(
            [this, closed = std::move(closed)] {
                nexus_.reset();
                closed();
            },
            [overdue = std::move(overdue)] {
                if (overdue) {
                    overdue();
                }
            });
    });
}

void Initiator::close() {
    begin_close([] {});
    while (nexus_ && world_.step()) {
    }
    TARGE_ASSERT(!nexus_);
}

}  // namespace targe::engine::testing
