// Reading one table of the configuration: each key by its type and range, with a message for whatever is not
// so.
#pragma once

#include "admin/config_document.h"
#include "admin/config_file.h"
#include "admin/config_keys.h"

#include <chrono>
#include <concepts>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace targe::admin {

/// Gathers what is wrong with one file.
class Problems {
public:
    explicit Problems(std::string file) : file_(std::move(file)) {}
    void error(Place place, std::string what, std::string cause = {}, std::string cure = {});
    void warn(Place place, std::string what, std::string cause = {}, std::string cure = {});
    [[nodiscard]] bool failed() const { return failed_; }
    [[nodiscard]] const std::string& file() const { return file_; }
    /// In the order of the text; leaves nothing behind.
    [[nodiscard]] std::vector<ConfigProblem> take();

private:
    std::string file_;
    std::vector<ConfigProblem> list_;
    bool failed_ = false;
};

/// What is needed while a file is read, beyond the table at hand.
struct Reading {
    Problems& problems;
    const ReadText& read_secret;
    const HasGroup& has_group;
};

/// "line 12"
[[nodiscard]] std::string line_text(Place place);

template <class E>
using Choices = std::span<const std::pair<std::string_view, E>>;

/// One table. Reports keys that it does not know as soon as it is made. Each read_…() leaves `out` alone, and
/// returns nothing, when the key is absent or wrong; else the place of its value.
class Section {
public:
    using Read = std::optional<Place>;

    /// `title` is a section of config_keys.h. A value that is no table is reported, and then has no keys.
    Section(Reading& reading, std::string_view title, const Value& value);

    [[nodiscard]] std::string_view title() const { return title_; }
    [[nodiscard]] Place place() const { return place_; }
    [[nodiscard]] Reading& reading() const { return *reading_; }
    [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }
    [[nodiscard]] const Entry* find(std::string_view key) const;

    Read read_string(std::string_view key, std::string& out) const;
    /// Printable ASCII of `most` characters or fewer, as INQUIRY data wants it.
    Read read_ascii(std::string_view key, std::string& out, std::size_t most) const;
    Read read_bool(std::string_view key, bool& out) const;
    Read read_integer(std::string_view key, std::uint64_t& out, std::uint64_t least,
                      std::uint64_t most) const;
    template <std::unsigned_integral T>
        requires(!std::same_as<T, std::uint64_t>)
    Read read_integer(std::string_view key, T& out, T least, T most) const {
        std::uint64_t wide = out;
        const Read read = read_integer(key, wide, std::uint64_t{least}, std::uint64_t{most});
        out = static_cast<T>(wide);
        return read;
    }
    Read read_size(std::string_view key, std::uint64_t& out, std::uint64_t least, std::uint64_t most) const;
    Read read_duration(std::string_view key, std::chrono::milliseconds& out, std::chrono::milliseconds least,
                       std::chrono::milliseconds most) const;
    /// A path without detours, but for those by `..`. A relative one is left so: the system takes it from the
    /// working directory.
    Read read_path(std::string_view key, std::string& out) const;
    template <class E>
    Read read_choice(std::string_view key, E& out, Choices<E> choices) const {
        std::vector<std::string_view> words;
        for (const auto& [word, value] : choices) {
            words.push_back(word);
        }
        std::string text;
        const Read read = read_string(key, text);
        const std::optional<std::size_t> at = read ? choose(key, *read, text, words) : std::nullopt;
        if (!at) {
            return std::nullopt;
        }
        out = choices[*at].second;
        return read;
    }
    /// Calls `each` for every element; a value that is no array is reported.
    void read_array(std::string_view key, const std::function<void(const Value&)>& each) const;
    /// Strings, each of them not empty.
    void read_strings(std::string_view key, const std::function<void(Place, const std::string&)>& each) const;

    /// Which of `words` the text is; reports when it is none.
    [[nodiscard]] std::optional<std::size_t> choose(std::string_view key, Place place, std::string_view text,
                                                    std::span<const std::string_view> words) const;
    /// Reports that the section lacks a key that it cannot do without.
    void missing(std::string_view key, std::string cure) const;
    void wrong_kind(std::string_view key, const Value& value, std::string_view wanted,
                    std::string cure) const;

private:
    void report_unknown(const Entry& entry) const;

    Reading* reading_;
    std::string_view title_;
    Place place_;
    const Value::Table* table_;
};

}  // namespace targe::admin
