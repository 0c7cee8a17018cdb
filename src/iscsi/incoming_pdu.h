// The PDU that a connection is receiving.
#pragma once

#include "base/buffer.h"
#include "iscsi/data_out.h"
#include "iscsi/pdu.h"
#include "iscsi/scsi_task.h"
#include "iscsi/segment_cursor.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace targe::iscsi {

struct IncomingPdu {
    /// What its data are for.
    enum class Purpose : std::uint8_t {
        nothing,  ///< they are dropped
        login,
        request,    ///< they are collected
        early,      ///< collected, and held until it is its turn
        immediate,  ///< data of `task`
        sequence,   ///< data of `task` in `sequence`
    };

    Header header{};
    Purpose purpose = Purpose::nothing;
    ScsiTask* task = nullptr;
    DataSequence* sequence = nullptr;
    DataOutSegment segment;
    SegmentCursor<base::Segment> where;  ///< of the data that are not dropped
    std::size_t size = 0;
    bool into_early = false;                 ///< `where` is the task's own memory, not the host's
    std::vector<std::byte> additional = {};  ///< only of early requests
};

}  // namespace targe::iscsi
