// Text in columns, for people.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace targe::cli {

class Table {
public:
    enum class Align : std::uint8_t { left, right };
    struct Column {
        std::string_view title;
        Align align = Align::left;
    };

    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
    /// One cell a column. What is not printable is shown escaped: names of initiators are theirs to choose.
    void add(std::vector<std::string> cells);
    /// Columns two blanks apart, no blanks at the ends of lines.
    [[nodiscard]] std::string text() const;

private:
    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

[[nodiscard]] std::string printable(std::string_view text);
/// "1.5 GiB", "512 B"
[[nodiscard]] std::string bytes_for_people(std::uint64_t bytes);
/// "3d 4h", "12s": the two largest units.
[[nodiscard]] std::string seconds_for_people(std::uint64_t seconds);

}  // namespace targe::cli
