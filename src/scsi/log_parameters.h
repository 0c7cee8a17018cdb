// The log parameters that initiators write: the accounting date, and the Application Client page,
// [SPC-4 r37 7.3.3 and 7.3.17].
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace targe::scsi {

/// A value: a unit has the current ones, and perhaps those that were saved, which a reset brings back.
struct LogParameters {
    /// YEAR and WEEK as characters; not looked at.
    static constexpr std::size_t kDateBytes = 6;
    static constexpr std::uint16_t kApplicationParameters = 64;
    static constexpr std::size_t kApplicationBytes = 252;
    using Application = std::array<std::byte, kApplicationBytes>;

    std::string accounting_date = std::string(kDateBytes, ' ');
    std::map<std::uint16_t, Application> application;  ///< by parameter code; those of zeroes are left out
    bool operator==(const LogParameters&) const = default;

    void set_application(std::uint16_t code, const Application& bytes);
};

/// What of the log outlives the process.
struct KeptLog {
    LogParameters parameters;
    std::uint32_t load_unload_cycles = 0;
    bool operator==(const KeptLog&) const = default;
};

/// As it is kept, a line for each parameter, and back. Nothing when it is not what was kept.
[[nodiscard]] std::string keep(const KeptLog& log);
[[nodiscard]] std::optional<KeptLog> kept_log(std::string_view text);

}  // namespace targe::scsi
