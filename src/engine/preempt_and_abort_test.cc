// PREEMPT AND ABORT: nothing of whoever is preempted acts after its answer.
#include "engine/testing/persistent_reserve.h"
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <random>
#include <vector>

namespace targe::engine::testing {
namespace {

TEST(PreemptAndAbort, AnswersWhenNothingOfTheVictimsCanTouchTheMedium) {
    Scene scene({.cores = 2});
    const auto one = scene.login(0);
    const auto victim = scene.login(1);
    reserve_out(*one, kRegister, 0, 1);
    reserve_out(*victim, kRegister, 0, 2);
    reserve_out(*victim, kReserve, 2, 0, kWriteExclusiveRegistrantsOnly);
    scene.disk->pace = Pace::on_request;
    Task& executing = victim->send(write_one(), 0, filled(512, 1));
    victim->data_out_mode = DataOutMode::later;
    Task& waiting = victim->send(write_one(), 0, filled(512, 2));
    Task& own = one->send(cdb10(0x2a, 8, 1), 0, filled(512, 3));
    scene.world.run();
    Task& preempt = one->send(out_cdb(kPreemptAndAbort, kWriteExclusive), 0, out_list(1, 2, 0));
    scene.world.run();
    EXPECT_TRUE(waiting.was_dropped);
    EXPECT_FALSE(preempt.ended) << "a write is still under way";
    while (scene.disk->pending() > 0) {
        EXPECT_FALSE(preempt.ended);
        scene.disk->complete_one();
        scene.world.run();
    }
    EXPECT_TRUE(executing.was_dropped);
    EXPECT_EQ(own.status, 0) << "the command of another nexus went on";
    EXPECT_TRUE(own.ended && !own.was_dropped);
    ASSERT_TRUE(preempt.ended);
    EXPECT_EQ(preempt.status, 0);
    EXPECT_EQ(victim->next_attention(), 0x062f00U);
    EXPECT_EQ(victim->next_attention(), 0x062a05U);
    scene.disk->pace = Pace::at_once;
    victim->data_out_mode = DataOutMode::at_once;
    EXPECT_EQ(writes(*victim), kConflict);
    EXPECT_EQ(keys(*one), (Keys{3, 1}));
    EXPECT_EQ(one->next_attention(), 0U);
}

TEST(PreemptAndAbort, SaysThatCommandsWereClearedAndRegistrationsToo) {
    Scene scene({.cores = 2});
    const auto one = scene.login(0);
    const auto victim = scene.login(1);
    reserve_out(*one, kRegister, 0, 1);
    reserve_out(*victim, kRegister, 0, 2);
    reserve_out(*one, kPreemptAndAbort, 1, 2);
    EXPECT_EQ(victim->next_attention(), 0x062a05U) << "it had no command";
    EXPECT_EQ(victim->next_attention(), 0U);
    reserve_out(*victim, kRegister, 0, 2);
    victim->data_out_mode = DataOutMode::later;
    const Task& waiting = victim->send(write_one(), 0, filled(512, 2));
    reserve_out(*one, kPreemptAndAbort, 1, 2);
    EXPECT_TRUE(waiting.was_dropped);
    EXPECT_EQ(victim->next_attention(), 0x062f00U);
    EXPECT_EQ(victim->next_attention(), 0x062a05U);
    EXPECT_EQ(victim->next_attention(), 0U);
}

TEST(PreemptAndAbort, OfItselfSparesTheCommandAndEndsTheOthers) {
    Scene scene({.cores = 2});
    const auto one = scene.login(1);
    reserve_out(*one, kRegister, 0, 1);
    one->data_out_mode = DataOutMode::later;
    const Task& waiting = one->send(write_one(), 0, filled(512, 2));
    one->data_out_mode = DataOutMode::at_once;
    EXPECT_EQ(reserve_out(*one, kPreemptAndAbort, 1, 1).status, 0);
    EXPECT_TRUE(waiting.was_dropped);
    EXPECT_EQ(keys(*one), Keys{2});
    EXPECT_EQ(one->next_attention(), 0U);
}

TEST(PreemptAndAbort, AnswersTheVictimsWithTaskAbortedWhereTasIsSet) {
    Scene scene({.cores = 2});
    const auto one = scene.login(0);
    const auto victim = scene.login(1);
    const ByteVector control = cdb({0, 0, 0, 0, 0x0a, 0x0a, 0x20, 0x10, 0, 0x40, 0, 0, 0, 0, 0, 0});
    ASSERT_EQ(one->run(cdb({0x15, 0x10, 0, 0, 16, 0}), 0, control).status, 0);
    victim->clear_attentions();
    reserve_out(*one, kRegister, 0, 1);
    reserve_out(*victim, kRegister, 0, 2);
    victim->data_out_mode = DataOutMode::later;
    const Task& waiting = victim->send(write_one(), 0, filled(512, 2));
    one->data_out_mode = DataOutMode::later;
    const Task& own = one->send(write_one(), 0, filled(512, 2));
    one->data_out_mode = DataOutMode::at_once;
    EXPECT_EQ(reserve_out(*one, kPreemptAndAbort, 1, 2).status, 0);
    EXPECT_TRUE(waiting.ended && !waiting.was_dropped);
    EXPECT_EQ(waiting.status, 0x40) << "TASK ABORTED";
    EXPECT_FALSE(own.ended);
    EXPECT_EQ(victim->next_attention(), 0x062a05U) << "and nothing of commands cleared";
    EXPECT_EQ(victim->next_attention(), 0U);
    EXPECT_EQ(one->manage(TaskFunction::abort_task_set), TaskResponse::function_complete);
}

TEST(PreemptAndAbort, ClearsTheAcaOfTheVictims) {
    Scene scene({.cores = 2});
    const auto one = scene.login(0);
    const auto victim = scene.login(1);
    reserve_out(*one, kRegister, 0, 1);
    reserve_out(*victim, kRegister, 0, 2);
    const auto fault = [](Initiator& initiator) {
        ByteVector beyond = cdb10(0x28, 99999, 1);
        beyond.back() = std::byte{0x04};  // NACA
        initiator.run(beyond, 512);
        return initiator.run(cdb({0, 0, 0, 0, 0, 0})).status;
    };
    EXPECT_EQ(fault(*victim), 0x30) << "ACA ACTIVE";
    EXPECT_EQ(reserve_out(*one, kPreempt, 1, 2).status, 0);
    EXPECT_EQ(victim->run(cdb({0, 0, 0, 0, 0, 0})).status, 0x30) << "not without ABORT";
    EXPECT_EQ(victim->manage(TaskFunction::clear_aca), TaskResponse::function_complete);
    victim->clear_attentions();
    reserve_out(*victim, kRegister, 0, 2);
    EXPECT_EQ(fault(*victim), 0x30);
    EXPECT_EQ(reserve_out(*one, kPreemptAndAbort, 1, 2).status, 0);
    EXPECT_EQ(victim->next_attention(), 0x062a05U);
    EXPECT_EQ(victim->next_attention(), 0U);
}

TEST(PreemptAndAbort, LetsTheMediumOut) {
    Scene scene({.cores = 2, .removable = true});
    const auto one = scene.login(0);
    const auto victim = scene.login(1);
    reserve_out(*one, kRegister, 0, 1);
    reserve_out(*victim, kRegister, 0, 2);
    EXPECT_EQ(victim->run(cdb({0x1e, 0, 0, 0, 1, 0})).status, 0);
    EXPECT_EQ(one->run(cdb({0x1b, 0, 0, 0, 2, 0})).sense_code(), 0x055302U);
    EXPECT_EQ(reserve_out(*one, kPreempt, 1, 2).status, 0);
    EXPECT_EQ(one->run(cdb({0x1b, 0, 0, 0, 2, 0})).sense_code(), 0x055302U) << "only with ABORT";
    victim->clear_attentions();
    reserve_out(*victim, kRegister, 0, 2);
    EXPECT_EQ(reserve_out(*one, kPreemptAndAbort, 1, 2).status, 0);
    EXPECT_EQ(one->run(cdb({0x1b, 0, 0, 0, 2, 0})).status, 0);
}

/// Two initiators on two cores fence each other again and again while both write. After PREEMPT AND ABORT was
/// answered nothing that the other had sent before changes the medium, and nothing that it sends later.
class Duel {
public:
    explicit Duel(std::uint64_t seed) : scene({.cores = 2, .seed = seed}) {
        scene.disk->pace = Pace::by_seed;
        sides[0] = scene.login(0);
        sides[1] = scene.login(1);
    }
    void fight() {
        for (int round = 0; round < 12; ++round) {
            const std::size_t attacker = scene.world.below(2);
            strike(*sides.at(attacker), *sides.at(1 - attacker), static_cast<unsigned>(attacker) + 1);
        }
        for (const auto& side : sides) {
            side->clear_attentions();
        }
    }

private:
    void strike(Initiator& attacker, Initiator& victim, unsigned key) {
        for (Initiator* const each : {&attacker, &victim}) {
            each->clear_attentions();
            reserve_out(*each, kRegisterAndIgnore, 0, each == &attacker ? key : 3 - key);
        }
        send_some(attacker, victim, key);
        const Task& preempt = reserve_out(attacker, kPreemptAndAbort, key, 3 - key, kWriteExclusive);
        ASSERT_EQ(preempt.status, 0);
        // Either what was sent before the answer is gone by itself, or a reservation keeps out what comes
        // after.
        const bool reserves = scene.world.below(2) == 0;
        if (reserves) {
            ASSERT_EQ(reserve_out(attacker, kReserve, key).status, 0);
        }
        for (std::uint32_t lba = 0; lba < kBlocks; ++lba) {
            ASSERT_EQ(attacker.run(cdb10(0x2a, lba, 1), 0, filled(512, 9)).status, 0);
        }
        scene.disk->on_write = [&] { expect_attackers(); };
        for (std::uint32_t lba = 0; reserves && lba < kBlocks; ++lba) {
            victim.send(cdb10(0x2a, lba, 1), 0, filled(512, 3 - key));
        }
        for (Task* const each : late_) {
            if (!each->ended && each->data_out.size > 0) {
                victim.deliver_data(*each);
            }
        }
        late_.clear();
        scene.world.run();
        scene.disk->on_write = {};
        expect_attackers();
        reserve_out(attacker, kRelease, key);
    }
    /// Some of both, some whose data come when it is too late.
    void send_some(Initiator& attacker, Initiator& victim, unsigned key) {
        for (int i = 0; i < 6; ++i) {
            const bool is_victim = scene.world.below(2) == 0;
            Initiator& writer = is_victim ? victim : attacker;
            const bool late = is_victim && scene.world.below(3) == 0;
            writer.data_out_mode = late ? DataOutMode::later : DataOutMode::at_once;
            Task& task = writer.send(cdb10(0x2a, static_cast<std::uint32_t>(scene.world.below(kBlocks)), 1),
                                     0, filled(512, is_victim ? 3 - key : key));
            writer.data_out_mode = DataOutMode::at_once;
            if (late) {
                late_.push_back(&task);
            }
            for (std::uint64_t steps = scene.world.below(6); steps > 0; --steps) {
                scene.world.step();
            }
        }
    }
    void expect_attackers() {
        for (std::size_t lba = 0; lba < kBlocks; ++lba) {
            ASSERT_EQ(scene.disk->block(lba)[0], std::byte{9});
        }
    }

    static constexpr std::uint32_t kBlocks = 4;
    std::vector<Task*> late_;
    Scene scene;
    std::array<std::unique_ptr<Initiator>, 2> sides;
};

TEST(PreemptAndAbort, FencesInAnyOrderOfEvents) {
    const std::uint64_t first = std::random_device{}();
    for (std::uint64_t seed = first; seed < first + 300; ++seed) {
        SCOPED_TRACE(seed);
        Duel(seed).fight();
        if (::testing::Test::HasFailure()) {
            return;
        }
    }
}

}  // namespace
}  // namespace targe::engine::testing
