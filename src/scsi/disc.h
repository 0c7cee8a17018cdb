// What a disc of one data track says of itself, [MMC-6 r2g]: READ TOC/PMA/ATIP, READ DISC INFORMATION, READ
// TRACK INFORMATION, READ DISC STRUCTURE, GET PERFORMANCE; and where its commands read.
#pragma once

#include "scsi/cdb.h"
#include "scsi/command_id.h"
#include "scsi/medium_access.h"
#include "scsi/multimedia_cdbs.h"
#include "scsi/parameter_writer.h"
#include "scsi/sense.h"
#include "scsi/unit_description.h"

#include <cstdint>
#include <expected>
#include <optional>
#include <span>

namespace targe::scsi {

/// Of every disc here, in bytes: a sector of mode 1 on a CD, any sector of a DVD.
inline constexpr std::uint32_t kDiscBlockSize = 2048;
/// What 32 bits of a CDB can name.
inline constexpr std::uint64_t kMaxDiscBlocks = 0xffff'ffff;

/// How addresses are told as minutes, seconds and frames. Block 0 is at 00:02:00.
inline constexpr std::uint32_t kFramesOfSecond = 75;
inline constexpr std::uint32_t kFramesOfMinute = 60 * kFramesOfSecond;
inline constexpr std::uint32_t kFirstFrame = 2 * kFramesOfSecond;

/// Profile number: what kind of disc is in the drive.
enum class Profile : std::uint8_t { none = 0x0000, cd_rom = 0x0008, dvd_rom = 0x0010, bd_rom = 0x0040 };

/// A CD holds 80 minutes, and a DVD of two layers 8.5 GB. Whatever is larger is taken for a BD, also where
/// none so large can be bought: initiators go by READ CAPACITY.
inline constexpr std::uint64_t kMaxCdBlocks = std::uint64_t{80} * kFramesOfMinute;
inline constexpr std::uint64_t kMaxDvdBlocks = 4'173'824;

[[nodiscard]] constexpr Profile profile_of(std::uint64_t blocks) {
    if (blocks == 0) {
        return Profile::none;
    }
    if (blocks <= kMaxCdBlocks) {
        return Profile::cd_rom;
    }
    return blocks <= kMaxDvdBlocks ? Profile::dvd_rom : Profile::bd_rom;
}

/// Whether the command names blocks of the disc.
[[nodiscard]] bool accesses_disc(CommandId id);

/// Where READ, VERIFY, SEEK and READ CD go, of a CDB that find_multimedia_command() accepted. Without a disc
/// (`unit.blocks` counts one that is not `present`, or is 0) no range is refused: that there is none is for
/// whoever admits the command to say.
[[nodiscard]] std::expected<MediumAccess, Sense> plan_disc_access(CommandId id, wire::Bytes cdb,
                                                                  const UnitDescription& unit, bool present);

template <class Layout>
using CdbOf = std::span<const std::byte, Layout::kSize>;

// `blocks` is how large the disc is; at least 1.
[[nodiscard]] std::optional<Sense> read_toc(CdbOf<ReadTocCdb> cdb, std::uint64_t blocks,
                                            ParameterWriter& out);
[[nodiscard]] std::optional<Sense> read_disc_information(CdbOf<ReadDiscInformationCdb> cdb,
                                                         std::uint64_t blocks, ParameterWriter& out);
[[nodiscard]] std::optional<Sense> read_track_information(CdbOf<ReadTrackInformationCdb> cdb,
                                                          std::uint64_t blocks, ParameterWriter& out);
[[nodiscard]] std::optional<Sense> read_disc_structure(CdbOf<ReadDiscStructureCdb> cdb, std::uint64_t blocks,
                                                       ParameterWriter& out);
[[nodiscard]] std::optional<Sense> get_performance(CdbOf<GetPerformanceCdb> cdb, std::uint64_t blocks,
                                                   ParameterWriter& out);

}  // namespace targe::scsi
