// Finds PDUs in a stream of bytes, checks their digests, and puts their data where they belong.
#pragma once

#include "base/buffer.h"
#include "iscsi/parameters.h"
#include "iscsi/pdu.h"
#include "iscsi/segment_cursor.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace targe::iscsi {

/// Whoever owns the stream asks space() where bytes should go, says with received() how many came, and calls
/// next() until it needs more. At Step::header it may send the data segment to memory of its own with
/// deliver_into(); without that the data are dropped.
///
/// Data whose memory is known when they come go there straight from the stream.
class PduReader {
public:
    enum class Step : std::uint8_t {
        need_input,
        header,    ///< header() and additional() are there, and good
        complete,  ///< the data segment is there too; data_is_good() says whether its digest was right
        failed,    ///< the stream cannot be followed any more, see failure()
    };
    enum class Failure : std::uint8_t { none, header_digest, data_too_long };

    explicit PduReader(std::size_t buffer_bytes);

    void set_digests(Digest header, Digest data);
    /// The longest data segment that is taken.
    void set_max_data_segment_length(std::uint32_t bytes) { max_data_ = bytes; }

    /// Where the next bytes of the stream should go, in order. Empty when the buffer is full because nobody
    /// called next(). Between this and received() only next() and drop_data() may be called.
    [[nodiscard]] std::span<const base::Segment> space();
    void received(std::size_t bytes);

    [[nodiscard]] Step next();

    /// No PDU is between its Step::header and its Step::complete.
    [[nodiscard]] bool between_pdus() const { return state_ == State::header; }

    // From Step::header to the next call of next().
    [[nodiscard]] HeaderView header() const;
    [[nodiscard]] wire::Bytes additional() const;

    // From Step::header to Step::complete.
    [[nodiscard]] std::uint32_t data_length() const { return data_length_; }
    /// The first `size` bytes of the data segment go to `where`, which has room for them; the rest is
    /// dropped.
    void deliver_into(SegmentCursor<base::Segment> where, std::size_t size);
    /// All of the data segment, where it has come already and there is no digest to compare it with first;
    /// else nothing. From Step::header to the next call of next() or space().
    [[nodiscard]] wire::Bytes data_here() const;
    /// What has not come yet of the data segment is dropped.
    void drop_data() { wanted_ = 0; }
    [[nodiscard]] bool delivering() const { return wanted_ != 0; }

    // At Step::complete.
    [[nodiscard]] bool data_is_good() const { return data_is_good_; }

    [[nodiscard]] Failure failure() const { return failure_; }

private:
    enum class State : std::uint8_t { header, data, trailer, failed };

    [[nodiscard]] Step read_header();
    [[nodiscard]] Step read_data();
    [[nodiscard]] Step read_trailer();
    [[nodiscard]] Step fail(Failure failure);
    void consume_data(wire::Bytes bytes);
    void compact();
    [[nodiscard]] wire::Bytes buffered() const { return buffer_.subspan(begin_, end_ - begin_); }

    std::size_t buffer_bytes_;
    std::unique_ptr<std::byte[]> memory_;  ///< uninitialised: a page that is not used is not touched
    std::span<std::byte> buffer_{memory_.get(), buffer_bytes_};
    bool data_are_large_ = false;  ///< those of the PDU that brought some last
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::size_t header_at_ = 0;  ///< the present header, in buffer_

    State state_ = State::header;
    Failure failure_ = Failure::none;
    bool header_digest_ = false;
    bool data_digest_ = false;
    bool data_is_good_ = true;
    std::uint32_t max_data_ = kDefaultMaxRecvDataSegmentLength;

    std::uint32_t data_length_ = 0;
    std::size_t additional_size_ = 0;
    std::size_t data_left_ = 0;
    std::size_t wanted_ = 0;  ///< of data_left_, what goes to where_
    SegmentCursor<base::Segment> where_;
    std::size_t direct_ = 0;  ///< of the space that was named last, what is not in buffer_
    std::uint32_t crc_ = 0;

    static constexpr std::size_t kMaxPieces = 8;
    std::array<base::Segment, kMaxPieces> pieces_{};
};

}  // namespace targe::iscsi
