// Labels and clocks of a unit, through the engine.
#include "engine/testing/memory_store.h"
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace targe::engine::testing {
namespace {

using namespace std::string_view_literals;

ByteVector bytes_of(std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    return {bytes.begin(), bytes.end()};
}

ByteVector set_information(std::string_view text) {
    return cdb({0xa4, 6, 0, 0, 0, 0, 0, 0, 0, static_cast<unsigned>(text.size()), 0, 0});
}
const ByteVector kReportInformation = cdb({0xa3, 5, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0});

std::string information(Initiator& initiator) {
    const Task& task = initiator.run(kReportInformation, 256);
    const std::string all(reinterpret_cast<const char*>(task.data_received.data()),
                          task.data_received.size());
    return all.size() < 4 ? "none" : all.substr(4);
}

TEST(IdentifyingInformation, OutlivesTheProcessAndIsToldToOthers) {
    const auto store = std::make_shared<MemoryStore>();
    {
        Scene scene({.cores = 2, .store = store});
        const auto one = scene.login(0);
        const auto other = scene.login(1);
        EXPECT_EQ(one->run(set_information("shelf 3"), 0, bytes_of("shelf 3")).status, 0);
        EXPECT_EQ(information(*one), "shelf 3");
        EXPECT_EQ(one->next_attention(), 0U);
        EXPECT_EQ(other->next_attention(), 0x063f05U);
        EXPECT_EQ(other->next_attention(), 0U);
        EXPECT_EQ(information(*other), "shelf 3");
    }
    Scene scene({.store = store});
    const auto later = scene.login();
    EXPECT_EQ(information(*later), "shelf 3");
}

TEST(IdentifyingInformation, ThatCannotBeKeptIsNotSet) {
    const auto store = std::make_shared<MemoryStore>();
    store->fails = true;
    Scene scene({.store = store});
    const auto one = scene.login();
    const auto other = scene.login();
    EXPECT_EQ(one->run(set_information("x"), 0, bytes_of("x")).sense_code(), 0x044400U);
    EXPECT_EQ(information(*one), "");
    EXPECT_EQ(other->next_attention(), 0U);
}

TEST(IdentifyingInformation, ReplacesWhatWasRefusedThoughItIsTheSameAsBefore) {
    const auto store = std::make_shared<MemoryStore>();
    Scene scene({.store = store});
    const auto one = scene.login();
    const auto other = scene.login();
    EXPECT_EQ(one->run(set_information("x"), 0, bytes_of("x")).status, 0);
    EXPECT_EQ(other->next_attention(), 0x063f05U);
    store->fails_once = store->fails_late = true;
    EXPECT_EQ(one->run(set_information("y"), 0, bytes_of("y")).sense_code(), 0x044400U);
    EXPECT_EQ(one->run(set_information("x"), 0, bytes_of("x")).status, 0);
    EXPECT_EQ(other->next_attention(), 0U) << "nothing has changed";
    Scene after({.store = store});
    EXPECT_EQ(information(*after.login()), "x");
}

TEST(Timestamp, SetByOneIsReportedToAllAndRunsOn) {
    Scene scene({.cores = 2});
    const auto one = scene.login(0);
    const auto other = scene.login(1);
    const ByteVector list = cdb({0, 0, 0, 0, 0, 0, 0, 0, 0x10, 0, 0, 0});
    EXPECT_EQ(one->run(cdb({0xa4, 0x0f, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0}), 0, list).status, 0);
    EXPECT_EQ(other->next_attention(), 0x062a10U);
    scene.world.advance(std::chrono::milliseconds{5});
    const Task& task = other->run(cdb({0xa3, 0x0f, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0}), 12);
    EXPECT_EQ(task.data_received, cdb({0, 10, 2, 0, 0, 0, 0, 0, 0x10, 5, 0, 0}));
}

/// MODE SELECT (6) of a Control page with D_SENSE, saved where `flags` has SP.
ByteVector select_control(unsigned flags) {
    return cdb({0x15, 0x10U | flags, 0, 0, 16, 0});
}
const ByteVector kDescriptorSense = cdb({0, 0, 0, 0, 0x0a, 0x0a, 0x24, 0x10, 0, 0, 0, 0, 0, 0, 0, 0});

bool has_descriptor_sense(Scene& scene) {
    return scene.unit->lane(scene.world.core(0)).state().pages.descriptor_sense;
}

TEST(SavedModePages, OutliveTheProcessAndComeBackAfterAReset) {
    const auto store = std::make_shared<MemoryStore>();
    {
        Scene scene({.store = store});
        const auto one = scene.login();
        EXPECT_EQ(one->run(select_control(1), 0, kDescriptorSense).status, 0);
        EXPECT_EQ(store->keeps, 1);
        EXPECT_EQ(one->run(select_control(1), 0, kDescriptorSense).status, 0);
        EXPECT_EQ(store->keeps, 1) << "nothing new to keep";
        ByteVector back = kDescriptorSense;
        back[6] = std::byte{0x20};
        EXPECT_EQ(one->run(select_control(0), 0, back).status, 0);
        EXPECT_FALSE(has_descriptor_sense(scene));
        EXPECT_EQ(one->manage(TaskFunction::logical_unit_reset), TaskResponse::function_complete);
        EXPECT_TRUE(has_descriptor_sense(scene));
    }
    Scene scene({.store = store});
    EXPECT_TRUE(has_descriptor_sense(scene));
}

TEST(SavedModePages, LeaveToTheConfigurationWhatIsAsConfigured) {
    const auto store = std::make_shared<MemoryStore>();
    {
        Scene scene({.write_through = true, .store = store});
        const auto one = scene.login();
        EXPECT_EQ(one->run(select_control(1), 0, kDescriptorSense).status, 0);
    }
    Scene scene({.store = store});
    EXPECT_TRUE(has_descriptor_sense(scene));
    EXPECT_TRUE(scene.unit->lane(scene.world.core(0)).state().pages.write_cache_enabled)
        << "the administrator has allowed it since";
}

TEST(SavedModePages, ThatCannotBeKeptChangeNothing) {
    const auto store = std::make_shared<MemoryStore>();
    store->fails = true;
    Scene scene({.store = store});
    const auto one = scene.login();
    EXPECT_EQ(one->run(select_control(1), 0, kDescriptorSense).sense_code(), 0x044400U);
    EXPECT_FALSE(has_descriptor_sense(scene));
}

// HARDWARE ERROR is no promise that nothing was written.
TEST(SavedModePages, ReplaceWhatWasRefusedThoughTheyAreTheSameAsBefore) {
    const auto store = std::make_shared<MemoryStore>();
    Scene scene({.store = store});
    const auto one = scene.login();
    ByteVector before = kDescriptorSense;
    before[6] = std::byte{0x20};
    EXPECT_EQ(one->run(select_control(1), 0, before).status, 0);
    store->fails_once = store->fails_late = true;
    EXPECT_EQ(one->run(select_control(1), 0, kDescriptorSense).sense_code(), 0x044400U);
    EXPECT_EQ(one->run(select_control(1), 0, before).status, 0);
    Scene after({.store = store});
    EXPECT_FALSE(has_descriptor_sense(after));
}

TEST(SavedModePages, AreRefusedWhereNothingIsKept) {
    Scene scene;
    const auto one = scene.login();
    EXPECT_EQ(one->run(select_control(1), 0, kDescriptorSense).sense_code(), 0x052400U);
    EXPECT_EQ(one->run(cdb({0x1a, 0, 0xca, 0, 255, 0}), 255).sense_code(), 0x053900U);
}

const ByteVector kReportOwnPriority = cdb({0xa3, 0x0e, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0});
const ByteVector kReportGivenPriorities = cdb({0xa3, 0x0e, 0x40, 0, 0, 0, 0, 0, 1, 0, 0, 0});

ByteVector set_priority(unsigned whom, std::size_t list) {
    return cdb({0xa4, 0x0e, whom << 6U, 0, 0, 0, 0, 0, 0, static_cast<unsigned>(list), 0, 0});
}

unsigned own_priority(Initiator& initiator) {
    return std::to_integer<unsigned>(initiator.run(kReportOwnPriority, 256).data_received.at(4));
}

/// What REPORT PRIORITY says of an initiator is what SET PRIORITY takes.
ByteVector naming(Initiator& initiator, unsigned priority) {
    const ByteVector data = initiator.run(kReportOwnPriority, 256).data_received;
    ByteVector list(data.begin() + 4, data.end());
    list[0] = static_cast<std::byte>(priority);
    return list;
}

TEST(CommandPriority, IsGivenToANexusThatIsTold) {
    Scene scene({.cores = 2});
    const auto one = scene.login(0);
    const auto other = scene.login(1);
    EXPECT_EQ(own_priority(*other), 0U);
    const ByteVector list = naming(*other, 9);
    EXPECT_EQ(one->run(set_priority(1, list.size()), 0, list).status, 0);
    EXPECT_EQ(one->next_attention(), 0U);
    EXPECT_EQ(other->next_attention(), 0x062a08U);
    EXPECT_EQ(own_priority(*other), 9U);
    EXPECT_EQ(own_priority(*one), 0U);
    EXPECT_EQ(one->run(set_priority(0, 1), 0, cdb({4})).status, 0);
    EXPECT_EQ(one->next_attention(), 0U) << "it is its own doing";
    EXPECT_EQ(other->next_attention(), 0U);
    EXPECT_EQ(one->run(kReportGivenPriorities, 256).data_received.size(), 4 + 2 * list.size());
}

TEST(CommandPriority, OutlivesTheNexusAndEndsWithAReset) {
    Scene scene;
    const auto one = scene.login();
    EXPECT_EQ(one->run(set_priority(0, 1), 0, cdb({4})).status, 0);
    EXPECT_EQ(one->manage(TaskFunction::i_t_nexus_reset), TaskResponse::function_complete);
    one->clear_attentions();
    EXPECT_EQ(own_priority(*one), 4U);
    EXPECT_EQ(one->manage(TaskFunction::logical_unit_reset), TaskResponse::function_complete);
    one->clear_attentions();
    EXPECT_EQ(own_priority(*one), 0U);
}

TEST(CommandPriority, IsTheInitialOneAgainForEverybodyWhoIsTold) {
    Scene scene({.cores = 2});
    const auto one = scene.login(0);
    const auto other = scene.login(1);
    EXPECT_EQ(other->run(set_priority(0, 1), 0, cdb({4})).status, 0);
    EXPECT_EQ(one->run(set_priority(2, 0)).status, 0);
    EXPECT_EQ(one->next_attention(), 0U);
    EXPECT_EQ(other->next_attention(), 0x062a08U);
    EXPECT_EQ(own_priority(*other), 0U);
}

TEST(CommandPriority, ThatIsInitialChangesForThoseWhoHaveNoOther) {
    Scene scene({.cores = 2});
    const auto one = scene.login(0);
    const auto other = scene.login(1);
    const auto third = scene.login(1);
    EXPECT_EQ(other->run(set_priority(0, 1), 0, cdb({4})).status, 0);
    ByteVector page = cdb({0, 0, 0, 0, 0x4a, 0x01, 0, 0x1c, 6, 3, 252});
    page.resize(4 + 32);
    EXPECT_EQ(one->run(cdb({0x15, 0x10, 0, 0, 36, 0}), 0, page).status, 0);
    EXPECT_EQ(one->next_attention(), 0x062a08U);
    EXPECT_EQ(one->next_attention(), 0U);
    EXPECT_EQ(other->next_attention(), 0x062a01U);
    EXPECT_EQ(other->next_attention(), 0U);
    EXPECT_EQ(third->next_attention(), 0x062a08U);
    EXPECT_EQ(third->next_attention(), 0x062a01U);
}

}  // namespace
}  // namespace targe::engine::testing
