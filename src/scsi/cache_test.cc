#include "scsi/cache.h"

#include "scsi/testing_bytes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace targe::scsi {
namespace {

using testing::bytes;
using testing::thin_disk;

TEST(Cache, TakesImmediate) {
    const MediumAccess access{.lba = 3, .blocks = 8, .immediate = true};
    EXPECT_EQ(plan_synchronize_cache<Cache10Cdb>(bytes({0x35, 0x02, 0, 0, 0, 3, 0, 0, 8, 0}), thin_disk()),
              access);
    EXPECT_EQ(plan_pre_fetch<Cache16Cdb>(bytes({0x90, 0x02, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 8, 0x1f, 0}),
                                         thin_disk()),
              access);
}

TEST(Cache, PreFetchesToTheEndWhateverTheMaximum) {
    UnitDescription unit = thin_disk();
    unit.limits.max_prefetch = 16;
    EXPECT_EQ(plan_pre_fetch<Cache10Cdb>(bytes({0x34, 0, 0, 0, 0, 3, 0, 0, 0, 0}), unit)->blocks,
              unit.blocks - 3);
}

}  // namespace
}  // namespace targe::scsi
