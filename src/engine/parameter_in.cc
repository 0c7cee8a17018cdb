#include "engine/parameter_in.h"

#include "engine/command_path.h"
#include "engine/erasure.h"
#include "engine/logical_unit.h"
#include "engine/nexus.h"
#include "engine/self_test.h"
#include "scsi/capacity.h"
#include "scsi/defect_data.h"
#include "scsi/diagnostics.h"
#include "scsi/inquiry.h"
#include "scsi/mode_pages.h"
#include "scsi/parameter_requests.h"
#include "scsi/parameter_writer.h"
#include "scsi/persistent_reserve_in.h"
#include "scsi/report_luns.h"
#include "scsi/report_supported_operation_codes.h"
#include "scsi/report_supported_task_management_functions.h"
#include "scsi/request_sense.h"
#include "scsi/target_port_groups.h"
#include "scsi/vital_product_data.h"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace targe::engine {

using scsi::CommandId;

namespace {

constexpr std::size_t kWholeTable = 16384;
constexpr std::size_t kLunBytes = 8;

scsi::Outcome answer(Command& command, std::size_t longest, auto write) {
    return answer_with(command, longest, std::move(write));
}

scsi::Outcome answer_report_luns(Command& command) {
    Nexus& nexus = *command.life.nexus;
    std::vector<scsi::Lun> luns;
    nexus.units().for_each([&](const NexusUnit& unit) {
        if (unit.admission != device::Admission::refused) {
            luns.emplace_back(unit.lun);
        }
    });
    const auto outcome =
        answer(command, std::max(kEnough, (luns.size() + 2) * kLunBytes), [&](scsi::ParameterWriter& out) {
            return scsi::report_luns(scsi::select_report(command.cdb.bytes()), luns, out);
        });
    if (outcome == scsi::Outcome{scsi::Status::good}) {
        nexus.inventory().clear();
    }
    return outcome;
}

/// What REQUEST SENSE tells of the unit when nothing else is to be told.
std::optional<scsi::Sense> polled(const UnitState& state) {
    const auto sense = medium_not_ready(state);
    if (sense) {
        return sense;
    }
    if (const auto testing = self_test_in_progress(state)) {
        return testing;
    }
    return state.polled_exception
               ? std::optional{scsi::Sense{.key = scsi::SenseKey::no_sense, .asc = *state.polled_exception}}
               : std::nullopt;
}

/// The pending unit attention is told here and then gone, [SPC-4 r37 6.39].
scsi::Outcome answer_request_sense(Command& command, std::optional<scsi::Sense> sense) {
    auto& life = command.life;
    std::optional<scsi::Sense> deferred;
    if (life.unit != nullptr) {
        life.reported = life.unit->attentions.take(life.nexus->inventory());
        if (life.reported) {
            sense = scsi::unit_attention(*life.reported);
        } else if (life.unit->deferred) {
            sense = deferred = std::exchange(life.unit->deferred, std::nullopt);
        }
    }
    const auto outcome =
        answer(command, kEnough, [&](scsi::ParameterWriter& out) -> std::optional<scsi::Sense> {
            scsi::request_sense(sense, scsi::request_sense_format(command.cdb.bytes()), out);
            return std::nullopt;
        });
    if (outcome != scsi::Outcome{scsi::Status::good}) {
        undelivered(command);  // there was no memory to tell it in
        if (deferred) {
            life.unit->deferred = deferred;
        }
    }
    return outcome;
}

scsi::Outcome answer_operation_codes(Command& command) {
    using L = scsi::ReportSupportedOperationCodesCdb;
    const scsi::UnitTraits traits = command.life.unit->lane.state().traits;
    return answer(command, kWholeTable, [&](scsi::ParameterWriter& out) {
        return scsi::report_supported_operation_codes(command.cdb.first<L::kSize>(), traits, out);
    });
}

scsi::Outcome answer_task_management(Command& command) {
    using L = scsi::ReportSupportedTaskManagementFunctionsCdb;
    return answer(command, kEnough, [&](scsi::ParameterWriter& out) -> std::optional<scsi::Sense> {
        scsi::report_supported_task_management_functions(command.cdb.first<L::kSize>(), out);
        return std::nullopt;
    });
}

/// RESERVE excludes persistent reservations for everybody, its holder too, [SPC-2 r20].
scsi::Outcome answer_persistent_reserve_in(Command& command) {
    const NexusUnit& unit = *command.life.unit;
    const UnitState& state = unit.lane.state();
    if (state.reserved_by) {
        return scsi::Status::reservation_conflict;
    }
    const bool keeps = unit.unit->settings().store != nullptr;
    return answer(command, kWholeTable * 4, [&](scsi::ParameterWriter& out) -> std::optional<scsi::Sense> {
        switch (static_cast<scsi::ReservationReport>(*command.life.info->service_action)) {
            case scsi::ReservationReport::read_keys:
                scsi::read_keys(*state.persistent, out);
                break;
            case scsi::ReservationReport::read_reservation:
                scsi::read_reservation(*state.persistent, out);
                break;
            case scsi::ReservationReport::report_capabilities:
                scsi::report_capabilities(*state.persistent, keeps, out);
                break;
            case scsi::ReservationReport::read_full_status:
                scsi::read_full_status(*state.persistent, out);
                break;
        }
        return std::nullopt;
    });
}

scsi::Access access_of(const NexusUnit& unit) {
    return unit.read_only || unit.lane.state().read_only ? scsi::Access::read_only : scsi::Access::read_write;
}

/// The port as it is to this unit.
scsi::PortDescription port_of(const NexusUnit& unit, const UnitState& state) {
    scsi::PortDescription port = unit.nexus.port_description();
    if (state.access) {
        const scsi::TargetPortGroup* const group = state.access->group_of(port.relative_target_port);
        port.target_port_group = group != nullptr ? std::optional{group->id} : std::nullopt;
        port.several_ports = true;
        port.connected = scsi::connects(state.access_through(port.relative_target_port));
    }
    return port;
}

/// The VPD pages that the engine answers for a unit whose device executes commands: by which it is known.
scsi::Outcome answer_inquiry_for_device(Command& command, const UnitState& state) {
    constexpr auto kKept = std::to_array<std::uint8_t>({0x00, 0x80, 0x83, 0x88});
    const auto request = scsi::inquiry_request(command.cdb.bytes());
    const NexusUnit& unit = *command.life.unit;
    return answer(command, kWholeTable, [&](scsi::ParameterWriter& out) -> std::optional<scsi::Sense> {
        if (!request.vital_product_data || request.page_code == 0x80 || request.page_code == 0x83 ||
            request.page_code == 0x88) {
            return scsi::inquiry(request, state.description, port_of(unit, state), out);
        }
        if (request.page_code != 0) {
            return scsi::invalid_field(wire::bytes(2, 2));
        }
        std::vector<std::uint8_t> pages(kKept.begin(), kKept.end());
        pages.insert(pages.end(), state.facts.vpd_pages.begin(), state.facts.vpd_pages.end());
        std::ranges::sort(pages);
        out.u8(scsi::peripheral_byte(state.description, port_of(unit, state)));
        out.u8(0);
        out.u16(static_cast<std::uint16_t>(pages.size()));
        for (const std::uint8_t page : pages) {
            out.u8(page);
        }
        return std::nullopt;
    });
}

/// What the unit is labelled with, what time it has, and what it has been found to be like.
scsi::Outcome answer_labels(Command& command) {
    const NexusUnit& unit = *command.life.unit;
    const UnitState& state = unit.lane.state();
    switch (command.life.info->id) {
        case CommandId::read_defect_data_10:
            return answer(command, kEnough, [&](scsi::ParameterWriter& out) -> std::optional<scsi::Sense> {
                scsi::read_defect_data_10(command.cdb.first<scsi::ReadDefectData10Cdb::kSize>(), out);
                return std::nullopt;
            });
        case CommandId::read_defect_data_12:
            return answer(command, kEnough, [&](scsi::ParameterWriter& out) -> std::optional<scsi::Sense> {
                scsi::read_defect_data_12(command.cdb.first<scsi::ReadDefectData12Cdb::kSize>(), out);
                return std::nullopt;
            });
        case CommandId::receive_diagnostic_results:
            return answer(command, kEnough, [&](scsi::ParameterWriter& out) {
                using L = scsi::ReceiveDiagnosticResultsCdb;
                return scsi::receive_diagnostic_results(command.cdb.first<L::kSize>(), out);
            });
        case CommandId::report_identifying_information:
            return answer(command, kEnough, [&](scsi::ParameterWriter& out) {
                using L = scsi::ReportIdentifyingInformationCdb;
                return scsi::report_identifying_information(command.cdb.first<L::kSize>(),
                                                            state.identification, out);
            });
        case CommandId::report_target_port_groups:
            return answer(command, kWholeTable, [&](scsi::ParameterWriter& out) {
                using L = scsi::ReportTargetPortGroupsCdb;
                return scsi::report_target_port_groups(command.cdb.first<L::kSize>(), *state.access, out);
            });
        case CommandId::report_priority:
            return answer(command, kWholeTable * 4, [&](scsi::ParameterWriter& out) {
                using L = scsi::ReportPriorityCdb;
                return scsi::report_priority(command.cdb.first<L::kSize>(), unit.nexus.it_nexus(),
                                             *state.priorities, out);
            });
        case CommandId::report_timestamp:
            return answer(command, kEnough, [&](scsi::ParameterWriter& out) -> std::optional<scsi::Sense> {
                scsi::report_timestamp(state.clock, unit.nexus.core().unix_ms(), out);
                return std::nullopt;
            });
        default:
            return scsi::illegal_request(scsi::Asc::invalid_command_operation_code);
    }
}

}  // namespace

scsi::Outcome answer_parameters(Command& command) {
    const NexusUnit& unit = *command.life.unit;
    const UnitState& state = unit.lane.state();
    const wire::Bytes cdb = command.cdb.bytes();
    switch (command.life.info->id) {
        case CommandId::inquiry:
            if (state.server != nullptr) {
                return answer_inquiry_for_device(command, state);
            }
            return answer(command, kWholeTable, [&](scsi::ParameterWriter& out) {
                return scsi::inquiry(scsi::inquiry_request(cdb), state.description, port_of(unit, state),
                                     out);
            });
        case CommandId::mode_sense_6:
        case CommandId::mode_sense_10:
            return answer(command, kEnough, [&](scsi::ParameterWriter& out) {
                return scsi::mode_sense(scsi::mode_sense_request(command.life.info->id, cdb),
                                        state.description, state.mode_values(), access_of(unit), out);
            });
        case CommandId::persistent_reserve_in:
            return answer_persistent_reserve_in(command);
        case CommandId::read_capacity_10:
            return answer(command, kEnough, [&](scsi::ParameterWriter& out) -> std::optional<scsi::Sense> {
                scsi::read_capacity_10(state.description, out);
                return std::nullopt;
            });
        case CommandId::read_capacity_16:
            return answer(command, kEnough, [&](scsi::ParameterWriter& out) -> std::optional<scsi::Sense> {
                scsi::read_capacity_16(state.description, out);
                return std::nullopt;
            });
        case CommandId::report_luns:
            return answer_report_luns(command);
        case CommandId::request_sense:
            return answer_request_sense(command, polled(state));
        case CommandId::report_supported_operation_codes:
            return answer_operation_codes(command);
        case CommandId::report_supported_task_management_functions:
            return answer_task_management(command);
        default:
            return answer_labels(command);
    }
}

scsi::Outcome answer_without_unit(Command& command) {
    const scsi::Sense nobody = scsi::illegal_request(scsi::Asc::logical_unit_not_supported);
    const auto found = scsi::find_command({}, command.cdb.bytes());
    if (!found) {
        return nobody;
    }
    command.life.info = *found;
    switch (command.life.info->id) {
        case CommandId::inquiry:
            return answer(command, kEnough, [&](scsi::ParameterWriter& out) {
                return scsi::inquiry_without_unit(scsi::inquiry_request(command.cdb.bytes()), {}, out);
            });
        case CommandId::report_luns:
            return answer_report_luns(command);
        case CommandId::request_sense:
            return answer_request_sense(command, nobody);
        default:
            return nobody;
    }
}

}  // namespace targe::engine
