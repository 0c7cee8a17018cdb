#include "scsi/medium_access.h"

#include "base/assert.h"
#include "scsi/cache.h"
#include "scsi/compare_and_write.h"
#include "scsi/read_write.h"
#include "scsi/verify.h"
#include "scsi/write_atomic.h"
#include "scsi/write_same.h"

namespace targe::scsi {

std::expected<MediumAccess, Sense> plan_medium_access(CommandId id, wire::Bytes cdb,
                                                      const UnitDescription& unit) {
    switch (id) {
        case CommandId::read_6:
            return plan_read<ReadWrite6Cdb>(cdb, unit);
        case CommandId::read_10:
            return plan_read<ReadWrite10Cdb>(cdb, unit);
        case CommandId::read_12:
            return plan_read<ReadWrite12Cdb>(cdb, unit);
        case CommandId::read_16:
            return plan_read<ReadWrite16Cdb>(cdb, unit);
        case CommandId::write_6:
            return plan_write<ReadWrite6Cdb>(cdb, unit);
        case CommandId::write_10:
            return plan_write<ReadWrite10Cdb>(cdb, unit);
        case CommandId::write_12:
            return plan_write<ReadWrite12Cdb>(cdb, unit);
        case CommandId::write_16:
        case CommandId::or_write_16:
            return plan_write<ReadWrite16Cdb>(cdb, unit);
        case CommandId::verify_10:
            return plan_verify<Verify10Cdb>(cdb, unit);
        case CommandId::verify_12:
            return plan_verify<Verify12Cdb>(cdb, unit);
        case CommandId::verify_16:
            return plan_verify<Verify16Cdb>(cdb, unit);
        case CommandId::write_and_verify_10:
            return plan_write_and_verify<Verify10Cdb>(cdb, unit);
        case CommandId::write_and_verify_12:
            return plan_write_and_verify<Verify12Cdb>(cdb, unit);
        case CommandId::write_and_verify_16:
            return plan_write_and_verify<Verify16Cdb>(cdb, unit);
        case CommandId::pre_fetch_10:
            return plan_pre_fetch<Cache10Cdb>(cdb, unit);
        case CommandId::pre_fetch_16:
            return plan_pre_fetch<Cache16Cdb>(cdb, unit);
        case CommandId::synchronize_cache_10:
            return plan_synchronize_cache<Cache10Cdb>(cdb, unit);
        case CommandId::synchronize_cache_16:
            return plan_synchronize_cache<Cache16Cdb>(cdb, unit);
        case CommandId::write_same_10:
            return plan_write_same<WriteSame10Cdb>(cdb, unit);
        case CommandId::write_same_16:
            return plan_write_same<WriteSame16Cdb>(cdb, unit);
        case CommandId::compare_and_write:
            return plan_compare_and_write(cdb, unit);
        case CommandId::write_atomic_16:
            return plan_write_atomic(cdb, unit);
        default:
            break;
    }
    base::assertion_failed("planned a command that names no range of blocks", __FILE__, __LINE__);
}

}  // namespace targe::scsi
