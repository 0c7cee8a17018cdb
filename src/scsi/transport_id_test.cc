#include "scsi/transport_id.h"

#include "scsi/testing_bytes.h"

#include <gtest/gtest.h>

#include <random>

namespace targe::scsi {
namespace {

using namespace testing;

ByteVector transport_id(unsigned first, const std::string& name, std::size_t size) {
    ByteVector made =
        bytes({first, 0, static_cast<unsigned>(size >> 8U), static_cast<unsigned>(size & 0xffU)}) +
        text(name);
    made.resize(4 + size);
    return made;
}

TEST(TransportId, OfAPortIsReadBackAsItWasWritten) {
    for (const std::string& name :
         {std::string("iqn.a"), std::string("iqn.1993-08.org.debian:01:abc"), std::string(223, 'n')}) {
        const InitiatorPort port = initiator_port(name, 0x00023d000001);
        const ByteVector made = written([&](ParameterWriter& out) { write_transport_id(port, out); });
        EXPECT_EQ(made.size(), transport_id_size(port));
        EXPECT_EQ(made.size() % 4, 0U);
        EXPECT_GE(made.size(), 24U);
        EXPECT_EQ(made[0], std::byte{0x45});
        EXPECT_EQ(made.back(), std::byte{0});
        const auto read = read_transport_id(made);
        ASSERT_TRUE(read);
        EXPECT_EQ(read->size, made.size());
        EXPECT_EQ(read->id, (TransportId{.name = name, .isid = 0x00023d000001}));
    }
}

TEST(TransportId, IsWrittenAsTheStandardShowsIt) {
    const InitiatorPort port = initiator_port("iqn.x", 0xabcdef012345);
    EXPECT_EQ(written([&](ParameterWriter& out) { write_transport_id(port, out); }),
              bytes({0x45, 0, 0, 24}) + text("iqn.x,i,0xabcdef012345") + ByteVector(2));
}

TEST(TransportId, OfANodeHasNoIsid) {
    const auto read = read_transport_id(transport_id(0x05, "iqn.1993-08.org.debian", 24));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->id, (TransportId{.name = "iqn.1993-08.org.debian", .isid = {}}));
    EXPECT_EQ(read->size, 28U);
}

TEST(TransportId, NamesDifferInMoreThanTheCaseOfLetters) {
    const auto read = read_transport_id(transport_id(0x45, "IQN.Y2000.org:ABC,i,0xABC", 28));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->id, (TransportId{.name = "iqn.y2000.org:abc", .isid = 0xabc}));
    EXPECT_EQ(initiator_port("IQN.A", 1), initiator_port("iqn.a", 1));
    EXPECT_NE(initiator_port("iqn.a", 1), initiator_port("iqn.a", 2));
    EXPECT_NE(initiator_port("iqn.a", 1), initiator_port("iqn.b", 1));
}

TEST(TransportId, OfAnotherKindOrShapeIsRefusedWhereItErrs) {
    const auto fault = [](const ByteVector& raw) {
        const auto read = read_transport_id(raw);
        return read ? std::size_t{999} : read.error();
    };
    EXPECT_EQ(fault({}), 0U);
    EXPECT_EQ(fault(bytes({0x45, 0, 0, 20})), 0U) << "no longer than its header";
    EXPECT_EQ(fault(transport_id(0x00, "", 20)), 0U) << "Fibre Channel";
    EXPECT_EQ(fault(transport_id(0x85, "iqn.x,i,0x1", 20)), 0U) << "format";
    EXPECT_EQ(fault(transport_id(0x05, "", 20)), 4U) << "no name";
    EXPECT_EQ(fault(transport_id(0x45, "iqn.x", 20)), 4U) << "no ISID";
    EXPECT_EQ(fault(transport_id(0x45, "iqn.x,i,0x", 20)), 4U);
    EXPECT_EQ(fault(transport_id(0x45, "iqn.x,i,0xg", 20)), 4U);
    EXPECT_EQ(fault(transport_id(0x45, ",i,0x1", 20)), 4U);
    EXPECT_EQ(fault(transport_id(0x45, "iqn.x,i,0x1234567890123", 24)), 4U) << "13 digits";
    EXPECT_EQ(fault(transport_id(0x05, "iqn. x", 20)), 4U) << "a blank";
    EXPECT_EQ(fault(transport_id(0x05, std::string(224, 'n'), 228)), 4U) << "too long";
    ByteVector odd = transport_id(0x05, "iqn.x", 24);
    odd[3] = std::byte{22};
    EXPECT_EQ(fault(odd), 2U) << "not a multiple of four";
    odd[3] = std::byte{28};
    EXPECT_EQ(fault(odd), 2U) << "longer than what is there";
    odd[3] = std::byte{16};
    EXPECT_EQ(fault(odd), 2U) << "shorter than may be";
}

TEST(TransportId, AnyBytesAreReadOrRefused) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 20'000; ++round) {
        ByteVector raw = transport_id(random() % 2 != 0 ? 0x05 : 0x45, "iqn.x,i,0x12", 20 + random() % 3 * 4);
        for (unsigned i = random() % 4; i > 0; --i) {
            raw[random() % raw.size()] = static_cast<std::byte>(random());
        }
        const auto read = read_transport_id(raw);
        if (read) {
            EXPECT_LE(read->size, raw.size());
        } else {
            EXPECT_LT(read.error(), raw.size());
        }
    }
}

}  // namespace
}  // namespace targe::scsi
