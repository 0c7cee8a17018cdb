// One action of PERSISTENT RESERVE OUT under way. For persistent_reserve_out() alone.
#pragma once

#include "scsi/persistent_reserve_out.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <vector>

namespace targe::scsi::detail {

// Where the fields of the basic parameter list are, for sense data.
inline constexpr std::size_t kKeyByte = 0;
inline constexpr std::size_t kServiceActionKeyByte = 8;
inline constexpr std::size_t kFlagsByte = 20;
inline constexpr std::size_t kTransportIdsByte = 28;
inline constexpr std::uint8_t kSpecifyInitiatorsBit = 3;
inline constexpr std::uint8_t kThroughPowerLossBit = 0;
// And of that of REGISTER AND MOVE.
inline constexpr std::size_t kMoveFlagsByte = 17;
inline constexpr std::size_t kMoveTargetPortByte = 18;
inline constexpr std::size_t kMoveTransportIdByte = 24;

inline std::unexpected<Outcome> refused(const Outcome& why) {
    return std::unexpected(why);
}
inline std::unexpected<Outcome> conflict() {
    return refused(Status::reservation_conflict);
}

using Result = std::expected<ReservationChange, Outcome>;

/// One action under way: the next state, and what it brings about.
class ActionUnderWay {
public:
    ActionUnderWay(const PersistentReservations& unit, const ReservationRequest& request,
                   const ReservationAsker& asker)
        : unit_(unit), request_(request), asker_(asker), made_{.next = unit, .notices = {}, .aborted = {}} {}

    Result perform();

private:
    [[nodiscard]] bool is_asker(const ItNexus& nexus) const { return nexus == asker_.nexus; }
    [[nodiscard]] const Registrant* self() const { return unit_.find(asker_.nexus); }
    [[nodiscard]] std::vector<std::uint16_t> ports() const {
        return request_.all_target_ports ? asker_.target_ports
                                         : std::vector<std::uint16_t>{asker_.nexus.target_port};
    }
    [[nodiscard]] std::optional<Outcome> bad_scope_or_type() const;
    [[nodiscard]] std::optional<Outcome> cannot_keep(std::size_t byte) const;
    [[nodiscard]] std::vector<ItNexus> named() const;

    Result change_registration(bool ignore_existing);
    [[nodiscard]] std::optional<Outcome> key_conflict() const;
    Result register_all(std::vector<ItNexus> nexuses);
    Result unregister_all(const std::vector<ItNexus>& nexuses);
    Result reserve();
    Result release();
    Result clear();
    Result preempt();
    Result preempt_holder(bool all);
    Result remove_matching();
    Result move();
    Result replace_lost();

    void put(const ItNexus& nexus, std::uint64_t key);
    void forget(const ItNexus& nexus);
    void establish(const ItNexus& holder);
    void tell(Asc condition, std::vector<ItNexus> nexuses);
    /// Everybody who is registered now, but whoever asks.
    [[nodiscard]] std::vector<ItNexus> others() const;
    Result counted() {
        ++made_.next.generation;
        return std::move(made_);
    }

    const PersistentReservations& unit_;
    const ReservationRequest& request_;
    const ReservationAsker& asker_;
    ReservationChange made_;
};

}  // namespace targe::scsi::detail
