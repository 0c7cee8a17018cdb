#include "vtl/tar_member.h"

#include "base/assert.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace targe::vtl {
namespace {

using Block = std::array<char, kTarBlock>;

constexpr std::size_t kNameAt = 0;
constexpr std::size_t kNameBytes = 100;
constexpr std::size_t kSizeAt = 124;
constexpr std::size_t kSizeBytes = 12;
constexpr std::size_t kChecksumAt = 148;
constexpr std::size_t kChecksumBytes = 8;
constexpr std::size_t kTypeAt = 156;

void put(Block& block, std::size_t at, std::string_view text) {
    std::ranges::copy(text, block.begin() + static_cast<std::ptrdiff_t>(at));
}

/// The sum of all bytes, those of the sum itself taken for spaces.
unsigned checksum(const Block& block) {
    unsigned sum = 0;
    for (std::size_t i = 0; i < block.size(); ++i) {
        const bool own = i >= kChecksumAt && i < kChecksumAt + kChecksumBytes;
        sum += own ? static_cast<unsigned>(' ') : static_cast<unsigned char>(block.at(i));
    }
    return sum;
}

std::optional<std::uint64_t> octal(std::string_view field) {
    std::uint64_t value = 0;
    const auto digits =
        field.substr(0, std::min(field.find_first_of(std::string_view(" \0", 2)), field.size()));
    for (const char digit : digits) {
        if (digit < '0' || digit > '7') {
            return std::nullopt;
        }
        value = value * 8 + static_cast<unsigned>(digit - '0');
    }
    return digits.empty() ? std::nullopt : std::optional(value);
}

void write_bytes(std::ostream& out, wire::Bytes bytes) {
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

std::size_t padding(std::uint64_t size) {
    return static_cast<std::size_t>((kTarBlock - size % kTarBlock) % kTarBlock);
}

}  // namespace

void write_member(std::ostream& out, const std::string& name, wire::Bytes head, wire::Bytes body) {
    TARGE_ASSERT(name.size() < kNameBytes);
    const std::size_t size = head.size() + body.size();
    Block block{};
    put(block, kNameAt, name);
    put(block, 100, "0000644");
    put(block, 108, "0000000");
    put(block, 116, "0000000");
    put(block, kSizeAt, fmt::format("{:011o}", size));
    put(block, 136, "00000000000");
    put(block, kTypeAt, "0");
    put(block, 257, std::string_view("ustar\00000", 8));
    put(block, kChecksumAt, fmt::format("{:06o}", checksum(block)));
    block[kChecksumAt + 7] = ' ';
    out.write(block.data(), block.size());
    write_bytes(out, head);
    write_bytes(out, body);
    const Block zeroes{};
    out.write(zeroes.data(), static_cast<std::streamsize>(padding(size)));
}

void write_end(std::ostream& out) {
    const Block zeroes{};
    out.write(zeroes.data(), zeroes.size());
    out.write(zeroes.data(), zeroes.size());
}

Result<std::optional<TarMember>> read_member(std::istream& in, std::size_t limit_bytes) {
    for (;;) {
        Block block{};
        if (!in.read(block.data(), block.size())) {
            return damaged("the archive ends in the middle");
        }
        if (std::ranges::all_of(block, [](char c) { return c == 0; })) {
            return std::optional<TarMember>{};
        }
        const std::string_view all(block.data(), block.size());
        if (octal(all.substr(kChecksumAt, kChecksumBytes)) != checksum(block)) {
            return damaged("it is no tar archive, or damaged");
        }
        const std::string_view field = all.substr(kNameAt, kNameBytes);
        TarMember member{.name = std::string(field.substr(0, std::min(field.find('\0'), field.size()))),
                         .content = {}};
        const auto size = octal(all.substr(kSizeAt, kSizeBytes));
        if (!size || *size > limit_bytes) {
            return damaged(fmt::format("{} has no size that can be", member.name));
        }
        member.content.resize(static_cast<std::size_t>(*size));
        in.read(reinterpret_cast<char*>(member.content.data()), static_cast<std::streamsize>(*size));
        in.ignore(static_cast<std::streamsize>(padding(*size)));
        if (!in) {
            return damaged("the archive ends in the middle");
        }
        if (all[kTypeAt] == '0' || all[kTypeAt] == '\0') {
            return std::optional(std::move(member));
        }
        if (all[kTypeAt] != '5') {
            return damaged(fmt::format("{} is neither a file nor a folder", member.name));
        }
    }
}

}  // namespace targe::vtl
