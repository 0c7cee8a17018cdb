// A TOML document as a tree of our own in which everything knows its place. The parser behind it stops at the
// first fault of syntax; faults of meaning are found from the tree, all of them.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace targe::admin {

struct Place {
    std::uint32_t line = 0;  ///< counted from 1
    std::uint32_t column = 0;
    auto operator<=>(const Place&) const = default;
};

struct Entry;

/// Real numbers, dates and times: nothing of ours is one.
struct OtherValue {
    std::string_view kind;
};

struct Value {
    using Array = std::vector<Value>;
    using Table = std::vector<Entry>;  ///< in the order of the text
    Place place;
    std::variant<OtherValue, bool, std::int64_t, std::string, Array, Table> content;

    template <class T>
    [[nodiscard]] const T* as() const {
        return std::get_if<T>(&content);
    }
};

struct Entry {
    std::string key;
    Place place;  ///< of the key
    Value value;
};

/// "a string", "a table": for messages.
[[nodiscard]] std::string_view kind_of(const Value& value);

struct SyntaxFault {
    Place place;
    std::string what;
};

/// The root table.
[[nodiscard]] std::expected<Value, SyntaxFault> parse_toml(std::string_view text);

}  // namespace targe::admin
