#include "scsi/log_pages.h"

#include <algorithm>
#include <array>

namespace targe::scsi {
namespace {

/// FORMAT AND LINKING.
enum class LogFormat : std::uint8_t { ascii_list = 0b01, unbounded_counter = 0b10, binary_list = 0b11 };
/// Whether a parameter is still there after a restart although nobody asked for that: TSD.
enum class Lasting : std::uint8_t { no, yes };

/// Writes parameters in the order of their codes, those before the PARAMETER POINTER left out.
class LogParameterList {
public:
    LogParameterList(ParameterWriter& out, std::uint16_t pointer) : out_(out), pointer_(pointer) {}

    /// `write` appends exactly `size` bytes.
    void add(std::uint16_t code, LogFormat format, Lasting lasting, std::uint8_t size, auto write) {
        constexpr std::uint8_t kTargetSaveDisable = 0x20;
        last_ = code;
        if (code < pointer_) {
            return;
        }
        out_.u16(code);
        out_.u8(static_cast<std::uint8_t>(static_cast<unsigned>(format) |
                                          (lasting == Lasting::yes ? 0U : kTargetSaveDisable)));
        out_.u8(size);
        write(out_);
    }
    [[nodiscard]] bool pointer_is_beyond() const { return pointer_ > last_; }

private:
    ParameterWriter& out_;
    std::uint16_t pointer_;
    std::uint16_t last_ = 0;
};

/// Logical Block Provisioning, [SBC-3 r36].
void write_provisioning(const LogValues& values, LogParameterList& list) {
    constexpr std::uint8_t kSize = 8;
    const LbaResources resources = values.resources.value_or(LbaResources{});
    const auto count = [&](std::uint16_t code, std::uint32_t value) {
        list.add(code, LogFormat::binary_list, Lasting::yes, kSize, [&](ParameterWriter& out) {
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

/// Start-Stop Cycle Counter, [SPC-4 r37 7.3.17]. What a virtual disk is specified to stand, nobody knows, nor
/// when it was made; nothing is started or stopped but a medium that comes and goes.
void write_start_stop_cycles(const LogValues& values, LogParameterList& list) {
    list.add(0x0002, LogFormat::ascii_list, Lasting::no, LogParameters::kDateBytes,
             [&](ParameterWriter& out) { out.characters(values.parameters.accounting_date); });
    if (values.load_unload_cycles) {
        list.add(0x0006, LogFormat::binary_list, values.can_save ? Lasting::yes : Lasting::no,
                 sizeof(std::uint32_t), [&](ParameterWriter& out) { out.u32(*values.load_unload_cycles); });
    }
}

/// Application Client, [SPC-4 r37 7.3.3].
void write_application_client(const LogValues& values, LogParameterList& list) {
    constexpr std::uint8_t kSize = LogParameters::kApplicationBytes;
    for (std::uint16_t code = 0; code < LogParameters::kApplicationParameters; ++code) {
        list.add(code, LogFormat::binary_list, Lasting::no, kSize, [&](ParameterWriter& out) {
            const auto at = values.parameters.application.find(code);
            if (at == values.parameters.application.end()) {
                out.zeroes(kSize);
            } else {
                out.bytes(at->second);
            }
        });
    }
}

/// Self-Test Results, [SPC-4 r37 7.3.16]: always twenty, those of tests that never were all zeroes.
void write_self_tests(const LogValues& values, LogParameterList& list) {
    constexpr std::uint16_t kResults = 20;
    constexpr std::uint8_t kSize = 0x10;
    constexpr std::uint64_t kMsPerHour = 3'600'000;
    for (std::uint16_t i = 0; i < kResults; ++i) {
        const auto code = static_cast<std::uint16_t>(i + 1);
        list.add(code, LogFormat::binary_list, Lasting::no, kSize, [&](ParameterWriter& out) {
            if (i >= values.self_tests.size()) {
                out.zeroes(kSize);
                return;
            }
            const SelfTestResult& result = values.self_tests[i];
            // Zero while it is under way.
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

constexpr std::uint64_t kNsPerInterval = 1000;  // a time interval is a microsecond

void write_accesses(const LogValues& values, ParameterWriter& out) {
    const AccessStatistics& counted = values.statistics;
    out.u64(counted.reads.count);
    out.u64(counted.writes.count);
    out.u64(counted.writes.bytes / values.block_size);
    out.u64(counted.reads.bytes / values.block_size);
    out.u64(counted.reads.time_ns / kNsPerInterval);
    out.u64(counted.writes.time_ns / kNsPerInterval);
}

/// What FUA_NV would have counted is zero: there is no such bit any more.
void write_forced_accesses(const LogValues& values, LogParameterList& list) {
    list.add(0x0004, LogFormat::unbounded_counter, Lasting::no, 0x40, [&](ParameterWriter& out) {
        out.u64(values.statistics.reads.fua_count);
        out.u64(values.statistics.writes.fua_count);
        out.zeroes(16);
        out.u64(values.statistics.reads.fua_time_ns / kNsPerInterval);
        out.u64(values.statistics.writes.fua_time_ns / kNsPerInterval);
        out.zeroes(16);
    });
}

/// General Statistics and Performance, [SPC-4 r37 7.3.6].
void write_statistics(const LogValues& values, LogParameterList& list) {
    list.add(0x0001, LogFormat::unbounded_counter, Lasting::no, 0x40, [&](ParameterWriter& out) {
        write_accesses(values, out);
        out.u64(values.statistics.weight);
        out.u64(values.statistics.weighted_time_us);
    });
    list.add(0x0002, LogFormat::unbounded_counter, Lasting::no, 0x08,
             [&](ParameterWriter& out) { out.u64(values.idle_us); });
    list.add(0x0003, LogFormat::binary_list, Lasting::yes, 0x08, [](ParameterWriter& out) {
        constexpr std::uint32_t kMicroseconds = 6;  // EXPONENT, and its INTEGER is 1
        out.u32(kMicroseconds);
        out.u32(1);
    });
    write_forced_accesses(values, list);
}

/// Group Statistics and Performance, [SPC-4 r37 7.3.7].
void write_group_statistics(const LogValues& values, LogParameterList& list) {
    list.add(0x0001, LogFormat::unbounded_counter, Lasting::no, 0x30,
             [&](ParameterWriter& out) { write_accesses(values, out); });
    write_forced_accesses(values, list);
}

/// Informational Exceptions, [SPC-4 r37 7.3.8]. No temperature is known.
void write_informational_exceptions(const LogValues& values, LogParameterList& list) {
    constexpr std::uint8_t kNoTemperature = 0xff;
    list.add(0x0000, LogFormat::binary_list, Lasting::no, 4, [&](ParameterWriter& out) {
        out.u16(static_cast<std::uint16_t>(values.exception));
        out.u8(kNoTemperature);
        out.u8(0);
    });
}

using WritePage = void (*)(const LogValues&, LogParameterList&);

constexpr auto kPages = std::to_array<LogPageInfo>({
    {.code = kProvisioningLogPage,
     .first_subpage = 0,
     .last_subpage = 0,
     .counts = false,
     .saveable = false,
     .of_resources = true},
    {.code = 0x0e, .first_subpage = 0, .last_subpage = 0, .counts = false, .saveable = true},
    {.code = 0x0f, .first_subpage = 0, .last_subpage = 0, .counts = false, .saveable = true},
    {.code = 0x10, .first_subpage = 0, .last_subpage = 0, .counts = false, .saveable = false},
    {.code = kStatisticsPage, .first_subpage = 0, .last_subpage = 0, .counts = true, .saveable = false},
    {.code = kStatisticsPage,
     .first_subpage = 1,
     .last_subpage = kGroups - 1,
     .counts = true,
     .saveable = false},
    {.code = 0x2f, .first_subpage = 0, .last_subpage = 0, .counts = false, .saveable = false},
});
/// In the same order.
constexpr auto kWriters = std::to_array<WritePage>(
    {write_provisioning, write_start_stop_cycles, write_application_client, write_self_tests,
     write_statistics, write_group_statistics, write_informational_exceptions});
static_assert(kWriters.size() == kPages.size());
static_assert(std::ranges::is_sorted(kPages, [](const LogPageInfo& a, const LogPageInfo& b) {
    return a.code != b.code ? a.code < b.code : a.last_subpage < b.first_subpage;
}));

constexpr std::uint8_t kSupportedPages = 0x00;

/// Which pages a list of pages lists.
struct Listed {
    std::optional<std::uint8_t> only;  ///< one page's subpages
    bool with_subpages;
};

bool has(const LogPageInfo& page, bool counts_resources) {
    return !page.of_resources || counts_resources;
}

bool is_last_of_its_code(const LogPageInfo& page) {
    const LogPageInfo* const next = &page + 1;
    return next == kPages.end() || next->code != page.code;
}

bool has_page(std::uint8_t code, bool counts_resources) {
    return std::ranges::any_of(
        kPages, [&](const LogPageInfo& page) { return page.code == code && has(page, counts_resources); });
}

/// Null where there is none, or a page of our own has its code.
const DeviceLogPage* device_page(std::uint8_t code, const LogValues& values) {
    const auto at = std::ranges::find(values.device_pages, code, &DeviceLogPage::code);
    const bool ours =
        code == kSupportedPages || std::ranges::find(kPages, code, &LogPageInfo::code) != kPages.end();
    return ours || at == values.device_pages.end() ? nullptr : &*at;
}

void write_list(const Listed& listed, const LogValues& values, ParameterWriter& out) {
    const bool counts_resources = values.resources.has_value();
    const auto entry = [&](std::uint8_t page, std::uint8_t subpage) {
        out.u8(page);
        if (listed.with_subpages) {
            out.u8(subpage);
        }
    };
    if (!listed.only) {
        entry(kSupportedPages, 0);
        if (listed.with_subpages) {
            entry(kSupportedPages, kAllLogSubpages);
        }
    }
    unsigned from = 0;
    const auto device_pages_before = [&](unsigned code) {
        for (; from < code; ++from) {
            const auto page = static_cast<std::uint8_t>(from);
            if (device_page(page, values) != nullptr && listed.only.value_or(page) == page) {
                entry(page, 0);
                if (listed.with_subpages) {
                    entry(page, kAllLogSubpages);
                }
            }
        }
    };
    for (const LogPageInfo& page : kPages) {
        device_pages_before(page.code);
        if (!has(page, counts_resources) || (listed.only && *listed.only != page.code)) {
            continue;
        }
        for (unsigned subpage = page.first_subpage; subpage <= page.last_subpage; ++subpage) {
            if (listed.with_subpages || subpage == 0) {
                entry(page.code, static_cast<std::uint8_t>(subpage));
            }
        }
        // The list of its subpages is one of them.
        if (listed.with_subpages && is_last_of_its_code(page)) {
            entry(page.code, kAllLogSubpages);
        }
    }
    constexpr unsigned kPageCodes = 64;
    device_pages_before(kPageCodes);
}

/// The list that the page and subpage codes ask for, if they ask for one.
std::optional<Listed> list_asked_for(std::uint8_t code, std::uint8_t subpage, const LogValues& values) {
    if (code == kSupportedPages && subpage == 0) {
        return Listed{.only = {}, .with_subpages = false};
    }
    if (subpage != kAllLogSubpages) {
        return std::nullopt;
    }
    if (code == kSupportedPages) {
        return Listed{.only = {}, .with_subpages = true};
    }
    return has_page(code, values.resources.has_value()) || device_page(code, values) != nullptr
               ? std::optional{Listed{.only = code, .with_subpages = true}}
               : std::nullopt;
}

/// Data counters have current and default values, and no thresholds; lists have no such choice.
std::optional<Sense> refuse_page_control(std::uint8_t control, const LogPageInfo& page) {
    constexpr std::uint8_t kCumulative = 0b01;
    constexpr std::uint8_t kDefaultCumulative = 0b11;
    return page.counts && control != kCumulative && control != kDefaultCumulative
               ? std::optional{invalid_field(LogSenseCdb::kPageControl)}
               : std::nullopt;
}

LogValues values_for(std::uint8_t control, const LogPageInfo& page, const LogValues& values) {
    constexpr std::uint8_t kDefaults = 0b10;
    LogValues chosen = values;
    if (page.counts && (control & kDefaults) != 0) {
        chosen.statistics = {};
        chosen.idle_us = 0;
    }
    return chosen;
}

void write_header(std::uint8_t code, std::uint8_t subpage, bool saved, ParameterWriter& out) {
    constexpr unsigned kDisableSave = 0x80;    // DS
    constexpr unsigned kSubpageFormat = 0x40;  // SPF
    out.u8(
        static_cast<std::uint8_t>(code | (saved ? 0U : kDisableSave) | (subpage != 0 ? kSubpageFormat : 0U)));
    out.u8(subpage);
    out.u16(0);
}

std::optional<Sense> write_page(std::span<const std::byte, LogSenseCdb::kSize> cdb, const LogPageInfo& page,
                                const LogValues& values, ParameterWriter& out) {
    using L = LogSenseCdb;
    const auto control = wire::get<L::kPageControl>(cdb);
    if (const auto refused = refuse_page_control(control, page)) {
        return refused;
    }
    write_header(page.code, wire::get<L::kSubpageCode>(cdb), page.saveable && values.can_save, out);
    const WritePage write_parameters = kWriters.at(static_cast<std::size_t>(&page - kPages.data()));
    LogParameterList list(out, wire::get<L::kParameterPointer>(cdb));
    write_parameters(values_for(control, page, values), list);
    return list.pointer_is_beyond() ? std::optional{invalid_field(L::kParameterPointer)} : std::nullopt;
}

std::optional<Sense> write_device_page(std::span<const std::byte, LogSenseCdb::kSize> cdb,
                                       const DeviceLogPage& page, ParameterWriter& out) {
    using L = LogSenseCdb;
    const std::uint16_t pointer = wire::get<L::kParameterPointer>(cdb);
    write_header(page.code, 0, false, out);
    return pointer > write_log_parameters(page.parameters, pointer, out)
               ? std::optional{invalid_field(L::kParameterPointer)}
               : std::nullopt;
}

}  // namespace

std::span<const LogPageInfo> log_page_table() {
    return kPages;
}

const LogPageInfo* find_log_page(std::uint8_t code, std::uint8_t subpage, bool counts_resources) {
    const auto* const page = std::ranges::find_if(kPages, [&](const LogPageInfo& each) {
        return each.code == code && each.first_subpage <= subpage && subpage <= each.last_subpage &&
               has(each, counts_resources);
    });
    return page != kPages.end() ? page : nullptr;
}

std::uint8_t group_asked_for(std::span<const std::byte, LogSenseCdb::kSize> cdb) {
    using L = LogSenseCdb;
    const auto subpage = wire::get<L::kSubpageCode>(cdb);
    return wire::get<L::kPageCode>(cdb) == kStatisticsPage && subpage < kGroups ? subpage : std::uint8_t{0};
}

std::optional<Sense> log_sense(std::span<const std::byte, LogSenseCdb::kSize> cdb, const LogValues& values,
                               ParameterWriter& out) {
    using L = LogSenseCdb;
    const auto code = wire::get<L::kPageCode>(cdb);
    const auto subpage = wire::get<L::kSubpageCode>(cdb);
    if (wire::get<L::kSaveParameters>(cdb) != 0 && !values.can_save) {
        return invalid_field(L::kSaveParameters);
    }
    const bool counts_resources = values.resources.has_value();
    const std::size_t begin = out.size();
    if (const auto listed = list_asked_for(code, subpage, values)) {
        if (wire::get<L::kParameterPointer>(cdb) != 0) {
            return invalid_field(L::kParameterPointer);
        }
        write_header(code, subpage, true, out);  // DS is clear there, [SPC-4 r37 7.3.18]
        write_list(*listed, values, out);
    } else if (const DeviceLogPage* const of_device = device_page(code, values);
               of_device != nullptr && subpage == 0) {
        if (const auto refused = write_device_page(cdb, *of_device, out)) {
            return refused;
        }
    } else {
        const LogPageInfo* const page = find_log_page(code, subpage, counts_resources);
        if (page == nullptr) {
            const bool known =
                code == kSupportedPages || has_page(code, counts_resources) || of_device != nullptr;
            return known ? invalid_field(L::kSubpageCode) : invalid_field(L::kPageCode);
        }
        if (const auto refused = write_page(cdb, *page, values, out)) {
            return refused;
        }
    }
    out.patch(begin + 2, static_cast<std::uint16_t>(out.size() - begin - 4));
    return std::nullopt;
}

}  // namespace targe::scsi
