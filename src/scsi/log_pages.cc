#include "scsi/log_pages.h"

#include <algorithm>
#include <array>

namespace targe::scsi {
namespace {

constexpr std::uint8_t kCumulative = 0x01;  // PC: the current values
constexpr std::uint8_t kSupportedPages = 0x00;
constexpr std::uint8_t kAllSubpages = 0xff;

/// Writes parameters in the order of their codes, those before the PARAMETER POINTER left out.
class LogParameters {
public:
    LogParameters(ParameterWriter& out, std::uint16_t pointer) : out_(out), pointer_(pointer) {}

    /// `write` appends exactly `size` bytes.
    void add(std::uint16_t code, std::uint8_t size, auto write) {
        constexpr std::uint8_t kBinaryList = 0x03;  // FORMAT AND LINKING
        last_ = code;
        if (code < pointer_) {
            return;
        }
        out_.u16(code);
        out_.u8(kBinaryList);
        out_.u8(size);
        write(out_);
    }
    [[nodiscard]] bool pointer_is_beyond() const { return pointer_ > last_; }

private:
    ParameterWriter& out_;
    std::uint16_t pointer_;
    std::uint16_t last_ = 0;
};

/// Self-Test Results: always twenty parameters, those of tests that never were all zeroes.
void write_self_tests(const LogValues& values, LogParameters& parameters) {
    constexpr std::uint16_t kResults = 20;
    constexpr std::uint8_t kSize = 0x10;
    constexpr std::uint64_t kMsPerHour = 3'600'000;
    for (std::uint16_t i = 0; i < kResults; ++i) {
        parameters.add(static_cast<std::uint16_t>(i + 1), kSize, [&](ParameterWriter& out) {
            if (i >= values.self_tests.size()) {
                out.zeroes(kSize);
                return;
            }
            const SelfTestResult& result = values.self_tests[i];
            const std::uint64_t hours =
                (result.unix_ms - std::min(result.unix_ms, values.powered_on_ms)) / kMsPerHour;
            const Sense none{.key = SenseKey::no_sense, .asc = Asc::no_additional_sense_information};
            const Sense sense = result.sense.value_or(none);
            out.u8(static_cast<std::uint8_t>(static_cast<unsigned>(result.code) << 5U |
                                             static_cast<unsigned>(result.ending)));
            out.u8(0);
            out.u16(static_cast<std::uint16_t>(std::min<std::uint64_t>(hours, 0xffff)));
            out.u64(result.first_failure.value_or(~std::uint64_t{0}));
            out.u8(static_cast<std::uint8_t>(sense.key));
            out.u16(static_cast<std::uint16_t>(sense.asc));
            out.u8(0);
        });
    }
}

/// General Statistics and Performance. Intervals are not measured, which their being zero says.
void write_statistics(const LogValues& values, LogParameters& parameters) {
    constexpr std::uint8_t kSize = 0x40;
    parameters.add(0x0001, kSize, [&](ParameterWriter& out) {
        out.u64(values.reads);
        out.u64(values.writes);
        out.u64(values.received_blocks);
        out.u64(values.transmitted_blocks);
        out.zeroes(kSize - 4 * sizeof(std::uint64_t));
    });
}

/// Informational Exceptions: none, and no temperature is known.
void write_informational_exceptions(const LogValues& /*values*/, LogParameters& parameters) {
    constexpr std::uint8_t kNoTemperature = 0xff;
    parameters.add(0x0000, 4, [](ParameterWriter& out) {
        out.u16(0);
        out.u8(kNoTemperature);
        out.u8(0);
    });
}

/// Logical Block Provisioning.
void write_provisioning(const LogValues& values, LogParameters& parameters) {
    constexpr std::uint8_t kSize = 8;
    const LbaResources resources = values.resources.value_or(LbaResources{});
    const auto count = [&](std::uint16_t code, std::uint32_t value) {
        parameters.add(code, kSize, [&](ParameterWriter& out) {
            constexpr std::uint8_t kDedicated = 1;
            constexpr std::uint8_t kShared = 2;
            out.u32(value);
            out.u8(resources.shared ? kShared : kDedicated);
            out.zeroes(3);
        });
    };
    count(0x0001, resources.available);
    count(0x0002, resources.used);
}

struct LogPage {
    std::uint8_t code;
    void (*write)(const LogValues&, LogParameters&);
};

constexpr auto kPages = std::to_array<LogPage>({
    {.code = kProvisioningLogPage, .write = write_provisioning},
    {.code = 0x10, .write = write_self_tests},
    {.code = 0x19, .write = write_statistics},
    {.code = 0x2f, .write = write_informational_exceptions},
});
static_assert(std::ranges::is_sorted(kPages, {}, &LogPage::code));

/// The page, if the unit has it.
const LogPage* find_page(std::uint8_t code, bool counts_resources) {
    const auto* const page = std::ranges::find(kPages, code, &LogPage::code);
    return page == kPages.end() || (code == kProvisioningLogPage && !counts_resources) ? nullptr : page;
}

void write_list(bool with_subpages, bool counts_resources, ParameterWriter& out) {
    const auto entry = [&](std::uint8_t page, std::uint8_t subpage) {
        out.u8(page);
        if (with_subpages) {
            out.u8(subpage);
        }
    };
    entry(kSupportedPages, 0);
    if (with_subpages) {
        entry(kSupportedPages, kAllSubpages);
    }
    for (const LogPage& page : kPages) {
        if (find_page(page.code, counts_resources) != nullptr) {
            entry(page.code, 0);
        }
    }
}

}  // namespace

std::optional<Sense> log_sense(std::span<const std::byte, LogSenseCdb::kSize> cdb, const LogValues& values,
                               ParameterWriter& out) {
    using L = LogSenseCdb;
    const auto code = wire::get<L::kPageCode>(cdb);
    const auto subpage = wire::get<L::kSubpageCode>(cdb);
    const auto pointer = wire::get<L::kParameterPointer>(cdb);
    const LogPage* const page = find_page(code, values.resources.has_value());
    const bool is_list = code == kSupportedPages && (subpage == 0 || subpage == kAllSubpages);
    if (!is_list && page == nullptr) {
        return code == kSupportedPages ? invalid_field(L::kSubpageCode) : invalid_field(L::kPageCode);
    }
    if (!is_list && subpage != 0) {
        return invalid_field(L::kSubpageCode);
    }
    if (wire::get<L::kPageControl>(cdb) != kCumulative && !is_list) {
        return invalid_field(L::kPageControl);  // there are neither thresholds nor defaults
    }
    constexpr unsigned kSubpageFormat = 0x40;
    const std::size_t begin = out.size();
    out.u8(static_cast<std::uint8_t>(code | (subpage != 0 ? kSubpageFormat : 0)));
    out.u8(subpage);
    out.u16(0);
    if (is_list) {
        if (pointer != 0) {
            return invalid_field(L::kParameterPointer);
        }
        write_list(subpage != 0, values.resources.has_value(), out);
    } else {
        LogParameters parameters(out, pointer);
        page->write(values, parameters);
        if (parameters.pointer_is_beyond()) {
            return invalid_field(L::kParameterPointer);
        }
    }
    out.patch(begin + 2, static_cast<std::uint16_t>(out.size() - begin - 4));
    return std::nullopt;
}

std::expected<bool, Sense> log_select(std::span<const std::byte, LogSelectCdb::kSize> cdb,
                                      bool counts_resources) {
    using L = LogSelectCdb;
    constexpr std::uint8_t kStatistics = 0x19;
    if (wire::get<L::kParameterListLength>(cdb) != 0) {
        return std::unexpected(invalid_field(L::kParameterListLength));
    }
    const auto code = wire::get<L::kPageCode>(cdb);
    if (code != kSupportedPages && find_page(code, counts_resources) == nullptr) {
        return std::unexpected(invalid_field(L::kPageCode));
    }
    if (wire::get<L::kSubpageCode>(cdb) != 0) {
        return std::unexpected(invalid_field(L::kSubpageCode));
    }
    // Page code zero: all pages.
    return wire::get<L::kReset>(cdb) != 0 && (code == kSupportedPages || code == kStatistics);
}

}  // namespace targe::scsi
