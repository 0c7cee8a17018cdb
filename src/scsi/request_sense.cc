#include "scsi/request_sense.h"

#include <array>

namespace targe::scsi {

void request_sense(const std::optional<Sense>& sense, SenseFormat format, ParameterWriter& out) {
    constexpr Sense kNothing{.key = SenseKey::no_sense, .asc = Asc::no_additional_sense_information};
    std::array<std::byte, kMaxSenseBytes> encoded{};
    const std::size_t size = encode(sense.value_or(kNothing), format, encoded);
    out.bytes(std::span(encoded).first(size));
}

}  // namespace targe::scsi
