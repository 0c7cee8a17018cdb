// A disk in memory whose operations end when the world says so.
#pragma once

#include "base/task.h"
#include "device/device.h"
#include "engine/testing/world.h"

#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace targe::engine::testing {

/// When operations end: before they return, in some step of the world, or when the test says so.
enum class Pace : std::uint8_t { at_once, by_seed, on_request };

/// A write takes effect when it ends: then is when it must be allowed to.
class SimDevice final : public device::Device {
public:
    SimDevice(World& world, std::uint64_t blocks, std::uint32_t block_size);

    [[nodiscard]] device::Geometry geometry() const override { return geometry_; }
    [[nodiscard]] device::Capabilities capabilities() const override { return can; }
    base::Task<device::IoResult> read(base::CommandArena& arena, std::uint64_t lba,
                                      base::Segments into) override;
    base::Task<device::IoResult> write(base::CommandArena& arena, std::uint64_t lba, base::ConstSegments from,
                                       device::Durability durability) override;
    base::Task<std::expected<device::CopyPath, device::IoFailure>> copy_from(
        base::CommandArena& arena, std::uint64_t lba, Device& source, std::uint64_t source_lba,
        std::uint64_t bytes, device::Durability durability) override;
    base::Task<device::IoResult> flush(base::CommandArena& arena) override;
    base::Task<device::IoResult> unmap(base::CommandArena& arena, std::uint64_t lba,
                                       std::uint64_t blocks) override;
    base::Task<device::IoResult> write_zeroes(base::CommandArena& arena, std::uint64_t lba,
                                              std::uint64_t blocks, bool may_unmap,
                                              device::Durability durability) override;
    base::Task<std::expected<device::Extent, device::IoFailure>> block_status(base::CommandArena& arena,
                                                                              std::uint64_t lba,
                                                                              std::uint64_t blocks) override;
    base::Task<device::IoResult> anchor(base::CommandArena& arena, std::uint64_t lba,
                                        std::uint64_t blocks) override;
    base::Task<std::expected<device::Fill, device::IoFailure>> fill(base::CommandArena& arena) override;
    base::Task<device::IoResult> probe(base::CommandArena& arena) override;
    base::Task<device::IoResult> refresh(base::CommandArena& arena) override;
    [[nodiscard]] std::optional<base::ConstSegment> lend(std::uint64_t lba, std::uint64_t blocks) override;
    [[nodiscard]] std::optional<base::Pages> lend_pages(std::uint64_t lba, std::uint64_t bytes) override;
    [[nodiscard]] std::optional<device::IoResult> write_at_once(std::uint64_t lba, base::ConstSegment from,
                                                                device::Durability durability) override;

    [[nodiscard]] std::uint64_t medium() const override { return present; }
    [[nodiscard]] bool pin(std::uint64_t medium) override {
        pins += medium == present ? 1 : 0;
        return medium == present;
    }
    void unpin() override { --pins; }

    /// Lets one operation end that waits for the test.
    void complete_one();
    [[nodiscard]] std::size_t pending() const { return waiting_.size(); }
    [[nodiscard]] std::span<std::byte> block(std::uint64_t lba) {
        return std::span{data_}.subspan(lba * geometry_.block_size, geometry_.block_size);
    }
    void resize(std::uint64_t blocks) { next_blocks_ = blocks; }

    device::Capabilities can{.unmap = true, .unmapped_reads_zero = true, .block_status = true};
    Pace pace = Pace::at_once;
    bool lends = false;
    bool lends_pages = false;     ///< in a pipe whose number is that of the block
    bool writes_at_once = false;  ///< what does not have to be durable
    bool copies = false;          ///< copy_from() another of its kind
    device::Fill filled{.used_bytes = 0, .available_bytes = std::uint64_t{1} << 40U, .shared = true};
    bool away = false;          ///< for probe() alone
    std::uint64_t present = 0;  ///< medium()
    int pins = 0;
    std::optional<device::IoError> fail;   ///< what the next operation ends with
    std::optional<device::IoError> fails;  ///< what every write ends with
    std::uint64_t torn_bytes = 0;          ///< of a write that fails, what is written all the same
    std::uint64_t writes_begun = 0;
    std::uint64_t writes_ended = 0;
    std::uint64_t written_at_once = 0;
    std::uint64_t reads = 0;
    std::uint64_t fills = 0;
    std::uint64_t copies_asked = 0;
    std::uint64_t flushes = 0;
    std::uint64_t durable_writes = 0;
    /// Called when an operation that alters the medium begins or ends.
    std::function<void()> on_write;

    std::size_t pages_lent = 0;

private:
    struct Pipes final : base::PagesPool {
        explicit Pipes(SimDevice& owner) : disk(owner) {}
        void give_back(int /*pipe*/) noexcept override { --disk.pages_lent; }
        SimDevice& disk;
    };
    struct Wait {
        SimDevice& device;
        [[nodiscard]] bool await_ready() const noexcept { return device.pace == Pace::at_once; }
        void await_suspend(std::coroutine_handle<> self) const { device.suspend(self); }
        void await_resume() const noexcept {}
    };
    void suspend(std::coroutine_handle<> self);
    device::IoResult write_now(std::uint64_t lba, base::ConstSegments from, device::Durability durability);
    device::IoResult ended(std::uint64_t lba);
    device::IoResult ended(std::uint64_t lba, std::uint64_t bytes);
    void put(std::uint64_t lba, base::ConstSegments from, std::uint64_t bytes);
    void touched(std::uint64_t& counter);

    World& world_;
    Pipes pipes_{*this};
    device::Geometry geometry_;
    std::uint64_t next_blocks_;
    std::vector<std::byte> data_;
    std::vector<bool> mapped_;
    std::vector<bool> anchored_;  ///< of what is not mapped
    struct Waiting {
        base::Core* core;
        std::coroutine_handle<> handle;
    };
    std::vector<Waiting> waiting_;
};

}  // namespace targe::engine::testing
