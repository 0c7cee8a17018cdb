// A disk that leaves work to the engine, for tests.
#pragma once

#include "engine/testing/plain_device.h"
#include "engine/testing/scene.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <coroutine>
#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace targe::engine::testing {

constexpr std::uint32_t kRemapBlock = 512;
constexpr std::uint64_t kRemapBlocks = 8192;
constexpr std::uint64_t kPieceBlocks = 131'072 / kRemapBlock;
constexpr unsigned kWriteSame16 = 0x93;
constexpr unsigned kRemapping = 0xc5;      ///< of the disk's own, and it says that it writes
constexpr unsigned kUnruly = 0xc6;         ///< the same, and it does not say so
constexpr unsigned kKeptElsewhere = 0xc7;  ///< on core 1, until the test says so
constexpr std::uint32_t kAttachment = 5;

/// A disk that executes READ(16) and WRITE(16), and has all else remapped as the test says.
class RemappingDisk final : public PlainDevice, public device::CommandServer {
public:
    explicit RemappingDisk(World& world) : bytes(kRemapBlocks * kRemapBlock), world_(world) {}

    CommandServer* server() override { return this; }
    [[nodiscard]] device::ServerFacts facts() const override { return {.rules = rules}; }
    bool join(const device::ServerNexus& /*nexus*/) override { return false; }
    void depart(std::uint64_t /*nexus*/) override {}
    void leave(std::uint64_t /*nexus*/) override {}
    void tell(device::ServerEvent /*event*/, bool /*done*/, std::uint64_t /*nexus*/) override {}
    void reservations_changed(const device::ReservationFacts& /*facts*/) override {
        made_before_reservation = opcodes.size();
        well_made = well_made && requests.empty();
    }

    base::Task<device::ServerAnswer> execute(base::CommandArena& /*arena*/,
                                             device::ServerRequest& request) override {
        const auto opcode = std::to_integer<unsigned>(request.cdb[0]);
        if (request.only_by == 0) {
            if (opcode == kKeptElsewhere) {
                co_await Elsewhere{*this};
                co_return device::ServerAnswer{.end = device::ServerAnswer::End::answered};
            }
            may_remap = request.may_remap;
            tag = request.tag;
            nexus = request.nexus;
            const bool remaps = opcode == kWriteSame16 || opcode == kRemapping;
            co_return device::ServerAnswer{.end = device::ServerAnswer::End::answered,
                                           .remap = remaps ? remap : nullptr};
        }
        opcodes.push_back(opcode);
        well_made = well_made && request.only_by == kAttachment && !request.may_remap && request.tag == tag &&
                    request.nexus == nexus && request.attribute == 0;
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
    void end_elsewhere() {
        world_.later(world_.core(1), [this] { std::exchange(elsewhere_, {}).resume(); });
    }
    [[nodiscard]] std::byte* at(std::uint64_t lba) { return bytes.data() + lba * kRemapBlock; }
    [[nodiscard]] ByteVector blocks(std::uint64_t lba, std::uint64_t count) {
        return {at(lba), at(lba) + count * kRemapBlock};
    }

    ByteVector bytes;
    std::vector<device::CommandRule> rules;
    std::shared_ptr<device::ServerRemap> remap;
    bool may_remap = false;
    bool well_made = true;
    bool keeps = false;
    std::uint64_t tag = 0;
    std::uint64_t nexus = 0;
    std::uint64_t fails_at = kRemapBlocks;
    device::ServerAnswer failure{
        .end = device::ServerAnswer::End::answered, .status = 0x02, .key = 3, .condition = 0x0c00};
    device::ServerAnswer end{.end = device::ServerAnswer::End::answered};  ///< of what does not fail
    std::uint32_t short_by = 0;                                            ///< reads
    std::vector<unsigned> opcodes;
    std::vector<device::ServerRequest*> requests;  ///< under way
    std::size_t most_at_once = 0;
    std::size_t made_before_reservation = 0;

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
    struct Elsewhere {
        RemappingDisk& disk;
        [[nodiscard]] bool await_ready() const noexcept { return false; }
        void await_suspend(std::coroutine_handle<> self) const { disk.elsewhere_ = self; }
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
    device::ServerAnswer serve(const device::ServerRequest& request, const BlockRange& range) {
        device::ServerAnswer answer = end;
        well_made = well_made && range.blocks <= kPieceBlocks;
        if (!request.in.empty()) {
            std::memcpy(request.in[0].data, at(range.lba), request.in[0].size);
            answer.in_bytes = static_cast<std::uint32_t>(request.in[0].size) - short_by;
        } else {
            well_made = well_made && request.out[0].size == range.blocks * kRemapBlock;
            std::memcpy(at(range.lba), request.out[0].data, request.out[0].size);
        }
        return answer;
    }
    World& world_;
    std::vector<std::coroutine_handle<>> kept_;
    std::coroutine_handle<> elsewhere_;
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
            {.opcode = kRemapping, .direction = device::CommandRule::Direction::none, .writes_medium = true},
            {.opcode = kUnruly, .direction = device::CommandRule::Direction::none},
            {.opcode = kKeptElsewhere, .direction = device::CommandRule::Direction::none}};
        settings.device = std::move(made);
        LunMaps maps;
        maps.luns.push_back({.lun = 0, .unit = engine_.add_unit(std::move(settings)), .read_only = false});
        target_ = &engine_.add_target("iqn.2026-11.io.targe:test", std::move(maps));
        host_ = std::make_unique<Initiator>(world_, engine_, *target_, world_.core(0), "host");
        host_->clear_attentions();
    }
    void remaps(std::vector<device::ServerRemap::Range> ranges, ByteVector block = {}) {
        disk_->remap = std::make_shared<device::ServerRemap>(device::ServerRemap{.ranges = std::move(ranges),
                                                                                 .block_bytes = kRemapBlock,
                                                                                 .block = std::move(block),
                                                                                 .answered_by = kAttachment});
    }
    const Task& write_same() { return host_->run(cdb16(kWriteSame16, 0, 1), 0, filled(kRemapBlock, 1)); }
    const Task& copy() { return host_->run(cdb({kRemapping, 0, 0, 0, 0, 0})); }
    /// A WRITE SAME of all blocks, of which pieces are under way.
    Task& begin_write_same() {
        remaps({{.lba = 0, .blocks = kRemapBlocks, .source = 0}}, filled(kRemapBlock, 7));
        disk_->keeps = true;
        Task& begun = host_->send(cdb16(kWriteSame16, 0, 1), 0, filled(kRemapBlock, 1));
        world_.run();
        EXPECT_EQ(disk_->requests.size(), 8U);
        return begun;
    }
    void let_go() {
        disk_->let_go();
        world_.run();
    }

    const unsigned seed_ = std::random_device{}();
    ::testing::ScopedTrace trace_{__FILE__, __LINE__, "seed=" + std::to_string(seed_)};
    World world_{2, seed_};
    Engine engine_;
    RemappingDisk* disk_ = nullptr;
    Target* target_ = nullptr;
    std::unique_ptr<Initiator> host_;
};

}  // namespace targe::engine::testing
