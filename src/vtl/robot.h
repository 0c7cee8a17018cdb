// What moves cartridges for a changer: the library, or a test's.
#pragma once

#include "vtl/inventory.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <string>
#include <vector>

namespace targe::vtl {

enum class MoveFault : std::uint8_t {
    no_such_element,
    source_empty,
    destination_full,
    removal_prevented,  ///< by a nexus of the drive
    held,               ///< an operator reads the cartridge at this moment
    host,               ///< nothing was moved, and the log says why
};

struct Move {
    std::uint16_t from;
    std::uint16_t to;
};

struct DriveIdentity {
    std::string vendor;
    std::string product;
    std::string serial;
};

class Robot {
public:
    Robot() = default;
    Robot(const Robot&) = delete;
    Robot& operator=(const Robot&) = delete;
    virtual ~Robot() = default;

    [[nodiscard]] virtual const Inventory& inventory() const = 0;
    /// All of `moves` at once, or none: an element that one of them empties may be filled by another. Whoever
    /// uses a drive that is filled is told by a unit attention (28/00).
    virtual std::expected<void, MoveFault> move(const std::vector<Move>& moves, std::string& trouble) = 0;
    /// Of drive `index`, counted from 0.
    [[nodiscard]] virtual DriveIdentity drive_identity(std::size_t index) const = 0;
    /// Whether drive `index` lets its cartridge be taken: it is unthreaded and nobody prevents it.
    [[nodiscard]] virtual bool drive_accessible(std::size_t index) const = 0;
};

}  // namespace targe::vtl
