// PERSISTENT RESERVE OUT, one after the other on one unit: each a byte for the service action, one for scope
// and type, one for the nexus that asks, one for the length of the parameter list, and that list. A first
// byte of FFh: all that follows is what the state directory is to hold.
#include "base/assert.h"
#include "fuzz/input.h"
#include "scsi/persistent_reservation_text.h"
#include "scsi/persistent_reserve_in.h"
#include "scsi/persistent_reserve_out.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <vector>

namespace targe::fuzz {
namespace {

using scsi::PersistentReservations;

void check(const PersistentReservations& unit) {
    const bool one_holder = unit.reserved && !scsi::is_all_registrants(*unit.reserved);
    TARGE_ASSERT(one_holder == unit.holder.has_value());
    TARGE_ASSERT(!unit.holder || unit.find(*unit.holder) != nullptr);
    TARGE_ASSERT(!unit.reserved || !unit.registrants.empty());
    for (const scsi::Registrant& each : unit.registrants) {
        TARGE_ASSERT(each.key != 0 && unit.find(each.nexus) == &each);
    }
    std::vector<std::byte> room(4096);
    scsi::ParameterWriter out(room);
    scsi::read_full_status(unit, out);
    PersistentReservations kept = unit;
    kept.generation = 0;
    kept.through_power_loss = true;
    TARGE_ASSERT(unit.lost || scsi::reservations_from_text(scsi::to_text(kept)) == kept);
}

/// Answers whether there was one more command.
bool ask(Input& input, PersistentReservations& unit) {
    std::array<std::byte, scsi::PersistentReserveOutCdb::kSize> cdb{};
    const std::uint8_t action = input.byte();
    cdb[1] = std::byte{static_cast<std::uint8_t>(action % 9)};
    cdb[2] = std::byte{input.byte()};
    const std::uint8_t who = input.byte();
    const std::uint8_t length = input.byte();
    const wire::Bytes list = input.take(length);
    cdb[8] = std::byte{length};
    const auto request = scsi::reservation_request(cdb, list);
    if (request) {
        const scsi::ItNexus nexus{.target_port = static_cast<std::uint16_t>(1 + who % 2),
                                  .initiator = {.isid = who / 2U % 4U, .name = "iqn.a"}};
        auto made = scsi::persistent_reserve_out(
            unit, *request,
            {.nexus = nexus, .target_ports = {1, 2}, .known = {nexus.initiator}, .keeps = who < 128});
        if (made) {
            for (const scsi::ReservationNotice& each : made->notices) {
                TARGE_ASSERT(std::ranges::find(each.nexuses, nexus) == each.nexuses.end());
            }
            unit = std::move(made->next);
            check(unit);
        }
    }
    return !input.empty();
}

}  // namespace
}  // namespace targe::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using targe::scsi::PersistentReservations;
    if (size > 0 && data[0] == 0xff) {
        const std::string text = targe::fuzz::text_of(std::as_bytes(std::span{data, size}).subspan(1));
        if (const auto unit = targe::scsi::reservations_from_text(text)) {
            TARGE_ASSERT(targe::scsi::to_text(*unit) == text);
            targe::fuzz::check(*unit);
        }
        return 0;
    }
    targe::fuzz::Input input(data, size);
    PersistentReservations unit;
    unit.lost = (input.byte() & 1U) != 0;
    while (targe::fuzz::ask(input, unit)) {
    }
    return 0;
}
