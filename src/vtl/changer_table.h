// The commands of a changer: shape, and who executes them.
#pragma once

#include "vtl/changer.h"

#include <cstddef>
#include <span>
#include <vector>

namespace targe::vtl {

struct ChangerTable {
    struct Row {
        CommandShape shape;
        std::optional<Sense> (Changer::*handler)(Call&);
    };

    [[nodiscard]] static const Row& row(std::size_t index);
    [[nodiscard]] static std::span<const CommandShape> shapes();

private:
    static const std::vector<Row> kRows;
};

}  // namespace targe::vtl
