#include "vtl/generation.h"

#include <array>

namespace targe::vtl {
namespace {

constexpr std::uint64_t kGigabyte = 1'000'000'000;

constexpr std::array kGenerations = std::to_array<Generation>({
    {5, "LTO-5", 0x58, 15142, 1280, 1500 * kGigabyte, 0x58, 0x5c, "U-516", "Ultrium 5/16T", "ULT3580-TD5",
     "L5", "LV", 2, 4, 3},
    {6, "LTO-6", 0x5a, 15142, 2176, 2500 * kGigabyte, 0x68, 0x6c, "U-616", "Ultrium 6/16T", "ULT3580-TD6",
     "L6", "LW", 4, 5, 4},
    {7, "LTO-7", 0x5c, 19107, 3584, 6000 * kGigabyte, 0x78, 0x7c, "U-732", "Ultrium 7/32T", "ULT3580-TD7",
     "L7", "LX", 4, 6, 5},
    {8, "LTO-8", 0x5e, 20669, 6656, 12000 * kGigabyte, 0x88, 0x8c, "U-832", "Ultrium 8/32T", "ULT3580-TD8",
     "L8", "LY", 4, 7, 7},
    {9, "LTO-9", 0x60, 21456, 8960, 18000 * kGigabyte, 0x98, 0x9c, "U-932", "Ultrium 9/32T", "ULT3580-TD9",
     "L9", "LZ", 4, 8, 8},
});

}  // namespace

std::span<const Generation> generations() {
    return kGenerations;
}

const Generation* find_generation(std::uint8_t number) {
    for (const Generation& each : kGenerations) {
        if (each.number == number) {
            return &each;
        }
    }
    return nullptr;
}

const Generation* find_generation(std::string_view text) {
    if (text.starts_with("LTO") || text.starts_with("lto")) {
        text.remove_prefix(3);
        if (text.starts_with('-')) {
            text.remove_prefix(1);
        }
    }
    return text.size() == 1 && text[0] >= '0' && text[0] <= '9'
               ? find_generation(static_cast<std::uint8_t>(text[0] - '0'))
               : nullptr;
}

}  // namespace targe::vtl
