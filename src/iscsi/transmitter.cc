#include "iscsi/transmitter.h"

#include "base/assert.h"
#include "iscsi/pdu_scsi.h"
#include "wire/crc32c.h"

#include <algorithm>
#include <utility>

namespace targe::iscsi {

namespace {

void put_digest(std::span<std::byte> out, std::uint32_t digest) {
    for (std::size_t i = 0; i < kDigestSize; ++i) {
        out[i] = static_cast<std::byte>(digest >> (8U * i));
    }
}

/// Appends what is left of `piece` after `skip` bytes of the stream; false when `out` is full.
bool append(std::span<base::ConstSegment> out, std::size_t& count, std::size_t& skip,
            base::ConstSegment piece) {
    if (skip >= piece.size) {
        skip -= piece.size;
        return true;
    }
    if (count == out.size()) {
        return false;
    }
    out[count++] = {piece.data + skip, piece.size - skip};
    skip = 0;
    return true;
}

}  // namespace

Transmitter::Transmitter(CommandWindow& window, TransmitListener& listener)
    : window_(window), listener_(listener), frames_(kFrames) {}

Transmitter::~Transmitter() {
    while (cancel_next() != nullptr) {
    }
}

void Transmitter::set_digests(Digest header, Digest data) {
    header_digest_ = header == Digest::crc32c;
    data_digest_ = data == Digest::crc32c;
    if (data_digest_) {
        stage_.open();
    }
}

void Transmitter::set_lengths(std::uint32_t max_segment, std::uint32_t max_burst) {
    // In whole words, so that only the last PDU of a task has padding: there is none behind a pipe.
    constexpr std::uint32_t kWord = 4;
    max_segment_ = max_segment / kWord * kWord;
    max_burst_ = max_burst / kWord * kWord;
}

void Transmitter::queue(ControlPdu& pdu) {
    controls_.account(pdu);
    queue_.push_back(pdu);
}

void Transmitter::queue(ScsiTask& task) {
    Outgoing& outgoing = task;
    if (!outgoing.linked()) {
        queue_.push_back(outgoing);
    }
}

void Transmitter::withdraw(ScsiTask& task) {
    static_cast<Outgoing&>(task).unlink();
}

std::size_t Transmitter::gather(std::span<base::ConstSegment> out) {
    std::size_t count = 0;
    std::size_t skip = front_sent_;
    piped_ = {};
    for (std::size_t i = 0; count < out.size(); ++i) {
        if (i == frame_count_ && !make_frame()) {
            break;
        }
        Frame& next = frame(i);
        if (next.pipe >= 0) {
            if (append(out, count, skip, {next.head.data(), next.head_size})) {
                piped_ = {.pipe = next.pipe, .size = next.data_size - skip};
            }
            break;
        }
        // Nearly all are whole, and of a header and one piece of data. Without data the cursor is an older
        // PDU's.
        const base::ConstSegment whole =
            next.data_size > 0 ? next.data.run(next.data_size) : base::ConstSegment{nullptr, 0};
        if (skip == 0 && whole.size == next.data_size && next.tail_size == 0 && out.size() - count >= 2)
            [[likely]] {
            out[count++] = {next.head.data(), next.head_size};
            if (whole.size > 0) {
                out[count++] = whole;
            }
            continue;
        }
        bool room = append(out, count, skip, {next.head.data(), next.head_size});
        SegmentCursor<base::ConstSegment> data = next.data;
        for (std::size_t left = next.data_size; left > 0 && room;) {
            const base::ConstSegment run = data.run(left);
            room = append(out, count, skip, run);
            data.advance(run.size);
            left -= run.size;
        }
        if (!room || !append(out, count, skip, {next.tail.data(), next.tail_size})) {
            break;
        }
    }
    return count;
}

void Transmitter::sent(std::size_t bytes) {
    front_sent_ += bytes;
    while (frame_count_ > 0 && front_sent_ >= frame(0).size()) {
        Frame& done = frame(0);
        front_sent_ -= done.size();
        stage_.give_back(std::exchange(done.staged, 0));
        first_frame_ = (first_frame_ + 1) % kFrames;
        --frame_count_;
        if (done.control != nullptr) {
            controls_.give_back(*std::exchange(done.control, nullptr));
        } else if (done.last) {
            listener_.response_left(*done.task);
        }
    }
    TARGE_ASSERT(frame_count_ > 0 || front_sent_ == 0);
}

bool Transmitter::make_frame() {
    // A task may have lost its reason to ask for data while it waited.
    while (!queue_.empty() && is_idle(queue_.front())) {
        queue_.pop_front();
    }
    if (queue_.empty() || frame_count_ == kFrames) {
        return false;
    }
    Outgoing& front = queue_.front();
    std::optional<Stage::Piece> piece;
    if (front.kind() == Outgoing::Kind::task) {
        const auto& task = static_cast<const ScsiTask&>(front);
        if (data_digest_ && task.response_.data_in_may_change && sends_data(task)) {
            piece = stage_.take(next_data_in(task));
            if (!piece) {
                return false;  // until more has left
            }
        }
    }
    Frame& next = frame(frame_count_++);
    next.task = nullptr;
    next.control = nullptr;
    next.last = false;
    next.data_size = 0;
    next.pipe = -1;
    next.tail_size = 0;
    next.staged = 0;
    next.crc = 0;
    std::ranges::fill(next.header(), std::byte{0});
    if (front.kind() == Outgoing::Kind::control) {
        front.unlink();
        make_control(static_cast<ControlPdu&>(front), next);
        return true;
    }
    auto& task = static_cast<ScsiTask&>(front);
    if (task.state_ == ScsiTask::State::active) {
        make_r2t(task, next);
    } else if (sends_data(task)) {
        make_data_in(task, next, piece);
    } else {
        make_response(task, next);
    }
    return true;
}

bool Transmitter::sends_data(const ScsiTask& task) {
    return task.state_ != ScsiTask::State::active && task.data_in_sent_ < task.data_in_size_;
}

bool Transmitter::is_idle(const Outgoing& waiting) {
    if (waiting.kind() == Outgoing::Kind::control) {
        return false;
    }
    const auto& task = static_cast<const ScsiTask&>(waiting);
    return task.state_ == ScsiTask::State::active && !task.data_out_.wants_r2t();
}

void Transmitter::number(HeaderSpan header, Numbering numbering) {
    if (numbering == Numbering::complete) {
        return;
    }
    wire::put<ResponseHeader::kStatSn>(header, stat_sn_.value);
    if (numbering == Numbering::response) {
        ++stat_sn_;
    }
    wire::put<ResponseHeader::kExpCmdSn>(header, window_.expected().value);
    wire::put<ResponseHeader::kMaxCmdSn>(header, window_.advertise().value);
}

void Transmitter::seal(Frame& sealed, wire::Bytes prefix, bool digests) {
    const auto length = static_cast<std::uint32_t>(prefix.size() + sealed.data_size);
    wire::put<BasicHeader::kDataSegmentLength>(sealed.header(), length);
    std::size_t size = kHeaderSize;
    if (digests && header_digest_) {
        put_digest(std::span{sealed.head}.subspan(size), wire::crc32c(0, sealed.header()));
        size += kDigestSize;
    }
    std::ranges::copy(prefix, sealed.head.begin() + static_cast<std::ptrdiff_t>(size));
    sealed.head_size = static_cast<std::uint8_t>(size + prefix.size());
    const std::size_t pad = padding(length);
    std::fill_n(sealed.tail.begin(), pad, std::byte{0});
    sealed.tail_size = static_cast<std::uint8_t>(pad);
    if (!digests || !data_digest_ || length == 0) {
        return;
    }
    std::uint32_t crc = sealed.staged > 0 ? sealed.crc : wire::crc32c(0, prefix);
    SegmentCursor<base::ConstSegment> data = sealed.data;
    for (std::size_t left = sealed.staged > 0 ? 0 : sealed.data_size; left > 0;) {
        const base::ConstSegment run = data.run(left);
        crc = wire::crc32c(crc, {run.data, run.size});
        data.advance(run.size);
        left -= run.size;
    }
    put_digest(std::span{sealed.tail}.subspan(pad), wire::crc32c(crc, std::span{sealed.tail}.first(pad)));
    sealed.tail_size = static_cast<std::uint8_t>(pad + kDigestSize);
}

void Transmitter::make_control(ControlPdu& pdu, Frame& made) {
    std::ranges::copy(pdu.header, made.head.begin());
    made.control = &pdu;
    made.data_size = static_cast<std::uint32_t>(pdu.data.size());
    made.single = {pdu.data.data(), pdu.data.size()};
    made.data = SegmentCursor<base::ConstSegment>(std::span{&made.single, 1});
    number(made.header(), pdu.numbering);
    // Login PDUs have no digests, not even the one after which there are digests, [RFC 7143 13.1].
    seal(made, {}, pdu.numbering != Numbering::complete);
}

ScsiTask* Transmitter::cancel_next() {
    while (frame_count_ > 0) {
        Frame& first = frame(0);
        first_frame_ = (first_frame_ + 1) % kFrames;
        --frame_count_;
        front_sent_ = 0;
        if (first.control != nullptr) {
            controls_.give_back(*std::exchange(first.control, nullptr));
        } else if (first.last) {
            return first.task;
        }
    }
    while (!queue_.empty()) {
        Outgoing& next = queue_.pop_front();
        if (next.kind() == Outgoing::Kind::control) {
            controls_.give_back(static_cast<ControlPdu&>(next));
            continue;
        }
        auto& task = static_cast<ScsiTask&>(next);
        if (task.state_ == ScsiTask::State::responding) {
            return &task;
        }
    }
    return nullptr;
}

}  // namespace targe::iscsi
