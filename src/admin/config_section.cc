#include "admin/config_section.h"

#include "admin/names.h"
#include "admin/quantity.h"
#include "base/assert.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <tuple>

namespace targe::admin {
namespace {

/// Keys that the manual of a later version has. Taken silently they would promise what does not happen.
constexpr std::pair<std::string_view, std::string_view> kNotInThisVersion[] = {
    {"metrics", "[daemon]"},
};

const Value::Table kEmpty;

}  // namespace

void Problems::error(Place place, std::string what, std::string cause, std::string cure) {
    failed_ = true;
    list_.push_back({.severity = ConfigProblem::Severity::error,
                     .file = file_,
                     .line = place.line,
                     .column = place.column,
                     .problem = {std::move(what), std::move(cause), std::move(cure)}});
}

void Problems::warn(Place place, std::string what, std::string cause, std::string cure) {
    list_.push_back({.severity = ConfigProblem::Severity::warning,
                     .file = file_,
                     .line = place.line,
                     .column = place.column,
                     .problem = {std::move(what), std::move(cause), std::move(cure)}});
}

std::vector<ConfigProblem> Problems::take() {
    std::ranges::sort(list_, {},
                      [](const ConfigProblem& p) { return std::tie(p.line, p.column, p.problem.what); });
    return std::move(list_);
}

std::string line_text(Place place) {
    return fmt::format("line {}", place.line);
}

Section::Section(Reading& reading, std::string_view title, const Value& value)
    : reading_(&reading), title_(title), place_(value.place), table_(value.as<Value::Table>()) {
    if (table_ == nullptr) {
        reading.problems.error(value.place,
                               fmt::format("{} must be a table, and is {}", title, kind_of(value)), {},
                               fmt::format("its keys are {}", keys_of(title)));
        table_ = &kEmpty;
    }
    for (const Entry& entry : *table_) {
        if (!is_known(title, entry.key)) {
            report_unknown(entry);
        }
    }
}

void Section::report_unknown(const Entry& entry) const {
    Problems& problems = reading_->problems;
    for (const auto& [key, section] : kNotInThisVersion) {
        if (entry.key == key && section == title_) {
            problems.error(entry.place,
                           fmt::format("'{}' of {} is not in this version of Targe", key, section), {},
                           "take the line out");
            return;
        }
    }
    const std::string what = fmt::format("{} has no key '{}'", title_, entry.key);
    if (const auto near = nearest_key(title_, entry.key); !near.empty()) {
        problems.error(entry.place, what, fmt::format("probably '{}' is meant", near));
    } else if (const auto other = section_with(entry.key); !other.empty()) {
        problems.error(entry.place, what, fmt::format("'{}' is a key of {}", entry.key, other),
                       "move the line there; what follows a [header] belongs to it until the next one");
    } else {
        problems.error(entry.place, what, {}, fmt::format("the keys are {}", keys_of(title_)));
    }
}

const Entry* Section::find(std::string_view key) const {
    TARGE_ASSERT(is_known(title_, key));
    const auto found = std::ranges::find(*table_, key, &Entry::key);
    return found == table_->end() ? nullptr : &*found;
}

void Section::missing(std::string_view key, std::string cure) const {
    reading_->problems.error(place_, fmt::format("{} lacks '{}'", title_, key), {}, std::move(cure));
}

void Section::wrong_kind(std::string_view key, const Value& value, std::string_view wanted,
                         std::string cure) const {
    reading_->problems.error(value.place,
                             fmt::format("'{}' must be {}, and is {}", key, wanted, kind_of(value)), {},
                             std::move(cure));
}

Section::Read Section::read_string(std::string_view key, std::string& out) const {
    const Entry* const entry = find(key);
    if (entry == nullptr) {
        return std::nullopt;
    }
    const auto* const text = entry->value.as<std::string>();
    if (text == nullptr) {
        const bool number = entry->value.as<std::int64_t>() != nullptr;
        wrong_kind(key, entry->value, "a string", number ? "put it in quotation marks" : "");
        return std::nullopt;
    }
    if (text->empty() || text->find('\0') != std::string::npos) {
        reading_->problems.error(
            entry->value.place,
            fmt::format("'{}' is {}", key, text->empty() ? "empty" : "text with a NUL in it"), {},
            text->empty() ? "give it a value, or take the line out" : "");
        return std::nullopt;
    }
    out = *text;
    return entry->value.place;
}

Section::Read Section::read_ascii(std::string_view key, std::string& out, std::size_t most) const {
    std::string text;
    const Read read = read_string(key, text);
    if (!read) {
        return std::nullopt;
    }
    const bool printable = std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
    if (text.size() > most || !printable) {
        reading_->problems.error(
            *read, fmt::format("'{}' is not {} or fewer printable ASCII characters", key, most),
            printable ? fmt::format("it has {}", text.size()) : "initiators are shown it as it is");
        return std::nullopt;
    }
    out = text;
    return read;
}

Section::Read Section::read_bool(std::string_view key, bool& out) const {
    const Entry* const entry = find(key);
    if (entry == nullptr) {
        return std::nullopt;
    }
    const bool* const value = entry->value.as<bool>();
    if (value == nullptr) {
        wrong_kind(key, entry->value, "true or false", "write it without quotation marks: true or false");
        return std::nullopt;
    }
    out = *value;
    return entry->value.place;
}

Section::Read Section::read_integer(std::string_view key, std::uint64_t& out, std::uint64_t least,
                                    std::uint64_t most) const {
    const Entry* const entry = find(key);
    if (entry == nullptr) {
        return std::nullopt;
    }
    const auto* const value = entry->value.as<std::int64_t>();
    if (value == nullptr) {
        const bool text = entry->value.as<std::string>() != nullptr;
        wrong_kind(key, entry->value, "an integer", text ? "write it without quotation marks" : "");
        return std::nullopt;
    }
    if (*value < 0 || static_cast<std::uint64_t>(*value) < least ||
        static_cast<std::uint64_t>(*value) > most) {
        reading_->problems.error(entry->value.place,
                                 fmt::format("'{}' is {}, and must be {} to {}", key, *value, least, most));
        return std::nullopt;
    }
    out = static_cast<std::uint64_t>(*value);
    return entry->value.place;
}

Section::Read Section::read_size(std::string_view key, std::uint64_t& out, std::uint64_t least,
                                 std::uint64_t most) const {
    const Entry* const entry = find(key);
    if (entry == nullptr) {
        return std::nullopt;
    }
    std::uint64_t bytes = 0;
    if (const auto* const number = entry->value.as<std::int64_t>(); number != nullptr) {
        if (*number < 0) {
            reading_->problems.error(entry->value.place,
                                     fmt::format("'{}' is {}, less than nothing", key, *number), {},
                                     "write it like \"10GiB\" or \"512MiB\"");
            return std::nullopt;
        }
        bytes = static_cast<std::uint64_t>(*number);
    } else if (const auto* const text = entry->value.as<std::string>()) {
        const auto parsed = parse_size(*text);
        if (!parsed) {
            reading_->problems.error(entry->value.place, fmt::format("'{}' is no size: \"{}\"", key, *text),
                                     parsed.error(), "write it like \"10GiB\" or \"512MiB\"");
            return std::nullopt;
        }
        bytes = *parsed;
    } else {
        wrong_kind(key, entry->value, "a size", "write it like \"10GiB\" or \"512MiB\"");
        return std::nullopt;
    }
    if (bytes < least || bytes > most) {
        reading_->problems.error(entry->value.place,
                                 fmt::format("'{}' is {}, and must be {} to {}", key, size_text(bytes),
                                             size_text(least), size_text(most)));
        return std::nullopt;
    }
    out = bytes;
    return entry->value.place;
}

Section::Read Section::read_duration(std::string_view key, std::chrono::milliseconds& out,
                                     std::chrono::milliseconds least, std::chrono::milliseconds most) const {
    const Entry* const entry = find(key);
    if (entry == nullptr) {
        return std::nullopt;
    }
    const auto* const text = entry->value.as<std::string>();
    if (text == nullptr) {
        wrong_kind(key, entry->value, "a duration", "write it like \"15s\" or \"500ms\"");
        return std::nullopt;
    }
    const auto parsed = parse_duration(*text);
    if (!parsed) {
        reading_->problems.error(entry->value.place, fmt::format("'{}' is no duration: \"{}\"", key, *text),
                                 parsed.error(), "write it like \"15s\" or \"500ms\"");
        return std::nullopt;
    }
    if (*parsed < least || *parsed > most) {
        reading_->problems.error(entry->value.place,
                                 fmt::format("'{}' is {}, and must be {} to {}", key, duration_text(*parsed),
                                             duration_text(least), duration_text(most)));
        return std::nullopt;
    }
    out = *parsed;
    return entry->value.place;
}

Section::Read Section::read_path(std::string_view key, std::string& out) const {
    std::string text;
    const Read read = read_string(key, text);
    if (read) {
        out = plain_path(text);
    }
    return read;
}

void Section::read_array(std::string_view key, const std::function<void(const Value&)>& each) const {
    const Entry* const entry = find(key);
    if (entry == nullptr) {
        return;
    }
    const auto* const array = entry->value.as<Value::Array>();
    if (array == nullptr) {
        const bool table = entry->value.as<Value::Table>() != nullptr;
        wrong_kind(key, entry->value, "an array",
                   table ? fmt::format("write its header in double brackets, as [[{}{}]]",
                                       title_ == "[[target]]" ? "target." : "", key)
                         : "put it in brackets: [ … ]");
        return;
    }
    std::ranges::for_each(*array, each);
}

void Section::read_strings(std::string_view key,
                           const std::function<void(Place, const std::string&)>& each) const {
    read_array(key, [&](const Value& value) {
        const auto* const text = value.as<std::string>();
        if (text == nullptr) {
            wrong_kind(key, value, "an array of strings", "");
        } else if (text->empty()) {
            reading_->problems.error(value.place, fmt::format("'{}' has an empty string in it", key));
        } else {
            each(value.place, *text);
        }
    });
}

std::optional<std::size_t> Section::choose(std::string_view key, Place place, std::string_view text,
                                           std::span<const std::string_view> words) const {
    const auto found = std::ranges::find(words, text);
    if (found != words.end()) {
        return static_cast<std::size_t>(found - words.begin());
    }
    const std::string_view near = nearest(words, text);
    reading_->problems.error(place, fmt::format("'{}' cannot be \"{}\"", key, text),
                             near.empty() ? std::string{} : fmt::format("probably \"{}\" is meant", near),
                             fmt::format("one of {}", fmt::join(words, ", ")));
    return std::nullopt;
}

}  // namespace targe::admin
