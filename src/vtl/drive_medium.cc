#include "vtl/drive.h"
#include "vtl/limits.h"
#include "vtl/partition_plan.h"
#include "vtl/stream_cdbs.h"
#include "vtl/unit_cdbs.h"

#include <fmt/format.h>

#include <utility>

namespace targe::vtl {
namespace {

using scsi::Asc;
using scsi::SenseKey;

constexpr std::uint32_t kMegabyte = 1'000'000;

/// Density support data block descriptor, [SSC-5].
void put_density(const Generation& generation, const Generation& drive, scsi::ParameterWriter& out) {
    constexpr unsigned kWritable = 0x80;  // WRTOK
    constexpr unsigned kDefault = 0x20;   // DEFLT
    out.u8(generation.density);
    out.u8(generation.density);
    out.u8(static_cast<std::uint8_t>((generation.number >= drive.oldest_written ? kWritable : 0U) |
                                     (generation.number == drive.number ? kDefault : 0U)));
    out.u16(0);
    out.u8(static_cast<std::uint8_t>(generation.bits_per_mm >> 16U));
    out.u16(static_cast<std::uint16_t>(generation.bits_per_mm));
    out.u16(127);  // width in tenths of a millimetre
    out.u16(generation.tracks);
    out.u32(static_cast<std::uint32_t>(generation.native_bytes / kMegabyte));
    out.ascii("LTO-CVE", 8);
    out.ascii(generation.density_name, 8);
    out.ascii(generation.description, 20);
}

/// Medium type descriptor.
void put_medium_type(const Generation& generation, bool worm, scsi::ParameterWriter& out) {
    out.u8(worm ? generation.worm_medium_type : generation.medium_type);
    out.u8(0);
    out.u16(52);  // bytes that follow
    out.u8(1);    // densities of it
    out.u8(generation.density);
    out.zeroes(8);
    out.u16(127);
    out.u16(0);
    out.u16(0);
    out.ascii("LTO-CVE", 8);
    out.ascii(
        worm ? fmt::format("W-{}", generation.density_name.substr(2)) : std::string(generation.density_name),
        8);
    out.ascii(worm ? fmt::format("Ultrium {} WORM", generation.number)
                   : fmt::format("Ultrium {} Data", generation.number),
              20);
}

}  // namespace

Drive::Ending Drive::test_unit_ready(Call& /*call*/) {
    return std::nullopt;
}

Drive::Ending Drive::load_unload(Call& call) {
    using L = LoadUnloadCdb;
    if (!inserted_) {
        return not_ready(Asc::medium_not_present);
    }
    const bool load = call.flag(L::kLoad);
    if (load && call.flag(L::kEndOfTape)) {
        return invalid_field(L::kEndOfTape);
    }
    if (insertion_ != Insertion::ready) {
        return load ? ready() : std::nullopt;
    }
    if (load) {
        if (!loaded_) {
            thread();
            call.attention(Attention::To::others, Asc::not_ready_to_ready_change_medium_may_have_changed);
        } else if (auto failed = sync_before_moving(call)) {
            return failed;
        }
        partition_ = 0;
        tape().rewind();
        return placed(call, {});
    }
    if (removal_prevented()) {
        raise_alert(alert::no_removal);
        return refusal(Asc::medium_removal_prevented);
    }
    return unthread(call.out().trouble) ? std::nullopt : Ending(medium_error(Asc::write_error));
}

Drive::Ending Drive::prevent_allow(Call& call) {
    return vtl::prevent_allow(call, preventing_);
}

Drive::Ending Drive::may_format(Call& call) {
    if (!positioned_) {
        return medium_error(asc::sequential_positioning_error);
    }
    if (partition_ != 0 || tape().object() != 0) {
        return refusal(asc::position_past_beginning_of_medium);
    }
    if (cartridge_->label().worm) {
        return data_protect(asc::worm_medium_overwrite_attempted);
    }
    constexpr std::uint8_t kAppendOnly = 1;
    if (mode_.byte(0x10, 5, 1) >> 4U == kAppendOnly && !(overwrite_ && overwrite_->format)) {
        return data_protect(asc::conditional_write_protect);
    }
    if (cartridge_->label().generation < description_.generation->oldest_written) {
        return data_protect(asc::cannot_write_medium_incompatible_format);
    }
    if (write_protected()) {
        return data_protect(Asc::write_protected);
    }
    call.out().wanted = 0;
    return std::nullopt;
}

Drive::Ending Drive::format_into(Call& call, std::vector<std::uint64_t> capacities) {
    overwrite_.reset();
    const auto done = cartridge_->format(std::move(capacities));
    note_partitions();
    return done ? std::nullopt : host_trouble(call, done.error(), true);
}

Drive::Ending Drive::format_medium(Call& call) {
    using L = FormatMediumCdb;
    enum Format : std::uint8_t { standard = 0, partitioned = 1, standard_and_partitioned = 2 };
    const std::uint64_t format = call.get(L::kFormat);
    if (format > standard_and_partitioned) {
        return invalid_field(L::kFormat);
    }
    if (call.get(L::kTransferLength) != 0) {
        return invalid_field(L::kTransferLength);
    }
    if (auto refused = may_format(call)) {
        return refused;
    }
    const std::uint64_t capacity = cartridge_->label().capacity_bytes;
    if (format == standard) {
        return format_into(call, {capacity});
    }
    auto plan = plan_partitions(mode_.find(0x11)->current, capacity);
    return plan ? format_into(call, std::move(*plan))
                : Sense{.key = SenseKey::illegal_request, .asc = Asc::parameter_value_invalid};
}

Drive::Ending Drive::set_capacity(Call& call) {
    const std::uint64_t proportion = call.get(SetCapacityCdb::kProportion);
    if (proportion == 0) {
        return invalid_field(SetCapacityCdb::kProportion);
    }
    if (auto refused = may_format(call)) {
        return refused;
    }
    constexpr std::uint64_t kAll = 0xffff;
    const std::uint64_t capacity = cartridge_->label().capacity_bytes;
    return format_into(call, {capacity / kAll * proportion + capacity % kAll * proportion / kAll});
}

Drive::Ending Drive::allow_overwrite(Call& call) {
    using L = AllowOverwriteCdb;
    enum Allow : std::uint8_t { disabled = 0, current_position = 1, format = 2 };
    const std::uint64_t allow = call.get(L::kAllow);
    if (allow > format) {
        return invalid_field(L::kAllow);
    }
    if (allow == disabled) {
        overwrite_.reset();
        return std::nullopt;
    }
    if (allow == format) {
        overwrite_ = Overwrite{.format = true};
        return std::nullopt;
    }
    // It names where the initiator believes to be.
    if (call.get(L::kPartition) != partition_ || call.get(L::kObject) != tape().object()) {
        overwrite_.reset();
        return refusal(asc::sequential_positioning_error);
    }
    overwrite_ = Overwrite{.format = false, .partition = partition_, .object = tape().object()};
    return std::nullopt;
}

Drive::Ending Drive::read_block_limits(Call& call) {
    constexpr std::size_t kLong = 20;
    constexpr std::size_t kShort = 6;
    const bool mloi = call.flag(ReadBlockLimitsCdb::kMloi);
    call.reply(mloi ? kLong : kShort, [&](scsi::ParameterWriter& out) {
        if (mloi) {
            out.zeroes(12);
            out.u64(~std::uint64_t{0} >> 1U);
            return;
        }
        out.u32(kMaxBlockBytes);
        out.u16(1);
    });
    return std::nullopt;
}

Drive::Ending Drive::report_density_support(Call& call) {
    using L = ReportDensitySupportCdb;
    const bool media = call.flag(L::kMedia);
    if (media && ready()) {
        return ready();
    }
    const Generation& drive = *description_.generation;
    call.reply(call.get(L::kAllocationLength), [&](scsi::ParameterWriter& out) {
        const std::size_t start = out.size();
        out.u32(0);
        for (const Generation& each : generations()) {
            const bool own = media ? each.number == cartridge_->label().generation
                                   : each.number >= drive.oldest_read && each.number <= drive.number;
            if (!own) {
                continue;
            }
            if (!call.flag(L::kMediumType)) {
                put_density(each, drive, out);
                continue;
            }
            for (const bool worm : {false, true}) {
                if (!media || cartridge_->label().worm == worm) {
                    put_medium_type(each, worm, out);
                }
            }
        }
        out.patch(start, static_cast<std::uint16_t>(out.size() - start - 2));
    });
    return std::nullopt;
}

Drive::Ending Drive::read_media_serial_number(Call& call) {
    const std::string& serial = cartridge_->label().barcode;
    call.reply(call.get(ReadMediaSerialNumberCdb::kAllocationLength), [&](scsi::ParameterWriter& out) {
        const std::size_t padded = (serial.size() + 3) / 4 * 4;
        out.u32(static_cast<std::uint32_t>(padded));
        out.characters(serial);
        out.zeroes(padded - serial.size());
    });
    return std::nullopt;
}

}  // namespace targe::vtl
