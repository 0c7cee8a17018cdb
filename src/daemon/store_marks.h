// What tells a store from others, whatever its path is: after a start of the host the same disk may have
// another path, and another disk the same one.
#pragma once

#include "daemon/one_store.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace targe::daemon {

/// By what people call them. Without NUL and newlines.
using StoreMarks = std::map<std::string, std::string, std::less<>>;

/// Of what is open at `path`, such as /proc/self/fd/7. May block.
[[nodiscard]] StoreMarks marks_of(const std::string& path, const StoresOfHost& host = stores_of_host());

/// As they are kept, and back.
[[nodiscard]] std::string to_text(const StoreMarks& marks);
[[nodiscard]] StoreMarks marks_from_text(std::string_view text);

struct SameStore {
    enum class Verdict : std::uint8_t {
        same,
        another,
        unknown,  ///< no mark that both have tells
    };
    Verdict verdict = Verdict::unknown;
    std::string why = {};  ///< another: "its size in bytes was 512 and is 1024"
};
[[nodiscard]] SameStore compare(const StoreMarks& before, const StoreMarks& now);

}  // namespace targe::daemon
