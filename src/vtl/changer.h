// A media changer: the device server of [SMC-3] over a robot.
#pragma once

#include "vtl/command.h"
#include "vtl/mode_pages.h"
#include "vtl/robot.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace targe::vtl {

/// Pure, as Drive is: what is moved is moved by the robot, which outlives it. One caller at a time.
class Changer {
public:
    explicit Changer(Robot& robot);

    [[nodiscard]] Reply execute(const Command& command);
    /// PREVENT ALLOW MEDIUM REMOVAL of any nexus: the operator is kept from the import/export elements.
    [[nodiscard]] bool removal_prevented() const { return !preventing_.empty(); }
    void session_gone(std::uint64_t session) { preventing_.erase(session); }
    /// LOGICAL UNIT RESET.
    void reset();

    [[nodiscard]] static std::span<const std::uint8_t> vpd_pages();
    [[nodiscard]] static std::span<const CommandShape> commands();

private:
    using Ending = std::optional<Sense>;
    friend struct ChangerTable;

    /// What READ ELEMENT STATUS asks for.
    struct StatusRequest {
        bool volume_tags;
        bool device_ids;
        std::uint64_t type;  ///< 0: all
        std::uint64_t first;
        std::uint64_t count;
        std::uint64_t allocation_length;
        std::optional<std::uint8_t> action = {};  ///< of REQUEST VOLUME ELEMENT ADDRESS
    };

    // Moving, changer.cc.
    Ending test_unit_ready(Call& call);
    Ending initialize_element_status(Call& call);
    Ending initialize_element_status_with_range(Call& call);
    Ending open_close_import_export(Call& call);
    Ending position_to_element(Call& call);
    Ending move_medium(Call& call);
    Ending exchange_medium(Call& call);
    Ending prevent_allow(Call& call);
    Ending moved(Call& call, const std::vector<Move>& moves);
    [[nodiscard]] static bool transport_known(std::uint64_t address);

    // Telling where what is, changer_status.cc.
    Ending read_element_status(Call& call);
    Ending request_volume_element_address(Call& call);
    Ending send_volume_tag(Call& call);
    Ending report_elements(Call& call, const StatusRequest& request, const std::vector<Element>& among);
    void write_element(const Element& element, const StatusRequest& request,
                       scsi::ParameterWriter& out) const;
    void write_pages(std::span<const Element> elements, const StatusRequest& request,
                     scsi::ParameterWriter& out) const;

    // Pages and the rest, changer_pages.cc.
    Ending inquiry(Call& call);
    Ending mode_sense_6(Call& call);
    Ending mode_sense_10(Call& call);
    Ending mode_select_6(Call& call);
    Ending mode_select_10(Call& call);
    Ending sense_pages(Call& call, std::uint64_t page, std::uint64_t subpage, std::uint64_t control,
                       std::uint64_t allocation_length, bool six);
    Ending select(Call& call, std::uint64_t length, std::size_t header_bytes);
    Ending log_sense(Call& call);
    Ending log_select(Call& call);
    Ending send_diagnostic(Call& call);
    Ending report_operation_codes(Call& call);
    Ending by_targed(Call& call);
    void fill_mode_pages();

    Robot& robot_;
    ModePages mode_;
    std::set<std::uint64_t> preventing_;
    std::vector<Element> found_;  ///< what SEND VOLUME TAG has found last
    std::uint8_t found_by_ = 0;   ///< its SEND ACTION CODE
};

}  // namespace targe::vtl
