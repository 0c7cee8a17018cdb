#include "scsi/persistent_reserve_out.h"
#include "scsi/testing_bytes.h"

#include <gtest/gtest.h>

#include <array>
#include <random>

namespace targe::scsi {
namespace {

using namespace testing;

std::array<std::byte, 10> cdb(unsigned action, std::size_t length, unsigned scope_and_type = 0x15) {
    std::array<std::byte, 10> made{std::byte{0x5f}, static_cast<std::byte>(action),
                                   static_cast<std::byte>(scope_and_type)};
    made[6] = static_cast<std::byte>(length >> 16U);
    made[7] = static_cast<std::byte>(length >> 8U);
    made[8] = static_cast<std::byte>(length);
    return made;
}

std::expected<ReservationRequest, Sense> read(unsigned action, const ByteVector& list) {
    return reservation_request(cdb(action, list.size()), list);
}

ByteVector basic(unsigned flags) {
    return bytes({1,  2,  3,  4,  5,    6,    7,    8,    9,     10,   11,   12,
                  13, 14, 15, 16, 0xff, 0xff, 0xff, 0xff, flags, 0xff, 0xff, 0xff});
}

const ByteVector kPort = bytes({0x45, 0, 0, 24}) + text("iqn.y,i,0x00023d000001") + ByteVector(2);
const ByteVector kNode = bytes({0x05, 0, 0, 20}) + text("iqn.z") + ByteVector(15);

TEST(ReservationRequest, ReadsTheBasicList) {
    const auto request = read(0x04, basic(0x05));
    ASSERT_TRUE(request);
    EXPECT_EQ(request->action, ReservationAction::preempt);
    EXPECT_EQ(request->scope, 1);
    EXPECT_EQ(request->type, 5);
    EXPECT_EQ(request->key, 0x0102030405060708U);
    EXPECT_EQ(request->service_action_key, 0x090a0b0c0d0e0f10U);
    EXPECT_TRUE(request->through_power_loss);
    EXPECT_TRUE(request->all_target_ports);
    EXPECT_FALSE(read(0x00, basic(0))->through_power_loss);
}

TEST(ReservationRequest, OfTheBasicListHas24Bytes) {
    for (std::size_t size = 0; size < 64; ++size) {
        ByteVector list = basic(0);
        list.resize(size);
        EXPECT_EQ(read(0x00, list).has_value(), size == 24) << size;
    }
    EXPECT_EQ(read(0x00, {}).error(), illegal_request(Asc::parameter_list_length_error));
    EXPECT_EQ(reservation_request(cdb(0, 24), ByteVector(23)).error(),
              illegal_request(Asc::parameter_list_length_error))
        << "less came than the CDB says";
}

TEST(ReservationRequest, ReadsTransportIdsOfRegister) {
    const auto with = [](const ByteVector& ids, std::size_t length) {
        return basic(0x08) + bytes({0, 0, 0, static_cast<unsigned>(length)}) + ids;
    };
    const auto request = read(0x00, with(kPort + kNode, 52));
    ASSERT_TRUE(request);
    EXPECT_EQ(request->initiators, (std::vector<TransportId>{{.name = "iqn.y", .isid = 0x00023d000001},
                                                             {.name = "iqn.z", .isid = {}}}));
    EXPECT_TRUE(read(0x00, with({}, 0))->initiators.empty());
    EXPECT_EQ(read(0x00, with(kPort, 52)).error(), illegal_request(Asc::parameter_list_length_error));
    EXPECT_EQ(read(0x00, with(kPort, 27)).error(), invalid_parameter(30)) << "truncated";
    EXPECT_EQ(read(0x00, with(kPort + bytes({0x00, 0, 0, 20}) + ByteVector(20), 52)).error(),
              invalid_parameter(28 + 28));
    EXPECT_EQ(read(0x00, basic(0x08)).error(), illegal_request(Asc::parameter_list_length_error));
    for (const unsigned action : {1U, 2U, 3U, 4U, 5U, 6U, 8U}) {
        EXPECT_EQ(read(action, with(kPort, 28)).error(), invalid_parameter(20, 3)) << action;
    }
}

TEST(ReservationRequest, ReadsTheListOfRegisterAndMove) {
    ByteVector list = basic(0);
    list[17] = std::byte{0x03};
    list[18] = std::byte{0x12};
    list[19] = std::byte{0x34};
    for (std::size_t i = 20; i < 23; ++i) {
        list[i] = std::byte{0};
    }
    list[23] = std::byte{28};
    const auto request = read(0x07, list + kPort);
    ASSERT_TRUE(request);
    EXPECT_TRUE(request->unregister);
    EXPECT_TRUE(request->through_power_loss);
    EXPECT_EQ(request->target_port, 0x1234);
    EXPECT_EQ(request->initiators, (std::vector<TransportId>{{.name = "iqn.y", .isid = 0x00023d000001}}));
    EXPECT_EQ(read(0x07, list).error(), illegal_request(Asc::parameter_list_length_error));
    list[23] = std::byte{0};
    EXPECT_EQ(read(0x07, list).error(), invalid_parameter(20)) << "no TransportID";
    list[23] = std::byte{52};
    EXPECT_EQ(read(0x07, list + kPort + kNode).error(), invalid_parameter(20)) << "two";
}

TEST(ReservationRequest, OfAnyBytesIsReadOrRefused) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 20'000; ++round) {
        ByteVector list = basic(random() % 16) + bytes({0, 0, 0, 52}) + kPort + kNode;
        for (unsigned i = random() % 4; i > 0; --i) {
            list[random() % list.size()] = static_cast<std::byte>(random());
        }
        list.resize(random() % 4 == 0 ? random() % list.size() : list.size());
        const auto request = read(random() % 9, list);
        EXPECT_TRUE(request || request.error().key == SenseKey::illegal_request);
    }
}

}  // namespace
}  // namespace targe::scsi
