// REGISTER and its kin from each state, for each type, [SPC-4 r37 5.13.7 and 5.13.8].
#include "scsi/persistent_reserve_out.h"
#include "scsi/testing_reservations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace targe::scsi {
namespace {

using enum ReservationAction;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace testing;

TEST(Register, OfAnUnregisteredNexusTakesKeyZero) {
    for (const ReservationType type : kTypes) {
        const auto made = ask(unit(type), nexus('x'), {.action = register_key, .service_action_key = 7});
        ASSERT_TRUE(made);
        EXPECT_EQ(made->next.find(nexus('x'))->key, 7U);
        EXPECT_EQ(made->next.find(nexus('x', 2)), nullptr);
        EXPECT_EQ(made->next.generation, 6U);
        EXPECT_EQ(made->next.reserved, type);
        EXPECT_THAT(made->notices, IsEmpty());
    }
    EXPECT_EQ(outcome(ask(unit(), nexus('x'), {.action = register_key, .key = 1, .service_action_key = 7})),
              kConflict);
    const auto nothing = ask(unit(), nexus('x'), {.action = register_key, .through_power_loss = true});
    ASSERT_TRUE(nothing);
    EXPECT_EQ(nothing->next, unit());
}

TEST(Register, OfARegisteredNexusTakesItsKeyAndChangesIt) {
    for (const ReservationType type : kTypes) {
        const auto made = ask(unit(type), kB, {.action = register_key, .key = 0xb, .service_action_key = 7});
        ASSERT_TRUE(made);
        PersistentReservations expected = unit(type);
        expected.registrants[1].key = 7;
        expected.generation = 6;
        EXPECT_EQ(made->next, expected) << "the reservation stays";
        EXPECT_THAT(made->notices, IsEmpty());
    }
    EXPECT_EQ(outcome(ask(unit(), kB, {.action = register_key, .key = 0xa, .service_action_key = 7})),
              kConflict);
    EXPECT_EQ(outcome(ask(unit(), kB, {.action = register_key, .service_action_key = 7})), kConflict);
}

TEST(Register, AndIgnoreExistingKeyLooksAtNoKey) {
    for (const std::uint64_t key : {0x0U, 0xbU, 0x99U}) {
        const ReservationRequest request{
            .action = register_and_ignore_existing_key, .key = key, .service_action_key = 7};
        EXPECT_EQ(ask(unit(), kB, request)->next.find(kB)->key, 7U);
        EXPECT_EQ(ask(unit(), nexus('x'), request)->next.find(nexus('x'))->key, 7U);
        EXPECT_EQ(ask(unit(), nexus('x'), request)->next.generation, 6U);
    }
    const auto nothing = ask(unit(), nexus('x'), {.action = register_and_ignore_existing_key});
    ASSERT_TRUE(nothing);
    EXPECT_EQ(nothing->next, unit());
}

TEST(Register, WithZeroUnregistersAndReleasesWhatTheNexusHeld) {
    for (const ReservationAction action : {register_key, register_and_ignore_existing_key}) {
        for (const ReservationType type : kTypes) {
            const auto made = ask(unit(type), kB, {.action = action, .key = 0xb});
            ASSERT_TRUE(made);
            EXPECT_THAT(registered(made->next), ElementsAre(kA, kC));
            EXPECT_EQ(made->next.reserved.has_value(), is_all_registrants(type));
            EXPECT_FALSE(made->next.holder);
            EXPECT_EQ(made->next.generation, 6U);
            // Of the registrants only types, everybody but whoever asked.
            const auto released = told(made, Asc::reservations_released);
            if (is_registrants_only(type)) {
                EXPECT_THAT(released, ElementsAre(kA, kC));
            } else {
                EXPECT_THAT(made->notices, IsEmpty());
            }
            const auto other = ask(unit(type), kA, {.action = action, .key = 0xa});
            EXPECT_EQ(other->next.reserved, type) << "A holds nothing alone";
            EXPECT_THAT(other->notices, IsEmpty());
        }
    }
}

TEST(Register, TheLastOfAllRegistrantsReleases) {
    for (const ReservationType type : {ReservationType::write_exclusive_all_registrants,
                                       ReservationType::exclusive_access_all_registrants}) {
        PersistentReservations one = unit(type);
        one.registrants.resize(1);
        const auto made = ask(one, kA, {.action = register_key, .key = 0xa});
        ASSERT_TRUE(made);
        EXPECT_FALSE(made->next.reserved);
        EXPECT_THAT(made->notices, IsEmpty());
    }
}

TEST(Register, AtAllTargetPortsIsARequestThroughEach) {
    const ReservationRequest request{
        .action = register_key, .service_action_key = 7, .all_target_ports = true};
    EXPECT_THAT(registered(ask({}, nexus('x', 2), request)->next), ElementsAre(nexus('x', 1), nexus('x', 2)));
    EXPECT_EQ(outcome(ask(unit(), nexus('a', 2), request)), kConflict) << "registered at the other port";
    const auto made =
        ask(unit(), nexus('a', 2),
            {.action = register_and_ignore_existing_key, .service_action_key = 7, .all_target_ports = true});
    ASSERT_TRUE(made);
    EXPECT_EQ(made->next.find(nexus('a', 1))->key, 7U);
    EXPECT_EQ(made->next.find(nexus('a', 2))->key, 7U);
    EXPECT_EQ(made->next.generation, 6U);
    const auto gone = ask(made->next, kA, {.action = register_key, .key = 7, .all_target_ports = true});
    ASSERT_TRUE(gone);
    EXPECT_THAT(registered(gone->next), ElementsAre(kB, kC));
}

TEST(Register, NamesInitiatorPortsAndNodes) {
    const ReservationRequest request{.action = register_key,
                                     .service_action_key = 7,
                                     .names_initiators = true,
                                     .initiators = {id_of('y'), {.name = "iqn.n", .isid = {}}, id_of('x')}};
    const auto made = ask({}, nexus('x'), request);
    ASSERT_TRUE(made);
    EXPECT_THAT(registered(made->next),
                ElementsAre(nexus('x'), nexus('y'), nexus('n'),
                            ItNexus{.target_port = 1, .initiator = {.isid = 2, .name = "iqn.n"}}));
    ReservationRequest everywhere = request;
    everywhere.all_target_ports = true;
    EXPECT_EQ(ask({}, nexus('x'), everywhere)->next.registrants.size(), 8U);
    ReservationRequest taken = request;
    taken.initiators.push_back(id_of('b'));
    EXPECT_EQ(outcome(ask(unit(), nexus('x'), taken)), Outcome{invalid_parameter(28)});
    taken.key = 0xa;
    EXPECT_EQ(outcome(ask(unit(), kA, taken)), Outcome(invalid_parameter(20, 3))) << "registered already";
    taken.key = 0xb;
    EXPECT_EQ(outcome(ask(unit(), kA, taken)), kConflict);
}

TEST(Register, IsBounded) {
    PersistentReservations full;
    for (std::size_t i = 0; i < kMaxRegistrants; ++i) {
        full.registrants.push_back(
            {.nexus = {.target_port = 1, .initiator = {.isid = i, .name = "i"}}, .key = 1});
    }
    EXPECT_EQ(outcome(ask(full, nexus('x'), {.action = register_key, .service_action_key = 7})),
              Outcome{illegal_request(Asc::insufficient_registration_resources)});
}

TEST(Register, ActivatesPersistenceWhereTheUnitKeeps) {
    ReservationRequest request{.action = register_key, .service_action_key = 7, .through_power_loss = true};
    const auto kept = ask(unit(), nexus('x'), request);
    EXPECT_TRUE(kept->next.through_power_loss);
    EXPECT_EQ(outcome(ask(unit(), nexus('x'), request, false)), Outcome(invalid_parameter(20, 0)));
    request.through_power_loss = false;
    EXPECT_FALSE(ask(kept->next, nexus('y'), request)->next.through_power_loss) << "the last one counts";
    EXPECT_TRUE(ask(kept->next, kB, {.action = reserve, .type = 1, .key = 0xb})->next.through_power_loss);
}

TEST(RegisterAndMove, MovesTheReservation) {
    for (const ReservationType type : kTypes) {
        for (const bool unregister : {false, true}) {
            for (const char to : {'a', 'x'}) {
                const auto made = ask(unit(type), kB,
                                      {.action = register_and_move,
                                       .scope = 9,
                                       .type = 9,
                                       .key = 0xb,
                                       .service_action_key = 7,
                                       .through_power_loss = true,
                                       .unregister = unregister,
                                       .target_port = 2,
                                       .initiators = {id_of(to)}});
                if (is_all_registrants(type)) {
                    EXPECT_EQ(outcome(made), kConflict);
                    continue;
                }
                ASSERT_TRUE(made);
                EXPECT_EQ(made->next.holder, nexus(to, 2));
                EXPECT_EQ(made->next.find(nexus(to, 2))->key, 7U);
                EXPECT_EQ(made->next.reserved, type);
                EXPECT_EQ(made->next.find(kB) == nullptr, unregister);
                EXPECT_EQ(made->next.generation, 6U);
                EXPECT_TRUE(made->next.through_power_loss);
                EXPECT_THAT(made->notices, IsEmpty());
            }
        }
    }
}

TEST(RegisterAndMove, IsRefusedForWhoHoldsNothingAndForWhatIsNoNexus) {
    const ReservationType type = ReservationType::exclusive_access;
    const ReservationRequest good{.action = register_and_move,
                                  .key = 0xb,
                                  .service_action_key = 7,
                                  .target_port = 1,
                                  .initiators = {id_of('x')}};
    EXPECT_EQ(outcome(ask(unit(type), kB, good)), kGood);
    EXPECT_EQ(outcome(ask(unit(type), kC, good)), kConflict) << "registered, not the holder";
    EXPECT_EQ(outcome(ask(unit(), kB, good)), Outcome{invalid_field(PersistentReserveOutCdb::kServiceAction)})
        << "nothing to move";
    ReservationRequest bad = good;
    bad.service_action_key = 0;
    EXPECT_EQ(outcome(ask(unit(type), kB, bad)), Outcome{invalid_parameter(8)});
    bad = good;
    bad.target_port = 3;
    EXPECT_EQ(outcome(ask(unit(type), kB, bad)), Outcome{invalid_parameter(18)});
    bad = good;
    bad.initiators = {id_of('b')};
    bad.target_port = 2;
    EXPECT_EQ(outcome(ask(unit(type), kB, bad)), Outcome{invalid_parameter(24)}) << "to its own port";
    bad.initiators = {{.name = "iqn.x", .isid = {}}};
    EXPECT_EQ(outcome(ask(unit(type), kB, bad)), Outcome{invalid_parameter(24)}) << "to a whole node";
    bad = good;
    bad.through_power_loss = true;
    EXPECT_EQ(outcome(ask(unit(type), kB, bad, false)), Outcome(invalid_parameter(17, 0)));
}

}  // namespace
}  // namespace targe::scsi
