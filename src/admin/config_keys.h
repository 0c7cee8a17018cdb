// Every key that targe.toml may hold. The reader refuses what is not here, and a test compares this with the
// manual.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace targe::admin {

struct KnownKey {
    std::string_view section;  ///< as Section::title() says it
    std::string_view key;
};

[[nodiscard]] std::span<const KnownKey> known_keys();
[[nodiscard]] bool is_known(std::string_view section, std::string_view key);

/// Of the keys of the section, the one that is written most alike; empty when none is.
[[nodiscard]] std::string_view nearest_key(std::string_view section, std::string_view key);
/// The first section that has this very key; empty when none has.
[[nodiscard]] std::string_view section_with(std::string_view key);
/// "name, path, size"
[[nodiscard]] std::string keys_of(std::string_view section);

/// Of `words`, the one that is written most alike; empty when none is.
[[nodiscard]] std::string_view nearest(std::span<const std::string_view> words, std::string_view word);

}  // namespace targe::admin
