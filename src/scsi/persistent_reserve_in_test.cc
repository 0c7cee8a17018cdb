#include "scsi/persistent_reserve_in.h"

#include "scsi/testing_bytes.h"

#include <gtest/gtest.h>

namespace targe::scsi {
namespace {

using namespace testing;

PersistentReservations two_registrants() {
    PersistentReservations unit;
    unit.generation = 0x01020304;
    unit.registrants = {{.nexus = {.target_port = 1, .initiator = {.isid = 1, .name = "iqn.a"}}, .key = 0xa},
                        {.nexus = {.target_port = 2, .initiator = {.isid = 2, .name = "iqn.b"}}, .key = 0xb}};
    return unit;
}

PersistentReservations reserved(ReservationType type) {
    PersistentReservations unit = two_registrants();
    unit.reserved = type;
    if (!is_all_registrants(type)) {
        unit.holder = unit.registrants[1].nexus;
    }
    return unit;
}

constexpr ReservationType kTypes[] = {ReservationType::write_exclusive,
                                      ReservationType::exclusive_access,
                                      ReservationType::write_exclusive_registrants_only,
                                      ReservationType::exclusive_access_registrants_only,
                                      ReservationType::write_exclusive_all_registrants,
                                      ReservationType::exclusive_access_all_registrants};

TEST(PersistentReserveIn, ReadsKeys) {
    const ByteVector whole = bytes({1, 2, 3, 4, 0, 0, 0, 16}) + bytes({0, 0, 0, 0, 0, 0, 0, 0xa}) +
                             bytes({0, 0, 0, 0, 0, 0, 0, 0xb});
    EXPECT_EQ(written([](ParameterWriter& out) { read_keys(two_registrants(), out); }), whole);
    EXPECT_EQ(written([](ParameterWriter& out) { read_keys(two_registrants(), out); }, 12),
              ByteVector(whole.begin(), whole.begin() + 12))
        << "cut, and the length tells it";
    EXPECT_EQ(written([](ParameterWriter& out) { read_keys({}, out); }), ByteVector(8));
}

TEST(PersistentReserveIn, ReadsTheReservation) {
    EXPECT_EQ(written([](ParameterWriter& out) { read_reservation(two_registrants(), out); }),
              bytes({1, 2, 3, 4, 0, 0, 0, 0}));
    for (const ReservationType type : kTypes) {
        const unsigned key = is_all_registrants(type) ? 0 : 0xb;
        EXPECT_EQ(written([&](ParameterWriter& out) { read_reservation(reserved(type), out); }),
                  bytes({1, 2, 3, 4, 0,   0, 0, 16, 0, 0, 0,
                         0, 0, 0, 0, key, 0, 0, 0,  0, 0, static_cast<unsigned>(type),
                         0, 0}));
    }
}

TEST(PersistentReserveIn, ReportsCapabilities) {
    EXPECT_EQ(written([](ParameterWriter& out) { report_capabilities({}, true, out); }),
              bytes({0, 8, 0x9d, 0xc0, 0xea, 0x01, 0, 0}));
    EXPECT_EQ(written([](ParameterWriter& out) { report_capabilities({}, false, out); }),
              bytes({0, 8, 0x9c, 0xc0, 0xea, 0x01, 0, 0}));
    PersistentReservations kept;
    kept.through_power_loss = true;
    EXPECT_EQ(written([&](ParameterWriter& out) { report_capabilities(kept, true, out); })[3],
              std::byte{0xc1});
}

TEST(PersistentReserveIn, ReadsFullStatus) {
    for (const ReservationType type : kTypes) {
        const bool all = is_all_registrants(type);
        const auto code = static_cast<unsigned>(type);
        const auto descriptor = [&](unsigned key, unsigned port, bool holds, const char* id) {
            return bytes(
                       {0, 0, 0, 0,    0, 0, 0, key, 0,    0, 0, 0, holds ? 1U : 0U, holds ? code : 0U, 0, 0,
                        0, 0, 0, port, 0, 0, 0, 28,  0x45, 0, 0, 24}) +
                   text(id) + ByteVector(2);
        };
        EXPECT_EQ(written([&](ParameterWriter& out) { read_full_status(reserved(type), out); }),
                  bytes({1, 2, 3, 4, 0, 0, 0, 104}) + descriptor(0xa, 1, all, "iqn.a,i,0x000000000001") +
                      descriptor(0xb, 2, true, "iqn.b,i,0x000000000002"));
    }
    EXPECT_EQ(written([](ParameterWriter& out) { read_full_status({}, out); }), ByteVector(8));
}

}  // namespace
}  // namespace targe::scsi
