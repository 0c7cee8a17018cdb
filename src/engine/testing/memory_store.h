// What a unit keeps, kept by the test.
#pragma once

#include "engine/unit_store.h"

#include <map>
#include <optional>
#include <string>
#include <utility>

namespace targe::engine::testing {

class MemoryStore final : public UnitStore {
public:
    [[nodiscard]] std::optional<std::string> kept(Kept what) const override {
        const auto at = content.find(what);
        return at == content.end() ? std::nullopt : std::optional(at->second);
    }
    base::Task<bool> keep(base::CommandArena& /*arena*/, Kept what, std::string text) override {
        ++keeps;
        if (fails || std::exchange(fails_once, false)) {
            if (fails_late) {
                content.insert_or_assign(what, std::move(text));
            }
            co_return false;
        }
        content.insert_or_assign(what, std::move(text));
        co_return true;
    }

    std::map<Kept, std::string> content;
    bool fails = false;  ///< the disk is full, or gone
    bool fails_once = false;
    bool fails_late = false;  ///< what fails is written all the same
    int keeps = 0;
};

}  // namespace targe::engine::testing
