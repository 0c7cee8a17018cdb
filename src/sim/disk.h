// A device of a simulated process: the way from the engine to a medium, with everything that can happen
// there.
#pragma once

#include "base/intrusive_list.h"
#include "base/task.h"
#include "device/device.h"
#include "sim/fault_model.h"
#include "sim/medium.h"
#include "sim/world.h"

#include <coroutine>
#include <cstdint>
#include <optional>

namespace targe::sim {

/// Who is told what a disk does, when it does it.
class DiskWatch {
public:
    /// A write begins that wants to put `first` at `lba`.
    virtual void began_write(std::size_t unit, std::uint64_t lba, std::uint64_t blocks, Stamp first) = 0;
    virtual void ended_write(std::size_t unit, Stamp first) = 0;
    /// A block now holds `stamp`; it held `before`.
    virtual void touched(std::size_t unit, std::uint64_t lba, Stamp stamp, Stamp before) = 0;
    /// What was to be written was not of one stamp.
    virtual void mixed(std::size_t unit, std::uint64_t lba) = 0;

protected:
    ~DiskWatch() = default;
};

class SimDisk final : public device::Device {
public:
    /// The unit's number is for the watch. The disk shows `blocks` of the medium.
    SimDisk(World& world, Medium& medium, DiskWatch& watch, const Plan& plan, std::size_t unit,
            std::uint64_t blocks);
    ~SimDisk() override;

    [[nodiscard]] device::Geometry geometry() const override {
        return {.blocks = blocks_, .block_size = kBlockSize};
    }
    [[nodiscard]] device::Capabilities capabilities() const override {
        return {.unmap = true, .unmapped_reads_zero = true};
    }
    base::Task<device::IoResult> read(base::CommandArena& arena, std::uint64_t lba,
                                      base::Segments into) override;
    base::Task<device::IoResult> write(base::CommandArena& arena, std::uint64_t lba, base::ConstSegments from,
                                       device::Durability durability) override;
    base::Task<device::IoResult> flush(base::CommandArena& arena) override;
    base::Task<device::IoResult> unmap(base::CommandArena& arena, std::uint64_t lba,
                                       std::uint64_t blocks) override;
    base::Task<device::IoResult> write_zeroes(base::CommandArena& arena, std::uint64_t lba,
                                              std::uint64_t blocks, bool may_unmap,
                                              device::Durability durability) override;
    base::Task<std::expected<device::Extent, device::IoFailure>> block_status(base::CommandArena& arena,
                                                                              std::uint64_t lba,
                                                                              std::uint64_t blocks) override;
    base::Task<device::IoResult> refresh(base::CommandArena& arena) override;
    [[nodiscard]] std::optional<base::ConstSegment> lend(std::uint64_t lba, std::uint64_t blocks) override;

    /// What refresh() finds.
    void resize(std::uint64_t blocks) { next_blocks_ = blocks; }
    /// Nothing goes wrong from now on.
    void heal() { faults_ = {}; }
    /// The process is killed: what is in flight is done, not done or half done, and nothing after that.
    void cut_off();

private:
    /// An operation that alters blocks.
    struct Writing : base::ListHook<> {
        std::uint64_t lba = 0;
        std::uint64_t blocks = 0;
        const std::byte* data = nullptr;  ///< null: zeroes
        std::uint64_t done = 0;           ///< so many of its blocks
    };
    struct Fate {
        Duration first{};
        Duration second{};  ///< 0: all at once
        std::optional<device::IoError> error = {};
        std::uint64_t reach = ~std::uint64_t{0};  ///< so many blocks before the error
    };
    struct Pause {
        World& world;
        Duration duration;
        [[nodiscard]] bool await_ready() const noexcept { return duration == Duration{}; }
        void await_suspend(std::coroutine_handle<> self) const {
            world.after(duration, world.current(), [self] { self.resume(); });
        }
        void await_resume() const noexcept {}
    };

    [[nodiscard]] Fate draw(std::uint64_t blocks, device::IoError error);
    [[nodiscard]] static device::IoResult result(const Fate& fate, std::uint64_t lba);
    base::Task<device::IoResult> alter(base::CommandArena& arena, std::uint64_t lba, std::uint64_t blocks,
                                       const std::byte* data, device::Durability durability);
    void apply(Writing& writing, std::uint64_t until);
    [[nodiscard]] Stamp stamp_to_write(const Writing& writing, std::uint64_t block);

    World& world_;
    Medium& medium_;
    DiskWatch& watch_;
    FaultModel faults_;
    bool lends_;
    std::size_t unit_;
    std::uint64_t blocks_;
    std::uint64_t next_blocks_;
    bool cut_off_ = false;
    base::IntrusiveList<Writing> writing_;
};

}  // namespace targe::sim
