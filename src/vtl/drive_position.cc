#include "vtl/drive.h"
#include "vtl/stream_cdbs.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace targe::vtl {
namespace {

using scsi::SenseKey;

Sense end_of_data(std::uint64_t residue) {
    return {.key = SenseKey::blank_check,
            .asc = asc::end_of_data_detected,
            .information = static_cast<std::int64_t>(residue)};
}
Sense beginning(std::uint64_t residue) {
    return {.key = SenseKey::no_sense,
            .asc = asc::beginning_of_partition_or_medium_detected,
            .information = static_cast<std::int64_t>(residue),
            .end_of_medium = true};
}
Sense at_filemark(std::uint64_t residue) {
    return {.key = SenseKey::no_sense,
            .asc = asc::filemark_detected,
            .information = static_cast<std::int64_t>(residue),
            .filemark = true};
}

/// How far backwards: without overflow for the least number there is.
std::uint64_t magnitude(std::int64_t count) {
    return count < 0 ? ~static_cast<std::uint64_t>(count) + 1 : static_cast<std::uint64_t>(count);
}

}  // namespace

/// What was written is safe before the tape moves away from it. Where it is not, that is told once: what is
/// there can be read nevertheless.
Drive::Ending Drive::sync_before_moving(Call& call) {
    const auto synced = cartridge_->sync();
    const bool told = std::exchange(sync_failed_, !synced);
    return synced || told ? std::nullopt : host_trouble(call, synced.error(), true);
}

Drive::Ending Drive::moved(Call& call, const Result<>& result) {
    return result ? std::nullopt : host_trouble(call, result.error(), false);
}

/// To a place that the initiator has named, wherever the tape was: from now on both know where it is.
Drive::Ending Drive::placed(Call& call, const Result<>& result) {
    positioned_ = positioned_ || result.has_value();
    return moved(call, result);
}

/// Over the filemark that is behind the position.
Drive::Ending Drive::pass_filemark(Call& call) {
    const auto header = tape().peek();
    if (!header) {
        return host_trouble(call, header.error(), false);
    }
    tape().step(**header);
    return std::nullopt;
}

Drive::Ending Drive::rewind(Call& call) {
    if (auto failed = sync_before_moving(call)) {
        return failed;
    }
    tape().rewind();
    return placed(call, {});
}

Drive::Ending Drive::space_6(Call& call) {
    return space(call, static_cast<SpaceCode>(call.get(Space6Cdb::kCode)),
                 call.get_signed(Space6Cdb::kCount));
}

Drive::Ending Drive::space_16(Call& call) {
    return space(call, static_cast<SpaceCode>(call.get(Space16Cdb::kCode)),
                 call.get_signed(Space16Cdb::kCount));
}

Drive::Ending Drive::space(Call& call, SpaceCode code, std::int64_t count) {
    if (auto failed = sync_before_moving(call)) {
        return failed;
    }
    switch (code) {
        case SpaceCode::blocks:
            return count >= 0 ? space_over_blocks(call, magnitude(count))
                              : space_back_blocks(call, magnitude(count));
        case SpaceCode::filemarks:
            return space_filemarks(call, count);
        case SpaceCode::sequential_filemarks:
            return space_sequential_filemarks(call, count);
        case SpaceCode::end_of_data:
            return placed(call, tape().seek_object(tape().end_object()));
        case SpaceCode::setmarks:
            break;
    }
    return invalid_field(Space6Cdb::kCode);
}

Drive::Ending Drive::space_over_blocks(Call& call, std::uint64_t count) {
    const std::uint64_t start = tape().object();
    const std::uint64_t reach = std::min(count, tape().end_object() - start);
    if (tape().filemarks() < tape().end_filemarks()) {
        if (auto failed = moved(call, tape().seek_filemark(tape().filemarks()))) {
            return failed;
        }
        if (tape().object() - start < reach) {
            const std::uint64_t passed = tape().object() - start;
            const auto failed = pass_filemark(call);
            return failed ? failed : at_filemark(count - passed);
        }
    }
    if (auto failed = moved(call, tape().seek_object(start + reach))) {
        return failed;
    }
    return reach < count ? Ending(end_of_data(count - reach)) : std::nullopt;
}

Drive::Ending Drive::space_back_blocks(Call& call, std::uint64_t count) {
    const std::uint64_t start = tape().object();
    if (tape().filemarks() > 0) {
        if (auto failed = moved(call, tape().seek_filemark(tape().filemarks() - 1))) {
            return failed;
        }
        const std::uint64_t blocks = start - tape().object() - 1;
        if (blocks < count) {
            return at_filemark(count - blocks);
        }
    }
    const std::uint64_t reach = std::min(count, start);
    if (auto failed = moved(call, tape().seek_object(start - reach))) {
        return failed;
    }
    return reach < count ? Ending(beginning(count - reach)) : std::nullopt;
}

Drive::Ending Drive::space_filemarks(Call& call, std::int64_t count) {
    const std::uint64_t passed = tape().filemarks();
    const std::uint64_t distance = magnitude(count);
    if (count > 0) {
        const std::uint64_t ahead = tape().end_filemarks() - passed;
        if (distance > ahead) {
            const auto failed = moved(call, tape().seek_object(tape().end_object()));
            return failed ? failed : end_of_data(distance - ahead);
        }
        const auto failed = moved(call, tape().seek_filemark(passed + distance - 1));
        return failed ? failed : pass_filemark(call);
    }
    if (distance > passed) {
        tape().rewind();
        return beginning(distance - passed);
    }
    return distance == 0 ? std::nullopt : moved(call, tape().seek_filemark(passed - distance));
}

/// To so many filemarks in a row: behind them, or in front of them when going back.
Drive::Ending Drive::space_sequential_filemarks(Call& call, std::int64_t count) {
    const bool forward = count > 0;
    const std::uint64_t wanted = magnitude(count);
    std::uint64_t run = 0;
    std::uint64_t neighbour = 0;
    const std::uint64_t first = tape().filemarks();
    const std::uint64_t marks = forward ? tape().end_filemarks() - first : first;
    for (std::uint64_t i = 0; i < marks && wanted > 0; ++i) {
        if (auto failed = moved(call, tape().seek_filemark(forward ? first + i : first - 1 - i))) {
            return failed;
        }
        const std::uint64_t here = tape().object();
        const std::uint64_t expected = forward ? here - 1 : here + 1;
        run = neighbour == expected ? run + 1 : 1;
        neighbour = here;
        if (run == wanted) {
            return forward ? pass_filemark(call) : std::nullopt;
        }
    }
    if (wanted == 0) {
        return std::nullopt;
    }
    if (!forward) {
        tape().rewind();
        return beginning(wanted - run);
    }
    const auto failed = moved(call, tape().seek_object(tape().end_object()));
    return failed ? failed : end_of_data(wanted - run);
}

/// Into another partition, where it stands at its beginning until it is moved.
Drive::Ending Drive::change_partition(std::uint64_t partition, wire::Field field) {
    if (partition >= cartridge_->partitions()) {
        return invalid_field(field);
    }
    partition_ = static_cast<std::size_t>(partition);
    return std::nullopt;
}

Drive::Ending Drive::locate_object(Call& call, std::uint64_t object) {
    const std::uint64_t goal = std::min(object, tape().end_object());
    if (auto failed = placed(call, tape().seek_object(goal))) {
        return failed;
    }
    return goal < object ? Ending(Sense{.key = SenseKey::blank_check, .asc = asc::end_of_data_detected})
                         : std::nullopt;
}

Drive::Ending Drive::locate_file(Call& call, std::uint64_t file) {
    if (file == 0) {
        tape().rewind();
        return placed(call, {});
    }
    if (file > tape().end_filemarks()) {
        const auto failed = placed(call, tape().seek_object(tape().end_object()));
        return failed ? failed : Sense{.key = SenseKey::blank_check, .asc = asc::end_of_data_detected};
    }
    const auto failed = placed(call, tape().seek_filemark(file - 1));
    return failed ? failed : pass_filemark(call);
}

Drive::Ending Drive::locate_10(Call& call) {
    using L = Locate10Cdb;
    if (auto failed = sync_before_moving(call)) {
        return failed;
    }
    if (call.flag(L::kChangePartition)) {
        if (auto refused = change_partition(call.get(L::kPartition), L::kPartition)) {
            return refused;
        }
    }
    return locate_object(call, call.get(L::kObject));
}

Drive::Ending Drive::locate_16(Call& call) {
    using L = Locate16Cdb;
    enum class Destination : std::uint8_t { object = 0, file = 1, end_of_data = 3 };
    const auto destination = static_cast<Destination>(call.get(L::kDestination));
    if (destination != Destination::object && destination != Destination::file &&
        destination != Destination::end_of_data) {
        return invalid_field(L::kDestination);
    }
    if (auto failed = sync_before_moving(call)) {
        return failed;
    }
    if (call.flag(L::kChangePartition)) {
        if (auto refused = change_partition(call.get(L::kPartition), L::kPartition)) {
            return refused;
        }
    }
    const std::uint64_t identifier = call.get(L::kIdentifier);
    if (destination == Destination::object) {
        return locate_object(call, identifier);
    }
    return destination == Destination::end_of_data ? placed(call, tape().seek_object(tape().end_object()))
                                                   : locate_file(call, identifier);
}

/// READ POSITION, all forms.
Drive::Ending Drive::read_position(Call& call) {
    using L = ReadPositionCdb;
    enum Form : std::uint8_t { short_form = 0, vendor_form = 1, long_form = 6, extended_form = 8 };
    constexpr unsigned kBeginning = 0x80;
    constexpr unsigned kEnd = 0x40;
    constexpr unsigned kProgrammedWarning = 0x01;  // BPEW
    const std::uint64_t form = call.get(L::kServiceAction);
    const std::uint64_t allocation = call.get(L::kAllocationLength);
    // Only the extended form is cut at an allocation length: of the others it must be zero.
    if (form != extended_form && allocation != 0) {
        return invalid_field(L::kAllocationLength);
    }
    const auto flags =
        static_cast<std::uint8_t>((tape().object() == 0 ? kBeginning : 0U) | (early_warning() ? kEnd : 0U) |
                                  (programmed_warning() ? kProgrammedWarning : 0U));
    const std::uint64_t object = tape().object();
    call.reply(form == extended_form ? allocation : 32, [&](scsi::ParameterWriter& out) {
        if (form == long_form) {
            out.u8(flags);
            out.zeroes(3);
            out.u32(static_cast<std::uint32_t>(partition_));
            out.u64(object);
            out.u64(tape().filemarks());
            out.u64(0);
            return;
        }
        constexpr std::uint8_t kPositionError = 0x02;  // PERR: it does not fit
        const bool wide = form == extended_form;
        const bool fits = wide || object <= std::numeric_limits<std::uint32_t>::max();
        out.u8(static_cast<std::uint8_t>(flags | (fits ? 0U : kPositionError)));
        out.u8(static_cast<std::uint8_t>(partition_));
        out.u16(wide ? 0x1c : 0);
        if (wide) {
            out.u32(0);  // objects in the buffer: none, ever
            out.u64(object);
            out.u64(object);
            out.u64(0);
            return;
        }
        const auto first = static_cast<std::uint32_t>(fits ? object : 0);
        out.u32(first);
        out.u32(first);
        out.u32(0);
        out.u32(0);
    });
    return std::nullopt;
}

}  // namespace targe::vtl
