#include "scsi/persistent_reservation_text.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace targe::scsi {
namespace {

ItNexus nexus(std::uint16_t port, std::uint64_t isid, std::string name) {
    return {.target_port = port, .initiator = {.isid = isid, .name = std::move(name)}};
}

PersistentReservations two_registrants() {
    return {.through_power_loss = true,
            .registrants = {{.nexus = nexus(1, 0x00023d000001, "iqn.a:x"), .key = 0x1122334455667788},
                            {.nexus = nexus(65535, 0xffffffffffff, "iqn.b%y z\n"), .key = 1}},
            .reserved = ReservationType::write_exclusive_registrants_only,
            .holder = nexus(65535, 0xffffffffffff, "iqn.b%y z\n")};
}

TEST(PersistentReservationText, IsReadBackAsItWasWritten) {
    const PersistentReservations unit = two_registrants();
    EXPECT_EQ(to_text(unit),
              "persistent reservations 1\n"
              "kept 1\n"
              "reserved 5\n"
              "registrant 1122334455667788 0001 00023d000001 0 iqn.a:x\n"
              "registrant 0000000000000001 ffff ffffffffffff 1 iqn.b%25y%20z%0a\n"
              "end\n");
    EXPECT_EQ(reservations_from_text(to_text(unit)), unit);
    PersistentReservations all = unit;
    all.reserved = ReservationType::exclusive_access_all_registrants;
    all.holder.reset();
    EXPECT_EQ(reservations_from_text(to_text(all)), all);
    all.reserved.reset();
    EXPECT_EQ(reservations_from_text(to_text(all)), all);
    all.registrants.clear();
    EXPECT_EQ(reservations_from_text(to_text(all)), all);
}

TEST(PersistentReservationText, ForgetsTheGenerationAndWhatIsNotToOutliveThePower) {
    PersistentReservations unit = two_registrants();
    unit.generation = 77;
    EXPECT_EQ(reservations_from_text(to_text(unit)), two_registrants());
    unit.through_power_loss = false;
    EXPECT_EQ(reservations_from_text(to_text(unit)), PersistentReservations{});
}

TEST(PersistentReservationText, OfAThousandRegistrantsIsKept) {
    PersistentReservations unit{.through_power_loss = true};
    for (std::size_t i = 0; i < kMaxRegistrants; ++i) {
        unit.registrants.push_back({.nexus = nexus(1, i, std::string(223, 'n')), .key = i + 1});
    }
    EXPECT_EQ(reservations_from_text(to_text(unit)), unit);
}

TEST(PersistentReservationText, ThatWasAlteredIsNotBelieved) {
    const std::string good = to_text(two_registrants());
    EXPECT_FALSE(reservations_from_text(""));
    for (std::size_t i = 0; i < good.size(); ++i) {
        EXPECT_FALSE(reservations_from_text(good.substr(0, i))) << i;
    }
    EXPECT_FALSE(reservations_from_text(good + "\n"));
    EXPECT_FALSE(reservations_from_text("persistent reservations 1\nkept 1\nreserved 5\nend\n"))
        << "reserved by nobody";
    const std::string line = "registrant 0000000000000001 0001 000000000001 0 iqn.a\n";
    const std::string head = "persistent reservations 1\nkept 1\nreserved 0\n";
    EXPECT_TRUE(reservations_from_text(head + line + "end\n"));
    EXPECT_FALSE(reservations_from_text(head + line + line + "end\n")) << "twice";
    EXPECT_FALSE(
        reservations_from_text(head + "registrant 0000000000000000 0001 000000000001 0 iqn.a\nend\n"))
        << "no key";
}

TEST(PersistentReservationText, OfAnyKindIsReadBackOrRefused) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    const std::string good = to_text(two_registrants());
    for (int round = 0; round < 20'000; ++round) {
        std::string text = good;
        for (unsigned i = 1 + random() % 3; i > 0; --i) {
            text[random() % text.size()] = static_cast<char>(random());
        }
        if (const auto read = reservations_from_text(text)) {
            EXPECT_EQ(to_text(*read), text);
        }
    }
}

}  // namespace
}  // namespace targe::scsi
