#include "iscsi/pdu_reader.h"

#include "base/assert.h"
#include "wire/crc32c.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace targe::iscsi {

namespace {

constexpr std::size_t kMaxHeaderBytes = kHeaderSize + std::size_t{255} * 4 + kDigestSize;
/// While at least this much goes straight to its memory, the buffer takes only what follows it closely:
/// offering more would draw the data of the next PDU into the buffer, to be copied. The same holds before a
/// header, where data have been as long of late.
constexpr std::size_t kDirectBytes = 16384;
constexpr std::size_t kRoomBehindDirect = 2048;

/// Digests are sent least significant byte first, [RFC 7143 13.1].
std::uint32_t digest_at(wire::Bytes bytes) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < kDigestSize; ++i) {
        value |= std::to_integer<std::uint32_t>(bytes[i]) << (8U * i);
    }
    return value;
}

}  // namespace

PduReader::PduReader(std::size_t buffer_bytes)
    : buffer_bytes_(std::max(buffer_bytes, 4 * kMaxHeaderBytes)),
      memory_(std::make_unique_for_overwrite<std::byte[]>(buffer_bytes_)) {}

void PduReader::set_digests(Digest header, Digest data) {
    header_digest_ = header == Digest::crc32c;
    data_digest_ = data == Digest::crc32c;
}

void PduReader::compact() {
    if (begin_ == 0) {
        return;
    }
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
}

std::span<const base::Segment> PduReader::space() {
    compact();
    std::size_t pieces = 0;
    std::size_t direct = 0;
    if (begin_ == end_ && state_ == State::data) {
        SegmentCursor<base::Segment> ahead = where_;
        while (direct < wanted_ && pieces + 1 < kMaxPieces) {
            pieces_[pieces] = ahead.run(wanted_ - direct);
            ahead.advance(pieces_[pieces].size);
            direct += pieces_[pieces].size;
            ++pieces;
        }
    }
    const bool rest_goes_to_buffer = state_ != State::data || direct == wanted_;
    if (rest_goes_to_buffer && end_ < buffer_.size()) {
        const std::size_t room = buffer_.size() - end_;
        const bool only_closely = direct >= kDirectBytes || (direct == 0 && data_are_large_);
        pieces_[pieces++] = {buffer_.data() + end_, only_closely ? std::min(room, kRoomBehindDirect) : room};
    }
    direct_ = direct;
    return std::span{pieces_}.first(pieces);
}

void PduReader::received(std::size_t bytes) {
    std::size_t direct = std::min(bytes, std::exchange(direct_, 0));
    bytes -= direct;
    data_left_ -= direct;
    // When the data were given up in the meantime they have still gone to the memory that was named.
    wanted_ -= std::min(wanted_, direct);
    while (direct > 0) {
        const base::Segment run = where_.run(direct);
        if (data_digest_) {
            crc_ = wire::crc32c(crc_, {run.data, run.size});
        }
        where_.advance(run.size);
        direct -= run.size;
    }
    TARGE_ASSERT(bytes <= buffer_.size() - end_);
    end_ += bytes;
}

PduReader::Step PduReader::next() {
    switch (state_) {
        case State::header:
            return read_header();
        case State::data:
            return read_data();
        case State::trailer:
            return read_trailer();
        case State::failed:
            break;
    }
    return Step::failed;
}

PduReader::Step PduReader::fail(Failure failure) {
    state_ = State::failed;
    failure_ = failure;
    return Step::failed;
}

HeaderView PduReader::header() const {
    return buffer_.subspan(header_at_).first<kHeaderSize>();
}

wire::Bytes PduReader::additional() const {
    return buffer_.subspan(header_at_ + kHeaderSize, additional_size_);
}

PduReader::Step PduReader::read_header() {
    const wire::Bytes bytes = buffered();
    if (bytes.size() < kHeaderSize) {
        return Step::need_input;
    }
    const HeaderView header = bytes.first<kHeaderSize>();
    additional_size_ = std::size_t{wire::get<BasicHeader::kTotalAhsLength>(header)} * 4;
    data_length_ = wire::get<BasicHeader::kDataSegmentLength>(header);
    const std::size_t covered = kHeaderSize + additional_size_;
    const std::size_t size = covered + (header_digest_ ? kDigestSize : 0);
    // Without a header digest a length can be judged at once; with one it is not known to be true yet.
    if (!header_digest_ && data_length_ > max_data_) {
        return fail(Failure::data_too_long);
    }
    if (bytes.size() < size) {
        return Step::need_input;
    }
    if (header_digest_ && wire::crc32c(0, bytes.first(covered)) != digest_at(bytes.subspan(covered))) {
        return fail(Failure::header_digest);
    }
    if (data_length_ > max_data_) {
        return fail(Failure::data_too_long);
    }
    header_at_ = begin_;
    begin_ += size;
    data_are_large_ = data_length_ > 0 ? data_length_ >= kDirectBytes : data_are_large_;
    data_left_ = data_length_;
    wanted_ = 0;
    crc_ = 0;
    data_is_good_ = true;
    state_ = State::data;
    return Step::header;
}

wire::Bytes PduReader::data_here() const {
    if (state_ != State::data || data_digest_ || data_length_ == 0 || end_ - begin_ < data_length_) {
        return {};
    }
    return buffered().first(data_length_);
}

void PduReader::deliver_into(SegmentCursor<base::Segment> where, std::size_t size) {
    TARGE_ASSERT(state_ == State::data && size <= data_left_);
    where_ = where;
    wanted_ = size;
}

void PduReader::consume_data(wire::Bytes bytes) {
    if (data_digest_) {
        crc_ = wire::crc32c(crc_, bytes);
    }
    data_left_ -= bytes.size();
    while (wanted_ > 0 && !bytes.empty()) {
        const base::Segment run = where_.run(std::min(wanted_, bytes.size()));
        std::memcpy(run.data, bytes.data(), run.size);
        where_.advance(run.size);
        wanted_ -= run.size;
        bytes = bytes.subspan(run.size);
    }
}

PduReader::Step PduReader::read_data() {
    if (data_length_ == 0) [[likely]] {  // then there is neither padding nor a digest
        state_ = State::header;
        return Step::complete;
    }
    const std::size_t here = std::min(data_left_, end_ - begin_);
    consume_data(buffered().first(here));
    begin_ += here;
    if (data_left_ > 0) {
        return Step::need_input;
    }
    state_ = State::trailer;
    return read_trailer();
}

PduReader::Step PduReader::read_trailer() {
    const std::size_t pad = padding(data_length_);
    const bool digest = data_digest_ && data_length_ > 0;
    const std::size_t size = pad + (digest ? kDigestSize : 0);
    const wire::Bytes bytes = buffered();
    if (bytes.size() < size) {
        return Step::need_input;
    }
    if (digest) {
        data_is_good_ = wire::crc32c(crc_, bytes.first(pad)) == digest_at(bytes.subspan(pad));
    }
    begin_ += size;
    state_ = State::header;
    return Step::complete;
}

}  // namespace targe::iscsi
