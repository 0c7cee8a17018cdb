#include "cli/table.h"

#include <gtest/gtest.h>

namespace targe::cli {
namespace {

TEST(Table, AlignsItsColumns) {
    Table table({{"NAME"}, {"SIZE", Table::Align::right}, {"STATE"}});
    table.add({"disk0", "1 GiB", "ready"});
    table.add({"größe", "512 B", ""});
    EXPECT_EQ(table.text(),
              "NAME    SIZE  STATE\n"
              "disk0  1 GiB  ready\n"
              "größe  512 B  -\n");
}

TEST(Table, ShowsWhatIsNotPrintableEscaped) {
    Table table({{"NAME"}});
    table.add({"a\n\x1b[2Jb\x7f"});
    EXPECT_EQ(table.text(), "NAME\na\\x0a\\x1b[2Jb\\x7f\n");
}

TEST(Amounts, AreShort) {
    EXPECT_EQ(bytes_for_people(0), "0 B");
    EXPECT_EQ(bytes_for_people(1023), "1023 B");
    EXPECT_EQ(bytes_for_people(1536), "1.5 KiB");
    EXPECT_EQ(bytes_for_people(std::uint64_t{10} << 30U), "10 GiB");
    EXPECT_EQ(bytes_for_people(UINT64_MAX), "16 EiB");
    EXPECT_EQ(seconds_for_people(0), "0s");
    EXPECT_EQ(seconds_for_people(60), "1m 0s");
    EXPECT_EQ(seconds_for_people(61), "1m 1s");
    EXPECT_EQ(seconds_for_people(100'000), "1d 3h");
}

}  // namespace
}  // namespace targe::cli
