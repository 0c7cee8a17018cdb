#include "base/pattern.h"

#include <cstddef>

namespace targe::base {
namespace {

/// Not tolower(): names are compared the same under every locale.
constexpr char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// Goes back only to the last `*`, so the time is at most the product of the two lengths.
bool matches_glob(std::string_view pattern, std::string_view text) {
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = std::string_view::npos;
    std::size_t resume = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            resume = t;
        } else if (p < pattern.size() && (pattern[p] == '?' || lower(pattern[p]) == lower(text[t]))) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++resume;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view text) {
    if (pattern.starts_with('!')) {
        return !matches_glob(pattern.substr(1), text);
    }
    return matches_glob(pattern, text);
}

bool matches_any(const std::vector<std::string>& patterns, std::string_view text) {
    bool found = false;
    bool only_negative = !patterns.empty();
    for (const std::string& pattern : patterns) {
        if (pattern.starts_with('!')) {
            if (!matches_pattern(pattern, text)) {
                return false;
            }
        } else {
            only_negative = false;
            found = found || matches_glob(pattern, text);
        }
    }
    return found || only_negative;
}

}  // namespace targe::base
