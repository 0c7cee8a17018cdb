// A device that does nothing, and well: what tests derive theirs from.
#pragma once

#include "device/device.h"

#include <expected>

namespace targe::engine::testing {

/// Without blocks; whoever derives from it says what is otherwise.
class PlainDevice : public device::Device {
public:
    [[nodiscard]] device::Geometry geometry() const override { return {.blocks = 0, .block_size = 512}; }
    [[nodiscard]] device::Capabilities capabilities() const override { return {}; }
    base::Task<device::IoResult> read(base::CommandArena& /*arena*/, std::uint64_t /*lba*/,
                                      base::Segments /*into*/) override {
        co_return device::IoResult{};
    }
    base::Task<device::IoResult> write(base::CommandArena& /*arena*/, std::uint64_t /*lba*/,
                                       base::ConstSegments /*from*/,
                                       device::Durability /*durability*/) override {
        co_return device::IoResult{};
    }
    base::Task<device::IoResult> flush(base::CommandArena& /*arena*/) override {
        co_return device::IoResult{};
    }
    base::Task<device::IoResult> unmap(base::CommandArena& /*arena*/, std::uint64_t /*lba*/,
                                       std::uint64_t /*blocks*/) override {
        co_return device::IoResult{};
    }
    base::Task<device::IoResult> write_zeroes(base::CommandArena& /*arena*/, std::uint64_t /*lba*/,
                                              std::uint64_t /*blocks*/, bool /*may_unmap*/,
                                              device::Durability /*durability*/) override {
        co_return device::IoResult{};
    }
    base::Task<std::expected<device::Extent, device::IoFailure>> block_status(base::CommandArena& /*arena*/,
                                                                              std::uint64_t lba,
                                                                              std::uint64_t blocks) override {
        co_return device::Extent{.lba = lba, .blocks = blocks, .mapped = true};
    }
    base::Task<device::IoResult> refresh(base::CommandArena& /*arena*/) override {
        co_return device::IoResult{};
    }
};

}  // namespace targe::engine::testing
