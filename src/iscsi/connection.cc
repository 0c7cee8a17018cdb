#include "iscsi/connection.h"

#include "base/assert.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace targe::iscsi {

namespace {

std::optional<base::Time> deadline_after(base::Time start, base::Duration limit) {
    return limit == base::Duration::zero() ? std::nullopt : std::optional{start + limit};
}

/// Memory for the data of requests is kept from one to the next, but no more than most of them need.
constexpr std::size_t kKeptBytes = kDefaultMaxRecvDataSegmentLength;

std::string_view describe(PduReader::Failure failure) {
    return failure == PduReader::Failure::header_digest ? "the digest of a header is wrong"
                                                        : "a data segment is longer than was agreed";
}

}  // namespace

Connection::Connection(Host& host, const Directory& directory, RandomSource& random,
                       const ConnectionOptions& options, base::Time now)
    : host_(host),
      directory_(directory),
      options_(options),
      reader_(options.input_buffer_bytes),
      login_(directory, random, {.from = options.from, .command_window = options.command_window}),
      held_(options.max_held_bytes, options.held_memory),
      now_(now),
      heard_(now),
      login_deadline_(deadline_after(now, options.login_timeout)) {
    TARGE_ASSERT(options.command_window > 0);
}

Connection::~Connection() {
    TARGE_ASSERT(task_count_ == 0 && management_count_ == 0);
}

bool Connection::accepts_input() const {
    const bool listens =
        phase_ == Phase::login || phase_ == Phase::full_feature || phase_ == Phase::logging_out;
    return listens && !transmitter_.congested();
}

std::span<const base::Segment> Connection::receive_space() {
    settle_lent();  // what was lent before has come to nothing
    // While the host decides on a login the end of the stream must still be noticed.
    if (!accepts_input() && phase_ != Phase::establishing) {
        return {};
    }
    space_lent_ = true;
    lent_by_ = reader_.delivering() ? incoming_.task : nullptr;
    return reader_.space();
}

void Connection::received(std::size_t bytes, base::Time now) {
    now_ = heard_ = now;
    if (!ping_.receipt) {
        ping_.sent.reset();
    }
    if (incoming_.task != nullptr) {
        data_moved_ = now;
    }
    reader_.received(bytes);
    settle_lent();
    process();
}

void Connection::sent(std::size_t bytes, base::Time now) {
    now_ = now;
    transmitter_.sent(bytes);
    stalled_ = has_output() ? std::optional{now} : std::nullopt;
    if (r2t_waits_) {
        data_moved_ = now;
        r2t_waits_ = has_output();
    }
    if (ping_.sent && ping_.waits) {
        // The peer takes what is before the ping, however slowly, and cannot have answered it yet.
        ping_.sent = now;
        ping_.waits = has_output();
    }
    process();
}

void Connection::process() {
    if (processing_) {
        return;
    }
    processing_ = true;
    if (reader_.between_pdus()) {
        replay_held();  // what had to stop while the peer read nothing
    }
    while (accepts_input()) {
        const PduReader::Step step = reader_.next();
        if (step == PduReader::Step::need_input) {
            break;
        }
        if (step == PduReader::Step::failed) {
            drop(describe(reader_.failure()));
        } else if (step == PduReader::Step::header) {
            begin_pdu(reader_.header(), reader_.additional(), reader_.data_length());
            if (incoming_.size > 0) {
                reader_.deliver_into(incoming_.where, incoming_.size);
            }
        } else {
            end_pdu(reader_.data_is_good());
            replay_held();
        }
    }
    processing_ = false;
}

void Connection::begin_pdu(HeaderView header, wire::Bytes additional, std::uint32_t length) {
    std::memcpy(incoming_.header.data(), header.data(), header.size());
    incoming_.purpose = Purpose::nothing;
    incoming_.task = nullptr;
    incoming_.sequence = nullptr;
    incoming_.size = 0;
    incoming_.into_early = false;
    if (phase_ == Phase::login) {
        collect(Purpose::login, length);
    } else {
        begin_request(HeaderView{incoming_.header}, additional, length);
    }
}

void Connection::collect(Purpose purpose, std::uint32_t length) {
    incoming_.purpose = purpose;
    collected_.resize(length);
    own_memory_ = {collected_.data(), length};
    incoming_.where = SegmentCursor<base::Segment>(std::span{&own_memory_, 1});
    incoming_.size = length;
}

void Connection::end_pdu(bool good) {
    switch (incoming_.purpose) {
        case Purpose::nothing:
            break;
        case Purpose::login:
            login_pdu();
            break;
        case Purpose::request:
            if (good) {
                end_request();
            } else {
                reject(RejectReason::data_digest_error, HeaderView{incoming_.header});
            }
            if (collected_.capacity() > kKeptBytes) {
                collected_ = std::vector<std::byte>{};  // = {} would keep its memory
            }
            break;
        case Purpose::early:
            hold(good);
            break;
        case Purpose::immediate:
        case Purpose::sequence:
            end_data(good);
            break;
    }
    incoming_.task = nullptr;
}

void Connection::hold(bool good) {
    const HeaderView header{incoming_.header};
    HeldPdu pdu{.header = incoming_.header,
                .additional = std::move(incoming_.additional),
                .data = std::exchange(collected_, {}),
                .data_is_good = good};
    const bool kept =
        opcode_of(header) == Opcode::data_out
            ? held_.add_data(TaskTag{wire::get<BasicHeader::kInitiatorTaskTag>(header)}, std::move(pdu))
            : held_.add(CmdSn{wire::get<RequestHeader::kCmdSn>(header)}, std::move(pdu));
    if (!kept) {
        drop("too much was sent out of order, here or by all initiators together");
    }
}

void Connection::replay_held() {
    while (!held_.empty() && accepts_input()) {
        const auto pdus = held_.take(window_.expected());
        if (!pdus) {
            return;
        }
        if (pdus->empty()) {
            window_.advance();
        }
        for (const HeldPdu& pdu : *pdus) {
            replay(pdu);
        }
    }
}

void Connection::replay(const HeldPdu& pdu) {
    begin_pdu(HeaderView{pdu.header}, pdu.additional, static_cast<std::uint32_t>(pdu.data.size()));
    const std::byte* from = pdu.data.data();
    for (std::size_t left = incoming_.size; left > 0;) {
        const base::Segment run = incoming_.where.run(left);
        std::memcpy(run.data, from, run.size);
        incoming_.where.advance(run.size);
        from += run.size;
        left -= run.size;
    }
    end_pdu(pdu.data_is_good);
}

void Connection::send_response(ScsiTask& task) {
    TARGE_ASSERT(task.state_ == ScsiTask::State::active);
    task.data_out_.stop();
    transmitter_.withdraw(task);
    if (phase_ == Phase::lost) {
        end_task(task, Delivery::lost);
        end_when_idle();
    } else if (task.data_out_.open()) {
        // [RFC 7143 11.4.2]: not before the initiator has sent what it was to send.
        task.state_ = ScsiTask::State::draining;
    } else {
        queue_response(task);
    }
}

void Connection::abandon(ScsiTask& task) {
    TARGE_ASSERT(task.state_ == ScsiTask::State::active);
    end_task(task, phase_ == Phase::lost ? Delivery::lost : Delivery::abandoned);
    // No response says that there is room again, and the initiator may be waiting for nothing else.
    if (phase_ == Phase::full_feature && window_.should_tell() && !transmitter_.has_unnumbered()) {
        send_notice(TransferTag{kReservedTag});
    }
    end_when_idle();
}

bool Connection::is_at_rest() const {
    return phase_ == Phase::full_feature && task_count_ == 0 && management_count_ == 0;
}

/// Tells the initiator if it may be waiting for nothing else.
void Connection::let_window_go() {
    window_.let_go();
    if (phase_ == Phase::full_feature && window_.should_tell()) {
        send_notice(TransferTag{kReservedTag});
    }
}

void Connection::response_left(ScsiTask& task) {
    end_task(task, Delivery::delivered);
    end_when_idle();
}

void Connection::end_task(ScsiTask& task, Delivery delivery) {
    if (incoming_.task == &task) {
        incoming_.purpose = Purpose::nothing;
        incoming_.task = nullptr;
        incoming_.size = 0;
        reader_.drop_data();
    }
    transmitter_.withdraw(task);
    static_cast<base::ListHook<AwaitingDataTag>&>(task).unlink();
    tasks_.remove(task);
    const bool was_leaving = task.state_ == ScsiTask::State::leaving;
    if (!task.immediate_ && !was_leaving) {
        window_.release();
    }
    immediate_count_ -= task.immediate_ ? 1 : 0;
    if (space_lent_ && lent_by_ == &task) {
        task.state_ = ScsiTask::State::ending;
        task.delivery_ = delivery;
        return;
    }
    release(task, delivery);
}

void Connection::release(ScsiTask& task, Delivery delivery) {
    task.state_ = ScsiTask::State::idle;
    task.into_ = {};
    forget_early(task);
    --task_count_;
    host_.task_ended(task, delivery);
}

void Connection::settle_lent() {
    space_lent_ = false;
    ScsiTask* const task = std::exchange(lent_by_, nullptr);
    if (task != nullptr && task->state_ == ScsiTask::State::ending) {
        release(*task, task->delivery_);
        end_when_idle();
    }
}

bool Connection::is_over() const {
    return phase_ == Phase::over || (phase_ == Phase::last_words && !has_output());
}

void Connection::drop(std::string_view reason) {
    if (phase_ != Phase::over && phase_ != Phase::lost) {
        host_.log(reason);
        phase_ = Phase::over;
    }
}

void Connection::finish(std::string_view reason) {
    if (phase_ != Phase::over && phase_ != Phase::lost) {
        host_.log(reason);
        phase_ = Phase::last_words;
    }
}

void Connection::transport_lost() {
    TARGE_ASSERT(phase_ != Phase::lost && !processing_);
    phase_ = Phase::lost;
    ++task_count_;  // nothing is closed before all of this is done
    settle_lent();
    while (ScsiTask* const task = transmitter_.cancel_next()) {
        end_task(*task, Delivery::lost);
    }
    while (ScsiTask* const task = tasks_.find_in_state(ScsiTask::State::draining)) {
        end_task(*task, Delivery::lost);
    }
    --task_count_;
    end_when_idle();
}

void Connection::end_when_idle() {
    if (task_count_ != 0 || management_count_ != 0) {
        return;
    }
    if (phase_ == Phase::logging_out) {
        if (session_ended_) {
            finish_logout();
        }
    } else if (phase_ == Phase::lost) {
        host_.closed();
    }
}

}  // namespace targe::iscsi
