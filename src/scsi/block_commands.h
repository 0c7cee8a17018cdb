// Rows of the command table: direct access to blocks, [SBC-3 r36].
#pragma once

#include "scsi/cache.h"
#include "scsi/command_rows.h"
#include "scsi/compare_and_write.h"
#include "scsi/defect_data.h"
#include "scsi/parameter_cdbs.h"
#include "scsi/read_write.h"
#include "scsi/reassign_blocks.h"
#include "scsi/verify.h"
#include "scsi/write_atomic.h"
#include "scsi/write_same.h"

#include <array>

namespace targe::scsi::rows {

inline constexpr CommandRules kTellsOfMedium{.under_write_exclusive = kAllowed};

inline constexpr auto kBlockCommands = std::to_array<CommandInfo>({
    row<ReassignBlocksCdb>(0x07, reassign_blocks, "REASSIGN BLOCKS", from_initiator, kWrite, kLong),
    row<ReadWrite6Cdb>(0x08, read_6, "READ(6)", to_initiator, kRead, kOrdinary),
    row<ReadWrite6Cdb>(0x0a, write_6, "WRITE(6)", from_initiator, kWrite, kOrdinary),
    row<ReadCapacity10Cdb>(0x25, read_capacity_10, "READ CAPACITY(10)", to_initiator, kCapacity, kQuick),
    row<ReadWrite10Cdb>(0x28, read_10, "READ(10)", to_initiator, kRead, kOrdinary),
    row<ReadWrite10Cdb>(0x2a, write_10, "WRITE(10)", from_initiator, kWrite, kOrdinary),
    row<Verify10Cdb>(0x2e, write_and_verify_10, "WRITE AND VERIFY(10)", from_initiator, kWrite, kOrdinary),
    row<Verify10Cdb>(0x2f, verify_10, "VERIFY(10)", from_initiator, kRead, kOrdinary),
    row<Cache10Cdb>(0x34, pre_fetch_10, "PRE-FETCH(10)", none, kRead, kOrdinary),
    row<SynchronizeCache10Cdb>(0x35, synchronize_cache_10, "SYNCHRONIZE CACHE(10)", none, kFlush, kLong),
    row<ReadDefectData10Cdb>(0x37, read_defect_data_10, "READ DEFECT DATA(10)", to_initiator, kTellsOfMedium,
                             kQuick),
    row<WriteSame10Cdb, WriteSame10Cdb::kUsageThick>(0x41, write_same_10, "WRITE SAME(10)", from_initiator,
                                                     kWrite, kLong, Availability::thick),
    row<WriteSame10Cdb, WriteSame10Cdb::kUsageThin>(0x41, write_same_10, "WRITE SAME(10)", from_initiator,
                                                    kWrite, kLong, Availability::not_anchoring),
    row<WriteSame10Cdb, WriteSame10Cdb::kUsageAnchoring>(
        0x41, write_same_10, "WRITE SAME(10)", from_initiator, kWrite, kLong, Availability::anchoring),
    row<UnmapCdb, UnmapCdb::kUsage>(0x42, unmap, "UNMAP", from_initiator, kWrite, kLong,
                                    Availability::not_anchoring),
    row<UnmapCdb, UnmapCdb::kUsageAnchoring>(0x42, unmap, "UNMAP", from_initiator, kWrite, kLong,
                                             Availability::anchoring),
    row<ReadWrite16Cdb>(0x88, read_16, "READ(16)", to_initiator, kRead, kOrdinary),
    row<CompareAndWriteCdb>(0x89, compare_and_write, "COMPARE AND WRITE", from_initiator, kWrite, kOrdinary),
    row<ReadWrite16Cdb>(0x8b, or_write_16, "ORWRITE(16)", from_initiator, kWrite, kOrdinary),
    row<ReadWrite16Cdb>(0x8a, write_16, "WRITE(16)", from_initiator, kWrite, kOrdinary),
    row<Verify16Cdb>(0x8e, write_and_verify_16, "WRITE AND VERIFY(16)", from_initiator, kWrite, kOrdinary),
    row<Verify16Cdb>(0x8f, verify_16, "VERIFY(16)", from_initiator, kRead, kOrdinary),
    row<Cache16Cdb>(0x90, pre_fetch_16, "PRE-FETCH(16)", none, kRead, kOrdinary),
    row<SynchronizeCache16Cdb>(0x91, synchronize_cache_16, "SYNCHRONIZE CACHE(16)", none, kFlush, kLong),
    row<WriteSame16Cdb, WriteSame16Cdb::kUsageThick>(0x93, write_same_16, "WRITE SAME(16)", from_initiator,
                                                     kWrite, kLong, Availability::thick),
    row<WriteSame16Cdb, WriteSame16Cdb::kUsageThin>(0x93, write_same_16, "WRITE SAME(16)", from_initiator,
                                                    kWrite, kLong, Availability::not_anchoring),
    row<WriteSame16Cdb, WriteSame16Cdb::kUsageAnchoring>(
        0x93, write_same_16, "WRITE SAME(16)", from_initiator, kWrite, kLong, Availability::anchoring),
    row<WriteAtomic16Cdb>(0x9c, write_atomic_16, "WRITE ATOMIC(16)", from_initiator, kWrite, kOrdinary,
                          Availability::atomic),
    action(0x10, row<ReadCapacity16Cdb>(0x9e, read_capacity_16, "READ CAPACITY(16)", to_initiator, kCapacity,
                                        kQuick)),
    // A thick unit and one that cannot tell holes from data answer "mapped or unknown".
    action(0x12,
           row<GetLbaStatusCdb>(0x9e, get_lba_status, "GET LBA STATUS", to_initiator, kRead, kOrdinary)),
    row<ReadWrite12Cdb>(0xa8, read_12, "READ(12)", to_initiator, kRead, kOrdinary),
    row<ReadWrite12Cdb>(0xaa, write_12, "WRITE(12)", from_initiator, kWrite, kOrdinary),
    row<Verify12Cdb>(0xae, write_and_verify_12, "WRITE AND VERIFY(12)", from_initiator, kWrite, kOrdinary),
    row<Verify12Cdb>(0xaf, verify_12, "VERIFY(12)", from_initiator, kRead, kOrdinary),
    row<ReadDefectData12Cdb>(0xb7, read_defect_data_12, "READ DEFECT DATA(12)", to_initiator, kTellsOfMedium,
                             kQuick),
});

}  // namespace targe::scsi::rows
