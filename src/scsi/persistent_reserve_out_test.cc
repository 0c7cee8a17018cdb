// Each service action from each state, for each type, [SPC-4 r37 5.13].
#include "scsi/persistent_reserve_out.h"

#include "scsi/testing_reservations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <random>

namespace targe::scsi {
namespace {

using enum ReservationAction;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace testing;

TEST(PersistentReserveOut, WithoutItsKeyNothingIsDone) {
    for (const ReservationAction action :
         {reserve, release, clear, preempt, preempt_and_abort, register_and_move}) {
        for (const std::optional<ReservationType> type :
             {std::optional<ReservationType>{}, std::optional{kTypes[0]}, std::optional{kTypes[4]}}) {
            const ReservationRequest request{.action = action,
                                             .scope = 9,
                                             .type = 9,
                                             .key = 0xb,
                                             .service_action_key = 0xb,
                                             .target_port = 1,
                                             .initiators = {id_of('c')}};
            EXPECT_EQ(outcome(ask(unit(type), kA, request)), kConflict) << "another's key";
            EXPECT_EQ(outcome(ask(unit(type), nexus('x'), request)), kConflict) << "not registered";
            EXPECT_EQ(outcome(ask(unit(type), nexus('b', 2), request)), kConflict) << "not at this port";
        }
    }
}

TEST(Reserve, WhatNobodyHolds) {
    for (const ReservationType type : kTypes) {
        const auto made = ask(unit(), kB, {.action = reserve, .type = code(type), .key = 0xb});
        ASSERT_TRUE(made);
        EXPECT_EQ(made->next, unit(type)) << "and PRgeneration does not count it";
        EXPECT_THAT(made->notices, IsEmpty());
    }
}

TEST(Reserve, AgainIsForTheHolderAndTheSameTypeOnly) {
    for (const ReservationType held : kTypes) {
        for (const ReservationType wanted : kTypes) {
            const ReservationRequest request{.action = reserve, .type = code(wanted), .key = 0xb};
            EXPECT_EQ(outcome(ask(unit(held), kB, request)), held == wanted ? kGood : kConflict);
            const bool holds = is_all_registrants(held);
            EXPECT_EQ(outcome(ask(unit(held), kC, request)), held == wanted && holds ? kGood : kConflict);
        }
    }
}

TEST(Reserve, KnowsSixTypesAndOneScope) {
    for (std::uint8_t type = 0; type < 16; ++type) {
        const auto answer = ask(unit(), kA, {.action = reserve, .type = type, .key = 0xa});
        EXPECT_EQ(outcome(answer),
                  reservation_type(type) ? kGood : Outcome{invalid_field(PersistentReserveOutCdb::kType)});
    }
    for (std::uint8_t scope = 1; scope < 16; ++scope) {
        EXPECT_EQ(outcome(ask(unit(), kA, {.action = reserve, .scope = scope, .type = 1, .key = 0xa})),
                  Outcome{invalid_field(PersistentReserveOutCdb::kScope)});
    }
}

TEST(Release, IsTheHoldersAndTellsTheOtherRegistrants) {
    for (const ReservationType type : kTypes) {
        const ReservationRequest request{.action = release, .type = code(type), .key = 0xb};
        const auto made = ask(unit(type), kB, request);
        ASSERT_TRUE(made);
        EXPECT_EQ(made->next, unit());
        if (is_registrants_only(type) || is_all_registrants(type)) {
            EXPECT_THAT(told(made, Asc::reservations_released), ElementsAre(kA, kC));
        } else {
            EXPECT_THAT(made->notices, IsEmpty());
        }
        const auto other = ask(unit(type), kC, request);
        ASSERT_TRUE(other);
        EXPECT_EQ(other->next.reserved.has_value(), !is_all_registrants(type))
            << "C holds it too, or nothing";
        const Outcome wrong = illegal_request(Asc::invalid_release_of_persistent_reservation);
        for (const ReservationType another : kTypes) {
            if (another != type) {
                EXPECT_EQ(
                    outcome(ask(unit(type), kB, {.action = release, .type = code(another), .key = 0xb})),
                    wrong);
            }
        }
        EXPECT_EQ(
            outcome(ask(unit(type), kB, {.action = release, .scope = 1, .type = code(type), .key = 0xb})),
            wrong);
    }
    EXPECT_EQ(ask(unit(), kA, {.action = release, .scope = 3, .type = 0, .key = 0xa})->next, unit());
}

TEST(Clear, RemovesAllAndTellsTheOthers) {
    for (const ReservationType type : kTypes) {
        const auto made = ask(unit(type), kA, {.action = clear, .scope = 9, .type = 9, .key = 0xa});
        ASSERT_TRUE(made);
        EXPECT_EQ(made->next, PersistentReservations{.generation = 6});
        EXPECT_THAT(told(made, Asc::reservations_preempted), ElementsAre(kB, kC));
        EXPECT_EQ(made->notices.size(), 1U);
    }
}

TEST(Preempt, TheHolderTakesItsPlace) {
    for (const ReservationType held : kTypes) {
        for (const ReservationType wanted : kTypes) {
            if (is_all_registrants(held)) {
                continue;
            }
            PersistentReservations before = unit(held);
            before.registrants.push_back({.nexus = nexus('d'), .key = 0xd});
            const auto made = ask(
                before, kA, {.action = preempt, .type = code(wanted), .key = 0xa, .service_action_key = 0xb});
            ASSERT_TRUE(made);
            EXPECT_THAT(registered(made->next), ElementsAre(kA, nexus('d')));
            EXPECT_EQ(made->next.reserved, wanted);
            EXPECT_TRUE(made->next.is_held_by(kA));
            EXPECT_EQ(made->next.is_held_by(nexus('d')), is_all_registrants(wanted));
            EXPECT_EQ(made->next.generation, 6U);
            EXPECT_THAT(told(made, Asc::registrations_preempted), ElementsAre(kB, kC));
            if (held == wanted) {
                EXPECT_EQ(made->notices.size(), 1U);
            } else {
                EXPECT_THAT(told(made, Asc::reservations_released), ElementsAre(nexus('d')));
            }
            EXPECT_THAT(made->aborted, IsEmpty());
        }
    }
}

TEST(Preempt, ByTheHolderItselfKeepsItsRegistration) {
    for (const ReservationType held : kTypes) {
        if (is_all_registrants(held)) {
            continue;
        }
        const auto made =
            ask(unit(held), kB, {.action = preempt, .type = 1, .key = 0xb, .service_action_key = 0xb});
        ASSERT_TRUE(made);
        EXPECT_THAT(registered(made->next), ElementsAre(kA, kB));
        EXPECT_EQ(made->next.holder, kB);
        EXPECT_THAT(told(made, Asc::registrations_preempted), ElementsAre(kC));
    }
}

TEST(Preempt, OfAllRegistrantsWithKeyZeroRemovesEverybodyElse) {
    for (const ReservationType held : {ReservationType::write_exclusive_all_registrants,
                                       ReservationType::exclusive_access_all_registrants}) {
        for (const ReservationType wanted : kTypes) {
            const auto made =
                ask(unit(held), kA, {.action = preempt_and_abort, .type = code(wanted), .key = 0xa});
            ASSERT_TRUE(made);
            EXPECT_THAT(registered(made->next), ElementsAre(kA));
            EXPECT_EQ(made->next.reserved, wanted);
            EXPECT_EQ(made->next.holder.has_value(), !is_all_registrants(wanted));
            EXPECT_THAT(told(made, Asc::registrations_preempted), ElementsAre(kB, kC));
            EXPECT_EQ(made->notices.size(), 1U);
            EXPECT_THAT(made->aborted, ElementsAre(kA, kB, kC)) << "of A all but the command itself";
        }
    }
}

TEST(Preempt, OfAnotherThanTheHolderRemovesRegistrationsOnly) {
    for (const std::optional<ReservationType> held :
         {std::optional<ReservationType>{}, std::optional{kTypes[0]}, std::optional{kTypes[1]},
          std::optional{kTypes[2]}, std::optional{kTypes[3]}, std::optional{kTypes[4]},
          std::optional{kTypes[5]}}) {
        PersistentReservations before = unit(held);
        before.registrants.push_back({.nexus = nexus('d'), .key = 0xd});
        before.registrants.push_back({.nexus = nexus('e'), .key = 0xd});
        const auto made =
            ask(before, kA,
                {.action = preempt_and_abort, .scope = 9, .type = 9, .key = 0xa, .service_action_key = 0xd});
        ASSERT_TRUE(made);
        EXPECT_THAT(registered(made->next), ElementsAre(kA, kB, kC));
        EXPECT_EQ(made->next.reserved, held);
        EXPECT_EQ(made->next.holder, before.holder);
        EXPECT_EQ(made->next.generation, 6U);
        EXPECT_THAT(told(made, Asc::registrations_preempted), ElementsAre(nexus('d'), nexus('e')));
        EXPECT_EQ(made->notices.size(), 1U);
        EXPECT_THAT(made->aborted, ElementsAre(nexus('d'), nexus('e')));
        EXPECT_EQ(
            outcome(ask(before, kA, {.action = preempt, .type = 1, .key = 0xa, .service_action_key = 0x99})),
            kConflict)
            << "nobody has it";
        const auto self = ask(before, kA, {.action = preempt, .key = 0xa, .service_action_key = 0xa});
        ASSERT_TRUE(self);
        EXPECT_EQ(self->next.find(kA), nullptr) << "its own registration goes too";
        EXPECT_THAT(self->notices, IsEmpty());
    }
}

TEST(Preempt, WithKeyZeroIsForAllRegistrants) {
    for (const ReservationType held : kTypes) {
        const auto answer = ask(unit(held), kA, {.action = preempt, .type = 1, .key = 0xa});
        EXPECT_EQ(outcome(answer), is_all_registrants(held) ? kGood : Outcome{invalid_parameter(8)});
    }
    EXPECT_EQ(outcome(ask(unit(), kA, {.action = preempt, .type = 1, .key = 0xa})), kConflict);
}

TEST(Preempt, OfTheHolderLooksAtTypeAndScope) {
    const ReservationType held = ReservationType::write_exclusive;
    EXPECT_EQ(
        outcome(ask(unit(held), kA, {.action = preempt, .type = 4, .key = 0xa, .service_action_key = 0xb})),
        Outcome{invalid_field(PersistentReserveOutCdb::kType)});
    EXPECT_EQ(outcome(ask(unit(held), kA,
                          {.action = preempt, .scope = 1, .type = 1, .key = 0xa, .service_action_key = 0xb})),
              Outcome{invalid_field(PersistentReserveOutCdb::kScope)});
}

TEST(Preempt, OfTheLastOfAllRegistrantsReleases) {
    PersistentReservations one = unit(ReservationType::write_exclusive_all_registrants);
    one.registrants.resize(1);
    const auto made = ask(one, kA, {.action = preempt, .type = 7, .key = 0xa, .service_action_key = 0xa});
    ASSERT_TRUE(made);
    EXPECT_EQ(made->next, PersistentReservations{.generation = 6});
}

TEST(ReplaceLostReservation, IsForWhatIsLost) {
    const ReservationRequest request{
        .action = replace_lost_reservation, .type = 5, .service_action_key = 7, .through_power_loss = true};
    EXPECT_EQ(outcome(ask(unit(), kA, request)),
              Outcome{illegal_request(Asc::invalid_release_of_persistent_reservation)});
    const PersistentReservations lost{.generation = 9, .lost = true};
    const auto made = ask(lost, nexus('x'), request);
    ASSERT_TRUE(made);
    EXPECT_EQ(made->next,
              (PersistentReservations{.through_power_loss = true,
                                      .registrants = {{.nexus = nexus('x'), .key = 7}},
                                      .reserved = ReservationType::write_exclusive_registrants_only,
                                      .holder = nexus('x')}));
    for (const ReservationAction action : {register_key, reserve, release, clear, preempt, preempt_and_abort,
                                           register_and_ignore_existing_key, register_and_move}) {
        const Sense sense{.key = SenseKey::data_protect, .asc = Asc::persistent_reservation_information_lost};
        EXPECT_EQ(outcome(ask(lost, nexus('x'), {.action = action, .service_action_key = 7})),
                  Outcome{sense});
    }
    const auto with = [&](auto alter) {
        ReservationRequest bad = request;
        alter(bad);
        return outcome(ask(lost, nexus('x'), bad));
    };
    EXPECT_EQ(with([](auto& bad) { bad.key = 1; }), Outcome{invalid_parameter(0)});
    EXPECT_EQ(with([](auto& bad) { bad.service_action_key = 0; }), Outcome{invalid_parameter(8)});
    EXPECT_EQ(with([](auto& bad) { bad.all_target_ports = true; }), Outcome(invalid_parameter(20, 2)));
    EXPECT_EQ(with([](auto& bad) { bad.type = 2; }), Outcome{invalid_field(PersistentReserveOutCdb::kType)});
}

TEST(PersistentReservation, IsClearedByAnAdministratorWhateverItIs) {
    PersistentReservations kept = unit(ReservationType::exclusive_access);
    kept.through_power_loss = true;
    const ReservationChange made = cleared(kept);
    EXPECT_EQ(made.next, PersistentReservations{.generation = 6});
    ASSERT_EQ(made.notices.size(), 1U);
    EXPECT_EQ(made.notices[0], (ReservationNotice{Asc::reservations_preempted, {kA, kB, kC}}));
    EXPECT_EQ(cleared({.lost = true}).next, PersistentReservations{.generation = 1});
    EXPECT_THAT(cleared({}).notices, IsEmpty());
}

TEST(PersistentReservation, KeepsOutWhomItsTypeKeepsOut) {
    for (const ReservationType type : kTypes) {
        const PersistentReservations state = unit(type);
        const Restriction out = is_write_exclusive(type) ? Restriction::writing : Restriction::access;
        const bool serves_all = is_registrants_only(type) || is_all_registrants(type);
        EXPECT_EQ(state.restriction(kB), Restriction::none);
        EXPECT_EQ(state.restriction(kA), serves_all ? Restriction::none : out);
        EXPECT_EQ(state.restriction(nexus('b', 2)), out) << "another port";
        EXPECT_EQ(state.restriction(nexus('x')), out);
        EXPECT_TRUE(state.lets_reserve(kB));
        EXPECT_EQ(state.lets_reserve(kA), serves_all);
        EXPECT_FALSE(state.lets_reserve(nexus('x')));
    }
    EXPECT_EQ(unit().restriction(nexus('x')), Restriction::none);
    EXPECT_FALSE(unit().lets_reserve(kA));
}

// Whatever is asked in whatever order: what must hold of every state holds.
TEST(PersistentReserveOut, LeadsFromGoodStatesToGoodStates) {
    const unsigned seed = std::random_device{}();
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    PersistentReservations state;
    for (int step = 0; step < 50'000; ++step) {
        const ItNexus from =
            nexus(static_cast<char>('a' + random() % 5), static_cast<std::uint16_t>(1 + random() % 2));
        const Registrant* const self = state.find(from);
        const ReservationRequest request{.action = static_cast<ReservationAction>(random() % 9),
                                         .type = static_cast<std::uint8_t>(random() % 10),
                                         .key = random() % 4 == 0 ? random() % 3
                                                : self != nullptr ? self->key
                                                                  : 0,
                                         .service_action_key = random() % 4,
                                         .through_power_loss = random() % 2 != 0,
                                         .all_target_ports = random() % 4 == 0,
                                         .unregister = random() % 2 != 0,
                                         .target_port = static_cast<std::uint16_t>(random() % 3),
                                         .initiators = {id_of(static_cast<char>('a' + random() % 5))}};
        const auto made = ask(state, from, request);
        if (!made) {
            continue;
        }
        const PersistentReservations& next = made->next;
        const bool one_holder = next.reserved && !is_all_registrants(*next.reserved);
        ASSERT_EQ(one_holder, next.holder.has_value());
        ASSERT_TRUE(!next.holder || next.find(*next.holder) != nullptr);
        ASSERT_TRUE(!next.reserved || !next.registrants.empty());
        for (const Registrant& each : next.registrants) {
            ASSERT_NE(each.key, 0U);
            ASSERT_EQ(next.find(each.nexus), &each) << "registered twice";
        }
        for (const ReservationNotice& notice : made->notices) {
            for (const ItNexus& each : notice.nexuses) {
                ASSERT_NE(each, from) << "whoever asks is never told";
                ASSERT_NE(state.find(each), nullptr) << "nor is who was not registered";
            }
        }
        state = next;
    }
}

}  // namespace
}  // namespace targe::scsi
