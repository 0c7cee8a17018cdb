#include "engine/lun_field.h"

#include "scsi/lun.h"

namespace targe::engine {

bool name_one_unit(std::uint64_t one, std::uint64_t other) {
    const auto lun = scsi::decode_lun(one);
    return lun && lun == scsi::decode_lun(other);
}

}  // namespace targe::engine
