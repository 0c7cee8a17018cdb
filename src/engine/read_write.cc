// READ, WRITE, and WRITE AND VERIFY: the path that must cost nothing but the work.
#include "engine/block_io.h"
#include "engine/execute.h"
#include "engine/lane.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "engine/sense_from.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace targe::engine {

namespace {

bool never_changes(const Command& command) {
    return command.life.unit->lane.state().capabilities.lends_what_never_changes;
}

Execution read_into_buffer(base::CommandArena& arena, Command& command) {
    auto& life = command.life;
    device::Device& disk = life.unit->unit->device();
    const base::Segment into{life.in_buffer.bytes().data(), life.in_buffer.size()};
    const device::IoResult read = co_await disk.read(arena, life.access.lba, {&into, 1});
    if (!read) {
        life.in_segment = {};
        co_return sense_from(read.error());
    }
    co_return scsi::Status::good;
}

/// Only the blocks of which something will be sent: an initiator that expects nothing costs nothing.
std::uint64_t blocks_to_send(const Command& command) {
    const auto& life = command.life;
    const std::uint64_t block = block_size(command);
    const std::uint64_t bytes = command.expected.known
                                    ? std::min<std::uint64_t>(life.wants_in, command.expected.in_bytes)
                                    : life.wants_in;
    return (bytes + block - 1) / block;
}

/// From where the device has put the data, which may still change there.
Execution read_on_loan(base::CommandArena& arena, Command& command) {
    auto& life = command.life;
    const auto loan =
        co_await life.unit->unit->device().read_lent(arena, life.access.lba, blocks_to_send(command));
    if (!loan) {
        co_return sense_from(loan.error());
    }
    command.data_in_may_change = true;
    life.in_segment = loan->data;
    life.loan = loan->number;
    life.lent = !never_changes(command);
    co_return scsi::Status::good;
}

scsi::Outcome outcome_of(const device::IoResult& result) {
    return result ? scsi::Outcome{scsi::Status::good} : scsi::Outcome{sense_from(result.error())};
}

/// WRITE, and WRITE AND VERIFY.
Execution write_from_buffer(base::CommandArena& arena, Command& command) {
    auto& life = command.life;
    device::Device& disk = life.unit->unit->device();
    const std::uint64_t blocks = command.data_out.size / block_size(command);
    if (blocks == 0) {
        co_return scsi::Status::good;
    }
    const bool verify = verifies(command);
    const base::ConstSegment from{life.out_segment.data,
                                  static_cast<std::size_t>(blocks * block_size(command))};
    // What is verified must be what the medium holds, so it goes there first.
    const device::Durability durability = verify ? device::Durability::durable : durability_of(command);
    const device::IoResult written = co_await disk.write(arena, life.access.lba, {&from, 1}, durability);
    if (!written) {
        co_return sense_from(written.error());
    }
    if (!verify) {
        co_return scsi::Status::good;
    }
    const scsi::Outcome verified = co_await verify_blocks(arena, command, life.access.lba, blocks);
    co_return verified;
}

/// What is lent may change until it is sent, which initiators that rely on the atomicity of COMPARE AND WRITE
/// cannot bear.
bool may_be_lent(const Command& command) {
    return never_changes(command) || command.life.unit->lane.lends();
}

}  // namespace

void execute_read(Command& command) {
    auto& life = command.life;
    const std::uint64_t blocks = blocks_to_send(command);
    if (blocks == 0) {
        return finish(command, scsi::Status::good);
    }
    const auto size = static_cast<std::size_t>(blocks * block_size(command));
    // FUA reads what the medium holds; every device here answers reads from where its newest data are.
    if (may_be_lent(command)) {
        if (const auto lent = life.unit->unit->device().lend(life.access.lba, blocks)) {
            life.in_segment = *lent;
            life.lent = command.data_in_may_change = !never_changes(command);
            return finish(command, scsi::Status::good);
        }
    }
    if (command.takes_pages && may_be_lent(command) && size <= command.expected.in_bytes) {
        if (auto pages = life.unit->unit->device().lend_pages(life.access.lba, size)) {
            life.pages = *std::move(pages);
            life.lent = true;
            life.unit->receipt = Receipt::due;
            return finish(command, scsi::Status::good);
        }
    }
    if (may_be_lent(command) && life.unit->unit->device().lends_reads(size)) {
        static_cast<void>(read_on_loan(command.arena(), command));
        return;
    }
    if (!life.nexus->take_buffer(life.in_buffer, size)) {
        return finish(command, no_room(command));
    }
    life.in_segment = {life.in_buffer.bytes().data(), size};
    if (const auto read =
            life.unit->unit->device().read_at_once(life.access.lba, {life.in_buffer.bytes().data(), size})) {
        return finish(command, outcome_of(*read));
    }
    read_into_buffer(command.arena(), command);
}

void execute_write(Command& command) {
    auto& life = command.life;
    if (const std::byte* const here = std::exchange(life.in_place, nullptr)) {
        const base::ConstSegment from{here, command.data_out.size};
        if (const auto written =
                life.unit->unit->device().write_at_once(life.access.lba, from, durability_of(command))) {
            return finish(command, outcome_of(*written));
        }
        // It will wait, and the transport's memory will not.
        if (!life.nexus->take_buffer(life.out_buffer, from.size)) {
            return finish(command, no_room(command));
        }
        std::memcpy(life.out_buffer.bytes().data(), from.data, from.size);
        life.out_segment = {life.out_buffer.bytes().data(), from.size};
    }
    static_cast<void>(write_from_buffer(command.arena(), command));
}

Execution execute_write_and_verify(base::CommandArena& arena, Command& command) {
    return write_from_buffer(arena, command);
}

}  // namespace targe::engine
