#include "scsi/command_table.h"

#include "scsi/testing_bytes.h"

#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace targe::scsi {
namespace {

using testing::bytes;
using testing::ByteVector;

constexpr UnitTraits kThick{};
constexpr UnitTraits kThin{.thin = true};
constexpr UnitTraits kThinRemovable{.thin = true, .removable = true};
constexpr UnitTraits kRemovable{.removable = true};
constexpr UnitTraits kAnchoring{.thin = true, .anchors = true};
constexpr UnitTraits kAllTraits[] = {kThick, kThin, kRemovable, kThinRemovable, kAnchoring, {.atomic = true}};

/// A CDB of `command` in which every other bit is clear.
ByteVector plain_cdb(const CommandInfo& command, std::size_t size) {
    ByteVector cdb(size);
    cdb[0] = std::byte{command.opcode};
    cdb[1] = std::byte{command.service_action.value_or(0)};
    return cdb;
}

Sense invalid_bit(std::size_t bit_of_cdb) {
    return invalid_field({.byte = static_cast<std::uint16_t>(bit_of_cdb / 8),
                          .msb = static_cast<std::uint8_t>(7 - bit_of_cdb % 8),
                          .width = 1});
}

/// Calls `check(traits, row)` for every row that a kind of unit offers.
void for_each_offered(auto check) {
    for (const UnitTraits& unit : kAllTraits) {
        for (const CommandInfo& command : command_table()) {
            if (offered(command.available, unit)) {
                SCOPED_TRACE(command.name);
                check(unit, command);
            }
        }
    }
}

TEST(CommandTable, FindsEveryRow) {
    for_each_offered([](const UnitTraits& unit, const CommandInfo& command) {
        for (const std::size_t size : {command.cdb_length(), kMaxOrdinaryCdbBytes, std::size_t{32}}) {
            const auto found = find_command(unit, plain_cdb(command, size));
            ASSERT_TRUE(found);
            EXPECT_EQ(*found, &command);
        }
        EXPECT_EQ(offered_command(unit, command.opcode, command.service_action), &command);
    });
}

TEST(CommandTable, PointsAtEveryReservedBit) {
    for_each_offered([](const UnitTraits& unit, const CommandInfo& command) {
        for (std::size_t i = 8; i < command.cdb_length() * 8; ++i) {
            if (command.service_action && i >= 11 && i < 16) {
                continue;  // another service action is another command
            }
            for (const std::size_t size : {command.cdb_length(), kMaxOrdinaryCdbBytes}) {
                ByteVector cdb = plain_cdb(command, size);
                const auto one = static_cast<std::byte>(0x80U >> (i % 8));
                cdb[i / 8] |= one;
                const bool defined = (command.usage[i / 8] & one) != std::byte{0};
                const auto found = find_command(unit, cdb);
                ASSERT_EQ(found.has_value(), defined) << "bit " << i;
                if (!defined) {
                    EXPECT_EQ(found.error(), invalid_bit(i)) << "bit " << i;
                }
            }
        }
    });
}

TEST(CommandTable, PointsAtTheFirstOfSeveralReservedBits) {
    ByteVector cdb = bytes({0x00, 0, 0, 0x06, 0x80, 0xff});
    const auto found = find_command(kThick, cdb);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error(), invalid_field(wire::bit(3, 2)));
}

TEST(CommandTable, DoesNotLookBehindTheCommand) {
    ByteVector cdb(16, std::byte{0xff});
    std::fill_n(cdb.begin(), 6, std::byte{0});
    EXPECT_TRUE(find_command(kThick, cdb));
}

TEST(CommandTable, TakesNacaAndRefusesLink) {
    for_each_offered([](const UnitTraits& unit, const CommandInfo& command) {
        ByteVector cdb = plain_cdb(command, command.cdb_length());
        EXPECT_FALSE(asks_for_aca(cdb));
        cdb.back() = std::byte{0x04};
        EXPECT_TRUE(find_command(unit, cdb));
        EXPECT_TRUE(asks_for_aca(cdb));
        cdb.back() = std::byte{0x01};
        EXPECT_EQ(find_command(unit, cdb), std::unexpected(invalid_bit((command.cdb_length() - 1) * 8 + 7)));
    });
    EXPECT_FALSE(asks_for_aca({}));
    EXPECT_FALSE(asks_for_aca(bytes({0x28, 0, 0}))) << "cut off before its CONTROL byte";
}

TEST(CommandTable, RefusesEveryOtherOperationCode) {
    for (const UnitTraits& unit : kAllTraits) {
        std::set<unsigned> known;
        for (const CommandInfo& command : command_table()) {
            if (offered(command.available, unit)) {
                known.insert(command.opcode);
            }
        }
        for (unsigned opcode = 0; opcode < 256; ++opcode) {
            ByteVector cdb(16, std::byte{0xff});
            cdb[0] = static_cast<std::byte>(opcode);
            const auto found = find_command(unit, cdb);
            if (!known.contains(opcode)) {
                ASSERT_FALSE(found);
                EXPECT_EQ(found.error(), illegal_request(Asc::invalid_command_operation_code)) << opcode;
            } else if (!found) {
                EXPECT_EQ(found.error().asc, Asc::invalid_field_in_cdb) << opcode;
            }
        }
    }
}

TEST(CommandTable, PointsAtAServiceActionThatIsNotOffered) {
    std::map<unsigned, std::set<unsigned>> offered_actions;
    for (const CommandInfo& command : command_table()) {
        if (command.service_action && offered(command.available, kThick)) {
            offered_actions[command.opcode].insert(*command.service_action);
        }
    }
    for (const auto& [opcode, actions] : offered_actions) {
        EXPECT_TRUE(has_service_actions(static_cast<std::uint8_t>(opcode)));
        for (unsigned action = 0; action < 32; ++action) {
            ByteVector cdb(16);
            cdb[0] = static_cast<std::byte>(opcode);
            cdb[1] = static_cast<std::byte>(action);
            const auto found = find_command(kThick, cdb);
            EXPECT_EQ(found.has_value(), actions.contains(action));
            if (!found) {
                EXPECT_EQ(found.error(), invalid_field(kServiceAction));
            }
        }
    }
}

TEST(CommandTable, RefusesACdbThatIsTooShort) {
    EXPECT_EQ(find_command(kThick, {}).error(), illegal_request(Asc::invalid_command_operation_code));
    for_each_offered([](const UnitTraits& unit, const CommandInfo& command) {
        for (std::size_t size = 2; size < command.cdb_length(); ++size) {
            const auto found = find_command(unit, plain_cdb(command, size));
            ASSERT_FALSE(found);
            EXPECT_EQ(found.error(), illegal_request(Asc::invalid_field_in_cdb));
        }
    });
    EXPECT_FALSE(find_command(kThick, bytes({0x9e})));
}

TEST(CommandTable, OffersUnmapOnThinUnitsOnly) {
    EXPECT_EQ(find_command(kThick, ByteVector(16, std::byte{0x42})).error(),
              illegal_request(Asc::invalid_command_operation_code));
    EXPECT_NE(offered_command(kThin, 0x42, std::nullopt), nullptr);
    for (const unsigned opcode : {0x41U, 0x93U}) {
        ByteVector cdb(16);
        cdb[0] = static_cast<std::byte>(opcode);
        cdb[1] = std::byte{0x08};
        EXPECT_TRUE(find_command(kThin, cdb));
        EXPECT_EQ(find_command(kThick, cdb).error(), invalid_field(wire::bit(1, 3)));
        cdb[1] = std::byte{0x10};
        EXPECT_EQ(find_command(kThin, cdb).error(), invalid_field(wire::bit(1, 4))) << "ANCHOR";
    }
}

TEST(CommandTable, EjectsOnlyWhereTheMediumIsRemovable) {
    const ByteVector eject = bytes({0x1b, 0, 0, 0, 0x02, 0});
    const ByteVector prevent = bytes({0x1e, 0, 0, 0, 0x01, 0});
    EXPECT_TRUE(find_command(kRemovable, eject));
    EXPECT_TRUE(find_command(kRemovable, prevent));
    EXPECT_EQ(find_command(kThick, eject).error(), invalid_field(wire::bit(4, 1)));
    EXPECT_EQ(find_command(kThick, prevent).error(), illegal_request(Asc::invalid_command_operation_code));
}

TEST(CommandTable, OffersEachCommandOnceToEachUnit) {
    for (const UnitTraits& unit : kAllTraits) {
        // Some service actions have a name in common.
        std::set<std::pair<CommandId, std::optional<std::uint8_t>>> found;
        for (const CommandInfo& command : command_table()) {
            EXPECT_TRUE(!offered(command.available, unit) ||
                        found.insert({command.id, command.service_action}).second)
                << command.name;
        }
    }
}

TEST(CommandTable, TakesItsTraitsFromTheUnitsDescription) {
    UnitDescription unit = testing::thin_disk();
    EXPECT_EQ(traits_of(unit), kThin);
    unit.provisioning.anchor = true;
    EXPECT_EQ(traits_of(unit), kAnchoring);
    unit.provisioning.anchor = false;
    unit.removable = true;
    EXPECT_EQ(traits_of(unit), kThinRemovable);
    unit.provisioning = {};
    EXPECT_EQ(traits_of(unit), kRemovable);
}

TEST(CommandTable, LengthOfEachCdbIsThatOfItsGroup) {
    for (const CommandInfo& command : command_table()) {
        SCOPED_TRACE(command.name);
        const unsigned group = command.opcode >> 5;
        const std::size_t length = group == 0 ? 6 : group <= 2 ? 10 : group == 4 ? 16 : 12;
        EXPECT_EQ(command.cdb_length(), length);
        EXPECT_EQ(command.usage[0], std::byte{0xff});
        EXPECT_GE(command.timeouts.recommended_s, command.timeouts.nominal_s);
        EXPECT_GT(command.timeouts.nominal_s, 0U);
    }
}

std::string_view word(ReservedAccess access) {
    switch (access) {
        case ReservedAccess::conflicts:
            return "-";
        case ReservedAccess::allowed:
            return "yes";
        case ReservedAccess::allowed_if_it_allows_removal:
        case ReservedAccess::allowed_if_it_only_starts:
            return "part";
    }
    return "?";
}

std::string_view word(LeastAccessState state) {
    switch (state) {
        case LeastAccessState::active:
            return "active";
        case LeastAccessState::standby:
            return "standby";
        case LeastAccessState::unavailable:
            return "unavailable";
        case LeastAccessState::transitioning:
            return "transitioning";
    }
    return "?";
}

std::string rules_of(const CommandInfo& command) {
    const auto yes = [](bool is) { return is ? "yes" : "-"; };
    const CommandRules& rules = command.rules;
    return fmt::format("{:02x}{} | {} | {} | {} | {} | {} | {} | {} | {} | {}", command.opcode,
                       command.service_action ? fmt::format("/{:02x}", *command.service_action) : "",
                       command.name, yes(rules.skips_unit_attention), yes(rules.writes_medium),
                       yes(rules.accesses_medium), yes(rules.executed_at_home), word(rules.under_reserve),
                       word(rules.under_write_exclusive), word(rules.under_exclusive_access),
                       word(rules.least_access_state));
}

// The rules a second time, a line for each command, to be compared with the standards by eye: whoever changes
// the table says it twice.
TEST(CommandTable, HasTheRulesOfTheStandards) {
    std::set<std::string> expected;
    std::ifstream file(TARGE_TESTDATA "/command_rules.txt");
    for (std::string line; std::getline(file, line);) {
        if (!line.empty() && line.front() != '#') {
            expected.insert(line);
        }
    }
    for (const CommandInfo& command : command_table()) {
        EXPECT_TRUE(expected.contains(rules_of(command)))
            << "not in command_rules.txt: " << rules_of(command);
    }
    std::set<std::string> present;
    for (const CommandInfo& command : command_table()) {
        present.insert(rules_of(command));
    }
    for (const std::string& line : expected) {
        EXPECT_TRUE(present.contains(line)) << "not in the table: " << line;
    }
}

TEST(CommandTable, WritesOnlyWhatIsAMedium) {
    for (const CommandInfo& command : command_table()) {
        EXPECT_TRUE(command.rules.accesses_medium || !command.rules.writes_medium) << command.name;
    }
}

TEST(CommandTable, LetsAReservedUnitStartButNotStop) {
    const auto access = ReservedAccess::allowed_if_it_only_starts;
    EXPECT_EQ(offered_command(kThick, 0x1b, std::nullopt)->rules.under_reserve, access);
    EXPECT_TRUE(allowed(access, bytes({0x1b, 0, 0, 0, 0x01, 0})));
    EXPECT_TRUE(allowed(access, bytes({0x1b, 1, 0, 0, 0x01, 0}))) << "IMMED";
    EXPECT_FALSE(allowed(access, bytes({0x1b, 0, 0, 0, 0x00, 0}))) << "stop";
    EXPECT_FALSE(allowed(access, bytes({0x1b, 0, 0, 0, 0x02, 0}))) << "eject";
    EXPECT_FALSE(allowed(access, bytes({0x1b, 0, 0, 0, 0x03, 0}))) << "load";
    EXPECT_FALSE(allowed(access, bytes({0x1b, 0, 0, 0, 0x11, 0}))) << "power condition";
}

TEST(CommandTable, LetsOthersAllowRemovalButNotPreventIt) {
    const auto access = ReservedAccess::allowed_if_it_allows_removal;
    EXPECT_EQ(offered_command(kRemovable, 0x1e, std::nullopt)->rules.under_reserve, access);
    EXPECT_TRUE(allowed(access, bytes({0x1e, 0, 0, 0, 0, 0})));
    EXPECT_FALSE(allowed(access, bytes({0x1e, 0, 0, 0, 1, 0})));
    EXPECT_FALSE(allowed(access, bytes({0x1e, 0, 0, 0, 2, 0})));
    EXPECT_TRUE(allowed(ReservedAccess::allowed, {}));
    EXPECT_FALSE(allowed(ReservedAccess::conflicts, {}));
}

TEST(CommandTable, ReadsLengthsInBytes) {
    const ByteVector inquiry = bytes({0x12, 0, 0, 0x12, 0x34, 0});
    const ByteVector report_luns = bytes({0xa0, 0, 0, 0, 0, 0, 0xff, 0xfe, 0xfd, 0xfc, 0, 0});
    const ByteVector mode_select = bytes({0x55, 0x10, 0, 0, 0, 0, 0, 0xab, 0xcd, 0});
    const ByteVector read = bytes({0x28, 0, 0, 0, 0, 0, 0, 0, 8, 0});
    EXPECT_EQ(allocation_length(**find_command(kThick, inquiry), inquiry), 0x1234U);
    EXPECT_EQ(allocation_length(**find_command(kThick, report_luns), report_luns), 0xfffefdfcU);
    EXPECT_EQ(parameter_list_length(**find_command(kThick, mode_select), mode_select), 0xabcdU);
    EXPECT_EQ(allocation_length(**find_command(kThick, mode_select), mode_select), 0U);
    EXPECT_EQ(allocation_length(**find_command(kThick, read), read), 0U);
    EXPECT_EQ((*find_command(kThick, read))->length_unit, LengthUnit::blocks);
}

TEST(Cdb, ReadsAsZeroBehindAShortCommand) {
    const Cdb cdb{bytes({0x12, 0, 0, 0, 0x24, 0})};
    EXPECT_EQ(cdb.bytes().size(), 6U);
    EXPECT_TRUE(
        std::ranges::equal(cdb.first<16>(), bytes({0x12, 0, 0, 0, 0x24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0})));
    EXPECT_EQ(Cdb{}.bytes().size(), 0U);
}

TEST(Cdb, KeepsTheLongestThereIs) {
    const ByteVector longest(kMaxCdbBytes, std::byte{0x7f});
    EXPECT_TRUE(std::ranges::equal(Cdb{longest}.bytes(), longest));
}

}  // namespace
}  // namespace targe::scsi
