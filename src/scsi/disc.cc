#include "scsi/disc.h"

#include "scsi/multimedia_drive.h"

#include <algorithm>
#include <array>

namespace targe::scsi {
namespace {

constexpr std::uint8_t kDataTrack = 0x14;  // ADR 1, CONTROL 4: an uninterrupted data track
constexpr std::uint8_t kLeadOut = 0xaa;

/// The greatest address that three bytes of minutes, seconds and frames can tell stands for all beyond.
void put_msf(std::uint64_t lba, ParameterWriter& out) {
    constexpr std::uint64_t kMost = std::uint64_t{0xff} * kFramesOfMinute + kFramesOfMinute - 1;
    const std::uint64_t frame = std::min(lba + kFirstFrame, kMost);
    out.u8(static_cast<std::uint8_t>(frame / kFramesOfMinute));
    out.u8(static_cast<std::uint8_t>(frame % kFramesOfMinute / kFramesOfSecond));
    out.u8(static_cast<std::uint8_t>(frame % kFramesOfSecond));
}

void put_address(bool msf, std::uint64_t lba, ParameterWriter& out) {
    if (msf) {
        out.u8(0);
        put_msf(lba, out);
    } else {
        out.u32(static_cast<std::uint32_t>(lba));
    }
}

/// Sets the two bytes of length at `begin`, which do not count themselves.
void close_list(std::size_t begin, ParameterWriter& out) {
    out.patch(begin, static_cast<std::uint16_t>(out.size() - begin - 2));
}

void put_track_descriptor(std::uint8_t track, bool msf, std::uint64_t lba, ParameterWriter& out) {
    out.u8(0);
    out.u8(kDataTrack);
    out.u8(track);
    out.u8(0);
    put_address(msf, lba, out);
}

/// Format 0000b: track 1 and the lead-out, from the track that is named on.
std::optional<Sense> formatted_toc(CdbOf<ReadTocCdb> cdb, std::uint64_t blocks, ParameterWriter& out) {
    using L = ReadTocCdb;
    const bool msf = wire::get<L::kMsf>(cdb) != 0;
    const std::uint8_t from = wire::get<L::kNumber>(cdb);
    if (from > 1 && from != kLeadOut) {
        return invalid_field(L::kNumber);
    }
    const std::size_t begin = out.size();
    out.u16(0);
    out.u8(1);  // first and last track
    out.u8(1);
    if (from <= 1) {
        put_track_descriptor(1, msf, 0, out);
    }
    put_track_descriptor(kLeadOut, msf, blocks, out);
    close_list(begin, out);
    return std::nullopt;
}

/// Format 0001b: the last complete session, which is the only one.
void session_information(CdbOf<ReadTocCdb> cdb, ParameterWriter& out) {
    const std::size_t begin = out.size();
    out.u16(0);
    out.u8(1);  // first and last session
    out.u8(1);
    put_track_descriptor(1, wire::get<ReadTocCdb::kMsf>(cdb) != 0, 0, out);
    close_list(begin, out);
}

/// Format 0010b: what the Q sub-channel of a lead-in has. Addresses are in minutes, seconds and frames.
void raw_toc(std::uint64_t blocks, ParameterWriter& out) {
    const std::size_t begin = out.size();
    const auto entry = [&out](std::uint8_t point) {
        out.u8(1);  // session
        out.u8(kDataTrack);
        out.u8(0);
        out.u8(point);
        out.zeroes(4);
    };
    out.u16(0);
    out.u8(1);
    out.u8(1);
    entry(0xa0);  // first track, and that this is a CD-ROM
    out.u8(1);
    out.zeroes(2);
    entry(0xa1);  // last track
    out.u8(1);
    out.zeroes(2);
    entry(0xa2);  // lead-out
    put_msf(blocks, out);
    entry(1);
    put_msf(0, out);
    close_list(begin, out);
}

}  // namespace

std::optional<Sense> read_toc(CdbOf<ReadTocCdb> cdb, std::uint64_t blocks, ParameterWriter& out) {
    using L = ReadTocCdb;
    std::uint8_t format = wire::get<L::kFormat>(cdb);
    if (format == 0) {
        format = wire::get<L::kOldFormat>(cdb);
    }
    switch (format) {
        case 0:
            return formatted_toc(cdb, blocks, out);
        case 1:
            session_information(cdb, out);
            return std::nullopt;
        case 2:
            if (profile_of(blocks) != Profile::cd_rom) {
                return invalid_field(L::kFormat);  // a DVD has no lead-in of that kind
            }
            raw_toc(blocks, out);
            return std::nullopt;
        default:  // PMA and ATIP are of discs that can be written; there is no CD-TEXT
            return invalid_field(L::kFormat);
    }
}

std::optional<Sense> read_disc_information(CdbOf<ReadDiscInformationCdb> cdb, std::uint64_t blocks,
                                           ParameterWriter& out) {
    using L = ReadDiscInformationCdb;
    constexpr std::uint8_t kComplete = 0x0e;         // the disc, and its last session
    constexpr std::uint8_t kUnrestrictedUse = 0x20;  // URU
    constexpr std::uint8_t kCdRom = 0x00;            // DISC TYPE
    constexpr std::uint8_t kUndefined = 0xff;
    if (wire::get<L::kDataType>(cdb) != 0) {
        return invalid_field(L::kDataType);  // resources are of discs that can be written
    }
    const std::size_t begin = out.size();
    out.u16(0);
    out.u8(kComplete);
    out.u8(1);  // first track; sessions; first and last track of the last session
    out.u8(1);
    out.u8(1);
    out.u8(1);
    out.u8(kUnrestrictedUse);
    out.u8(profile_of(blocks) == Profile::cd_rom ? kCdRom : kUndefined);
    out.zeroes(3 + 4);     // the high bytes of those numbers; identification
    out.u32(0xffff'ffff);  // no lead-in of another session, and no last possible lead-out
    out.u32(0xffff'ffff);
    out.zeroes(8 + 1 + 1);  // bar code, application code, OPC tables
    close_list(begin, out);
    return std::nullopt;
}

std::optional<Sense> read_track_information(CdbOf<ReadTrackInformationCdb> cdb, std::uint64_t blocks,
                                            ParameterWriter& out) {
    using L = ReadTrackInformationCdb;
    enum class Type : std::uint8_t { lba = 0, track = 1, session = 2 };
    const std::uint32_t number = wire::get<L::kNumber>(cdb);
    switch (static_cast<Type>(wire::get<L::kNumberType>(cdb))) {
        case Type::lba:
            if (number >= blocks) {
                return lba_out_of_range(number);
            }
            break;
        case Type::track:
        case Type::session:
            if (number != 1) {
                return invalid_field(L::kNumber);
            }
            break;
        default:
            return invalid_field(L::kNumberType);
    }
    constexpr std::uint8_t kTrackMode = 0x04;
    constexpr std::uint8_t kMode1 = 0x01;
    const std::size_t begin = out.size();
    out.u16(0);
    out.u8(1);  // track, session
    out.u8(1);
    out.u8(0);
    out.u8(kTrackMode);
    out.u8(kMode1);
    out.u8(0);  // neither is there a next writable address, nor a last recorded one of its own
    out.u32(0);
    out.zeroes(3 * sizeof(std::uint32_t));  // next writable address, free blocks, packet size
    out.u32(static_cast<std::uint32_t>(blocks));
    out.zeroes(sizeof(std::uint32_t) + 4);  // last recorded address, high bytes of track and session
    close_list(begin, out);
    return std::nullopt;
}

namespace {

constexpr std::uint16_t kLongStructure = 2048;

/// Physical Format Information of a DVD-ROM of 12 cm with one layer.
void physical_format(std::uint64_t blocks, ParameterWriter& out) {
    constexpr std::uint32_t kFirstSector = 0x03'0000;
    const auto end = static_cast<std::uint32_t>(kFirstSector + blocks - 1);
    out.u8(0x01);  // DVD-ROM, PART VERSION 1
    out.u8(0x0f);  // 12 cm; the rate is not specified
    out.u8(0x01);  // one layer, embossed
    out.u8(0);
    out.u32(kFirstSector);  // a byte of zero, and three of address
    out.u32(end);
    out.u32(0);  // no second layer
    out.zeroes(kLongStructure - 16);
}

struct Structure {
    std::uint8_t format;
    std::uint16_t bytes;  ///< without the four of the header
};

constexpr std::uint16_t kDiscInformation = 4096;

// FORMAT FFh lists all but itself.
constexpr auto kStructuresOfDvd = std::to_array<Structure>({
    {.format = 0x00, .bytes = kLongStructure},  // physical format
    {.format = 0x01, .bytes = 4},               // copyright
    {.format = 0x04, .bytes = kLongStructure},  // manufacturer
});
constexpr auto kStructuresOfBd = std::to_array<Structure>({
    {.format = 0x00, .bytes = kDiscInformation},
});

void list_structures(std::span<const Structure> structures, ParameterWriter& out) {
    constexpr std::uint8_t kReadable = 0x40;  // RDS
    for (const Structure& each : structures) {
        out.u8(each.format);
        out.u8(kReadable);
        out.u16(static_cast<std::uint16_t>(each.bytes + 4));
    }
}

/// One DI unit of a BD-ROM of 12 cm. What it would tell of the medium itself an image cannot know: zero.
void disc_information(std::uint64_t blocks, ParameterWriter& out) {
    constexpr std::uint64_t kBlocksOfLayer = 12'219'392;
    constexpr std::uint64_t kMostLayers = 4;
    constexpr std::size_t kInUse = 32;
    const std::uint64_t layers = std::min((blocks + kBlocksOfLayer - 1) / kBlocksOfLayer, kMostLayers);
    const std::size_t begin = out.size();
    out.ascii("DI", 2);
    out.u8(1);  // format; units in the block; a byte of zero; sequence number
    out.u8(1);
    out.u8(0);
    out.u8(0);
    out.u8(kInUse);
    out.u8(0);
    out.ascii("BDO", 3);
    out.u8(0x01);                                             // 12 cm, class 0, version 1
    out.u8(static_cast<std::uint8_t>(layers << 4U | 0x01U));  // embossed
    out.zeroes(begin + kDiscInformation - out.size());
}

constexpr std::uint8_t kMediaTypeDvd = 0;
constexpr std::uint8_t kMediaTypeBd = 1;
constexpr std::uint8_t kList = 0xff;

std::optional<Sense> structure_of_dvd(std::uint8_t format, std::uint64_t blocks, ParameterWriter& out) {
    switch (format) {
        case 0x00:
            physical_format(blocks, out);
            return std::nullopt;
        case 0x01:
            out.zeroes(4);  // nothing is protected, every region may see it
            return std::nullopt;
        case 0x04:
            out.zeroes(kLongStructure);
            return std::nullopt;
        case kList:
            list_structures(kStructuresOfDvd, out);
            return std::nullopt;
        default:
            return invalid_field(ReadDiscStructureCdb::kFormat);
    }
}

/// [MMC-6 r2g 6.22]
std::optional<Sense> structure_of_bd(std::uint8_t format, std::uint64_t blocks, ParameterWriter& out) {
    switch (format) {
        case 0x00:
            disc_information(blocks, out);
            return std::nullopt;
        case kList:
            list_structures(kStructuresOfBd, out);
            return std::nullopt;
        default:
            return invalid_field(ReadDiscStructureCdb::kFormat);
    }
}

}  // namespace

std::optional<Sense> read_disc_structure(CdbOf<ReadDiscStructureCdb> cdb, std::uint64_t blocks,
                                         ParameterWriter& out) {
    using L = ReadDiscStructureCdb;
    const Profile profile = profile_of(blocks);
    if (profile != Profile::dvd_rom && profile != Profile::bd_rom) {
        return illegal_request(Asc::cannot_read_medium_incompatible_format);
    }
    if (wire::get<L::kMediaType>(cdb) != (profile == Profile::bd_rom ? kMediaTypeBd : kMediaTypeDvd)) {
        return invalid_field(L::kMediaType);
    }
    if (wire::get<L::kLayer>(cdb) != 0) {
        return invalid_field(L::kLayer);
    }
    const std::size_t begin = out.size();
    out.u32(0);
    const std::uint8_t format = wire::get<L::kFormat>(cdb);
    if (const auto refused = profile == Profile::bd_rom ? structure_of_bd(format, blocks, out)
                                                        : structure_of_dvd(format, blocks, out)) {
        return refused;
    }
    close_list(begin, out);
    return std::nullopt;
}

std::optional<Sense> get_performance(CdbOf<GetPerformanceCdb> cdb, std::uint64_t blocks,
                                     ParameterWriter& out) {
    using L = GetPerformanceCdb;
    constexpr std::uint8_t kTenPercent = 0b10;
    const std::uint32_t from = wire::get<L::kStartingLba>(cdb);
    if (wire::get<L::kTolerance>(cdb) != kTenPercent) {
        return invalid_field(L::kTolerance);
    }
    if (from >= blocks) {
        return lba_out_of_range(from);
    }
    const bool write = wire::get<L::kWrite>(cdb) != 0;
    const bool nominal = wire::get<L::kExcept>(cdb) == 0;
    const std::size_t begin = out.size();
    out.u32(0);
    out.u8(write ? 0x02 : 0x00);
    out.zeroes(3);
    // Nothing can be written, and nothing is an exception.
    if (!write && nominal && wire::get<L::kMaximumDescriptors>(cdb) != 0) {
        out.u32(from);
        out.u32(kDriveSpeed);
        out.u32(static_cast<std::uint32_t>(blocks - 1));
        out.u32(kDriveSpeed);
    }
    out.patch(begin, static_cast<std::uint32_t>(out.size() - begin - sizeof(std::uint32_t)));
    return std::nullopt;
}

}  // namespace targe::scsi
