// Commands that the unit's device leaves to the engine: blocks to be written or copied.
#include "engine/testing/plain_device.h"
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <coroutine>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace targe::engine {
namespace {

using device::ServerAnswer;
using device::ServerRemap;
using testing::ByteVector;
using testing::cdb;
using testing::cdb16;
using testing::filled;
using testing::Initiator;
using testing::Task;
using testing::World;

constexpr std::uint32_t kBlock = 512;
constexpr std::uint64_t kBlocks = 8192;
constexpr std::uint64_t kPieceBlocks = 131'072 / kBlock;
constexpr unsigned kRead16 = 0x88;
constexpr unsigned kWrite16 = 0x8a;
constexpr unsigned kWriteSame16 = 0x93;
constexpr std::uint32_t kAttachment = 5;

/// A disk that executes READ(16) and WRITE(16), and has all else remapped as the test says.
class RemappingDisk final : public testing::PlainDevice, public device::CommandServer {
public:
    explicit RemappingDisk(World& world) : bytes(kBlocks * kBlock), world_(world) {}

    CommandServer* server() override { return this; }
    [[nodiscard]] device::ServerFacts facts() const override { return {.rules = rules}; }
    bool join(const device::ServerNexus& /*nexus*/) override { return false; }
    void depart(std::uint64_t /*nexus*/) override {}
    void leave(std::uint64_t /*nexus*/) override {}
    void tell(device::ServerEvent /*event*/, bool /*done*/, std::uint64_t /*nexus*/) override {}

    base::Task<ServerAnswer> execute(base::CommandArena& /*arena*/, device::ServerRequest& request) override {
        const auto opcode = std::to_integer<unsigned>(request.cdb[0]);
        if (request.only_by == 0) {
            may_remap = request.may_remap;
            tag = request.tag;
            co_return ServerAnswer{.end = ServerAnswer::End::answered,
                                   .remap = opcode == kWriteSame16 || opcode == 0xc5 ? remap : nullptr};
        }
        opcodes.push_back(opcode);
        well_made = well_made && request.only_by == kAttachment && !request.may_remap && request.tag == tag &&
                    request.nexus != 0 && request.attribute == 0;
        requests.push_back(&request);
        most_at_once = std::max(most_at_once, requests.size());
        const BlockRange range{field(request, 2, 8), field(request, 10, 4)};
        if (fails(range)) {
            std::erase(requests, &request);
            co_return failure;  // at once, while others are under way
        }
        co_await Later{*this};
        std::erase(requests, &request);
        co_return serve(request, range);
    }

    /// Lets go of what is kept.
    void let_go() {
        keeps = false;
        for (const std::coroutine_handle<> each : std::exchange(kept_, {})) {
            world_.later(world_.core(0), [each] { each.resume(); });
        }
    }
    [[nodiscard]] std::byte* at(std::uint64_t lba) { return bytes.data() + lba * kBlock; }
    [[nodiscard]] ByteVector blocks(std::uint64_t lba, std::uint64_t count) {
        return {at(lba), at(lba) + count * kBlock};
    }

    ByteVector bytes;
    std::vector<device::CommandRule> rules;
    std::shared_ptr<ServerRemap> remap;
    bool may_remap = false;
    bool well_made = true;
    bool keeps = false;
    std::uint64_t tag = 0;
    std::uint64_t fails_at = kBlocks;
    ServerAnswer failure{.end = ServerAnswer::End::answered, .status = 0x02, .key = 3, .condition = 0x0c00};
    std::uint32_t short_by = 0;  ///< reads
    std::vector<unsigned> opcodes;
    std::vector<device::ServerRequest*> requests;  ///< under way
    std::size_t most_at_once = 0;

private:
    struct Later {
        RemappingDisk& disk;
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> self) const {
            if (disk.keeps) {
                disk.kept_.push_back(self);
                return;
            }
            disk.world_.later(disk.world_.core(0), [self] { self.resume(); });
        }
        void await_resume() const noexcept {}
    };
    static std::uint64_t field(const device::ServerRequest& request, std::size_t at, std::size_t bytes) {
        std::uint64_t value = 0;
        for (const std::byte each : request.cdb.subspan(at, bytes)) {
            value = value << 8U | std::to_integer<std::uint64_t>(each);
        }
        return value;
    }
    [[nodiscard]] bool fails(const BlockRange& range) const {
        return range.lba <= fails_at && fails_at < range.lba + range.blocks;
    }
    ServerAnswer serve(const device::ServerRequest& request, const BlockRange& range) {
        ServerAnswer answer{.end = ServerAnswer::End::answered};
        well_made = well_made && range.blocks <= kPieceBlocks;
        if (!request.in.empty()) {
            std::memcpy(request.in[0].data, at(range.lba), request.in[0].size);
            answer.in_bytes = static_cast<std::uint32_t>(request.in[0].size) - short_by;
        } else {
            well_made = well_made && request.out[0].size == range.blocks * kBlock;
            std::memcpy(at(range.lba), request.out[0].data, request.out[0].size);
        }
        return answer;
    }
    World& world_;
    std::vector<std::coroutine_handle<>> kept_;
};

class Remaps : public ::testing::Test {
protected:
    Remaps() : engine_(world_.cores(), {}) {
        UnitSettings settings;
        settings.name = "disk";
        settings.type = scsi::DeviceType::disk;
        settings.identity.serial = "disk";
        auto made = std::make_unique<RemappingDisk>(world_);
        disk_ = made.get();
        disk_->rules = {
            {.opcode = 0xc5, .direction = device::CommandRule::Direction::none, .writes_medium = true},
            {.opcode = 0xc6, .direction = device::CommandRule::Direction::none}};
        settings.device = std::move(made);
        LunMaps maps;
        maps.luns.push_back({.lun = 0, .unit = engine_.add_unit(std::move(settings)), .read_only = false});
        target_ = &engine_.add_target("iqn.2026-11.io.targe:test", std::move(maps));
        host_ = std::make_unique<Initiator>(world_, engine_, *target_, world_.core(0), "host");
        host_->clear_attentions();
    }
    void remaps(std::vector<ServerRemap::Range> ranges, ByteVector block = {}) {
        disk_->remap = std::make_shared<ServerRemap>(ServerRemap{.ranges = std::move(ranges),
                                                                 .block_bytes = kBlock,
                                                                 .block = std::move(block),
                                                                 .answered_by = kAttachment});
    }
    const Task& write_same() { return host_->run(cdb16(kWriteSame16, 0, 1), 0, filled(kBlock, 1)); }
    const Task& copy() { return host_->run(cdb({0xc5, 0, 0, 0, 0, 0})); }

    const unsigned seed_ = std::random_device{}();
    ::testing::ScopedTrace trace_{__FILE__, __LINE__, "seed=" + std::to_string(seed_)};
    World world_{1, seed_};
    Engine engine_;
    RemappingDisk* disk_ = nullptr;
    Target* target_ = nullptr;
    std::unique_ptr<Initiator> host_;
};

TEST_F(Remaps, WriteTheBlockToAllOfTheList) {
    constexpr std::uint64_t kLong = 10 * kPieceBlocks + 7;
    remaps({{.lba = 3, .blocks = 1, .source = 0}, {.lba = 100, .blocks = kLong, .source = 0}},
           filled(kBlock, 7));
    EXPECT_EQ(write_same().status, 0x00);
    EXPECT_TRUE(disk_->may_remap);
    EXPECT_TRUE(disk_->well_made);
    EXPECT_EQ(disk_->blocks(3, 1), filled(kBlock, 7));
    EXPECT_EQ(disk_->blocks(100, kLong), filled(kLong * kBlock, 7));
    EXPECT_EQ(std::ranges::count(disk_->bytes, std::byte{7}),
              static_cast<std::ptrdiff_t>((kLong + 1) * kBlock));
    EXPECT_EQ(disk_->opcodes, std::vector<unsigned>(12, kWrite16));
    EXPECT_EQ(disk_->most_at_once, 8U);
}

TEST_F(Remaps, CopyOneRangeAfterTheOther) {
    constexpr std::uint64_t kLong = 9 * kPieceBlocks + 1;
    for (std::uint64_t lba = 0; lba < kLong; ++lba) {
        std::memcpy(disk_->at(lba), &lba, sizeof lba);
    }
    const ByteVector source = disk_->blocks(0, kLong);
    remaps({{.lba = 3000, .blocks = kLong, .source = 0}, {.lba = 5500, .blocks = kLong, .source = 3000}});
    EXPECT_EQ(copy().status, 0x00);
    EXPECT_TRUE(disk_->well_made);
    EXPECT_EQ(disk_->blocks(3000, kLong), source);
    EXPECT_EQ(disk_->blocks(5500, kLong), source) << "what the first range had written";
    EXPECT_EQ(std::ranges::count(disk_->opcodes, kRead16), 20);
    EXPECT_EQ(std::ranges::count(disk_->opcodes, kWrite16), 20);
}

TEST_F(Remaps, EndAsTheFirstCommandThatFailed) {
    remaps({{.lba = 0, .blocks = kBlocks, .source = 0}, {.lba = 0, .blocks = 1, .source = 0}},
           filled(kBlock, 7));
    disk_->fails_at = 5 * kPieceBlocks;
    const Task& failed = write_same();
    EXPECT_EQ(failed.sense_code(), 0x030c00U);
    EXPECT_TRUE(disk_->requests.empty()) << "it has waited for all of them";
    EXPECT_EQ(disk_->most_at_once, 6U);
    EXPECT_EQ(disk_->opcodes.size(), 6U) << "no more were made";
    disk_->failure = {.end = ServerAnswer::End::answered, .status = 0x08};
    EXPECT_EQ(write_same().status, 0x08);
}

TEST_F(Remaps, WriteNothingThatWasNotRead) {
    remaps({{.lba = 4000, .blocks = 20, .source = 0}});
    disk_->short_by = kBlock;
    EXPECT_EQ(copy().sense_code(), 0x0b4400U);
    EXPECT_EQ(disk_->opcodes, std::vector<unsigned>{kRead16});
    disk_->short_by = 0;
    disk_->fails_at = 10;
    EXPECT_EQ(copy().sense_code(), 0x030c00U);
    EXPECT_EQ(disk_->opcodes, (std::vector<unsigned>{kRead16, kRead16}));
}

TEST_F(Remaps, AreNotFinishedByAnotherHandler) {
    using End = ServerAnswer::End;
    remaps({{.lba = 0, .blocks = kBlocks, .source = 0}}, filled(kBlock, 7));
    disk_->fails_at = 5 * kPieceBlocks;
    for (const End end : {End::reset, End::lost, End::away, End::busy}) {
        disk_->failure = {.end = end};
        EXPECT_EQ(write_same().sense_code(), 0x0b4400U) << "a part of it may have been done";
    }
}

TEST_F(Remaps, AreAbortedWithAllThatTheyHaveMade) {
    remaps({{.lba = 0, .blocks = kBlocks, .source = 0}}, filled(kBlock, 7));
    disk_->keeps = true;
    const Task& aborted = host_->send(cdb16(kWriteSame16, 0, 1), 0, filled(kBlock, 1));
    world_.run();
    EXPECT_EQ(disk_->requests.size(), 8U);
    host_->begin(TaskFunction::logical_unit_reset);
    world_.run();
    EXPECT_TRUE(std::ranges::all_of(disk_->requests, &device::ServerRequest::aborted));
    EXPECT_TRUE(host_->answered.empty()) << "they may still write";
    disk_->let_go();
    world_.run();
    EXPECT_TRUE(aborted.was_dropped);
    EXPECT_EQ(host_->answered.size(), 1U);
    EXPECT_EQ(disk_->opcodes.size(), 8U) << "no more were made";
}

TEST_F(Remaps, AreOnlyForWhatWasLetInAsAWrite) {
    remaps({{.lba = 0, .blocks = 1, .source = 0}}, filled(kBlock, 7));
    copy();
    EXPECT_TRUE(disk_->may_remap) << "its rule says that it writes";
    host_->run(cdb({0xc6, 0, 0, 0, 0, 0}));
    EXPECT_FALSE(disk_->may_remap);
    host_->run(cdb({0x00, 0, 0, 0, 0, 0}));
    EXPECT_FALSE(disk_->may_remap);
}

TEST_F(Remaps, AreRefusedWhereThereIsNoMemory) {
    remaps({{.lba = 4000, .blocks = 20, .source = 0}});
    world_.core(0).pool().set_limit(0);
    EXPECT_EQ(copy().status, 0x08);
    EXPECT_TRUE(disk_->opcodes.empty());
}

}  // namespace
}  // namespace targe::engine
