// An I_T nexus: one initiator port logged in to one target port.
#pragma once

#include "base/core.h"
#include "engine/admission_wait.h"
#include "engine/command_port.h"
#include "engine/limits.h"
#include "engine/nexus_unit.h"
#include "engine/tag_table.h"
#include "engine/target.h"
#include "engine/unit_map.h"
#include "scsi/transport_id.h"
#include "scsi/unit_attention.h"
#include "scsi/unit_description.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace targe::engine {

/// Whether the initiator port was logged in just before with the same identity: chooses the first unit
/// attention, [SAM-5 r21] and [SPC-4 r37].
enum class NexusOrigin : std::uint8_t { fresh, reinstated };

/// Which initiator port, through which target port.
struct NexusIdentity {
    std::string initiator_name;
    std::uint64_t initiator_session_id = 0;  ///< iSCSI: the ISID, right-aligned
    std::uint16_t portal_group = 1;
};

/// Made by Engine::open_nexus(), on the core of its session, and used on that core only, which may become
/// another one while nothing is under way. Every command submitted is retired exactly once. Closed before it
/// is destroyed.
class Nexus : public base::ListHook<struct TargetNexuses> {
public:
    Nexus(base::Core& core, Target& target, NexusIdentity identity, CommandPort& port, NexusOrigin origin,
          const Limits& limits);
    ~Nexus();

    /// Calls `go_on` when every device that is asked has said whether the nexus may use its unit, at the
    /// latest after `limit`, and never once the nexus closes: perhaps before this returns. An initiator that
    /// is told of its login only then finds no unit that is refused to it. Before the first command.
    void await_admission(base::Duration limit, std::move_only_function<void()> go_on);

    /// Takes a command on. CommandPort::completed() may be called before this returns. `data_here` is all of
    /// the command's data-out, where the transport has it already, and need not stay after this returns:
    /// whatever is not written from there at once is asked for by CommandPort::data_out_wanted() as ever.
    void submit(Command& command, wire::Bytes data_here = {});
    /// All command.data_out.size bytes are in their segments.
    void data_out_arrived(Command& command);
    /// They are not and will not be: the command ends with `outcome` and never executes.
    void data_out_failed(Command& command, const scsi::Outcome& outcome);
    /// The transport is done with the command and its buffers; it may be reset and used again, unless this
    /// is false: then a device holds it, of a LUN that is gone, and CommandPort::let_go() says when.
    [[nodiscard]] bool retire(Command& command, Delivery delivery);

    /// Answers through CommandPort::managed(), perhaps before this returns.
    void manage(TaskManagement& request);

    /// Ends the nexus: whatever waits is dropped, what executes is awaited and then dropped, and the units
    /// forget the nexus. `closed` is called on this core, never before close() returns, when every command
    /// has been retired and nothing of this nexus can touch a medium any more, nor holds a reservation. Only
    /// then may a successor of the same identity be opened. Nothing may be submitted any more.
    ///
    /// `overdue` comes before it when that takes longer than Limits::nexus_end_deadline, because a device
    /// holds on to a command. Then a successor may be opened all the same: it gets BUSY from the units that
    /// have not let go, until they have, so that it cannot come to them too soon.
    void close(std::move_only_function<void()> closed, std::move_only_function<void()> overdue = {});

    // Pages that were lent, nexus_units.cc.
    /// Asks the transport for a receipt when some may still be on their way; whether they may.
    bool ask_for_receipt();
    /// The answer to CommandPort::receipt_wanted(), the last one.
    void received();

    // Moving to another core, nexus_move.cc.
    /// Nothing of it is under way, nor will be unless something is submitted, and nothing but its id binds it
    /// to its core: it may depart.
    [[nodiscard]] bool is_at_rest() const;
    /// Leaves its core, at rest. From here on to arrive() no unit and no target knows it, and it may only be
    /// handed over to another core, by a message.
    void depart();
    /// On `core`, which is its own from now on. What happened to its units meanwhile it is told here.
    void arrive(base::Core& core);

    [[nodiscard]] NexusId id() const { return id_; }
    [[nodiscard]] const NexusIdentity& identity() const { return identity_; }
    [[nodiscard]] Target& target() const { return target_; }
    [[nodiscard]] base::Core& core() const { return *core_; }
    /// Commands submitted and not yet retired.
    [[nodiscard]] std::size_t commands() const { return commands_; }
    [[nodiscard]] const Counters& counters() const { return counters_; }

    // For the rest of the engine.
    /// What submit() was given with `command`, while it runs; else nothing.
    [[nodiscard]] wire::Bytes data_here(const Command& command) const {
        return &command == arriving_ ? data_here_ : wire::Bytes{};
    }
    [[nodiscard]] CommandPort& port() { return port_; }
    [[nodiscard]] const Limits& limits() const { return limits_; }
    [[nodiscard]] Counters& counters() { return counters_; }
    [[nodiscard]] scsi::InventoryAttention& inventory() { return inventory_; }
    [[nodiscard]] const scsi::PortDescription& port_description() const { return port_description_; }
    /// As persistent reservations know this nexus.
    [[nodiscard]] const scsi::ItNexus& it_nexus() const { return it_nexus_; }
    [[nodiscard]] const UnitMap& units() const { return units_; }
    /// Units that the LUN map has lost, or all of them when the nexus closes, and that are not done with it.
    [[nodiscard]] const std::vector<std::unique_ptr<NexusUnit>>& leaving() const { return leaving_; }
    /// The LUN map has changed. What is older than what the nexus has seen, on another core, is passed over.
    void remap(const LunMaps& maps, std::uint64_t version);
    [[nodiscard]] Command* find(std::uint64_t tag) const { return tags_.find(TaskTag{tag}); }
    void answer(TaskManagement& request, TaskResponse response);
    /// `size` bytes in `into`, a buffer of one of its commands, until that is retired. False when the nexus
    /// has all that it may have, or the core nothing left.
    [[nodiscard]] bool take_buffer(base::Buffer& into, std::size_t size);
    /// A buffer that no command has.
    void give_back(base::Buffer& buffer);
    /// Whether await_admission() waits: its initiator was told of no unit yet.
    [[nodiscard]] bool joins() const { return admission_wait_.under_way(); }
    /// A unit that was asked for has answered, or is there no more.
    void admission_heard();
    /// A command that was answered before has ended.
    void let_go(Command& command);
    /// Whether anything may touch a medium yet that the nexus began at a LUN before it has lost that.
    [[nodiscard]] bool acts_at_lost_luns() const;
    /// One of its visits to the unit, which counts as a command of it, has ended.
    void visited(NexusUnit& unit);

private:
    class CloseLimit final : public base::Timer {
    public:
        explicit CloseLimit(Nexus& nexus) : nexus_(nexus) {}
        void expired() override { nexus_.close_is_overdue(); }

    private:
        Nexus& nexus_;
    };

    class LostLunLimit final : public base::Timer {
    public:
        explicit LostLunLimit(Nexus& nexus) : nexus_(nexus) {}
        void expired() override { nexus_.give_up_lost_luns(); }

    private:
        Nexus& nexus_;
    };

    void take_on(Command& command);
    void release(Command& command, Delivery delivery);
    [[nodiscard]] NexusUnit* locate(std::uint64_t lun_field) const;
    void without_unit(Command& command);
    void attach(const LunEntry& entry);
    NexusUnit& detach(std::uint16_t lun);
    void lose(std::uint16_t lun);
    void give_up_lost_luns();
    void leave(NexusUnit& unit);
    void left(NexusUnit& unit);
    void for_each_unit(const std::function<void(NexusUnit&)>& visit);
    void close_when_idle();
    void close_is_overdue();
    [[nodiscard]] bool awaits_admission() const;

    base::Core* core_;
    Target& target_;
    NexusIdentity identity_;
    CommandPort& port_;
    Limits limits_;
    NexusId id_;
    scsi::PortDescription port_description_;
    scsi::ItNexus it_nexus_;
    scsi::InventoryAttention inventory_;
    TagTable tags_;
    UnitMap units_;
    std::vector<std::unique_ptr<NexusUnit>> leaving_;  ///< to be forgotten by their homes
    const Command* arriving_ = nullptr;                ///< the one that submit() was called for
    wire::Bytes data_here_;                            ///< its data-out
    std::uint64_t maps_version_;                       ///< of the LUN maps that units_ follows
    std::size_t commands_ = 0;
    std::size_t kept_ = 0;            ///< of them, those that were retired before their end
    std::uint64_t buffer_bytes_ = 0;  ///< held by its commands
    std::size_t managing_ = 0;        ///< functions not answered yet
    bool closing_ = false;
    AdmissionWait admission_wait_;
    std::move_only_function<void()> closed_;
    std::move_only_function<void()> overdue_;
    CloseLimit close_limit_{*this};
    LostLunLimit lost_lun_limit_{*this};
    Counters counters_;
};

}  // namespace targe::engine
