#include "base/open_files.h"

#include <gtest/gtest.h>

namespace targe::base {
namespace {

TEST(OpenFiles, AreLimitedByTheProcessAndByTheMachine) {
    EXPECT_TRUE(too_many_open_files(EMFILE));
    EXPECT_TRUE(too_many_open_files(ENFILE));
    EXPECT_FALSE(too_many_open_files(ENOMEM));
    EXPECT_EQ(allow_more_open_files(EMFILE), "raise LimitNOFILE of the service (ulimit -Hn)");
    EXPECT_EQ(allow_more_open_files(ENFILE), "raise fs.file-max of the machine (sysctl)");
}

}  // namespace
}  // namespace targe::base
