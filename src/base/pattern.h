// Patterns by which administrators name initiators and addresses.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace targe::base {

/// `*` is any run of characters, `?` any one, a leading `!` turns the answer round; case does not count.
[[nodiscard]] bool matches_pattern(std::string_view pattern, std::string_view text);

/// Whether any pattern matches and no `!` pattern forbids: ["iqn.a:*", "!iqn.a:guest"] is all of iqn.a but
/// one. A list of `!` patterns alone lets in whatever none of them names.
[[nodiscard]] bool matches_any(const std::vector<std::string>& patterns, std::string_view text);

}  // namespace targe::base
