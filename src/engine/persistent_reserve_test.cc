// Persistent reservations through the engine: who is kept out, who is told, what is kept, and what is
// aborted. What each service action does to the registrations is tested beside
// scsi::persistent_reserve_out().
#include "engine/testing/persistent_reserve.h"

#include "engine/testing/memory_store.h"
#include "engine/testing/scene.h"
#include "scsi/command_table.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

namespace targe::engine::testing {
namespace {

TEST(PersistentReserve, KeepsOutByTypeAndByCommand) {
    for (const unsigned type : kTypes) {
        const bool write_exclusive = type == 1 || type == 5 || type == 7;
        for (const scsi::CommandInfo& command : scsi::command_table()) {
            if (!scsi::offered(command.available, {.thin = true}) || command.opcode == 0x5f) {
                continue;
            }
            SCOPED_TRACE(std::string(command.name) + ", type " + std::to_string(type));
            Scene scene({.cores = 2});
            const auto holder = scene.login(0);
            const auto registrant = scene.login(1);
            const auto outsider = scene.login(1);
            reserve_out(*holder, kRegister, 0, 1);
            reserve_out(*registrant, kRegister, 0, 2);
            reserve_out(*holder, kReserve, 1, 0, type);
            ByteVector plain(command.cdb_length());
            plain[0] = std::byte{command.opcode};
            plain[1] = std::byte{command.service_action.value_or(0)};
            const bool allowed = scsi::allowed(
                write_exclusive ? command.rules.under_write_exclusive : command.rules.under_exclusive_access,
                plain);
            // RESERVE and RELEASE let through decide for themselves: registrations keep them out.
            const unsigned opcode = command.opcode;
            const bool spc2 = opcode == 0x16 || opcode == 0x17 || opcode == 0x56 || opcode == 0x57;
            // WRITE SAME has its data whatever its length says.
            const ByteVector data(opcode == 0x41 || opcode == 0x93 ? 512 : 0);
            EXPECT_EQ(outsider->run(plain, 4096, data).status == kConflict, !allowed || spc2);
            EXPECT_EQ(registrant->run(plain, 4096, data).status == kConflict, type < 5 && (!allowed || spc2));
            EXPECT_NE(holder->run(plain, 4096, data).status, kConflict);
        }
    }
}

TEST(PersistentReserve, HoldsForANexusNotForAnInitiator) {
    Scene scene({.cores = 2});
    const auto holder = scene.login(0);
    const auto other = scene.login(1);
    EXPECT_EQ(reserve_out(*holder, kRegister, 0, 1).status, 0);
    EXPECT_EQ(reserve_out(*holder, kReserve, 1, 0, 3).status, 0);
    EXPECT_EQ(reads(*other), kConflict);
    EXPECT_EQ(writes(*holder), 0);
    EXPECT_EQ(other->next_attention(), 0U) << "TEST UNIT READY passes";
    EXPECT_EQ(keys(*other), (Keys{1, 1}));
    EXPECT_EQ(held_type(*other), 3U);
    EXPECT_EQ(reserve_out(*other, kReserve, 0).status, kConflict);
    EXPECT_EQ(reserve_out(*other, kClear, 1).status, kConflict);
    EXPECT_EQ(reserve_out(*holder, kRelease, 1, 0, 3).status, 0);
    EXPECT_EQ(reads(*other), 0);
}

TEST(PersistentReserve, TellsExactlyThoseItConcerns) {
    Scene scene({.cores = 3});
    const auto holder = scene.login(0);
    const auto one = scene.login(1);
    const auto two = scene.login(2);
    const auto outsider = scene.login(1);
    const auto register_all = [&] {
        reserve_out(*holder, kRegisterAndIgnore, 0, 1);
        reserve_out(*one, kRegisterAndIgnore, 0, 2);
        reserve_out(*two, kRegisterAndIgnore, 0, 3);
        reserve_out(*holder, kReserve, 1, 0, kWriteExclusiveRegistrantsOnly);
    };
    const auto expect = [&](std::uint32_t of_one, std::uint32_t of_two, int line) {
        SCOPED_TRACE(line);
        EXPECT_EQ(one->next_attention(), of_one);
        EXPECT_EQ(one->next_attention(), 0U);
        EXPECT_EQ(two->next_attention(), of_two);
        EXPECT_EQ(two->next_attention(), 0U);
        EXPECT_EQ(holder->next_attention(), 0U);
        EXPECT_EQ(outsider->next_attention(), 0U);
    };
    register_all();
    expect(0, 0, __LINE__);
    EXPECT_EQ(reserve_out(*holder, kRelease, 1, 0, kWriteExclusiveRegistrantsOnly).status, 0);
    expect(0x062a04, 0x062a04, __LINE__);
    register_all();
    EXPECT_EQ(reserve_out(*holder, kRegister, 1, 0).status, 0) << "the holder unregisters";
    expect(0x062a04, 0x062a04, __LINE__);
    register_all();
    EXPECT_EQ(reserve_out(*holder, kPreempt, 1, 2).status, 0);
    expect(0x062a05, 0, __LINE__);
    register_all();
    EXPECT_EQ(reserve_out(*holder, kPreempt, 1, 1, kWriteExclusive).status, 0) << "itself, for another type";
    expect(0x062a04, 0x062a04, __LINE__);
    EXPECT_EQ(reserve_out(*holder, kClear, 1).status, 0);
    expect(0x062a03, 0x062a03, __LINE__);
    EXPECT_EQ(keys(*holder).size(), 1U);
}

TEST(PersistentReserve, SurvivesResetsAndTheEndOfTheSession) {
    Scene scene({.cores = 2});
    auto holder = scene.login(0);
    const auto other = scene.login(1);
    reserve_out(*holder, kRegister, 0, 1);
    reserve_out(*holder, kReserve, 1);
    EXPECT_EQ(other->manage(TaskFunction::logical_unit_reset), TaskResponse::function_complete);
    EXPECT_EQ(other->manage(TaskFunction::target_cold_reset), TaskResponse::function_complete);
    other->clear_attentions();
    EXPECT_EQ(writes(*other), kConflict);
    const std::string name = holder->nexus().identity().initiator_name;
    holder.reset();
    EXPECT_EQ(writes(*other), kConflict);
    Initiator again(scene.world, scene.engine, *scene.target, scene.world.core(1), name);
    again.clear_attentions();
    EXPECT_EQ(writes(again), 0) << "the same nexus, on another core";
    EXPECT_EQ(keys(again), (Keys{1, 1}));
}

TEST(PersistentReserve, ExcludesReserveButForWhomItServes) {
    const ByteVector reserve = cdb({0x16, 0, 0, 0, 0, 0});
    const ByteVector release = cdb({0x17, 0, 0, 0, 0, 0});
    Scene scene({.cores = 2});
    const auto one = scene.login(0);
    const auto two = scene.login(1);
    const auto outsider = scene.login(1);
    EXPECT_EQ(one->run(reserve).status, 0);
    EXPECT_EQ(reserve_out(*one, kRegister, 0, 1).status, kConflict) << "even of the holder";
    EXPECT_EQ(reserve_out(*two, kRegister, 0, 1).status, kConflict);
    EXPECT_EQ(one->run(cdb({0x5e, 0, 0, 0, 0, 0, 0, 0, 8, 0}), 8).status, kConflict);
    EXPECT_EQ(one->run(release).status, 0);
    reserve_out(*one, kRegister, 0, 1);
    reserve_out(*two, kRegister, 0, 2);
    for (const auto* const each : {&one, &two, &outsider}) {
        EXPECT_EQ((*each)->run(reserve).status, kConflict) << "registered, and nothing reserved";
        EXPECT_EQ((*each)->run(release).status, kConflict);
    }
    for (const unsigned type : kTypes) {
        reserve_out(*one, kReserve, 1, 0, type);
        EXPECT_EQ(one->run(reserve).status, 0);
        EXPECT_EQ(one->run(release).status, 0);
        EXPECT_EQ(two->run(reserve).status, type < 5 ? kConflict : 0);
        EXPECT_EQ(two->run(release).status, type < 5 ? kConflict : 0);
        EXPECT_EQ(outsider->run(reserve).status, kConflict);
        EXPECT_EQ(held_type(*two), type) << "nothing changed";
        reserve_out(*one, kRelease, 1, 0, type);
        two->clear_attentions();
    }
}

TEST(PersistentReserve, OutlivesTheProcessWhereItIsToldTo) {
    const auto store = std::make_shared<MemoryStore>();
    {
        Scene scene({.cores = 2, .store = store});
        const auto holder = scene.login(1);
        const auto other = scene.login(0);
        EXPECT_EQ(reserve_out(*holder, kRegister, 0, 1).status, 0);
        EXPECT_EQ(store->keeps, 0) << "not yet";
        EXPECT_EQ(reserve_out(*other, kRegister, 0, 2, 0, kAptpl).status, 0);
        EXPECT_EQ(reserve_in(*other, 2)[3], std::byte{0xc1}) << "PTPL_A";
        EXPECT_EQ(reserve_out(*holder, kReserve, 1).status, 0);
        EXPECT_EQ(store->keeps, 2);
        EXPECT_EQ(reserve_out(*holder, kReserve, 1).status, 0);
        EXPECT_EQ(store->keeps, 2) << "nothing changed";
    }
    {
        Scene scene({.store = store});
        const auto holder = scene.login();
        const auto other = scene.login();
        EXPECT_EQ(keys(*other), (Keys{0, 1, 2})) << "PRgeneration begins anew";
        EXPECT_EQ(writes(*holder), 0);
        EXPECT_EQ(writes(*other), kConflict);
        EXPECT_EQ(reserve_out(*other, kRegister, 2, 2).status, 0) << "with APTPL 0";
        EXPECT_EQ(writes(*other), kConflict) << "as long as the power lasts";
    }
    Scene scene({.store = store});
    const auto other = scene.login();
    EXPECT_EQ(keys(*other), Keys{0});
    EXPECT_EQ(writes(*other), 0);
}

TEST(PersistentReserve, ThatCannotBeKeptIsNotMade) {
    const auto store = std::make_shared<MemoryStore>();
    Scene scene({.cores = 2, .store = store});
    const auto holder = scene.login(1);
    const auto other = scene.login(0);
    EXPECT_EQ(reserve_out(*holder, kRegister, 0, 1, 0, kAptpl).status, 0);
    reserve_out(*other, kRegister, 0, 2, 0, kAptpl);
    store->fails = true;
    EXPECT_EQ(reserve_out(*holder, kReserve, 1).sense_code(), 0x044400U);
    EXPECT_EQ(held_type(*other), 0U);
    EXPECT_EQ(reserve_out(*holder, kClear, 1).sense_code(), 0x044400U);
    EXPECT_EQ(other->next_attention(), 0U);
    EXPECT_EQ(keys(*other), (Keys{2, 1, 2}));
    store->fails = false;
    EXPECT_EQ(reserve_out(*holder, kReserve, 1).status, 0);
    EXPECT_EQ(writes(*other), kConflict);
}

TEST(PersistentReserve, WithoutAStoreOutlivesNothing) {
    Scene scene;
    const auto one = scene.login();
    EXPECT_EQ(reserve_in(*one, 2)[2], std::byte{0x9c});
    EXPECT_EQ(reserve_out(*one, kRegister, 0, 1, 0, kAptpl).sense_code(), 0x052600U);
    EXPECT_EQ(keys(*one), Keys{0});
}

TEST(PersistentReserve, ThatWasLostKeepsEverybodyOutUntilItIsReplaced) {
    const auto store = std::make_shared<MemoryStore>();
    store->content[Kept::persistent_reservation] = "persistent reservations 1\nkept 1\nreser";
    {
        Scene scene({.cores = 2, .store = store});
        const auto one = scene.login(1);
        EXPECT_EQ(reads(*one), 0x02);
        for (const ByteVector& refused :
             {cdb10(0x28, 0, 1), cdb({0, 0, 0, 0, 0, 0}), cdb({0x5e, 0, 0, 0, 0, 0, 0, 1, 0, 0}),
              out_cdb(kRegister, 0), cdb({0x16, 0, 0, 0, 0, 0}), cdb({0x1b, 0, 0, 0, 0, 0})}) {
            EXPECT_EQ(one->run(refused, 512, ByteVector(refused[0] == std::byte{0x5f} ? 24 : 0)).sense_code(),
                      0x074401U);
        }
        for (const ByteVector& passes :
             {cdb({0x12, 0, 0, 0, 36, 0}), cdb({0x03, 0, 0, 0, 36, 0}), cdb({0x1b, 0, 0, 0, 1, 0}),
              cdb({0xa0, 0, 0, 0, 0, 0, 0, 0, 0, 36, 0, 0})}) {
            EXPECT_EQ(one->run(passes, 36).status, 0);
        }
        EXPECT_EQ(one->manage(TaskFunction::logical_unit_reset), TaskResponse::function_complete);
    }
    Scene scene({.cores = 2, .store = store});
    const auto one = scene.login(1);
    EXPECT_EQ(reserve_out(*one, kReplaceLost, 0, 9, kWriteExclusive, kAptpl).sense_code(), 0x062900U);
    EXPECT_EQ(reserve_out(*one, kReplaceLost, 0, 9, kWriteExclusive, kAptpl).status, 0);
    EXPECT_EQ(writes(*one), 0);
    EXPECT_EQ(keys(*one), (Keys{0, 9}));
    const auto other = scene.login(0);
    EXPECT_EQ(writes(*other), kConflict);
    Scene after({.store = store});
    EXPECT_EQ(held_type(*after.login()), kWriteExclusive);
}

TEST(PersistentReserve, IsClearedByTheAdministrator) {
    const auto store = std::make_shared<MemoryStore>();
    Scene scene({.cores = 2, .store = store});
    const auto holder = scene.login(1);
    const auto other = scene.login(0);
    const auto clear = [&] {
        std::optional<bool> done;
        scene.unit->clear_reservations([&](bool durable) { done = durable; });
        scene.world.run();
        return done;
    };
    reserve_out(*holder, kRegister, 0, 1, 0, kAptpl);
    reserve_out(*holder, kReserve, 1, 0, 3);
    store->fails = true;
    EXPECT_EQ(clear(), false);
    EXPECT_EQ(reads(*other), kConflict);
    store->fails = false;
    EXPECT_EQ(clear(), true);
    EXPECT_EQ(holder->next_attention(), 0x062a03U);
    EXPECT_EQ(other->next_attention(), 0U);
    EXPECT_EQ(writes(*other), 0);
    EXPECT_EQ(keys(*other), Keys{2});
    EXPECT_EQ(other->run(cdb({0x16, 0, 0, 0, 0, 0})).status, 0);
    EXPECT_EQ(clear(), true) << "RESERVE too";
    EXPECT_EQ(writes(*holder), 0);
    Scene after({.store = store});
    EXPECT_EQ(keys(*after.login()), Keys{0});
}

// HARDWARE ERROR is no promise that nothing was written; what succeeds afterwards replaces it.
TEST(PersistentReserve, ForgetsWhatWasRefusedForWantOfRoomWithTheNextChange) {
    const auto store = std::make_shared<MemoryStore>();
    Scene scene({.cores = 2, .store = store});
    const auto one = scene.login(1);
    const auto other = scene.login(0);
    store->fails_once = store->fails_late = true;
    EXPECT_EQ(reserve_out(*one, kRegister, 0, 1, 0, kAptpl).sense_code(), 0x044400U);
    EXPECT_EQ(keys(*one), Keys{0});
    EXPECT_EQ(reserve_out(*other, kRegister, 0, 2).status, 0);
    Scene after({.store = store});
    EXPECT_EQ(keys(*after.login()), Keys{0}) << "neither: the last change had no APTPL";
}

TEST(PersistentReserve, RefusesAListThatIsTooLongOrTooShort) {
    Scene scene;
    const auto one = scene.login();
    EXPECT_EQ(one->run(cdb({0x5f, 0, 0, 0, 0, 0xff, 0, 0, 0, 0}), 0, ByteVector(24)).sense_code(), 0x051a00U);
    EXPECT_EQ(one->run(cdb({0x5f, 0, 0, 0, 0, 0, 0, 0, 24, 0}), 0, ByteVector(20)).sense_code(), 0x051a00U);
    EXPECT_EQ(one->run(cdb({0x5f, 0, 0, 0, 0, 0, 0, 0, 25, 0}), 0, ByteVector(25)).sense_code(), 0x051a00U);
    EXPECT_EQ(one->run(cdb({0x5f, 0, 0, 0, 0, 0, 0, 0, 0, 0})).sense_code(), 0x051a00U);
}

TEST(PersistentReserve, RegistersNodesThatAreLoggedInAnywhere) {
    Scene scene({.cores = 2});
    const auto one = scene.login(0);
    const auto other = scene.login(1);
    const std::string name = other->nexus().identity().initiator_name;
    ByteVector list = out_list(0, 5, 0x08);
    const std::size_t size = (name.size() + 4) / 4 * 4;
    for (const std::size_t byte : {std::size_t{0}, std::size_t{0}, std::size_t{0}, size + 4, std::size_t{5},
                                   std::size_t{0}, std::size_t{0}, size}) {
        list.push_back(static_cast<std::byte>(byte));
    }
    for (std::size_t i = 0; i < size; ++i) {
        list.push_back(i < name.size() ? static_cast<std::byte>(name[i]) : std::byte{0});
    }
    const auto length = static_cast<unsigned>(list.size());
    EXPECT_EQ(one->run(cdb({0x5f, 0, 0, 0, 0, 0, 0, 0, length, 0}), 0, list).status, 0);
    EXPECT_EQ(keys(*one), (Keys{1, 5, 5}));
    EXPECT_EQ(reserve_out(*other, kReserve, 5).status, 0);
}

}  // namespace
}  // namespace targe::engine::testing
