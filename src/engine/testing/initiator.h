// An initiator that speaks to a nexus without a wire.
#pragma once

#include "engine/engine.h"
#include "engine/testing/world.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

namespace targe::engine::testing {

using ByteVector = std::vector<std::byte>;

[[nodiscard]] ByteVector cdb(std::initializer_list<unsigned> bytes);
/// READ (10), WRITE (10) and their like.
[[nodiscard]] ByteVector cdb10(unsigned opcode, std::uint32_t lba, std::uint16_t blocks);
/// READ (16), WRITE (16) and their like.
[[nodiscard]] ByteVector cdb16(unsigned opcode, std::uint64_t lba, std::uint32_t blocks);

/// How one command went.
struct Task final : Command {
    ByteVector data_to_send;
    ByteVector data_received;
    ByteVector sense_received;
    bool ended = false;
    bool was_dropped = false;
    bool asked_for_data = false;
    bool held = false;  ///< not retired yet, on the test's wish
    bool kept = false;  ///< retired, and not let go of
    std::function<void(Task&)> on_end;

    /// SENSE KEY, ASC and ASCQ as 0xkkaaqq; 0 without sense data.
    [[nodiscard]] std::uint32_t sense_code() const;
};

enum class DataOutMode : std::uint8_t { at_once, later };

/// Commands end in their Task; nothing of it may be looked at before `ended`.
class Initiator final : public CommandPort {
public:
    Initiator(World& world, Engine& engine, Target& target, base::Core& core, std::string name,
              NexusOrigin origin = NexusOrigin::fresh, std::uint16_t portal_group = 1);
    ~Initiator();

    /// Sends it off, and returns at once. `in` is the length expected from the target.
    Task& send(ByteVector cdb, std::uint32_t in = 0, ByteVector out = {}, std::uint16_t lun = 0,
               scsi::TaskAttribute attribute = scsi::TaskAttribute::simple);
    /// Sends it and lets the world run until it has ended.
    Task& run(ByteVector cdb, std::uint32_t in = 0, ByteVector out = {}, std::uint16_t lun = 0);
    /// Sends a prepared task, whose CDB and expectations the test has set.
    Task& submit(std::unique_ptr<Task> task);
    /// TEST UNIT READY until no unit attention is left.
    void clear_attentions(std::uint16_t lun = 0);
    /// The unit attention that the next command is told of, as 0x06aaqq, or 0.
    std::uint32_t next_attention(std::uint16_t lun = 0);

    TaskResponse manage(TaskFunction function, std::uint16_t lun = 0, std::uint64_t tag = 0);
    /// Without letting the world run: `answered` is set later.
    TaskManagement& begin(TaskFunction function, std::uint16_t lun = 0, std::uint64_t tag = 0);
    void deliver_data(Task& task);
    void retire(Task& task, Delivery delivery = Delivery::delivered);
    void close();
    /// Asks for it, and lets the world go on by itself.
    void begin_close(std::function<void()> closed, std::function<void()> overdue = {});

    /// The nexus leaves its core at once, and comes to the other when the message does. Nothing may be sent
    /// meanwhile.
    void move_to(base::Core& core);
    void depart();
    void arrive(base::Core& core);

    void data_out_wanted(Command& command) override;
    void completed(Command& command) override;
    void dropped(Command& command) override;
    void let_go(Command& command) override;
    void managed(TaskManagement& request) override;
    void unit_event(std::uint64_t lun, const scsi::Sense& sense) override;
    void receipt_wanted() override { ++receipts_wanted; }

    [[nodiscard]] Nexus& nexus() { return *nexus_; }
    [[nodiscard]] base::Core& core() { return *core_; }

    DataOutMode data_out_mode = DataOutMode::at_once;
    Delivery delivery = Delivery::delivered;
    bool hold_responses = false;
    bool takes_pages = false;
    std::size_t receipts_wanted = 0;
    bool data_come_along = false;  ///< all data-out with the command, in memory that is spoilt afterwards
    std::vector<TaskManagement*> answered;
    std::vector<scsi::Asc> events;
    std::function<void(TaskManagement&)> on_managed;

private:
    World& world_;
    base::Core* core_;
    std::uint64_t next_tag_ = 1;
    std::deque<std::unique_ptr<Task>> tasks_;
    std::deque<TaskManagement> requests_;
    std::unique_ptr<Nexus> nexus_;
};

}  // namespace targe::engine::testing
