// What a drive remembers besides the tape: as values.
#pragma once

#include "scsi/timestamp.h"
#include "vtl/encryption.h"
#include "vtl/mode_pages.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

namespace targe::vtl {

/// MEDIUM MANUFACTURER of every cartridge.
inline constexpr std::string_view kMediumManufacturer = "TARGE";

/// What ALLOW OVERWRITE has let: one write at this place, or FORMAT MEDIUM.
struct Overwrite {
    bool format = false;
    std::size_t partition = 0;
    std::uint64_t object = 0;
};

/// ENCRYPTION MODE and DECRYPTION MODE of the Set Data Encryption page; those left out are not offered.
enum class EncryptionMode : std::uint8_t { disable = 0, encrypt = 2 };
enum class DecryptionMode : std::uint8_t { disable = 0, decrypt = 2, mixed = 3 };
/// SCOPE.
enum class EncryptionScope : std::uint8_t { shared_default = 0, local = 1, all_nexuses = 2 };

struct EncryptionParameters {
    EncryptionScope scope = EncryptionScope::shared_default;
    EncryptionMode encrypt = EncryptionMode::disable;
    DecryptionMode decrypt = DecryptionMode::disable;
    Key key{};
    KeyAssociatedData kad;
    std::uint32_t key_instance = 0;
    bool clear_on_demount = false;  ///< CKOD

    [[nodiscard]] bool enabled() const {
        return encrypt != EncryptionMode::disable || decrypt != DecryptionMode::disable;
    }
};

struct EncryptionState {
    EncryptionParameters shared;  ///< of all nexuses that have none of their own
    std::map<std::uint64_t, EncryptionParameters> local;
    std::optional<std::uint64_t> of_all;  ///< the nexus that has set them for all, as long as it says so
    std::uint32_t key_instances = 0;      ///< how often parameters were set
};

/// In bytes, and as initiators count them where not said otherwise.
struct DriveCounters {
    std::uint64_t from_initiator = 0;
    std::uint64_t to_medium = 0;
    std::uint64_t from_medium = 0;
    std::uint64_t to_initiator = 0;
    std::uint64_t write_errors = 0;
    std::uint64_t read_errors = 0;
};

/// TapeAlert flags, by their number; 0 is not one.
using AlertFlags = std::array<bool, 65>;
namespace alert {
inline constexpr unsigned hard_error = 3;
inline constexpr unsigned medium_error = 4;
inline constexpr unsigned read_failure = 5;
inline constexpr unsigned write_failure = 6;
inline constexpr unsigned not_data_grade = 8;
inline constexpr unsigned write_protected = 9;
inline constexpr unsigned no_removal = 10;
inline constexpr unsigned cleaning_medium = 11;
inline constexpr unsigned unsupported_format = 12;
inline constexpr unsigned worm_overwrite_attempted = 61;
}  // namespace alert

}  // namespace targe::vtl
