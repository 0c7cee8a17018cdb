#include "scsi/target_port_groups.h"

#include "scsi/command_table.h"
#include "scsi/testing_bytes.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace targe::scsi {
namespace {

using testing::bytes;
using testing::ByteVector;
using testing::operator+;

AsymmetricAccess two_groups() {
    return {.groups = {{.id = 1, .state = AccessState::active_optimized, .preferred = true, .ports = {1}},
                       {.id = 0x1234,
                        .state = AccessState::standby,
                        .changed = AccessChange::implicit,
                        .ports = {2, 0x301}}},
            .set_by_command = true,
            .longest_transition_s = 7};
}

ByteVector reported(unsigned format, std::size_t room = 255) {
    const ByteVector cdb = bytes({0xa3, 0x0a | format << 5U, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0});
    ByteVector data(room);
    ParameterWriter out(data);
    EXPECT_FALSE(report_target_port_groups(std::span(cdb).first<12>(), two_groups(), out));
    data.resize(out.written().size());
    return data;
}

const ByteVector kDescriptors = bytes({0x80, 0xcf, 0,    1,    0, 0, 0, 1, 0, 0, 0, 1,  //
                                       0x02, 0xcf, 0x12, 0x34, 0, 2, 0, 2, 0, 0, 0, 2, 0, 0, 3, 1});

TEST(TargetPortGroups, AreReportedWithBothHeaders) {
    EXPECT_EQ(reported(0), bytes({0, 0, 0, 28}) + kDescriptors);
    EXPECT_EQ(reported(1), bytes({0, 0, 0, 32, 0x10, 7, 0, 0}) + kDescriptors);
}

TEST(TargetPortGroups, TellTheWholeLengthOfWhatIsCut) {
    EXPECT_EQ(reported(0, 4), bytes({0, 0, 0, 28}));
}

TEST(TargetPortGroups, RefuseFormatsThatAreReserved) {
    const ByteVector cdb = bytes({0xa3, 0x4a, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0});
    std::array<std::byte, 8> room{};
    ParameterWriter out(room);
    EXPECT_EQ(report_target_port_groups(std::span(cdb).first<12>(), two_groups(), out),
              invalid_field(ReportTargetPortGroupsCdb::kParameterDataFormat));
}

TEST(TargetPortGroups, AreSetAllOrNone) {
    const auto next = set_target_port_groups(bytes({0, 0, 0, 0, 2, 0, 0, 1, 0, 0, 0x12, 0x34}), two_groups());
    ASSERT_TRUE(next);
    AsymmetricAccess expected = two_groups();
    expected.groups[0].state = AccessState::standby;
    expected.groups[0].changed = AccessChange::by_command;
    expected.groups[1].state = AccessState::active_optimized;
    expected.groups[1].changed = AccessChange::by_command;
    EXPECT_EQ(*next, expected);
    EXPECT_EQ(set_target_port_groups({}, two_groups()), two_groups());
    EXPECT_EQ(set_target_port_groups(bytes({0, 0, 0, 0}), two_groups()), two_groups());
}

TEST(TargetPortGroups, RefuseWhatCannotBeSet) {
    struct Case {
        ByteVector list;
        Sense sense;
    };
    const auto of = [](const ByteVector& descriptors) { return bytes({0, 0, 0, 0}) + descriptors; };
    const std::vector<Case> cases{
        {bytes({0, 0, 0}), illegal_request(Asc::parameter_list_length_error)},
        {of(bytes({0, 0, 0})), illegal_request(Asc::parameter_list_length_error)},
        {of(bytes({0x0e, 0, 0, 1})), invalid_parameter(4, std::uint8_t{3})},
        {of(bytes({0x0f, 0, 0, 1})), invalid_parameter(4, std::uint8_t{3})},
        {of(bytes({0x04, 0, 0, 1})), invalid_parameter(4, std::uint8_t{3})},
        {of(bytes({0, 0, 0, 9})), invalid_parameter(6)},
        {of(bytes({0, 0, 0, 1, 1, 0, 0, 1})), invalid_parameter(10)},
    };
    for (const Case& each : cases) {
        const auto next = set_target_port_groups(each.list, two_groups());
        ASSERT_FALSE(next);
        EXPECT_EQ(next.error(), each.sense);
    }
}

TEST(AsymmetricAccess, FindsTheGroupOfAPort) {
    const AsymmetricAccess access = two_groups();
    EXPECT_EQ(access.group_of(2), &access.groups[1]);
    EXPECT_EQ(access.group_of(0x301), &access.groups[1]);
    EXPECT_EQ(access.group_of(7), nullptr);
}

TEST(AsymmetricAccess, NamesItsStates) {
    for (const AccessState state :
         {AccessState::active_optimized, AccessState::active_non_optimized, AccessState::standby,
          AccessState::unavailable, AccessState::offline, AccessState::transitioning}) {
        EXPECT_EQ(access_state_from(to_string(state)), state);
    }
    EXPECT_FALSE(access_state_from("active"));
}

// A line for each state: what it executes of commands that need at least the state of the column.
TEST(AsymmetricAccess, FiltersCommandsByState) {
    using enum AccessState;
    struct Case {
        AccessState state;
        std::array<bool, 4> executes;  ///< active, standby, unavailable, transitioning
        Asc reason;
    };
    const std::vector<Case> cases{
        {active_optimized, {true, true, true, true}, {}},
        {active_non_optimized, {true, true, true, true}, {}},
        {standby, {false, true, true, true}, Asc::logical_unit_not_accessible_target_port_in_standby_state},
        {unavailable,
         {false, false, true, true},
         Asc::logical_unit_not_accessible_target_port_in_unavailable_state},
        {offline, {false, false, true, true}, Asc::logical_unit_not_ready_offline},
        {transitioning,
         {false, false, false, true},
         Asc::logical_unit_not_accessible_asymmetric_access_state_transition},
    };
    for (const Case& each : cases) {
        for (std::size_t least = 0; least < each.executes.size(); ++least) {
            const auto refusal = refused_in(each.state, static_cast<LeastAccessState>(least));
            EXPECT_EQ(!refusal, each.executes.at(least)) << to_string(each.state) << ", column " << least;
            if (refusal) {
                EXPECT_EQ(*refusal, (Sense{.key = SenseKey::not_ready, .asc = each.reason}));
            }
        }
    }
}

}  // namespace
}  // namespace targe::scsi
