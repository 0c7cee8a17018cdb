#include "vtl/drive.h"
#include "vtl/limits.h"
#include "vtl/log_page.h"
#include "vtl/unit_cdbs.h"

#include <algorithm>
#include <array>

namespace targe::vtl {
namespace {

using scsi::Asc;

constexpr std::uint64_t kMegabyte = 1'000'000;
constexpr std::uint64_t kMebibyte = 1U << 20U;

constexpr std::uint8_t kTapeAlertPage = 0x2e;
constexpr std::uint8_t kTapeAlertResponsePage = 0x12;
constexpr auto kPages = std::to_array<std::uint8_t>(
    {0x00, 0x02, 0x03, 0x0c, 0x11, kTapeAlertResponsePage, 0x17, kTapeAlertPage, 0x30, 0x31, 0x32});

void put_error_counters(std::uint64_t bytes, std::uint64_t uncorrected, LogPage& page) {
    page.counter(0x0000, 0, 4);  // corrected without delay
    page.counter(0x0001, 0, 4);  // with possible delays
    page.counter(0x0002, 0, 4);  // rewrites or rereads
    page.counter(0x0003, 0, 4);  // corrected
    page.counter(0x0004, 0, 4);  // times the algorithm was used
    page.counter(0x0005, bytes, 8);
    page.counter(0x0006, uncorrected, 4);
}

/// Pairs of MB and the bytes that are left, as IBM's page 32h has them.
void put_megabytes(std::uint16_t code, std::uint64_t bytes, LogPage& page) {
    page.counter(code, bytes / kMebibyte, 4);
    page.counter(static_cast<std::uint16_t>(code + 1), bytes % kMebibyte, 4);
}

std::uint64_t ratio(std::uint64_t logical, std::uint64_t stored) {
    return stored == 0 ? 100 : std::min<std::uint64_t>(logical * 100 / stored, 0xffff);
}

}  // namespace

void Drive::write_sequential_page(LogPage& page) const {
    page.counter(0x0000, since_load_.from_initiator, 8);
    page.counter(0x0001, since_load_.to_medium, 8);
    page.counter(0x0002, since_load_.from_medium, 8);
    page.counter(0x0003, since_load_.to_initiator, 8);
    if (loaded_) {
        const std::uint64_t capacity = cartridge_->capacity(partition_);
        const Partition& tape = cartridge_->partition(partition_);
        page.counter(0x0004, tape.used_bytes() / kMegabyte, 4);
        page.counter(0x0005, (capacity - early_warning_bytes(capacity)) / kMegabyte, 4);
        page.counter(0x0006, early_warning_bytes(capacity) / kMegabyte, 4);
        page.counter(0x0007, tape.used_before_position() / kMegabyte, 4);
    }
    page.counter(0x0100, 0, 8);  // cleaning is not required, ever
}

void Drive::write_device_status_page(LogPage& page) const {
    // Very high frequency data, of which these are known here: PAMR, CMPR, WRTP, DINIT; MPRSNT, and either
    // MSTD, MTHRD and MOUNTED or RAA.
    const bool compresses = (mode_.byte(0x0f, 2) & 0x80U) != 0;
    const unsigned first = (removal_prevented() ? 0x80U : 0U) | (compresses ? 0x10U : 0U) |
                           (write_protected() ? 0x08U : 0U) | 0x01U;
    const unsigned second = (inserted_ ? 0x10U : 0U) | (loaded_ ? 0x07U : 0x20U);
    page.bytes(0x0000, {static_cast<std::uint8_t>(first), static_cast<std::uint8_t>(second), 0, 0});
}

void Drive::write_volume_page(LogPage& page) const {
    page.counter(0x0000, loaded_ ? 1 : 0, 1);  // whether the rest is valid
    if (!loaded_) {
        return;
    }
    const Label& label = cartridge_->label();
    write_usage_page(page);
    page.counter(0x000c, since_load_.write_errors, 2);
    page.counter(0x000d, since_load_.read_errors, 2);
    page.counter(0x000e, since_load_.from_initiator / kMegabyte, 4);
    page.counter(0x000f, since_load_.to_initiator / kMegabyte, 4);
    page.counter(0x0010, usage().bytes_written / kMegabyte, 8);
    page.counter(0x0011, usage().bytes_read / kMegabyte, 8);
    page.counter(0x0012, ratio(since_load_.from_initiator, since_load_.to_medium), 2);
    page.counter(0x0013, ratio(since_load_.to_initiator, since_load_.from_medium), 2);
    page.counter(0x0016, label.capacity_bytes / kMegabyte, 4);
    page.text(0x0040, label.barcode, 32);
    page.text(0x0042, label.barcode, 32);
    page.text(0x0043, kMediumManufacturer, 8);
    page.counter(0x0080, write_protected() ? 1 : 0, 1);
    page.counter(0x0081, label.worm ? 1 : 0, 1);
    struct Of {
        std::uint16_t code;
        std::uint64_t (*value)(const Cartridge&, std::size_t);
    };
    constexpr auto kOfEachPartition = std::to_array<Of>({
        {0x0202, [](const Cartridge& c, std::size_t i) { return c.capacity(i) / kMegabyte; }},
        {0x0203, [](const Cartridge& c, std::size_t i) { return c.partition(i).used_bytes() / kMegabyte; }},
        {0x0204,
         [](const Cartridge& c, std::size_t i) {
             return (c.capacity(i) - std::min(c.capacity(i), c.partition(i).used_bytes())) / kMegabyte;
         }},
    });
    for (const Of& of : kOfEachPartition) {
        page.begin(of.code);
        for (std::size_t i = 0; i < cartridge_->partitions(); ++i) {
            page.partition_record(static_cast<std::uint16_t>(i), of.value(*cartridge_, i));
        }
        page.end();
    }
}

void Drive::write_usage_page(LogPage& page) const {
    page.counter(0x0001, loaded_ ? usage().loads : 0, 4);
    page.counter(0x0003, 0, 4);
    page.counter(0x0004, since_load_.write_errors, 2);
    page.counter(0x0008, 0, 4);
    page.counter(0x0009, since_load_.read_errors, 2);
}

/// Of the first two partitions, in MiB, as IBM's page 31h has it.
void Drive::write_capacity_page(LogPage& page) const {
    const auto capacity = [&](std::size_t i) {
        return loaded_ && i < cartridge_->partitions() ? cartridge_->capacity(i) : 0;
    };
    const auto left = [&](std::size_t i) {
        const std::uint64_t used = capacity(i) == 0 ? 0 : cartridge_->partition(i).used_bytes();
        return capacity(i) - std::min(capacity(i), used);
    };
    page.counter(0x0001, left(0) / kMebibyte, 4);
    page.counter(0x0002, left(1) / kMebibyte, 4);
    page.counter(0x0003, capacity(0) / kMebibyte, 4);
    page.counter(0x0004, capacity(1) / kMebibyte, 4);
}

void Drive::write_compression_page(LogPage& page) const {
    page.counter(0x0000, ratio(since_load_.to_initiator, since_load_.from_medium), 2);
    page.counter(0x0001, ratio(since_load_.from_initiator, since_load_.to_medium), 2);
    put_megabytes(0x0002, since_load_.to_initiator, page);
    put_megabytes(0x0004, since_load_.from_medium, page);
    put_megabytes(0x0006, since_load_.from_initiator, page);
    put_megabytes(0x0008, since_load_.to_medium, page);
}

void Drive::write_log_page(std::uint8_t code, LogPage& page) const {
    switch (code) {
        case 0x02:
            return put_error_counters(since_load_.from_initiator, since_load_.write_errors, page);
        case 0x03:
            return put_error_counters(since_load_.to_initiator, since_load_.read_errors, page);
        case 0x0c:
            return write_sequential_page(page);
        case 0x11:
            return write_device_status_page(page);
        case kTapeAlertResponsePage: {
            std::vector<std::uint8_t> flags(8, 0);
            for (unsigned i = 1; i < alerts_.size(); ++i) {
                flags[(i - 1) / 8] |= static_cast<std::uint8_t>(alerts_.at(i) ? 0x80U >> ((i - 1) % 8) : 0U);
            }
            return page.bytes(0x0000, flags);
        }
        case 0x17:
            return write_volume_page(page);
        case kTapeAlertPage:
            for (std::size_t i = 1; i < alerts_.size(); ++i) {
                page.counter(static_cast<std::uint16_t>(i), alerts_.at(i) ? 1 : 0, 1);
            }
            return;
        case 0x30:
            return write_usage_page(page);
        case 0x31:
            return write_capacity_page(page);
        case 0x32:
            return write_compression_page(page);
        default:
            return;
    }
}

/// Who has read an alert has been told; sg_logs(8) asks for the header of the page first, which has none.
void Drive::forget_alerts(std::uint64_t first, std::size_t delivered_bytes) {
    constexpr std::size_t kPageHeader = 4;
    constexpr std::size_t kParameter = 5;
    std::size_t end = kPageHeader + kParameter;
    for (auto i = static_cast<std::size_t>(std::max<std::uint64_t>(first, 1));
         i < alerts_.size() && end <= delivered_bytes; ++i, end += kParameter) {
        alerts_.at(i) = false;
    }
}

Drive::Ending Drive::log_sense(Call& call) {
    using L = LogSenseCdb;
    constexpr std::uint64_t kCumulative = 1;
    constexpr std::uint64_t kStandardCumulative = 3;
    const auto code = static_cast<std::uint8_t>(call.get(L::kPage));
    const std::uint64_t control = call.get(L::kControl);
    if (std::ranges::find(kPages, code) == kPages.end()) {
        return invalid_field(L::kPage);
    }
    if (call.get(L::kSubpage) != 0) {
        return invalid_field(L::kSubpage);
    }
    if (control > kStandardCumulative) {
        return invalid_field(L::kControl);
    }
    std::vector<std::byte> content;
    if (code == 0) {
        content = std::vector<std::byte>(kPages.size());
        std::ranges::transform(kPages, content.begin(), [](std::uint8_t each) { return std::byte{each}; });
    } else {
        LogPage page(static_cast<std::uint16_t>(call.get(L::kParameterPointer)));
        write_log_page(code, page);
        content = page.take();
        if (content.empty()) {
            return invalid_field(L::kParameterPointer);
        }
    }
    call.reply(call.get(L::kAllocationLength), [&](scsi::ParameterWriter& out) {
        out.u8(code);
        out.u8(0);
        out.u16(static_cast<std::uint16_t>(content.size()));
        out.bytes(content);
    });
    if (code == kTapeAlertPage && control == kCumulative) {
        forget_alerts(call.get(L::kParameterPointer), call.out().data_in_length);
    }
    return std::nullopt;
}

Drive::Ending Drive::log_select(Call& call) {
    using L = LogSelectCdb;
    if (call.get(L::kParameterListLength) != 0) {
        return invalid_field(L::kParameterListLength);
    }
    const auto code = static_cast<std::uint8_t>(call.get(L::kPage));
    if (call.get(L::kSubpage) != 0) {
        return invalid_field(L::kSubpage);
    }
    if (code != 0 && std::ranges::find(kPages, code) == kPages.end()) {
        return invalid_field(L::kPage);
    }
    if (!call.flag(L::kReset)) {
        return std::nullopt;
    }
    if (code == 0 || code == kTapeAlertPage || code == kTapeAlertResponsePage) {
        alerts_ = {};
    }
    if (code != kTapeAlertPage && code != kTapeAlertResponsePage) {
        // The counters of the page, which others are made of too; not those of the cartridge's life.
        before_anew_.bytes_written += since_load_.from_initiator;
        before_anew_.bytes_read += since_load_.to_initiator;
        since_load_ = {};
    }
    call.attention(Attention::To::others, Asc::log_parameters_changed);
    return std::nullopt;
}

}  // namespace targe::vtl
