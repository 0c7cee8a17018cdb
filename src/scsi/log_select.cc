#include "scsi/log_select.h"

#include "scsi/cdb.h"
#include "scsi/log_pages.h"

#include <algorithm>
#include <array>
#include <utility>

namespace targe::scsi {
namespace {

using L = LogSelectCdb;
using Selected = std::expected<LogSelected, Sense>;
using Checked = std::optional<Sense>;

constexpr std::uint8_t kStartStopCycles = 0x0e;
constexpr std::uint8_t kApplicationClient = 0x0f;
constexpr std::uint8_t kSelfTestResults = 0x10;
constexpr std::uint8_t kInformationalExceptions = 0x2f;

// PC.
constexpr std::uint8_t kDefaults = 0b10;  // this bit: default values, else current ones
constexpr std::uint8_t kDefaultCumulative = 0b11;

struct PageHeader {
    static constexpr std::size_t kSize = 4;
    static constexpr wire::Field kSaveDisabled = wire::bit(0, 7);   ///< DS
    static constexpr wire::Field kSubpageFormat = wire::bit(0, 6);  ///< SPF
    static constexpr wire::Field kPageCode = wire::bits(0, 5, 0);
    static constexpr wire::Field kSubpageCode = wire::bytes(1, 1);
    static constexpr wire::Field kLength = wire::bytes(2, 3);
};

struct ParameterHeader {
    static constexpr std::size_t kSize = 4;
    static constexpr wire::Field kCode = wire::bytes(0, 1);
    static constexpr wire::Field kThresholdComparison = wire::bit(2, 4);  ///< ETC
    static constexpr wire::Field kFormat = wire::bits(2, 1, 0);           ///< FORMAT AND LINKING
    static constexpr wire::Field kLength = wire::bytes(3, 3);
};
constexpr std::uint8_t kAsciiList = 0b01;
constexpr std::uint8_t kBinaryList = 0b11;

/// Whether the command, without a list, concerns the page.
bool concerns(std::uint8_t code, std::uint8_t subpage, const LogPageInfo& page, std::uint8_t page_subpage) {
    if (code == 0 && subpage == 0) {
        return true;
    }
    return code == page.code && (subpage == kAllLogSubpages || subpage == page_subpage);
}

Checked refuse_unknown_page(std::uint8_t code, std::uint8_t subpage, bool counts_resources) {
    const bool known = code == 0 || find_log_page(code, 0, counts_resources) != nullptr;
    if (!known) {
        return invalid_field(L::kPageCode);
    }
    const bool there = subpage == kAllLogSubpages || (code == 0 && subpage == 0) ||
                       find_log_page(code, subpage, counts_resources) != nullptr;
    return there ? std::nullopt : std::optional{invalid_field(L::kSubpageCode)};
}

/// Back to its defaults.
void reset(const LogPageInfo& page, std::uint8_t subpage, LogSelected& next) {
    if (page.code == kStatisticsPage) {
        next.resets_groups |= std::uint32_t{1} << subpage;
    } else if (page.code == kSelfTestResults) {
        next.resets_self_tests = true;
    } else if (page.code == kInformationalExceptions) {
        next.resets_exceptions = true;
    } else if (page.code == kStartStopCycles) {
        next.current.accounting_date = LogParameters{}.accounting_date;
    } else if (page.code == kApplicationClient) {
        next.current.application.clear();
    }
}

/// Of the parameters that can be saved at all, those of one page.
void save(const LogPageInfo& page, const LogState& state, LogSelected& next) {
    if (!next.saved) {
        next.saved = state.saved;
    }
    if (page.code == kStartStopCycles) {
        next.saved->accounting_date = state.current.accounting_date;
    } else {
        next.saved->application = state.current.application;
    }
}

/// Without a list: resets what PCR, or PC with the defaults of counters, tells it to, or saves what SP tells
/// it to, [SPC-4 r37 6.7.2].
Selected select_pages(std::span<const std::byte, L::kSize> cdb, const LogState& state) {
    const auto code = wire::get<L::kPageCode>(cdb);
    const auto subpage = wire::get<L::kSubpageCode>(cdb);
    const auto control = wire::get<L::kPageControl>(cdb);
    const bool resets = wire::get<L::kReset>(cdb) != 0;
    const bool saves = wire::get<L::kSaveParameters>(cdb) != 0 && (control & kDefaults) == 0;
    if (const auto refused = refuse_unknown_page(code, subpage, state.counts_resources)) {
        return std::unexpected(*refused);
    }
    LogSelected next{.current = state.current};
    for (const LogPageInfo& page : log_page_table()) {
        if (page.of_resources && !state.counts_resources) {
            continue;
        }
        for (unsigned each = page.first_subpage; each <= page.last_subpage; ++each) {
            const auto number = static_cast<std::uint8_t>(each);
            if (!concerns(code, subpage, page, number)) {
                continue;
            }
            // What counts is not saved, neither before a reset nor alone.
            if (saves && (resets || !page.saveable || !state.can_save)) {
                return std::unexpected(invalid_field(L::kSaveParameters));
            }
            if (saves) {
                save(page, state, next);
            }
            if (resets || (page.counts && control == kDefaultCumulative)) {
                reset(page, number, next);
            }
        }
    }
    return next;
}

/// One parameter of a list, whose header and value are all in `raw`.
Checked take_parameter(std::uint8_t page, wire::Bytes raw, std::size_t at, LogParameters& into) {
    using P = ParameterHeader;
    const auto code = static_cast<std::uint16_t>(field_value(raw, P::kCode));
    const bool date = page == kStartStopCycles;
    constexpr std::uint16_t kAccountingDate = 0x0002;
    if (date ? code != kAccountingDate : code >= LogParameters::kApplicationParameters) {
        return invalid_parameter(at + P::kCode.byte);
    }
    if (field_value(raw, P::kThresholdComparison) != 0) {
        return invalid_parameter(at + P::kThresholdComparison.byte, P::kThresholdComparison.msb);
    }
    if (field_value(raw, P::kFormat) != (date ? kAsciiList : kBinaryList)) {
        return invalid_parameter(at + P::kFormat.byte, P::kFormat.msb);
    }
    const wire::Bytes value = raw.subspan(P::kSize);
    if (value.size() != (date ? LogParameters::kDateBytes : LogParameters::kApplicationBytes)) {
        return invalid_parameter(at + P::kLength.byte);
    }
    if (date) {
        std::ranges::transform(value, into.accounting_date.begin(),
                               [](std::byte b) { return static_cast<char>(b); });
        return std::nullopt;
    }
    LogParameters::Application bytes{};
    std::ranges::copy(value, bytes.begin());
    into.set_application(code, bytes);
    return std::nullopt;
}

/// Where the values of a page go.
struct Destination {
    LogParameters& current;
    LogParameters* saved;  ///< null: they are not saved
};

/// The parameters of one page, ascending, which begin at `at` of the whole list.
Checked take_parameters(std::uint8_t page, wire::Bytes raw, std::size_t at, const Destination& into) {
    using P = ParameterHeader;
    std::optional<std::uint64_t> last;
    for (std::size_t i = 0; i < raw.size();) {
        const wire::Bytes rest = raw.subspan(i);
        if (rest.size() < P::kSize || rest.size() - P::kSize < field_value(rest, P::kLength)) {
            return invalid_parameter(at - PageHeader::kSize + PageHeader::kLength.byte);  // it cuts one
        }
        const std::size_t size = P::kSize + static_cast<std::size_t>(field_value(rest, P::kLength));
        const std::uint64_t code = field_value(rest, P::kCode);
        if (last && code <= *last) {
            return invalid_parameter(at + i + P::kCode.byte);
        }
        last = code;
        const wire::Bytes parameter = rest.first(size);
        if (const auto refused = take_parameter(page, parameter, at + i, into.current)) {
            return refused;
        }
        if (into.saved != nullptr) {
            static_cast<void>(take_parameter(page, parameter, at + i, *into.saved));
        }
        i += size;
    }
    return std::nullopt;
}

/// Which page it is, as a number that ascends with page and subpage code; or where the header is at fault.
std::expected<unsigned, std::size_t> page_number(wire::Bytes header, bool counts_resources) {
    using H = PageHeader;
    const auto code = static_cast<std::uint8_t>(field_value(header, H::kPageCode));
    const auto subpage = static_cast<std::uint8_t>(field_value(header, H::kSubpageCode));
    if (find_log_page(code, 0, counts_resources) == nullptr) {
        return std::unexpected(std::size_t{H::kPageCode.byte});
    }
    const bool has_subpage = field_value(header, H::kSubpageFormat) != 0;
    if (has_subpage != (subpage != 0) || find_log_page(code, subpage, counts_resources) == nullptr) {
        return std::unexpected(std::size_t{H::kSubpageCode.byte});
    }
    return code * 256U + subpage;
}

/// One page of a list. The parameters of most pages are not to be changed one by one.
Checked take_page(wire::Bytes raw, std::size_t at, const Destination& into) {
    using H = PageHeader;
    const auto code = static_cast<std::uint8_t>(field_value(raw, H::kPageCode));
    const wire::Bytes parameters = raw.subspan(H::kSize);
    if (code != kStartStopCycles && code != kApplicationClient) {
        return parameters.empty() ? std::nullopt : std::optional{invalid_parameter(at + H::kSize)};
    }
    return take_parameters(code, parameters, at + H::kSize, into);
}

Checked refuse_list(std::span<const std::byte, L::kSize> cdb, const LogState& state) {
    if (wire::get<L::kReset>(cdb) != 0) {
        return invalid_field(L::kReset);
    }
    if (wire::get<L::kPageCode>(cdb) != 0) {
        return invalid_field(L::kPageCode);
    }
    if (wire::get<L::kSubpageCode>(cdb) != 0) {
        return invalid_field(L::kSubpageCode);
    }
    return wire::get<L::kSaveParameters>(cdb) != 0 && !state.can_save
               ? std::optional{invalid_field(L::kSaveParameters)}
               : std::nullopt;
}

/// With a list: sets what is in it, and with SP saves that, but for pages that have DS.
Selected select_values(std::span<const std::byte, L::kSize> cdb, wire::Bytes list, const LogState& state) {
    using H = PageHeader;
    if (const auto refused = refuse_list(cdb, state)) {
        return std::unexpected(*refused);
    }
    LogSelected next{.current = state.current};
    LogParameters saved = state.saved;
    std::optional<unsigned> last;
    for (std::size_t at = 0; at < list.size();) {
        const wire::Bytes rest = list.subspan(at);
        if (rest.size() < H::kSize || rest.size() - H::kSize < field_value(rest, H::kLength)) {
            return std::unexpected(illegal_request(Asc::parameter_list_length_error));
        }
        const auto number = page_number(rest, state.counts_resources);
        if (!number) {
            return std::unexpected(invalid_parameter(at + number.error()));
        }
        if (last && *number <= *last) {
            return std::unexpected(invalid_parameter(at));
        }
        last = *number;
        const bool saves =
            wire::get<L::kSaveParameters>(cdb) != 0 && field_value(rest, H::kSaveDisabled) == 0;
        const std::size_t size = H::kSize + static_cast<std::size_t>(field_value(rest, H::kLength));
        const auto refused =
            take_page(rest.first(size), at, {.current = next.current, .saved = saves ? &saved : nullptr});
        if (refused) {
            return std::unexpected(*refused);
        }
        at += size;
    }
    if (saved != state.saved) {
        next.saved = std::move(saved);
    }
    return next;
}

}  // namespace

Selected log_select(std::span<const std::byte, L::kSize> cdb, wire::Bytes list, const LogState& state) {
    return list.empty() ? select_pages(cdb, state) : select_values(cdb, list, state);
}

}  // namespace targe::scsi
