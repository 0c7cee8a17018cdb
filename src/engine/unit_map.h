// The logical units of one nexus, by number.
#pragma once

#include "engine/nexus_unit.h"

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace targe::engine {

class UnitMap {
public:
    [[nodiscard]] NexusUnit* find(std::uint32_t lun) const {
        return lun < by_lun_.size() ? by_lun_[lun].get() : nullptr;
    }
    void insert(std::unique_ptr<NexusUnit> unit) {
        const std::size_t at = unit->lun;
        if (at >= by_lun_.size()) {
            by_lun_.resize(at + 1);
        }
        by_lun_[at] = std::move(unit);
    }
    [[nodiscard]] std::unique_ptr<NexusUnit> take(std::uint16_t lun) {
        return lun < by_lun_.size() ? std::move(by_lun_[lun]) : nullptr;
    }
    /// Puts `made(unit)` in the place of each.
    void replace_each(const auto& made) {
        for (auto& unit : by_lun_) {
            if (unit) {
                unit = made(*unit);
            }
        }
    }
    /// Ascending. Not changed meanwhile.
    void for_each(const auto& visit) const {
        for (const auto& unit : by_lun_) {
            if (unit) {
                visit(*unit);
            }
        }
    }

private:
    std::vector<std::unique_ptr<NexusUnit>> by_lun_;
};

}  // namespace targe::engine
