// What a READ or a WRITE costs besides the work: no allocation.
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <new>

namespace {

std::uint64_t allocations = 0;

}  // namespace

// The thread sanitizer brings its own operators and lets nobody replace them.
#if !__has_feature(thread_sanitizer)

namespace {

void* counted(std::size_t size) {
    ++allocations;
    if (void* const memory = std::malloc(size)) {
        return memory;
    }
    std::abort();
}

}  // namespace

void* operator new(std::size_t size) {
    return counted(size);
}
void* operator new[](std::size_t size) {
    return counted(size);
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete[](void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t /*size*/) noexcept {
    std::free(memory);
}
void operator delete[](void* memory, std::size_t /*size*/) noexcept {
    std::free(memory);
}

#endif

namespace targe::engine {
namespace {

using testing::cdb10;
using testing::Scene;

/// Retires at once, and sends no byte anywhere.
class Sink final : public CommandPort {
public:
    void data_out_wanted(Command& command) override { nexus->data_out_arrived(command); }
    void completed(Command& command) override {
        good += command.status == 0 ? 1 : 0;
        retire(command);
    }
    void dropped(Command& command) override { retire(command); }
    void let_go(Command& /*command*/) override {}
    void managed(TaskManagement& /*request*/) override {}

    std::unique_ptr<Nexus> nexus;
    int good = 0;

private:
    void retire(Command& command) { EXPECT_TRUE(nexus->retire(command, Delivery::delivered)); }
};

void send(Sink& sink, Command& command, const testing::ByteVector& cdb, ExpectedData expected) {
    command.reset();
    command.cdb = scsi::Cdb{cdb};
    command.expected = expected;
    sink.nexus->submit(command);
}

/// `type`: SIMPLE tasks of a shared task set pay nothing for it.
void expect_nothing_allocated(scsi::TaskSetType type) {
    Scene scene{{.cores = 2, .task_set_type = type}};
    Sink sink;
    sink.nexus = scene.engine.open_nexus(scene.world.core(0), *scene.target, {.initiator_name = "x"}, sink,
                                         NexusOrigin::fresh);
    auto command = std::make_unique<Command>();
    const testing::ByteVector read = cdb10(0x28, 0, 8);
    const testing::ByteVector write = cdb10(0x2a, 0, 8);
    send(sink, *command, cdb10(0x00, 0, 0), {});  // the unit attention
    for (const bool lends : {false, true}) {
        scene.disk->lends = lends;
        send(sink, *command, read, {true, 0, 4096});
        send(sink, *command, write, {true, 4096, 0});
        const std::uint64_t before = allocations;
        for (int i = 0; i < 100; ++i) {
            send(sink, *command, read, {true, 0, 4096});
            send(sink, *command, write, {true, 4096, 0});
        }
        EXPECT_EQ(allocations - before, 0U);
    }
    EXPECT_FALSE(scene.world.step()) << "another core was told";
    EXPECT_EQ(sink.good, 404);
    EXPECT_EQ(command->arena().heap_allocations(), 0U);
    sink.nexus->close([] {});
    scene.world.run();
}

TEST(HotPath, ReadsAndWritesAllocateNothing) {
    expect_nothing_allocated(scsi::TaskSetType::one_per_nexus);
}

TEST(HotPath, ReadsAndWritesOfASharedTaskSetAllocateNothingAndTellNobody) {
    expect_nothing_allocated(scsi::TaskSetType::shared);
}

}  // namespace
}  // namespace targe::engine
