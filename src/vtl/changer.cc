#include "vtl/changer.h"

#include "vtl/changer_cdbs.h"
#include "vtl/changer_table.h"
#include "vtl/unit_cdbs.h"

#include <utility>

namespace targe::vtl {

using scsi::Asc;
using scsi::SenseKey;

Changer::Changer(Robot& robot) : robot_(robot) {
    fill_mode_pages();
}

std::span<const CommandShape> Changer::commands() {
    return ChangerTable::shapes();
}

Reply Changer::execute(const Command& command) {
    Reply reply;
    Call call(command, reply);
    // ch of Linux puts the LUN into byte 1 of every CDB.
    const Found found = find_command(commands(), command.cdb, LunBits::ignored);
    reply.sense = found.refused ? found.refused : (this->*ChangerTable::row(found.row).handler)(call);
    return reply;
}

void Changer::reset() {
    preventing_.clear();
    found_.clear();
}

bool Changer::transport_known(std::uint64_t address) {
    // 0 stands for the default transport.
    return address == 0 || address == kTransportAddress;
}

Changer::Ending Changer::test_unit_ready(Call& /*call*/) {
    return std::nullopt;
}

/// The inventory is always right, so there is nothing to look at.
Changer::Ending Changer::initialize_element_status(Call& /*call*/) {
    return std::nullopt;
}

Changer::Ending Changer::initialize_element_status_with_range(Call& call) {
    using L = InitializeElementStatusWithRangeCdb;
    if (!call.flag(L::kRange)) {
        return std::nullopt;
    }
    const std::uint64_t first = call.get(L::kFirst);
    return robot_.inventory().find(static_cast<std::uint16_t>(first)) == nullptr
               ? Ending(refusal(asc::invalid_element_address))
               : std::nullopt;
}

/// There is no door; what can be checked is.
Changer::Ending Changer::open_close_import_export(Call& call) {
    using L = OpenCloseImportExportCdb;
    constexpr std::uint64_t kClose = 1;
    if (call.get(L::kAction) > kClose) {
        return invalid_field(L::kAction);
    }
    const Element* const element = robot_.inventory().find(static_cast<std::uint16_t>(call.get(L::kElement)));
    if (element == nullptr || element->type != ElementType::import_export) {
        return refusal(asc::invalid_element_address);
    }
    const bool open = call.get(L::kAction) != kClose;
    return open && removal_prevented() ? Ending(refusal(Asc::medium_removal_prevented)) : std::nullopt;
}

Changer::Ending Changer::position_to_element(Call& call) {
    using L = PositionToElementCdb;
    const bool known =
        transport_known(call.get(L::kTransport)) &&
        robot_.inventory().find(static_cast<std::uint16_t>(call.get(L::kDestination))) != nullptr;
    if (!known) {
        return refusal(asc::invalid_element_address);
    }
    return call.flag(L::kInvert) ? Ending(invalid_field(L::kInvert)) : std::nullopt;
}

Changer::Ending Changer::moved(Call& call, const std::vector<Move>& moves) {
    const auto done = robot_.move(moves, call.out().trouble);
    if (done) {
        return std::nullopt;
    }
    switch (done.error()) {
        case MoveFault::no_such_element:
            return refusal(asc::invalid_element_address);
        case MoveFault::source_empty:
            return refusal(asc::medium_source_element_empty);
        case MoveFault::destination_full:
            return refusal(asc::medium_destination_element_full);
        case MoveFault::removal_prevented:
            return refusal(asc::medium_removal_prevented_by_data_transfer_element);
        case MoveFault::held:
            return refusal(asc::medium_magazine_not_accessible);
        case MoveFault::host:
            return Sense{.key = SenseKey::hardware_error, .asc = Asc::internal_target_failure};
    }
    return std::nullopt;
}

Changer::Ending Changer::move_medium(Call& call) {
    using L = MoveMediumCdb;
    if (call.flag(L::kInvert)) {
        return invalid_field(L::kInvert);
    }
    if (!transport_known(call.get(L::kTransport))) {
        return refusal(asc::invalid_element_address);
    }
    return moved(call, {{.from = static_cast<std::uint16_t>(call.get(L::kSource)),
                         .to = static_cast<std::uint16_t>(call.get(L::kDestination))}});
}

Changer::Ending Changer::exchange_medium(Call& call) {
    using L = ExchangeMediumCdb;
    if (call.flag(L::kInvertFirst) || call.flag(L::kInvertSecond)) {
        return invalid_field(call.flag(L::kInvertFirst) ? L::kInvertFirst : L::kInvertSecond);
    }
    if (!transport_known(call.get(L::kTransport))) {
        return refusal(asc::invalid_element_address);
    }
    const auto first = static_cast<std::uint16_t>(call.get(L::kFirstDestination));
    return moved(call, {{.from = static_cast<std::uint16_t>(call.get(L::kSource)), .to = first},
                        {.from = first, .to = static_cast<std::uint16_t>(call.get(L::kSecondDestination))}});
}

Changer::Ending Changer::prevent_allow(Call& call) {
    return vtl::prevent_allow(call, preventing_);
}

}  // namespace targe::vtl
