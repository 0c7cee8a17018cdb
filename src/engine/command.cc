#include "engine/command.h"

#include "base/assert.h"

namespace targe::engine {

void detail::CommandLife::reset() {
    nexus = nullptr;
    unit = nullptr;
    info = nullptr;
    at_server = nullptr;
    visitor = nullptr;
    next_of_bucket = nullptr;
    ending = nullptr;
    turn = 0;
    stage = Stage::idle;
    data_is_here = tagged = is_ordered = in_order = has_turn = passes_aca = false;
    moves_range = told_when_aborted = answered = retired = lent = has_stream_bits = false;
    abort_epoch = 0;
    aborted.store(false, std::memory_order_relaxed);
    reported.reset();
    stream_bits = 0;
    sense_specific.reset();
    wants_out = wants_in = loan = report = 0;
    access = {};
    out_buffer.reset();
    in_buffer.reset();
    pages.reset();
    out_segment = {};
    in_place = nullptr;
    in_segment = {};
}

void Command::reset() {
    TARGE_ASSERT(life.stage == detail::Stage::idle && arena_.in_use() == 0);
    cdb.size = 0;
    lun = 0;
    tag = {};
    attribute = scsi::TaskAttribute::simple;
    expected = {};
    takes_pages = false;
    data_out = {};
    status = 0;
    data_in = {};
    data_in_piped = {};
    data_in_may_change = false;
    residual_out = {};
    residual_in = {};
    sense_size = 0;
}

}  // namespace targe::engine
