#include "scsi/defect_data.h"

#include <cstdint>

namespace targe::scsi {
namespace {

/// PLISTV, GLISTV and DEFECT LIST FORMAT stand where the requests for them stand in the 10-byte CDB.
template <class L, std::size_t N>
std::uint8_t what_is_told(std::span<const std::byte, N> cdb) {
    return static_cast<std::uint8_t>(wire::get<L::kPrimaryList>(cdb) << 4U |
                                     wire::get<L::kGrownList>(cdb) << 3U | wire::get<L::kFormat>(cdb));
}

}  // namespace

void read_defect_data_10(std::span<const std::byte, ReadDefectData10Cdb::kSize> cdb, ParameterWriter& out) {
    out.u8(0);
    out.u8(what_is_told<ReadDefectData10Cdb>(cdb));
    out.u16(0);  // DEFECT LIST LENGTH
}

void read_defect_data_12(std::span<const std::byte, ReadDefectData12Cdb::kSize> cdb, ParameterWriter& out) {
    out.u8(0);
    out.u8(what_is_told<ReadDefectData12Cdb>(cdb));
    out.u16(0);  // GENERATION CODE
    out.u32(0);  // DEFECT LIST LENGTH
}

}  // namespace targe::scsi
