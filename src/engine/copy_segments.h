// How a copy moves its data: in pieces, each read and written as the nexus that asked for it may.
#pragma once

#include "base/buffer.h"
#include "base/task.h"
#include "engine/copy_manager.h"
#include "engine/nexus.h"
#include "engine/visitor.h"
#include "scsi/extended_copy.h"

namespace targe::engine {

/// The memory that a copy has, for as long as it is under way.
class CopyBuffer {
public:
    explicit CopyBuffer(Nexus& nexus) : nexus_(nexus) {}
    CopyBuffer(const CopyBuffer&) = delete;
    CopyBuffer& operator=(const CopyBuffer&) = delete;
    ~CopyBuffer() {
        if (buffer_) {
            nexus_.give_back(buffer_);
        }
    }
    /// False: the nexus has all that it may have, or its core nothing left.
    [[nodiscard]] bool take(std::size_t size) { return buffer_ || nexus_.take_buffer(buffer_, size); }
    [[nodiscard]] std::span<std::byte> bytes() { return buffer_.bytes(); }

private:
    Nexus& nexus_;
    base::Buffer buffer_;
};

/// One copy under way.
struct CopyWork {
    Visitor& visitor;
    CopyRecord& record;
    CopyBuffer buffer;
};

/// From one unit to another, or to itself: ranges that overlap come out as if all had been read before any of
/// it was written. Ends at the first failure, as the unit would tell it that failed.
base::Task<scsi::Outcome> copy_extent(base::CommandArena& arena, CopyWork& work, NexusUnit& source,
                                      NexusUnit& destination, scsi::CopyExtent extent);

}  // namespace targe::engine
