// Turns what is to be said into the bytes of PDUs, in order, at the moment when they can be sent.
#pragma once

#include "base/buffer.h"
#include "iscsi/command_window.h"
#include "iscsi/control_pdu.h"
#include "iscsi/parameters.h"
#include "iscsi/scsi_task.h"
#include "iscsi/stage.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace targe::iscsi {

/// Told what has left.
class TransmitListener {
public:
    /// The last byte of the task's last PDU has left; the transmitter has forgotten the task.
    virtual void response_left(ScsiTask& task) = 0;
    /// An R2T goes out: the number that names its transfer.
    [[nodiscard]] virtual TransferTag new_transfer(ScsiTask& task) = 0;

protected:
    ~TransmitListener() = default;
};

/// Tasks wait in a queue, each with a response or with R2Ts to send; frames are made from its front only as
/// fast as the stream takes them, so that sequence numbers are those of the moment. Data are sent from
/// where they lie, unless they may change after their digest was made.
class Transmitter {
public:
    Transmitter(CommandWindow& window, TransmitListener& listener);
    Transmitter(const Transmitter&) = delete;
    Transmitter& operator=(const Transmitter&) = delete;
    ~Transmitter();

    void set_digests(Digest header, Digest data);
    void set_lengths(std::uint32_t max_segment, std::uint32_t max_burst);
    void set_stat_sn(StatSn next) { stat_sn_ = next; }
    [[nodiscard]] StatSn stat_sn() const { return stat_sn_; }

    [[nodiscard]] ControlPdu& new_control() { return controls_.take(); }
    void queue(ControlPdu& pdu);
    /// The task has a response, or may send R2Ts. Nothing happens when it is queued already.
    void queue(ScsiTask& task);
    /// The task leaves the queue; not while its response is being sent.
    void withdraw(ScsiTask& task);

    [[nodiscard]] bool empty() const { return frame_count_ == 0 && queue_.empty(); }
    /// Something waits whose ExpCmdSN and MaxCmdSN will be those of the moment when it can be sent.
    [[nodiscard]] bool has_unnumbered() const { return !queue_.empty(); }
    [[nodiscard]] std::size_t gather(std::span<base::ConstSegment> out);
    /// Data of the last frame that was gathered, which follow: nothing behind them was.
    [[nodiscard]] base::Piped piped() const { return piped_; }
    [[nodiscard]] bool takes_pages() const { return !data_digest_ && max_segment_ >= kShortestPiped; }
    void sent(std::size_t bytes);

    /// A peer that sends without reading has made this much wait.
    [[nodiscard]] bool congested() const {
        return controls_.out() >= kMaxControls || controls_.bytes_out() >= kMaxControlBytes;
    }

    /// Nothing will be sent any more: the tasks that waited, one by one; null at the end.
    [[nodiscard]] ScsiTask* cancel_next();

private:
    static constexpr std::size_t kFrames = 64;
    static constexpr std::size_t kMaxControls = 256;
    static constexpr std::size_t kMaxControlBytes = 1U << 20U;
    /// Each PDU of them costs two system calls of its own.
    static constexpr std::uint32_t kShortestPiped = 64U << 10U;

    /// One PDU on its way.
    struct Frame {
        std::array<std::byte, kHeaderSize + kDigestSize + 2> head;  ///< header, digest, length of sense data
        std::array<std::byte, 3 + kDigestSize> tail;                ///< padding, digest
        std::uint8_t head_size = 0;
        std::uint8_t tail_size = 0;
        bool last = false;       ///< of its task
        std::uint32_t crc = 0;   ///< where data are staged, theirs
        std::size_t staged = 0;  ///< bytes of the stage that hold its data
        std::uint32_t data_size = 0;
        int pipe = -1;             ///< that holds the data
        ScsiTask* task = nullptr;  ///< null where nothing of it is needed any more
        ControlPdu* control = nullptr;
        SegmentCursor<base::ConstSegment> data;
        base::ConstSegment single{};  ///< for data that are in one piece

        [[nodiscard]] HeaderSpan header() { return std::span{head}.first<kHeaderSize>(); }
        [[nodiscard]] std::size_t size() const { return std::size_t{head_size} + data_size + tail_size; }
    };

    [[nodiscard]] bool make_frame();
    [[nodiscard]] static bool is_idle(const Outgoing& waiting);
    [[nodiscard]] static bool sends_data(const ScsiTask& task);
    void make_control(ControlPdu& pdu, Frame& made);
    void make_r2t(ScsiTask& task, Frame& made);
    [[nodiscard]] std::uint32_t next_data_in(const ScsiTask& task) const;
    void make_data_in(ScsiTask& task, Frame& made, const std::optional<Stage::Piece>& piece);
    static void copy_to_stage(const Stage::Piece& piece, Frame& made);
    void make_response(ScsiTask& task, Frame& made);
    void number(HeaderSpan header, Numbering numbering);
    void seal(Frame& sealed, wire::Bytes prefix, bool digests);
    void finish_task(ScsiTask& task, Frame& made);
    [[nodiscard]] Frame& frame(std::size_t i) { return frames_[(first_frame_ + i) % kFrames]; }

    CommandWindow& window_;
    TransmitListener& listener_;
    ControlPool controls_;
    base::IntrusiveList<Outgoing, struct OutgoingTag> queue_;
    Stage stage_;

    std::vector<Frame> frames_;
    std::size_t first_frame_ = 0;
    std::size_t frame_count_ = 0;
    std::size_t front_sent_ = 0;  ///< bytes of the first frame that have left
    base::Piped piped_;

    StatSn stat_sn_;
    bool header_digest_ = false;
    bool data_digest_ = false;
    std::uint32_t max_segment_ = kDefaultMaxRecvDataSegmentLength;
    std::uint32_t max_burst_ = 262144;
};

}  // namespace targe::iscsi
