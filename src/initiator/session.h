// An iSCSI initiator's session of one connection, made to cost little: what is queued leaves in one system
// call, what has arrived is taken in one.
#pragma once

#include "initiator/login.h"
#include "initiator/pdu.h"
#include "initiator/socket.h"

#include <sys/uio.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace targe::initiator {

struct SessionOptions : LoginOptions {
    std::string host = "127.0.0.1";
    std::uint16_t port = 3260;
    std::uint16_t lun = 0;                                          ///< below 16384
    std::uint32_t tags = 256;                                       ///< commands that may be in flight
    std::chrono::milliseconds patience = std::chrono::seconds{10};  ///< with each step until it is logged in
};

struct Completion {
    std::uint32_t tag;
    bool good;  ///< GOOD, and all of the data came
};

/// How a command ended that did not end well.
struct Ending {
    bool bad = false;           ///< false: there was none
    std::uint8_t response = 0;  ///< of iSCSI, [RFC 7143 11.4.3]
    std::uint8_t status = 0;    ///< of SCSI
    std::vector<std::byte> sense;
};

/// Tags are the caller's: numbers below `tags`, one command each at a time. Throws Failure when the target
/// breaks the connection or the protocol; the session is of no use afterwards.
class Session {
public:
    explicit Session(const SessionOptions& options);
    /// Over a connection that has logged in.
    Session(Socket socket, const Agreed& agreed, std::uint16_t lun, std::uint32_t tags);
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    [[nodiscard]] int descriptor() const { return socket_.get(); }
    [[nodiscard]] const Agreed& agreed() const { return agreed_; }
    /// The target takes another command now.
    [[nodiscard]] bool window_open() const { return static_cast<std::int32_t>(max_cmd_sn_ - cmd_sn_) >= 0; }
    [[nodiscard]] bool has_output() const { return next_piece_ < pieces_.size(); }

    /// READ(16). `into` may be null: the data are then dropped, most of them by the kernel.
    void read(std::uint32_t tag, std::uint64_t lba, std::uint32_t blocks, std::size_t bytes, std::byte* into);
    /// WRITE(16). `from`, a multiple of four bytes, must stay until the command is complete.
    void write(std::uint32_t tag, std::uint64_t lba, std::uint32_t blocks, std::span<const std::byte> from);
    /// Any other, of up to 16 bytes; what it reads may be less than `into`.
    void command(std::uint32_t tag, std::span<const std::byte> cdb, std::span<std::byte> into = {});
    void test_unit_ready(std::uint32_t tag);
    void synchronize_cache(std::uint32_t tag);

    /// Sends what the socket takes of what is queued.
    void flush();
    /// Takes what has arrived, without waiting; ended commands are appended. False when nothing had arrived.
    bool receive(std::vector<Completion>& ended);
    /// Waits until something has arrived, or the socket takes output again when there is some.
    void wait(std::chrono::milliseconds limit = std::chrono::seconds{1}) const;
    /// Waits for one command that is in flight alone; false: it ended badly, or not within `limit`.
    bool finish(std::chrono::milliseconds limit);
    /// Says good-bye when nothing is in flight, and waits a little for the answer.
    void log_out();

    /// The first bad ending since this was last asked.
    [[nodiscard]] Ending take_ending();

private:
    struct Slot {
        std::span<const std::byte> out = {};
        std::byte* in = nullptr;
        std::size_t expected = 0;  ///< of data to be read
        std::size_t received = 0;
        bool in_flight = false;
        bool may_be_short = false;
    };

    std::byte* begin_command(std::uint32_t tag, unsigned flags, std::size_t length, std::size_t immediate);
    void queue(std::byte* header, std::span<const std::byte> data);
    void queue_data_out(std::uint32_t tag, std::uint32_t transfer_tag, std::size_t offset,
                        std::size_t length);
    void push(const void* data, std::size_t size);
    std::byte* reserve(std::size_t size);
    void sent(std::size_t bytes);

    [[nodiscard]] std::ptrdiff_t receive_some(std::byte* into, std::size_t size, int flags);
    void parse(std::span<const std::byte> input, std::vector<Completion>& ended);
    [[nodiscard]] std::size_t parse_whole(std::span<const std::byte> input, std::vector<Completion>& ended);
    [[nodiscard]] std::size_t take_header(std::span<const std::byte> input);
    void begin_data();
    void take_data(std::span<const std::byte> piece);
    [[nodiscard]] std::size_t droppable() const;
    Slot& slot_of(const std::byte* header);
    void count_data_in(const std::byte* header);
    void end_data(std::vector<Completion>& ended);
    void end_pdu(const std::byte* header, std::vector<Completion>& ended);
    void end_command(const std::byte* header, std::vector<Completion>& ended);
    void take_window(const std::byte* header);
    void answer_nop(const std::byte* header);

    Socket socket_;
    Agreed agreed_;
    Header template_ = {};  ///< of a command: opcode and LUN
    std::uint32_t cmd_sn_ = 1;
    std::uint32_t max_cmd_sn_ = 1;
    std::uint32_t exp_stat_sn_ = 0;
    std::vector<Slot> slots_;
    Ending ending_;
    bool logged_out_ = false;

    // Output: pieces point into chunks_ or to the caller's data; both begin anew when all has left.
    std::vector<iovec> pieces_;
    std::size_t next_piece_ = 0;
    std::vector<std::unique_ptr<std::byte[]>> chunks_;
    std::size_t chunk_ = 0;
    std::size_t chunk_used_ = 0;

    // Input: a PDU that has not come whole is kept here, header first.
    std::vector<std::byte> input_;
    std::size_t header_size_ = kHeaderSize;  ///< with its digest
    std::array<std::byte, kHeaderSize + 4> header_ = {};
    std::size_t header_filled_ = 0;
    std::size_t data_size_ = 0;   ///< of the data segment
    std::size_t data_taken_ = 0;  ///< of data, padding and digest
    std::size_t data_end_ = 0;    ///< the same, when complete
    std::byte* data_to_ = nullptr;
    std::vector<std::byte> kept_;  ///< data of a PDU that is no Data-In
    bool dropped_ = false;         ///< the last data were large enough to be dropped by the kernel
    std::uint32_t data_crc_ = 0;
    std::array<std::byte, 4> data_digest_ = {};
};

}  // namespace targe::initiator
