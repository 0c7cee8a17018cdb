// What a unit keeps, kept by the test.
#pragma once

#include "engine/unit_store.h"

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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
        if (on_kept) {
            on_kept();
        }
        co_return true;
    }

    [[nodiscard]] bool begun_elsewhere() const override { return elsewhere; }
    base::Task<bool> look_again(base::CommandArena& /*arena*/, Unfinished what) override {
        looked.push_back(what);
        if (blind) {
            co_return false;
        }
        elsewhere = elsewhere && !right_again && what == Unfinished::compare;
        if (what == Unfinished::drop) {
            content.erase(Kept::sanitize);
            content.erase(Kept::atomic_write);
        }
        co_return true;
    }

    std::map<Kept, std::string> content;
    bool elsewhere = false;          ///< begun on another medium than the one that is there
    bool right_again = false;        ///< the right one is back
    bool blind = false;              ///< it cannot be found out
    std::vector<Unfinished> looked;  ///< as look_again() was asked
    bool fails = false;              ///< the disk is full, or gone
    bool fails_once = false;
    bool fails_late = false;  ///< what fails is written all the same
    int keeps = 0;
    std::function<void()> on_kept;
};

}  // namespace targe::engine::testing
