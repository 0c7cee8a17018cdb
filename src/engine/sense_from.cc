#include "engine/sense_from.h"

namespace targe::engine {

scsi::Outcome sense_from(const device::IoFailure& failure) {
    using device::IoError;
    using scsi::Asc;
    using scsi::Sense;
    using scsi::SenseKey;
    switch (failure.error) {  // no default: a new IoError must not compile until it has an answer
        case IoError::unreadable:
            return Sense{.key = SenseKey::medium_error,
                         .asc = Asc::unrecovered_read_error,
                         .information = failure.lba};
        case IoError::unwritable:
            return Sense{.key = SenseKey::medium_error, .asc = Asc::write_error, .information = failure.lba};
        case IoError::no_space:
            // [SBC-3 r36]: the thin store has no block left to give.
            return Sense{.key = SenseKey::data_protect, .asc = Asc::space_allocation_failed_write_protect};
        case IoError::read_only:
            return Sense{.key = SenseKey::data_protect, .asc = Asc::write_protected};
        case IoError::gone:
            // Not a hardware error: initiators take those for final, and the store may come back.
            return Sense{.key = SenseKey::not_ready, .asc = Asc::logical_unit_not_ready_cause_not_reportable};
        case IoError::no_resources:
            return scsi::Status::busy;
    }
    __builtin_unreachable();
}

}  // namespace targe::engine
