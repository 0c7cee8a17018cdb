// The commands of a drive: shape, what they need, who executes them.
#pragma once

#include "vtl/drive.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace targe::vtl {

struct DriveTable {
    /// medium: refused unless a cartridge is threaded.
    enum class Needs : std::uint8_t { nothing, medium };
    struct Row {
        CommandShape shape;
        Needs needs;
        std::optional<Sense> (Drive::*handler)(Call&);
    };

    [[nodiscard]] static const Row& row(std::size_t index);
    [[nodiscard]] static std::span<const CommandShape> shapes();

private:
    static const std::vector<Row> kRows;
};

}  // namespace targe::vtl
