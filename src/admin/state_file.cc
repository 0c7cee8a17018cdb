#include "admin/state_file.h"

#include "base/assert.h"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <array>
#include <charconv>
#include <optional>

namespace targe::admin {
namespace {

constexpr std::string_view kMagic = "targe-state ";
constexpr std::string_view kVersion = "1";

std::string sum_of(std::string_view content) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    const int ok = EVP_Digest(content.data(), content.size(), digest.data(), &size, EVP_sha256(), nullptr);
    TARGE_ASSERT(ok == 1);
    std::string text;
    for (unsigned i = 0; i < size; ++i) {
        text += fmt::format("{:02x}", digest[i]);
    }
    return text;
}

std::string_view next_word(std::string_view& line) {
    const std::size_t space = line.find(' ');
    const std::string_view word = line.substr(0, space);
    line.remove_prefix(space == std::string_view::npos ? line.size() : space + 1);
    return word;
}

}  // namespace

std::string_view to_string(StateFault fault) {
    switch (fault) {
        case StateFault::not_ours:
            return "its first line is not that of a state file";
        case StateFault::too_new:
            return "a later version of Targe wrote it";
        case StateFault::other_name:
            return "it is another state file under this name";
        case StateFault::cut_short:
            return "it is shorter or longer than what was written";
        case StateFault::sum_differs:
            return "its checksum is not that of what was written";
    }
    return "";
}

std::string seal_state(std::string_view name, std::string_view content) {
    return fmt::format("{}{} {} {} sha256={}\n{}", kMagic, kVersion, name, content.size(), sum_of(content),
                       content);
}

std::expected<std::string, StateFault> open_state(std::string_view name, std::string_view file) {
    const std::size_t end = file.find('\n');
    if (end == std::string_view::npos || !file.starts_with(kMagic)) {
        return std::unexpected(StateFault::not_ours);
    }
    std::string_view line = file.substr(kMagic.size(), end - kMagic.size());
    const std::string_view content = file.substr(end + 1);
    if (next_word(line) != kVersion) {
        return std::unexpected(StateFault::too_new);
    }
    if (next_word(line) != name) {
        return std::unexpected(StateFault::other_name);
    }
    const std::string_view size_text = next_word(line);
    std::size_t size = 0;
    const auto [last, error] = std::from_chars(size_text.data(), size_text.data() + size_text.size(), size);
    if (error != std::errc{} || last != size_text.data() + size_text.size()) {
        return std::unexpected(StateFault::not_ours);
    }
    if (size != content.size()) {
        return std::unexpected(StateFault::cut_short);
    }
    if (line != "sha256=" + sum_of(content)) {
        return std::unexpected(StateFault::sum_differs);
    }
    return std::string(content);
}

}  // namespace targe::admin
