#include "admin/config_document.h"

#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
// The parser asserts what a file may well violate ("[;"), and reports the same fault a few lines later.
#define TOML_ASSERT(condition) static_assert(true)
#include <toml++/toml.h>

#include <algorithm>
#include <utility>

namespace targe::admin {
namespace {

Place place_of(const toml::source_region& region) {
    return {.line = region.begin.line, .column = region.begin.column};
}

Value convert(const toml::node& node);

Value::Table convert(const toml::table& table) {
    Value::Table entries;
    for (const auto& [key, node] : table) {
        entries.push_back(
            {.key = std::string(key.str()), .place = place_of(key.source()), .value = convert(node)});
    }
    std::ranges::sort(entries, {}, &Entry::place);
    return entries;
}

Value::Array convert(const toml::array& array) {
    Value::Array values;
    for (const toml::node& node : array) {
        values.push_back(convert(node));
    }
    return values;
}

Value convert(const toml::node& node) {
    Value value{.place = place_of(node.source()), .content = OtherValue{"a date or time"}};
    switch (node.type()) {
        case toml::node_type::none:
        case toml::node_type::date:
        case toml::node_type::time:
        case toml::node_type::date_time:
            break;
        case toml::node_type::floating_point:
            value.content = OtherValue{"a real number"};
            break;
        case toml::node_type::boolean:
            value.content = node.as_boolean()->get();
            break;
        case toml::node_type::integer:
            value.content = node.as_integer()->get();
            break;
        case toml::node_type::string:
            value.content = node.as_string()->get();
            break;
        case toml::node_type::array:
            value.content = convert(*node.as_array());
            break;
        case toml::node_type::table:
            value.content = convert(*node.as_table());
            break;
    }
    return value;
}

}  // namespace

std::string_view kind_of(const Value& value) {
    struct Namer {
        std::string_view operator()(const OtherValue& other) const { return other.kind; }
        std::string_view operator()(bool) const { return "true or false"; }
        std::string_view operator()(std::int64_t) const { return "an integer"; }
        std::string_view operator()(const std::string&) const { return "a string"; }
        std::string_view operator()(const Value::Array&) const { return "an array"; }
        std::string_view operator()(const Value::Table&) const { return "a table"; }
    };
    return std::visit(Namer{}, value.content);
}

std::expected<Value, SyntaxFault> parse_toml(std::string_view text) {
    const toml::parse_result result = toml::parse(text);
    if (!result) {
        return std::unexpected(SyntaxFault{.place = place_of(result.error().source()),
                                           .what = std::string(result.error().description())});
    }
    return Value{.place = {.line = 1, .column = 1}, .content = convert(result.table())};
}

}  // namespace targe::admin
