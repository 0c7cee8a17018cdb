// A copy under way: in the foreground, as its command, or in the background.
#pragma once

#include "base/buffer.h"
#include "base/task.h"
#include "engine/copy_manager.h"
#include "engine/nexus.h"
#include "engine/rod_tokens.h"
#include "engine/visitor.h"
#include "scsi/extended_copy.h"

#include <functional>
#include <span>

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
    const RodToken* token = nullptr;  ///< without which what was read is worth nothing
    bool failed_at_source = false;
    bool may_offload = true;  ///< until a device has shown that it cannot
};

/// What a command says of the copy that it asks for.
struct CopyTerms {
    scsi::CopyListId id;
    scsi::ListIdUsage usage = scsi::ListIdUsage::hold;
    bool immediate = false;  ///< the command ends, with GOOD, as soon as the copy has begun
};

/// Takes a name for a copy that the command asks for.
[[nodiscard]] std::expected<std::shared_ptr<CopyRecord>, scsi::Sense> begin_record(const Command& command,
                                                                                   const CopyTerms& terms);

/// Begins the work; the task that it returns is the work. What it refers to it keeps.
using CopyBody = std::function<base::Task<scsi::Outcome>(base::CommandArena& arena, CopyWork& work)>;

/// Carries out a copy on the terms of its command, and notes what becomes of it. Without IMMED the command
/// ends as the copy does, and the copy with the command; with it the copy goes on until it has ended, or is
/// ended by COPY OPERATION ABORT, a reset of a unit that it visits, or the end of its nexus.
base::Task<scsi::Outcome> carry_out_copy(base::CommandArena& arena, Command& command, CopyTerms terms,
                                         CopyBody body);

/// From one unit to another, or to itself: ranges that overlap come out as if all had been read before any of
/// it was written. Ends at the first failure, as the unit would tell it that failed.
base::Task<scsi::Outcome> copy_extent(base::CommandArena& arena, CopyWork& work, NexusUnit& source,
                                      NexusUnit& destination, scsi::CopyExtent extent);

/// Zeroes, from no unit.
base::Task<scsi::Outcome> zero_extent(base::CommandArena& arena, CopyWork& work, NexusUnit& destination,
                                      BlockRange range);

}  // namespace targe::engine
