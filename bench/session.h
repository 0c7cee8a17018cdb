// An iSCSI initiator's session of one connection, made to cost little: what is queued leaves in one system
// call, what has arrived is taken in one.
#pragma once

#include "bench/pdu.h"

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace targe::bench {

struct SessionOptions {
    std::string address = "127.0.0.1";
    std::uint16_t port = 3260;
    std::string target;
    std::string initiator = "iqn.2026-11.io.targe:bench";
    std::uint32_t isid = 1;
    std::uint16_t lun = 0;
    bool digests = false;
};

/// What both sides agreed on, as far as it matters to a sender.
struct Agreed {
    std::size_t max_send_segment = 8192;
    std::size_t first_burst = 65536;
    bool immediate_data = true;
    bool initial_r2t = true;
    bool header_digest = false;
    bool data_digest = false;
};

struct Completion {
    std::uint32_t tag;
    bool good;
};

/// Tags are the caller's: small numbers below kMaxTags, one command each at a time. Throws std::runtime_error
/// when the target breaks the connection or the protocol.
class Session {
public:
    static constexpr std::uint32_t kMaxTags = 256;

    explicit Session(const SessionOptions& options);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    [[nodiscard]] int descriptor() const { return socket_; }
    [[nodiscard]] const Agreed& agreed() const { return agreed_; }
    /// The target takes another command now.
    [[nodiscard]] bool window_open() const { return static_cast<std::int32_t>(max_cmd_sn_ - cmd_sn_) >= 0; }
    [[nodiscard]] bool has_output() const { return next_piece_ < pieces_.size(); }

    /// `into` may be null: the data is then dropped.
    void read(std::uint32_t tag, std::uint64_t lba, std::uint32_t blocks, std::size_t bytes, std::byte* into);
    /// `from` must stay until the command is complete.
    void write(std::uint32_t tag, std::uint64_t lba, std::uint32_t blocks, std::span<const std::byte> from);
    void test_unit_ready(std::uint32_t tag);
    void synchronize_cache(std::uint32_t tag);

    /// Sends what the socket takes of what is queued.
    void flush();
    /// Takes what has arrived, without waiting; ended commands are appended. False when nothing had arrived.
    bool receive(std::vector<Completion>& ended);
    /// Waits until something has arrived, or the socket takes output again when there is some.
    void wait() const;

private:
    struct Slot {
        std::span<const std::byte> out;
        std::byte* in = nullptr;
    };

    void connect_to(const SessionOptions& options);
    void log_in(const SessionOptions& options);
    std::map<std::string, std::string> login_step(const SessionOptions& options, unsigned flags,
                                                  const std::string& text);
    void agree(const std::map<std::string, std::string>& keys);

    Header command(std::uint32_t tag, unsigned flags, std::size_t length);
    void queue(const Header& header, std::span<const std::byte> data);
    void queue_data_out(std::uint32_t tag, std::uint32_t transfer_tag, std::size_t offset,
                        std::size_t length);
    void push(const void* data, std::size_t size);
    std::byte* keep(std::span<const std::byte> bytes);

    void parse(std::span<const std::byte> input, std::vector<Completion>& ended);
    void begin_data();
    void take_data(std::span<const std::byte> piece);
    void end_pdu(std::vector<Completion>& ended);
    void answer_nop();

    int socket_ = -1;
    Agreed agreed_;
    Header lun_ = {};
    std::uint32_t cmd_sn_ = 1;
    std::uint32_t max_cmd_sn_ = 1;
    std::uint32_t exp_stat_sn_ = 0;
    std::array<Slot, kMaxTags> slots_;

    // Output: pieces point into arena_ or to the caller's data; both begin anew when all has left.
    std::vector<iovec> pieces_;
    std::size_t next_piece_ = 0;
    std::vector<std::byte> arena_;
    std::size_t arena_used_ = 0;

    // Input: the header being filled, then its data segment with padding and digest.
    std::vector<std::byte> input_;
    std::array<std::byte, 52> header_ = {};
    std::size_t header_filled_ = 0;
    std::size_t data_size_ = 0;   ///< of the data segment
    std::size_t data_taken_ = 0;  ///< of data, padding and digest
    std::size_t data_end_ = 0;    ///< the same, when complete
    std::byte* data_to_ = nullptr;
    std::uint32_t data_crc_ = 0;
    std::array<std::byte, 4> data_digest_ = {};
};

}  // namespace targe::bench
