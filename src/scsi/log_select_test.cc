#include "scsi/log_select.h"

#include "scsi/log_pages.h"
#include "scsi/testing_bytes.h"

#include <gtest/gtest.h>

#include <array>

namespace targe::scsi {
namespace {

using testing::bytes;
using testing::ByteVector;
using testing::text;
using testing::operator+;

constexpr unsigned kReset = 2;
constexpr unsigned kSave = 1;

using Selected = std::expected<LogSelected, Sense>;

Selected select(unsigned flags, unsigned control_and_page, unsigned subpage = 0, const LogState& state = {},
                const ByteVector& list = {}) {
    const std::array cdb{std::byte{0x4c},
                         static_cast<std::byte>(flags),
                         static_cast<std::byte>(control_and_page),
                         static_cast<std::byte>(subpage),
                         std::byte{},
                         std::byte{},
                         std::byte{},
                         static_cast<std::byte>(list.size() >> 8U),
                         static_cast<std::byte>(list.size() & 0xffU),
                         std::byte{}};
    return log_select(cdb, list, state);
}

Selected send(const ByteVector& list, const LogState& state = {}, unsigned flags = 0) {
    return select(flags, 0x40, 0, state, list);
}

ByteVector page(unsigned code, const ByteVector& parameters) {
    return bytes({code, 0, static_cast<unsigned>(parameters.size() >> 8U),
                  static_cast<unsigned>(parameters.size() & 0xffU)}) +
           parameters;
}
ByteVector application(unsigned code, unsigned value) {
    return bytes({0, code, 0x23, 252}) + ByteVector(252, static_cast<std::byte>(value));
}
ByteVector date(std::string_view characters) {
    return bytes({0, 2, 0x21, 6}) + text(characters);
}
LogParameters::Application filled(unsigned value) {
    LogParameters::Application made{};
    made.fill(static_cast<std::byte>(value));
    return made;
}

/// Something in every parameter.
LogState used(bool can_save = true) {
    LogState state{.can_save = can_save};
    state.current.accounting_date = "202648";
    state.current.set_application(3, filled(7));
    return state;
}

Selected refused(const Sense& sense) {
    return std::unexpected(sense);
}

TEST(LogSelect, ResetsThePagesThatItsCdbNames) {
    const LogState state = used();
    const LogSelected all = select(kReset, 0x40, 0, state).value();
    EXPECT_EQ(all.resets_groups, 0xffff'ffffU);
    EXPECT_TRUE(all.resets_self_tests);
    EXPECT_EQ(all.current, LogParameters{});
    EXPECT_FALSE(all.saved);
    EXPECT_EQ(select(kReset, 0x59, 0, state)->resets_groups, 1U);
    EXPECT_EQ(select(kReset, 0x59, 5, state)->resets_groups, 1U << 5U);
    EXPECT_EQ(select(kReset, 0x59, 0xff, state)->resets_groups, 0xffff'ffffU);
    EXPECT_EQ(select(kReset, 0x59, 0, state)->current, state.current);
    const LogSelected tests = select(kReset, 0x50, 0, state).value();
    EXPECT_TRUE(tests.resets_self_tests);
    EXPECT_EQ(tests.resets_groups, 0U);
    EXPECT_EQ(select(kReset, 0x4e, 0, state)->current.accounting_date, "      ");
    EXPECT_TRUE(select(kReset, 0x4f, 0, state)->current.application.empty());
    EXPECT_EQ(select(kReset, 0x6f, 0, state),
              (LogSelected{.current = state.current, .resets_exceptions = true}));
}

TEST(LogSelect, ResetsCountersAloneWhenItSelectsTheirDefaults) {
    const LogState state = used();
    const LogSelected all = select(0, 0xc0, 0, state).value();
    EXPECT_EQ(all.resets_groups, 0xffff'ffffU);
    EXPECT_FALSE(all.resets_self_tests);
    EXPECT_EQ(all.current, state.current);
    for (const unsigned control : {0x00U, 0x40U, 0x80U}) {
        EXPECT_EQ(select(0, control, 0, state), LogSelected{.current = state.current});
    }
}

TEST(LogSelect, SavesWhatCanBeSaved) {
    const LogState state = used();
    const LogSelected dates = select(kSave, 0x4e, 0, state).value();
    EXPECT_EQ(dates.current, state.current);
    ASSERT_TRUE(dates.saved);
    EXPECT_EQ(dates.saved->accounting_date, "202648");
    EXPECT_TRUE(dates.saved->application.empty());
    EXPECT_EQ(select(kSave, 0x0f, 0, state)->saved->application, state.current.application);
    const Sense nothing_to_save = invalid_field(LogSelectCdb::kSaveParameters);
    EXPECT_EQ(select(kSave, 0x59, 0, state), refused(nothing_to_save));
    EXPECT_EQ(select(kSave, 0x40, 0, state), refused(nothing_to_save)) << "counters are among all pages";
    EXPECT_EQ(select(kSave | kReset, 0x4f, 0, state), refused(nothing_to_save));
    EXPECT_EQ(select(kSave, 0x4f, 0, used(false)), refused(nothing_to_save)) << "nowhere to keep it";
    EXPECT_EQ(select(kSave, 0xcf, 0, state), LogSelected{.current = state.current})
        << "defaults are not saved";
}

TEST(LogSelect, RefusesPagesThatAreNotThere) {
    EXPECT_EQ(select(kReset, 0x4d), refused(invalid_field(LogSelectCdb::kPageCode)));
    EXPECT_EQ(select(kReset, 0x59, 32), refused(invalid_field(LogSelectCdb::kSubpageCode)));
    EXPECT_EQ(select(kReset, 0x40, 1), refused(invalid_field(LogSelectCdb::kSubpageCode)));
}

TEST(LogSelect, KnowsThePageOfResourcesWhereTheyAreCounted) {
    const LogState counting{.counts_resources = true};
    EXPECT_EQ(select(kReset, 0x4c, 0, counting), LogSelected{}) << "nothing of it is counted here";
    EXPECT_EQ(select(kReset, 0x4c), refused(invalid_field(LogSelectCdb::kPageCode)));
    EXPECT_EQ(send(page(0x0c, {}), counting), LogSelected{});
    EXPECT_EQ(send(page(0x0c, {})), refused(invalid_parameter(0)));
}

TEST(LogSelect, SetsTheParametersOfItsList) {
    const LogState state = used();
    const LogSelected next = send(page(0x0e, date("202701")) +
                                      page(0x0f, application(0, 1) + application(3, 0) + application(63, 9)),
                                  state)
                                 .value();
    EXPECT_EQ(next.current.accounting_date, "202701");
    EXPECT_EQ(next.current.application,
              (std::map<std::uint16_t, LogParameters::Application>{{0, filled(1)}, {63, filled(9)}}));
    EXPECT_FALSE(next.saved);
}

TEST(LogSelect, SavesThePagesOfItsListThatAllowIt) {
    const LogState state = used();
    ByteVector list = page(0x0e, date("202701")) + page(0x0f, application(0, 1));
    const LogSelected both = send(list, state, kSave).value();
    ASSERT_TRUE(both.saved);
    EXPECT_EQ(both.saved->accounting_date, "202701");
    EXPECT_EQ(both.saved->application.size(), 1U) << "what was current is not in the list";
    list[0] |= std::byte{0x80};  // DS
    EXPECT_EQ(send(list, state, kSave)->saved->accounting_date, "      ");
    EXPECT_EQ(send(list, used(false), kSave), refused(invalid_field(LogSelectCdb::kSaveParameters)));
}

TEST(LogSelect, TakesAListOnlyWithoutPcrAndPage) {
    const ByteVector list = page(0x0e, date("202701"));
    EXPECT_EQ(select(kReset, 0x40, 0, {}, list), refused(invalid_field(LogSelectCdb::kReset)));
    EXPECT_EQ(select(0, 0x4e, 0, {}, list), refused(invalid_field(LogSelectCdb::kPageCode)));
    EXPECT_EQ(select(0, 0x40, 1, {}, list), refused(invalid_field(LogSelectCdb::kSubpageCode)));
}

TEST(LogSelect, ChangesNothingWhenAnythingOfItsListIsWrong) {
    struct Case {
        ByteVector list;
        Sense sense;
    };
    const ByteVector good = page(0x0e, date("202701"));
    const Case cases[] = {
        {bytes({0x0e, 0, 0}), illegal_request(Asc::parameter_list_length_error)},
        {bytes({0x0e, 0, 0, 10, 0, 2}), illegal_request(Asc::parameter_list_length_error)},
        {page(0x0d, {}), invalid_parameter(0)},
        {page(0x00, {}), invalid_parameter(0)},
        {bytes({0x0e, 1, 0, 0}), invalid_parameter(1)},
        {bytes({0x4e, 0, 0, 0}), invalid_parameter(1)},
        {bytes({0x59, 32, 0, 0}), invalid_parameter(1)},
        {good + good, invalid_parameter(14)},
        {page(0x0f, application(0, 1)) + good, invalid_parameter(260)},
        {page(0x0f, application(4, 1) + application(4, 1)), invalid_parameter(260)},
        {page(0x0f, bytes({0, 0, 3})), invalid_parameter(2)},
        {page(0x0f, bytes({0, 0, 3, 252, 1})), invalid_parameter(2)},
        {page(0x0f, application(64, 1)), invalid_parameter(4)},
        {page(0x0e, bytes({0, 1, 1, 6}) + text("202701")), invalid_parameter(4)},
        {page(0x0e, bytes({0, 2, 3, 6}) + text("202701")), invalid_parameter(6, 1)},
        {page(0x0e, bytes({0, 2, 0x11, 6}) + text("202701")), invalid_parameter(6, 4)},
        {page(0x0e, bytes({0, 2, 1, 5}) + text("20270")), invalid_parameter(7)},
        {good + page(0x10, bytes({0, 1, 3, 0})), invalid_parameter(18)},
    };
    for (const Case& each : cases) {
        SCOPED_TRACE(::testing::Message() << "case " << (&each - cases));
        EXPECT_EQ(send(each.list, used()), refused(each.sense));
    }
    EXPECT_TRUE(send(page(0x10, {}) + page(0x19, {}))) << "nothing of them is asked to change";
}

TEST(KeptLog, ComesBackAsItWas) {
    KeptLog log{.parameters = used().current, .load_unload_cycles = 12};
    EXPECT_EQ(kept_log(keep(log)), log);
    EXPECT_EQ(kept_log(keep({})), KeptLog{});
    EXPECT_EQ(kept_log(""), KeptLog{});
    EXPECT_EQ(kept_log("of-another-release=1\n"), KeptLog{});
}

TEST(KeptLog, IsNothingWhenItIsDamaged) {
    for (const char* const text :
         {"accounting-date=00", "accounting-date=0001\n", "load-unload-cycles=x\n", "load-unload-cycles=\n",
          "application.64=00\n", "application.x=00\n", "application.1=00\n", "line\n"}) {
        EXPECT_FALSE(kept_log(text)) << text;
    }
}

}  // namespace
}  // namespace targe::scsi
