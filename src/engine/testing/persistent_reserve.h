// Persistent reservations as a test asks for them.
#pragma once

#include "engine/testing/initiator.h"
#include "engine/testing/scene.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace targe::engine::testing {

inline constexpr std::uint8_t kConflict = 0x18;
inline constexpr unsigned kRegister = 0;
inline constexpr unsigned kReserve = 1;
inline constexpr unsigned kRelease = 2;
inline constexpr unsigned kClear = 3;
inline constexpr unsigned kPreempt = 4;
inline constexpr unsigned kPreemptAndAbort = 5;
inline constexpr unsigned kRegisterAndIgnore = 6;
inline constexpr unsigned kReplaceLost = 8;
inline constexpr unsigned kAptpl = 1;

inline constexpr unsigned kWriteExclusive = 1;
inline constexpr unsigned kWriteExclusiveRegistrantsOnly = 5;
inline constexpr std::array kTypes{1U, 3U, 5U, 6U, 7U, 8U};

inline ByteVector out_cdb(unsigned action, unsigned type) {
    return cdb({0x5f, action, type, 0, 0, 0, 0, 0, 24, 0});
}
inline ByteVector out_list(unsigned key, unsigned service_action_key, unsigned flags) {
    ByteVector list(24);
    list[7] = static_cast<std::byte>(key);
    list[15] = static_cast<std::byte>(service_action_key);
    list[20] = static_cast<std::byte>(flags);
    return list;
}
inline Task& reserve_out(Initiator& initiator, unsigned action, unsigned key, unsigned service_action_key = 0,
                         unsigned type = kWriteExclusive, unsigned flags = 0) {
    return initiator.run(out_cdb(action, type), 0, out_list(key, service_action_key, flags));
}
inline ByteVector reserve_in(Initiator& initiator, unsigned action) {
    return initiator.run(cdb({0x5e, action, 0, 0, 0, 0, 0, 0x10, 0, 0}), 0x1000).data_received;
}
/// The keys, in order; PRgeneration first.
inline std::vector<unsigned> keys(Initiator& initiator) {
    const ByteVector data = reserve_in(initiator, 0);
    std::vector<unsigned> all{std::to_integer<unsigned>(data[3])};
    for (std::size_t i = 15; i < data.size(); i += 8) {
        all.push_back(std::to_integer<unsigned>(data[i]));
    }
    return all;
}
using Keys = std::vector<unsigned>;
/// TYPE of the reservation, or 0.
inline unsigned held_type(Initiator& initiator) {
    const ByteVector data = reserve_in(initiator, 1);
    return data.size() < 24 ? 0 : std::to_integer<unsigned>(data[21]);
}
inline ByteVector write_one() {
    return cdb10(0x2a, 0, 1);
}
inline std::uint8_t writes(Initiator& initiator) {
    return initiator.run(write_one(), 0, filled(512, 7)).status;
}
inline std::uint8_t reads(Initiator& initiator) {
    return initiator.run(cdb10(0x28, 0, 1), 512).status;
}

}  // namespace targe::engine::testing
