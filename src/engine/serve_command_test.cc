// Units whose device executes CDBs itself.
#include "engine/testing/toy_server.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace targe::engine {
namespace {

using testing::ByteVector;
using testing::cdb;
using testing::filled;
using testing::ServedUnit;
using testing::Task;

TEST_F(ServedUnit, GetsCommandsWithTheirData) {
    EXPECT_EQ(host_->run(cdb({0x0a, 0, 0, 0, 100, 0}), 0, filled(100, 7)).status, 0x00);
    EXPECT_EQ(server_->received, filled(100, 7));
    server_->data = filled(60, 9);
    server_->answer.in_bytes = 60;
    const Task& read = host_->run(read6(60), 60);
    EXPECT_EQ(read.status, 0x00);
    EXPECT_EQ(read.data_received, filled(60, 9));
    EXPECT_EQ(read.residual_in.kind, Residual::Kind::none);
    EXPECT_EQ(server_->opcodes, (std::vector<unsigned>{0x0a, 0x08}));
}

TEST_F(ServedUnit, SaysHowMuchARecordIsShorterOrLonger) {
    server_->data = filled(500, 9);
    server_->answer = {.end = device::ServerAnswer::End::answered,
                       .status = 0x02,
                       .incorrect_length = true,
                       .information = 40,
                       .in_bytes = 60};
    const Task& shorter = host_->run(read6(100), 100);
    EXPECT_EQ(shorter.data_received.size(), 60U);
    EXPECT_EQ(shorter.residual_in, (Residual{Residual::Kind::underflow, 40}));
    EXPECT_EQ(shorter.sense_received[2], std::byte{0x20});  // ILI, NO SENSE
    EXPECT_EQ(shorter.sense_received[6], std::byte{40});
    server_->answer.information = -400;
    server_->answer.in_bytes = 100;
    server_->answer.wanted = 500;
    server_->answer.end_of_medium = true;
    const Task& longer = host_->run(read6(100), 100);
    EXPECT_EQ(longer.data_received.size(), 100U);
    EXPECT_EQ(longer.residual_in, (Residual{Residual::Kind::overflow, 400}));
    EXPECT_EQ(longer.sense_received[2], std::byte{0x60});
    const ByteVector minus_400{std::byte{0xff}, std::byte{0xff}, std::byte{0xfe}, std::byte{0x70}};
    EXPECT_TRUE(std::ranges::equal(std::span{longer.sense_received}.subspan(3, 4), minus_400));
}

TEST_F(ServedUnit, PointsAtTheFieldThatTheDeviceNames) {
    server_->answer = {.end = device::ServerAnswer::End::answered,
                       .status = 0x02,
                       .key = 5,
                       .condition = 0x2400,
                       .specific = {{0x4b, 0, 2}}};
    const Task& refused = host_->run(cdb({0x01, 0, 0, 0, 0, 0}));
    EXPECT_EQ(refused.sense_code(), 0x052400U);
    EXPECT_EQ(refused.sense_received[15], std::byte{0xcb});
    EXPECT_EQ(refused.sense_received[17], std::byte{2});
}

TEST_F(ServedUnit, IsKnownByItsDeviceAndItsIdentity) {
    const Task& standard = host_->run(cdb({0x12, 0, 0, 0, 96, 0}), 96);
    EXPECT_EQ(standard.data_received[0], std::byte{0x01});
    EXPECT_EQ(standard.data_received[1], std::byte{0x80});
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(standard.data_received.data()) + 8, 12),
              "TOYS    TAPE");
    const Task& pages = host_->run(cdb({0x12, 1, 0, 0, 96, 0}), 96);
    const ByteVector wanted{std::byte{0x00}, std::byte{0x80}, std::byte{0x83}, std::byte{0x88},
                            std::byte{0xb0}};
    EXPECT_TRUE(std::ranges::equal(std::span{pages.data_received}.subspan(4), wanted));
    EXPECT_TRUE(server_->opcodes.empty());
    EXPECT_EQ(host_->run(cdb({0x12, 1, 0xb0, 0, 96, 0}), 96).status, 0x00);
    EXPECT_EQ(server_->opcodes, std::vector<unsigned>{0x12});
    EXPECT_EQ(host_->run(cdb({0x12, 1, 0xb1, 0, 96, 0}), 96).sense_code(), 0x052400U);
}

TEST_F(ServedUnit, NeverSeesWhatAReservationKeepsOut) {
    const auto other = login("other");
    EXPECT_EQ(host_->run(cdb({0x16, 0, 0, 0, 0, 0})).status, 0x00);
    EXPECT_EQ(other->run(cdb({0x0a, 0, 0, 0, 4, 0}), 0, filled(4, 1)).status, 0x18);
    EXPECT_TRUE(server_->opcodes.empty());
    EXPECT_EQ(other->run(cdb({0, 0, 0, 0, 0, 0})).status, 0x00);
    EXPECT_EQ(server_->nexuses, (std::vector<std::string>{"host", "other"}));
}

TEST_F(ServedUnit, IsToldOfResetsAndOfWhatIsAborted) {
    server_->keeps = true;
    const Task& rewind = host_->send(cdb({0x01, 0, 0, 0, 0, 0}));
    world_.run();
    host_->begin(TaskFunction::logical_unit_reset);
    world_.run();
    EXPECT_TRUE(server_->kept_is_aborted());
    EXPECT_TRUE(host_->answered.empty()) << "before the device has let go";
    using Event = std::pair<device::ServerEvent, bool>;
    EXPECT_EQ(server_->events, (std::vector<Event>{{device::ServerEvent::logical_unit_reset, false}}));
    server_->keeps = false;
    server_->let_go();
    world_.run();
    EXPECT_TRUE(rewind.was_dropped);
    EXPECT_EQ(host_->answered.size(), 1U);
    EXPECT_EQ(server_->events.back(), (Event{device::ServerEvent::logical_unit_reset, true}));
}

TEST_F(ServedUnit, TellsInitiatorsWhatItsDeviceRaises) {
    const auto other = login("other");
    bool told = false;
    server_->heard_by->raise(0x2801, 0, [&] { told = true; });
    world_.run();
    EXPECT_TRUE(told);
    EXPECT_EQ(host_->next_attention(), 0x062801U);
    EXPECT_EQ(other->next_attention(), 0x062801U);
    server_->heard_by->raise(0x5a01, other->nexus().id().value, [] {});
    world_.run();
    EXPECT_EQ(host_->next_attention(), 0U);
    EXPECT_EQ(other->next_attention(), 0x065a01U);
}

TEST_F(ServedUnit, HearsAgainOfANexusThatComesToAnotherCore) {
    host_->depart();
    EXPECT_TRUE(server_->nexuses.empty());
    host_->arrive(world_.core(1));
    world_.run();
    EXPECT_EQ(server_->nexuses, std::vector<std::string>{"host"});
    EXPECT_EQ(host_->run(cdb({0x01, 0, 0, 0, 0, 0})).status, 0x00);
    EXPECT_EQ(server_->opcodes, std::vector<unsigned>{0x01});
}

TEST_F(ServedUnit, TellsOfAResetInsteadOfExecutingWhatCameBefore) {
    server_->keeps = true;
    const Task& write = host_->send(cdb({0x0a, 0, 0, 0, 4, 0}), 0, filled(4, 1));
    world_.run();
    server_->heard_by->raise(0x2904, 0, [] {});
    world_.run();
    server_->answer.end = device::ServerAnswer::End::reset;
    server_->let_go();
    world_.run();
    EXPECT_EQ(write.sense_code(), 0x062904U);
    server_->keeps = false;
    server_->answer.end = device::ServerAnswer::End::answered;
    EXPECT_EQ(host_->run(cdb({0x01, 0, 0, 0, 0, 0})).status, 0x00) << "it was told, once";
}

TEST_F(ServedUnit, AbortsWhatAResetMeetsWhenAnotherCommandWasToldOfIt) {
    server_->keeps = true;
    const Task& write = host_->send(cdb({0x0a, 0, 0, 0, 4, 0}), 0, filled(4, 1));
    world_.run();
    server_->heard_by->raise(0x2904, 0, [] {});
    world_.run();
    EXPECT_EQ(host_->next_attention(), 0x062904U);
    server_->answer.end = device::ServerAnswer::End::reset;
    server_->let_go();
    world_.run();
    EXPECT_EQ(write.sense_code(), 0x0b4400U);
}

TEST_F(ServedUnit, AsksAgainForAPageThatAResetMeets) {
    server_->keeps = true;
    const Task& page = host_->send(cdb({0x12, 1, 0xb0, 0, 96, 0}), 96);
    world_.run();
    server_->heard_by->raise(0x2904, 0, [] {});
    world_.run();
    server_->answer.end = device::ServerAnswer::End::reset;
    server_->let_go();
    world_.run();
    EXPECT_EQ(server_->opcodes, (std::vector<unsigned>{0x12, 0x12}));
    server_->answer.end = device::ServerAnswer::End::answered;
    server_->let_go();
    world_.run();
    EXPECT_EQ(page.status, 0x00);
    EXPECT_EQ(host_->next_attention(), 0x062904U);
}

TEST_F(ServedUnit, AnswersForADeviceThatIsAwayOrLost) {
    using End = device::ServerAnswer::End;
    const auto ends = [&](End end) -> const Task& {
        server_->answer = {.end = end};
        return host_->run(cdb({0x01, 0, 0, 0, 0, 0}));
    };
    EXPECT_EQ(ends(End::away).sense_code(), 0x020400U);
    EXPECT_EQ(ends(End::lost).sense_code(), 0x0b4400U);
    EXPECT_EQ(ends(End::refused).sense_code(), 0x052500U);
    EXPECT_EQ(ends(End::busy).status, 0x08);
}

}  // namespace
}  // namespace targe::engine
