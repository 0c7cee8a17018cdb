// What a handler of CDBs says of itself when it comes: each bound from both sides.
#include "device/user_device.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <numeric>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace targe::device {
namespace {

void say(std::span<char> field, std::string_view text) {
    std::ranges::fill(field, '\0');
    std::ranges::copy(text, field.begin());
}

bool are_some(const UserGreeting& hello) {
    return facts_of(hello).has_value();
}

TEST(FactsOfAHandler, AreWhatItSays) {
    UserGreeting hello{};
    say(hello.vendor, "ACMEACME");
    say(hello.product, "sixteen letters.");
    say(hello.revision, "12345678");
    hello.removable = 1;
    const auto facts = facts_of(hello);
    ASSERT_TRUE(facts) << facts.error();
    EXPECT_EQ(facts->vendor, "ACMEACME");
    EXPECT_EQ(facts->product, "sixteen letters.");
    EXPECT_EQ(facts->revision, "1234") << "which is all that there is room for";
    EXPECT_TRUE(facts->removable);
    EXPECT_FALSE(facts_of(UserGreeting{})->removable);
    EXPECT_EQ(facts_of(UserGreeting{})->vendor, "");
}

// In INQUIRY data there are codes 20h to 7Eh, [SPC-4 r37 4.3.1].
TEST(FactsOfAHandler, AreShownInPrintableCharactersOnly) {
    const std::array<std::function<std::span<char>(UserGreeting&)>, 3> fields{
        [](UserGreeting& hello) { return std::span<char>{hello.vendor}; },
        [](UserGreeting& hello) { return std::span<char>{hello.product}; },
        [](UserGreeting& hello) { return std::span<char>{hello.revision}; }};
    for (const auto& field : fields) {
        for (const auto& [code, printable] :
             {std::pair{'\x1f', false}, {' ', true}, {'~', true}, {'\x7f', false}, {'\x80', false}}) {
            UserGreeting hello{};
            field(hello)[1] = code;
            field(hello)[0] = 'x';
            EXPECT_EQ(are_some(hello), printable) << int{code};
        }
    }
}

TEST(FactsOfAHandler, NameVpdPagesOnceAndNoneOfTarged) {
    const auto name = [](const std::vector<std::uint8_t>& pages) {
        UserGreeting hello{};
        std::ranges::copy(pages, hello.vpd_pages);
        hello.vpd_page_count = static_cast<std::uint8_t>(pages.size());
        return facts_of(hello);
    };
    EXPECT_EQ(name({0xb0, 0xb1})->vpd_pages, (std::vector<std::uint8_t>{0xb0, 0xb1}));
    for (const std::uint8_t page : std::array<std::uint8_t, 4>{0x00, 0x80, 0x83, 0x88}) {
        EXPECT_FALSE(name({page})) << unsigned{page};
        EXPECT_TRUE(name({static_cast<std::uint8_t>(page + 1)})) << unsigned{page};
    }
    EXPECT_FALSE(name({0xb1, 0xb0})) << "they do not ascend";
    EXPECT_FALSE(name({0xb0, 0xb0}));
    std::vector<std::uint8_t> most(TARGE_MAX_VPD_PAGES);
    std::iota(most.begin(), most.end(), std::uint8_t{0xb0});
    EXPECT_EQ(name(most)->vpd_pages, most);
    UserGreeting hello{};
    std::ranges::copy(most, hello.vpd_pages);
    hello.vpd_page_count = TARGE_MAX_VPD_PAGES + 1;
    const auto facts = facts_of(hello);
    ASSERT_FALSE(facts);
    EXPECT_EQ(facts.error(), "the handler names more VPD pages than there can be");
}

TEST(FactsOfAHandler, HoldNoRuleThatMakesNoSense) {
    const targe_rule rule{.opcode = 0xc5,
                          .action = 2,
                          .direction = 1,
                          .flags = TARGE_RULE_FLAG_WRITES,
                          .length_at = 3,
                          .length_bytes = 2,
                          .reserved = {},
                          .unit = 512};
    struct Case {
        const char* what;
        std::function<void(targe_rule&)> change;
        bool makes_sense;
    };
    constexpr std::uint32_t kLargestUnit = 1U << 24U;
    const std::vector<Case> cases{
        {"nothing", [](targe_rule&) {}, true},
        {"the last service action", [](targe_rule& one) { one.action = 0x1f; }, true},
        {"one behind it", [](targe_rule& one) { one.action = 0x20; }, false},
        {"almost any", [](targe_rule& one) { one.action = 0xfe; }, false},
        {"any", [](targe_rule& one) { one.action = 0xff; }, true},
        {"data-in", [](targe_rule& one) { one.direction = 2; }, true},
        {"no direction", [](targe_rule& one) { one.direction = 3; }, false},
        {"the widest length", [](targe_rule& one) { one.length_bytes = 4; }, true},
        {"a wider one", [](targe_rule& one) { one.length_bytes = 5; }, false},
        {"the largest unit", [](targe_rule& one) { one.unit = kLargestUnit; }, true},
        {"a larger one", [](targe_rule& one) { one.unit = kLargestUnit + 1; }, false},
        {"both reservations", [](targe_rule& one) { one.flags = 6; }, true},
        {"a flag that there is not", [](targe_rule& one) { one.flags = 8; }, false},
        {"one that writes and reads", [](targe_rule& one) { one.flags = 3; }, false},
        {"one that writes and passes", [](targe_rule& one) { one.flags = 5; }, false},
    };
    for (const Case& each : cases) {
        UserGreeting hello{};
        hello.rules = {rule, rule};
        each.change(hello.rules[1]);
        const auto facts = facts_of(hello);
        EXPECT_EQ(facts.has_value(), each.makes_sense) << each.what;
        EXPECT_EQ(facts ? facts->rules.size() : 2, 2U) << each.what;
    }
}

TEST(FactsOfAHandler, TellReservationsApart) {
    const auto known = [](std::uint8_t flags, std::uint8_t action) {
        UserGreeting hello{};
        hello.rules = {targe_rule{.opcode = 0xc5,
                                  .action = action,
                                  .direction = 0,
                                  .flags = flags,
                                  .length_at = 0,
                                  .length_bytes = 0,
                                  .reserved = {},
                                  .unit = 0}};
        return facts_of(hello)->rules[0];
    };
    EXPECT_EQ(known(TARGE_RULE_FLAG_READS, 0xff),
              (CommandRule{.opcode = 0xc5, .passes_write_exclusive = true, .unit = 0}));
    EXPECT_EQ(known(TARGE_RULE_FLAG_PASSES, 0xff),
              (CommandRule{.opcode = 0xc5, .passes_every_reservation = true, .unit = 0}));
    EXPECT_EQ(known(TARGE_RULE_FLAG_WRITES, 0x1f),
              (CommandRule{.opcode = 0xc5, .service_action = 0x1f, .writes_medium = true, .unit = 0}));
}

}  // namespace
}  // namespace targe::device
