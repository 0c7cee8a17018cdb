// Informational exceptions, of which initiators can ask for a false one.
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

namespace targe::engine::testing {
namespace {

const ByteVector kTestUnitReady = cdb({0, 0, 0, 0, 0, 0});
const ByteVector kRequestSense = cdb({3, 0, 0, 0, 252, 0});
constexpr std::uint32_t kFalseUnitAttention = 0x065dff;

struct Exceptions : ::testing::Test {
    Scene scene{{.cores = 2}};
    std::unique_ptr<Initiator> one = scene.login(0);
    std::unique_ptr<Initiator> other = scene.login(1);

    /// MODE SELECT of page 1Ch. Byte 2: TEST is 04h, DEXCPT 08h, EBACKERR 02h.
    Task& select(unsigned flags, unsigned method, unsigned interval = 0, unsigned reports = 1) {
        return one->run(cdb({0x15, 0x10, 0, 0, 16, 0}), 0,
                        cdb({0, 0, 0, 0, 0x1c, 0x0a, flags, method, 0, 0, 0, interval, 0, 0, 0, reports}));
    }
    void pass(int milliseconds) {
        for (int passed = 0; passed < milliseconds; passed += 50) {
            scene.world.advance(std::chrono::milliseconds{50});
        }
    }
    unsigned log_page() {
        const ByteVector page = one->run(cdb({0x4d, 0, 0x6f, 0, 0, 0, 0, 1, 0, 0}), 256).data_received;
        return std::to_integer<unsigned>(page.at(8)) << 8U | std::to_integer<unsigned>(page.at(9));
    }
};

TEST_F(Exceptions, AreToldByUnitAttentionToEverybody) {
    EXPECT_EQ(select(0x04, 2).status, 0);
    EXPECT_EQ(one->next_attention(), kFalseUnitAttention);
    EXPECT_EQ(one->next_attention(), 0U);
    EXPECT_EQ(other->next_attention(), 0x062a01U);
    EXPECT_EQ(other->next_attention(), kFalseUnitAttention);
    EXPECT_EQ(log_page(), 0x5dffU);
}

TEST_F(Exceptions, AreToldByTheNextCommandThatEndsWell) {
    for (const auto& [method, sense] : {std::pair{4U, 0x015dffU}, {5U, 0x005dffU}}) {
        EXPECT_EQ(select(0x04, method).status, 0);
        EXPECT_EQ(one->run(cdb10(0x28, 99999, 1), 512).sense_code(), 0x052100U) << "that one does not";
        EXPECT_EQ(one->run(kTestUnitReady).sense_code(), sense);
        EXPECT_EQ(one->run(kTestUnitReady).status, 0) << "told once";
        EXPECT_EQ(select(0x08, 0).status, 0);
    }
}

TEST_F(Exceptions, AreToldByWhicheverNexusComesFirstAndItsDataArrive) {
    one->run(cdb10(0x2a, 5, 1), 0, filled(512, 7));
    EXPECT_EQ(select(0x04, 4).status, 0);
    EXPECT_EQ(other->next_attention(), 0x062a01U);
    EXPECT_EQ(other->run(cdb({0x12, 0, 0, 0, 36, 0}), 36).status, 0) << "INQUIRY is not told";
    const Task& read = other->run(cdb10(0x28, 5, 1), 512);
    EXPECT_EQ(read.sense_code(), 0x015dffU);
    EXPECT_EQ(read.data_received, filled(512, 7));
    EXPECT_EQ(one->run(kTestUnitReady).status, 0);
}

TEST_F(Exceptions, AreRecoveredErrorsOnlyWhereThoseAreReported) {
    EXPECT_EQ(select(0x04, 3).status, 0);
    EXPECT_EQ(one->run(kTestUnitReady).status, 0);
    // PER of the Read-Write Error Recovery page.
    EXPECT_EQ(one->run(cdb({0x15, 0x10, 0, 0, 16, 0}), 0,
                       cdb({0, 0, 0, 0, 0x01, 0x0a, 0xc4, 0, 0, 0, 0, 0, 0, 0, 0, 0}))
                  .status,
              0);
    EXPECT_EQ(select(0x08, 0).status, 0);
    EXPECT_EQ(select(0x04, 3).status, 0);
    EXPECT_EQ(one->run(kTestUnitReady).sense_code(), 0x015dffU);
}

TEST_F(Exceptions, ArePolledWithRequestSense) {
    EXPECT_EQ(select(0x04, 6).status, 0);
    EXPECT_EQ(other->next_attention(), 0x062a01U);
    EXPECT_EQ(one->run(kTestUnitReady).status, 0);
    for (Initiator* const each : {one.get(), other.get(), one.get()}) {
        const ByteVector sense = each->run(kRequestSense, 252).data_received;
        EXPECT_EQ(sense[2], std::byte{0});
        EXPECT_EQ(ByteVector(sense.begin() + 12, sense.begin() + 14), cdb({0x5d, 0xff}));
    }
    EXPECT_EQ(select(0x00, 6).status, 0);
    EXPECT_EQ(one->run(kRequestSense, 252).data_received[12], std::byte{0});
}

TEST_F(Exceptions, AreRepeatedInIntervalsAsOftenAsIsAskedFor) {
    EXPECT_EQ(select(0x04, 2, 3, 3).status, 0);
    one->clear_attentions();
    for (int report = 1; report < 3; ++report) {
        pass(200);
        EXPECT_EQ(one->next_attention(), 0U);
        pass(150);
        EXPECT_EQ(one->next_attention(), kFalseUnitAttention);
    }
    pass(2000);
    EXPECT_EQ(one->next_attention(), 0U);
}

TEST_F(Exceptions, EndWithTheirSelectionOrAReset) {
    EXPECT_EQ(select(0x04, 2, 1, 0).status, 0);
    pass(150);
    EXPECT_EQ(one->next_attention(), kFalseUnitAttention);
    EXPECT_EQ(select(0x00, 2, 1, 0).status, 0);
    pass(500);
    EXPECT_EQ(one->next_attention(), 0U);
    EXPECT_EQ(select(0x04, 2, 1, 0).status, 0);
    EXPECT_EQ(one->manage(TaskFunction::logical_unit_reset), TaskResponse::function_complete);
    one->clear_attentions();
    pass(500);
    EXPECT_EQ(one->next_attention(), 0U);
}

TEST_F(Exceptions, CannotBeTestedWhileTheyAreDisabled) {
    EXPECT_EQ(select(0x0c, 2).sense_code(), 0x052600U);
    EXPECT_EQ(select(0x04, 1).sense_code(), 0x052600U) << "an obsolete method";
    EXPECT_EQ(select(0x04, 7).sense_code(), 0x052600U);
}

TEST_F(Exceptions, TellOfASelfTestThatFailedInTheBackgroundWhereThatIsEnabled) {
    const ByteVector background = cdb({0x1d, 0x20, 0, 0, 0, 0});
    for (const unsigned flags : {0x00U, 0x02U}) {
        EXPECT_EQ(select(flags, 2).status, 0);
        one->clear_attentions();
        scene.disk->fail = device::IoError::unreadable;
        EXPECT_EQ(one->run(background).status, 0);
        scene.world.run();
        EXPECT_EQ(one->next_attention(), flags != 0 ? 0x060b03U : 0U);
    }
    EXPECT_EQ(log_page(), 0x0b03U);
    EXPECT_EQ(one->run(cdb({0x4c, 0x02, 0x6f, 0, 0, 0, 0, 0, 0, 0})).status, 0);
    EXPECT_EQ(log_page(), 0U);
}

}  // namespace
}  // namespace targe::engine::testing
