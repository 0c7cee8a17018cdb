// Reads that the device lends as pages, which may still change when they have been sent.
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace targe::engine {
namespace {

using testing::ByteVector;
using testing::cdb10;
using testing::cdb16;
using testing::filled;
using testing::Initiator;
using testing::Scene;
using testing::Task;

struct LentPages : ::testing::TestWithParam<std::size_t> {
    Scene scene{{.cores = GetParam()}};
    std::unique_ptr<Initiator> reader = scene.login(0);
    std::unique_ptr<Initiator> writer = scene.login(GetParam() - 1);

    void SetUp() override {
        scene.disk->lends_pages = true;
        reader->takes_pages = true;
    }
    Task& compare_and_write() {
        ByteVector command = cdb16(0x89, 0, 0);
        command[13] = std::byte{1};
        ByteVector data = filled(512, 0);
        data.resize(1024, std::byte{1});
        Task& sent = writer->send(command, 0, data);
        scene.world.run();
        return sent;
    }
    void confirm() {
        scene.world.as(reader->core(), [this] { reader->nexus().received(); });
        scene.world.run();
    }
};

TEST_P(LentPages, AreAReadsDataUntilItIsRetired) {
    reader->hold_responses = true;
    Task& read = reader->run(cdb10(0x28, 3, 2), 1024);
    EXPECT_EQ(read.status, 0);
    EXPECT_TRUE(read.data_in.empty());
    EXPECT_EQ(read.data_in_piped.pipe, 3);
    EXPECT_EQ(read.data_in_piped.size, 1024U);
    EXPECT_EQ(read.residual_in, Residual{});
    EXPECT_EQ(reader->nexus().counters().read_bytes, 1024U);
    EXPECT_EQ(scene.disk->reads, 0U);
    EXPECT_EQ(scene.disk->pages_lent, 1U);
    reader->retire(read);
    EXPECT_EQ(scene.disk->pages_lent, 0U);
}

TEST_P(LentPages, AreForTransportsThatTakeThemAndAsMuchAsIsExpected) {
    EXPECT_EQ(writer->run(cdb10(0x28, 3, 2), 1024).data_in_piped.size, 0U);
    EXPECT_EQ(reader->run(cdb10(0x28, 3, 2), 1000).data_received.size(), 1000U);
    EXPECT_EQ(reader->run(cdb10(0x28, 3, 2), 512).data_in_piped.size, 512U);
    const Task& more = reader->run(cdb10(0x28, 3, 2), 2048);
    EXPECT_EQ(more.data_in_piped.size, 1024U);
    EXPECT_EQ(more.residual_in, (Residual{Residual::Kind::underflow, 1024}));
}

TEST_P(LentPages, KeepACompareAndWriteWaitingUntilTheInitiatorHasThem) {
    reader->run(cdb10(0x28, 0, 2), 1024);
    Task& caw = compare_and_write();
    EXPECT_FALSE(caw.ended) << "half of what is on its way would be old";
    EXPECT_EQ(reader->receipts_wanted, 1U);
    EXPECT_EQ(writer->receipts_wanted, 0U);
    EXPECT_EQ(reader->run(cdb10(0x28, 4, 1), 512).data_in_piped.size, 0U) << "from now on nobody has to wait";
    confirm();
    EXPECT_TRUE(caw.ended);
    EXPECT_EQ(caw.status, 0);
    EXPECT_TRUE(compare_and_write().ended);
    EXPECT_EQ(reader->receipts_wanted, 1U);
}

TEST_P(LentPages, OfANexusThatHasEndedAreAwaitedNoMore) {
    reader->run(cdb10(0x28, 0, 2), 1024);
    Task& caw = compare_and_write();
    EXPECT_FALSE(caw.ended);
    reader.reset();
    scene.world.run();
    EXPECT_TRUE(caw.ended);
    EXPECT_EQ(caw.status, 0);
}

TEST_P(LentPages, BindTheNexusToItsCoreUntilTheInitiatorHasThem) {
    EXPECT_TRUE(reader->nexus().is_at_rest());
    EXPECT_FALSE(reader->nexus().ask_for_receipt());
    reader->run(cdb10(0x28, 0, 2), 1024);
    EXPECT_FALSE(reader->nexus().is_at_rest()) << "nobody would know of them while it is on its way";
    EXPECT_TRUE(reader->nexus().ask_for_receipt());
    EXPECT_TRUE(reader->nexus().ask_for_receipt());
    EXPECT_EQ(reader->receipts_wanted, 1U);
    reader->run(cdb10(0x28, 0, 2), 1024);
    confirm();
    EXPECT_FALSE(reader->nexus().is_at_rest()) << "more was lent since it was asked";
    reader->nexus().ask_for_receipt();
    confirm();
    EXPECT_TRUE(reader->nexus().is_at_rest());
}

INSTANTIATE_TEST_SUITE_P(OnCores, LentPages, ::testing::Values(1, 2));

}  // namespace
}  // namespace targe::engine
