// Asymmetric access through the engine: which path executes what, who is told of a change, who may make one,
// and what is left of it after a restart.
#include "engine/testing/memory_store.h"
#include "engine/testing/scene.h"
#include "scsi/command_table.h"
#include "scsi/target_port_groups.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace targe::engine {
namespace {

using scsi::AccessState;
using testing::ByteVector;
using testing::cdb;
using testing::cdb10;
using testing::Initiator;
using testing::MemoryStore;
using testing::SimDevice;
using testing::Task;
using testing::World;
using enum scsi::AccessState;

constexpr std::uint32_t kChanged = 0x062a06;
constexpr std::uint32_t kInTransition = 0x02040a;
constexpr std::uint32_t kInStandby = 0x02040b;
constexpr std::uint32_t kCommandFailed = 0x04670a;

/// Answers when the test wants it to.
class Program final : public AccessHook {
public:
    explicit Program(World& world) : world_(world) {}
    base::Task<bool> run(base::CommandArena& /*arena*/, const std::string& device_group,
                         std::vector<AccessMove> moves) override {
        name = device_group;
        asked = std::move(moves);
        base::Core& core = world_.current();
        while (!answer) {
            co_await base::sleep_for(core, std::chrono::milliseconds{10});
        }
        co_return *answer;
    }

    std::string name;
    std::vector<AccessMove> asked;
    std::optional<bool> answer;

private:
    World& world_;
};

/// A target with two ports, each in a target port group of its own; two units that share the groups.
struct TwoPaths : ::testing::Test {
    World world{3, 1};
    std::shared_ptr<MemoryStore> store = std::make_shared<MemoryStore>();
    std::shared_ptr<Program> program = std::make_shared<Program>(world);
    Engine engine{world.cores()};
    std::shared_ptr<DeviceGroup> group;
    std::vector<std::shared_ptr<LogicalUnit>> units;
    Target* target = nullptr;
    std::unique_ptr<Initiator> first;
    std::unique_ptr<Initiator> second;

    void begin(bool with_hook = false) {
        group = engine.add_group({.name = "pair",
                                  .access = {.groups = {{.id = 1, .state = active_optimized, .ports = {1}},
                                                        {.id = 2, .state = standby, .ports = {2}}},
                                             .set_by_command = true},
                                  .hook = with_hook ? program : nullptr,
                                  .store = store});
        LunMaps maps;
        for (std::uint16_t lun = 0; lun < 2; ++lun) {
            UnitSettings settings;
            settings.name = "disk" + std::to_string(lun);
            settings.device = std::make_unique<SimDevice>(world, 2048, 512);
            settings.group = group;
            units.push_back(engine.add_unit(std::move(settings)));
            maps.luns.push_back({.lun = lun, .unit = units.back()});
        }
        target = &engine.add_target("iqn.2026-11.io.targe:test", std::move(maps),
                                    {{.portal_group = 1}, {.portal_group = 2}});
        first = login(1, 1);
        second = login(2, 2);
    }
    /// Whoever still watches a transition keeps its unit: lets it notice that there is none any more.
    void TearDown() override { world.advance(std::chrono::seconds{1}); }
    std::unique_ptr<Initiator> login(std::size_t core, std::uint16_t portal_group) {
        auto made = std::make_unique<Initiator>(world, engine, *target, world.core(core),
                                                "iqn.1993-08.org.debian:" + std::to_string(core),
                                                NexusOrigin::fresh, portal_group);
        for (const std::uint16_t lun : {std::uint16_t{0}, std::uint16_t{1}}) {
            made->run(cdb({3, 0, 0, 0, 252, 0}), 252, {}, lun);  // REQUEST SENSE takes the unit attention
        }
        return made;
    }
    std::uint32_t read(Initiator& from, std::uint16_t lun = 0) {
        return from.run(cdb10(0x28, 0, 1), 512, {}, lun).sense_code();
    }
    static ByteVector set_command(std::size_t length) {
        return cdb({0xa4, 0x0a, 0, 0, 0, 0, 0, 0, 0, static_cast<unsigned>(length), 0, 0});
    }
    /// SET TARGET PORT GROUPS: both groups' states.
    static ByteVector states(AccessState one, AccessState two) {
        return cdb({0, 0, 0, 0, static_cast<unsigned>(one), 0, 0, 1, static_cast<unsigned>(two), 0, 0, 2});
    }
    Task& set(Initiator& from, AccessState one, AccessState two) {
        const ByteVector list = states(one, two);
        return from.run(set_command(list.size()), 0, list);
    }
    void administer(AccessState one, AccessState two) {
        std::optional<scsi::Outcome> done;
        group->set(
            [one,
             two](const scsi::AsymmetricAccess& now) -> std::expected<scsi::AsymmetricAccess, scsi::Sense> {
                scsi::AsymmetricAccess next = now;
                next.groups[0].state = one;
                next.groups[1].state = two;
                return next;
            },
            [&done](scsi::Outcome outcome) { done = outcome; });
        world.run();
        ASSERT_EQ(done, scsi::Outcome{scsi::Status::good});
    }
    /// ASYMMETRIC ACCESS STATE of both groups as REPORT TARGET PORT GROUPS has them.
    std::pair<unsigned, unsigned> reported(Initiator& to) {
        const Task& task = to.run(cdb({0xa3, 0x0a, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0}), 255);
        EXPECT_EQ(task.status, 0);
        EXPECT_EQ(task.data_received.size(), 28U);
        return {std::to_integer<unsigned>(task.data_received.at(4)),
                std::to_integer<unsigned>(task.data_received.at(16))};
    }
};

TEST_F(TwoPaths, ExecuteWhatTheirStateAllows) {
    begin();
    for (const AccessState state : {active_optimized, active_non_optimized, standby, unavailable, offline}) {
        administer(active_optimized, state);
        for (const scsi::CommandInfo& command : scsi::command_table()) {
            if (!scsi::offered(command.available,
                               {.thin = true, .access = scsi::AccessSupport::implicit_and_explicit}) ||
                command.opcode == 0x48 || command.opcode == 0x04) {
                continue;  // what erases would keep the others waiting
            }
            SCOPED_TRACE(std::string(command.name) + ", " + std::string(scsi::to_string(state)));
            second->run(cdb({3, 0, 0, 0, 252, 0}), 252);
            ByteVector plain(command.cdb_length());
            plain[0] = std::byte{command.opcode};
            plain[1] = std::byte{command.service_action.value_or(0)};
            const ByteVector data(command.opcode == 0x41 || command.opcode == 0x93 ? 512 : 0);
            const auto refusal = scsi::refused_in(state, command.rules.least_access_state);
            const std::uint32_t code = second->run(plain, 4096, data).sense_code();
            const std::uint32_t expected =
                refusal ? 0x020000U | static_cast<std::uint32_t>(refusal->asc) : 0U;
            if (refusal) {
                EXPECT_EQ(code, expected);
            } else {
                EXPECT_NE(code >> 8U, 0x0204U);
            }
        }
    }
}

TEST_F(TwoPaths, SayWhereTheyLead) {
    begin();
    const Task& inquiry = second->run(cdb({0x12, 0, 0, 0, 96, 0}), 96);
    EXPECT_EQ(inquiry.data_received.at(0), std::byte{0x00});
    EXPECT_EQ(inquiry.data_received.at(5), std::byte{0x38}) << "TPGS: implicit and explicit, and 3PC";
    EXPECT_EQ(inquiry.data_received.at(6), std::byte{0x10}) << "MULTIP";
    const Task& page = second->run(cdb({0x12, 1, 0x83, 0, 255, 0}), 255);
    const ByteVector group_and_port = cdb({0x51, 0x94, 0, 4, 0, 0, 0, 2, 0x51, 0x95, 0, 4, 0, 0, 0, 2});
    EXPECT_FALSE(std::ranges::search(page.data_received, group_and_port).empty());
    administer(active_optimized, unavailable);
    EXPECT_EQ(second->run(cdb({0x12, 0, 0, 0, 96, 0}), 96).data_received.at(0), std::byte{0x20});
    EXPECT_EQ(second->run(cdb({0x12, 1, 0x83, 0, 96, 0}), 96).data_received.at(0), std::byte{0x20});
}

TEST_F(TwoPaths, ChangeByCommandForEveryUnitAndEveryNexusButTheOneThatAsked) {
    begin();
    EXPECT_EQ(read(*first), 0U);
    EXPECT_EQ(read(*second), kInStandby);
    EXPECT_EQ(set(*first, standby, active_optimized).status, 0);
    EXPECT_EQ(first->next_attention(), kInStandby) << "no unit attention, and no TEST UNIT READY";
    EXPECT_EQ(second->next_attention(), kChanged);
    EXPECT_EQ(second->next_attention(), 0U);
    EXPECT_EQ(second->next_attention(1), kChanged) << "the other unit is in the same device group";
    EXPECT_EQ(read(*second), 0U);
    EXPECT_EQ(read(*first, 1), kInStandby);
    EXPECT_EQ(reported(*first), (std::pair{2U, 0U}));
}

TEST_F(TwoPaths, TellNobodyOfWhatDoesNotChange) {
    begin();
    EXPECT_EQ(set(*first, active_optimized, standby).status, 0);
    EXPECT_EQ(set(*first, active_optimized, active_optimized).status, 0);
    EXPECT_EQ(second->next_attention(), kChanged);
    EXPECT_EQ(set(*first, active_optimized, active_optimized).status, 0);
    EXPECT_EQ(second->next_attention(), 0U);
    EXPECT_EQ(store->keeps, 2) << "the status code of a group changed once by itself";
}

TEST_F(TwoPaths, CanBeChangedAgainWhileAUnitHangs) {
    begin();
    auto& disk = static_cast<SimDevice&>(units[0]->device());
    disk.pace = testing::Pace::on_request;
    Task& write = first->send(cdb10(0x2a, 0, 1), 0, testing::filled(512, 1));
    world.run();
    ASSERT_EQ(disk.pending(), 1U);
    std::vector<scsi::Outcome> ended;
    const auto change = [&](AccessState to) {
        group->set(
            [to](const scsi::AsymmetricAccess& access) {
                scsi::AsymmetricAccess next = access;
                next.groups[1].state = to;
                return std::expected<scsi::AsymmetricAccess, scsi::Sense>(next);
            },
            [&](scsi::Outcome outcome) { ended.push_back(outcome); });
        world.run();
    };
    change(active_optimized);
    second->clear_attentions(1);
    EXPECT_EQ(read(*second, 1), 0U);
    change(standby);
    EXPECT_EQ(read(*second, 1), kInStandby);
    change(standby);
    EXPECT_TRUE(ended.empty()) << "none is in force in every unit";
    disk.complete_one();
    world.run();
    EXPECT_EQ(write.status, 0);
    EXPECT_EQ(ended, (std::vector<scsi::Outcome>(3, scsi::Status::good)));
    EXPECT_EQ(read(*second, 0), kInStandby);
}

TEST_F(TwoPaths, StayAsTheyAreWhenTheProgramRefuses) {
    begin(true);
    program->answer = false;
    EXPECT_EQ(set(*first, standby, active_optimized).sense_code(), kCommandFailed);
    EXPECT_EQ(program->name, "pair");
    ASSERT_EQ(program->asked.size(), 2U);
    EXPECT_EQ(program->asked[1].from, standby);
    EXPECT_EQ(program->asked[1].to, active_optimized);
    EXPECT_EQ(reported(*first), (std::pair{0U, 2U}));
    EXPECT_EQ(second->run(cdb({0x1a, 0, 0x0a, 0, 255, 0}), 255).status, 0) << "nobody was told of anything";
    EXPECT_EQ(read(*first), 0U);
    EXPECT_TRUE(store->content.empty());
}

TEST_F(TwoPaths, StayAsTheyAreWhenNothingCanBeKept) {
    begin();
    store->fails = true;
    EXPECT_EQ(set(*first, standby, active_optimized).sense_code(), kCommandFailed);
    EXPECT_EQ(reported(*first), (std::pair{0U, 2U}));
    EXPECT_EQ(read(*first), 0U);
}

TEST_F(TwoPaths, HoldCommandsWhileTheProgramRuns) {
    begin(true);
    const ByteVector list = states(active_non_optimized, active_optimized);
    Task& change = first->send(set_command(list.size()), 0, list);
    world.run();
    ASSERT_FALSE(program->asked.empty());
    Task& waits = second->send(cdb10(0x28, 0, 1), 512);
    Task& inquiry = second->send(cdb({0x12, 0, 0, 0, 96, 0}), 96);
    world.run();
    EXPECT_FALSE(waits.ended);
    EXPECT_TRUE(inquiry.ended);
    EXPECT_EQ(reported(*second), (std::pair{15U, 15U}));
    program->answer = true;
    world.advance(std::chrono::milliseconds{100});
    world.run();
    EXPECT_EQ(change.status, 0);
    EXPECT_TRUE(waits.ended);
}

TEST_F(TwoPaths, HoldNoCommandForLongerThanTheyMay) {
    begin();
    administer(active_optimized, transitioning);
    second->run(cdb({3, 0, 0, 0, 252, 0}), 252);
    Task& held = second->send(cdb10(0x28, 0, 1), 512);
    for (int i = 0; i < 49; ++i) {
        world.advance(std::chrono::milliseconds{100});
    }
    EXPECT_FALSE(held.ended);
    for (int i = 0; i < 3; ++i) {
        world.advance(std::chrono::milliseconds{100});
    }
    EXPECT_EQ(held.sense_code(), kInTransition);
    EXPECT_EQ(second->run(cdb10(0x28, 0, 1), 512).sense_code(), kInTransition) << "and no later one at all";
    administer(active_optimized, active_optimized);
    EXPECT_EQ(second->next_attention(), kChanged);
    EXPECT_EQ(read(*second), 0U);
}

TEST_F(TwoPaths, LetAHeldCommandBeAborted) {
    begin();
    administer(active_optimized, transitioning);
    second->run(cdb({3, 0, 0, 0, 252, 0}), 252);
    Task& held = second->send(cdb10(0x28, 0, 1), 512);
    world.run();
    EXPECT_EQ(second->manage(TaskFunction::abort_task, 0, held.tag.value), TaskResponse::function_complete);
    EXPECT_TRUE(held.was_dropped);
    administer(active_optimized, active_optimized);
}

struct Restarts : ::testing::Test {
    World world{1, 1};
    std::shared_ptr<MemoryStore> store = std::make_shared<MemoryStore>();
    DeviceGroupSettings settings(AccessState one) {
        return {.name = "pair",
                .access = {.groups = {{.id = 1, .state = one, .ports = {1}}}, .set_by_command = true},
                .store = store};
    }
    AccessState state_of(const DeviceGroup& group) { return group.first_access()->groups.front().state; }
    scsi::Outcome set(DeviceGroup& group, AccessState to) {
        scsi::Outcome outcome = scsi::Status::busy;
        group.set(
            [to](scsi::AsymmetricAccess next) -> std::expected<scsi::AsymmetricAccess, scsi::Sense> {
                next.groups.front().state = to;
                return next;
            },
            [&outcome](const scsi::Outcome& came) { outcome = came; });
        world.run();
        return outcome;
    }
    void set(AccessState configured, AccessState to) {
        const auto group = std::make_shared<DeviceGroup>(world.core(0), settings(configured));
        EXPECT_EQ(set(*group, to), scsi::Outcome{scsi::Status::good});
    }
};

TEST_F(Restarts, KeepWhatWasSet) {
    set(active_optimized, standby);
    EXPECT_EQ(state_of(DeviceGroup(world.core(0), settings(active_optimized))), standby);
}

TEST_F(Restarts, KeepWhatWasSetAfterSomethingElseWasRefused) {
    const auto group = std::make_shared<DeviceGroup>(world.core(0), settings(active_optimized));
    set(*group, standby);
    store->fails_once = store->fails_late = true;
    EXPECT_NE(set(*group, unavailable), scsi::Outcome{scsi::Status::good});
    EXPECT_EQ(set(*group, standby), scsi::Outcome{scsi::Status::good});
    EXPECT_EQ(state_of(DeviceGroup(world.core(0), settings(active_optimized))), standby);
}

TEST_F(Restarts, TakeTheConfigurationWhenItHasChanged) {
    set(active_optimized, standby);
    EXPECT_EQ(state_of(DeviceGroup(world.core(0), settings(unavailable))), unavailable);
}

TEST_F(Restarts, TakeTheConfigurationWhenWhatWasKeptMakesNoSense) {
    store->content[Kept::access_states] = "1 0 0 0 \n1 7 0 0 \n";
    EXPECT_EQ(state_of(DeviceGroup(world.core(0), settings(active_optimized))), active_optimized);
}

}  // namespace
}  // namespace targe::engine
