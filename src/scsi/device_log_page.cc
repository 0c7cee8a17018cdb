#include "scsi/device_log_page.h"

#include <optional>

namespace targe::scsi {

namespace {

constexpr std::size_t kHeader = 4;  // PARAMETER CODE, control byte, PARAMETER LENGTH

std::uint16_t code_of(std::span<const std::byte> parameter) {
    return static_cast<std::uint16_t>(std::to_integer<unsigned>(parameter[0]) << 8U |
                                      std::to_integer<unsigned>(parameter[1]));
}

std::size_t size_of(std::span<const std::byte> parameter) {
    return kHeader + std::to_integer<std::size_t>(parameter[3]);
}

}  // namespace

bool are_log_parameters(std::span<const std::byte> bytes) {
    std::optional<std::uint16_t> before;
    while (!bytes.empty()) {
        if (bytes.size() < kHeader || size_of(bytes) > bytes.size() ||
            (before && code_of(bytes) <= *before)) {
            return false;
        }
        before = code_of(bytes);
        bytes = bytes.subspan(size_of(bytes));
    }
    return true;
}

std::uint16_t write_log_parameters(std::span<const std::byte> parameters, std::uint16_t pointer,
                                   ParameterWriter& out) {
    std::uint16_t last = 0;
    while (!parameters.empty()) {
        const auto one = parameters.first(size_of(parameters));
        last = code_of(one);
        if (last >= pointer) {
            out.bytes(one);
        }
        parameters = parameters.subspan(one.size());
    }
    return last;
}

}  // namespace targe::scsi
