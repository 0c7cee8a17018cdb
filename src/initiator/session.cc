#include "initiator/session.h"

#include "initiator/failure.h"
#include "wire/crc32c.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <system_error>
#include <utility>

namespace targe::initiator {
namespace {

constexpr std::size_t kInputSize = std::size_t{256} << 10U;
constexpr std::size_t kChunkSize = std::size_t{64} << 10U;
constexpr std::size_t kMaxChunks = 1024;

constexpr unsigned kFinal = 0x80;
constexpr unsigned kReads = 0x40;
constexpr unsigned kWrites = 0x20;
constexpr unsigned kSimple = 0x01;

void put_digest(std::byte* at, std::uint32_t crc) {
    for (std::size_t i = 0; i < 4; ++i, crc >>= 8U) {
        at[i] = static_cast<std::byte>(crc & 0xFFU);
    }
}

Agreed logged_in(const Socket& socket, const SessionOptions& options) {
    Login login(options);
    while (!login.done()) {
        send_all(socket, login.request(), options.patience);
        Header header{};
        receive_all(socket, header, options.patience);
        std::vector<std::byte> data(padded(data_length(header)));
        if (data_length(header) > kMaxReceiveSegment) {
            throw Failure("what answers is no iSCSI target", "another service has this port",
                          "name the target's port: iscsi://HOST:PORT/…");
        }
        receive_all(socket, data, options.patience);
        login.response(header, std::span(data).first(data_length(header)));
    }
    return login.agreed();
}

}  // namespace

Session::Session(const SessionOptions& options) : Session(Socket(), {}, options.lun, options.tags) {
    socket_ = connect_to(options.host, options.port, options.patience);
    agreed_ = logged_in(socket_, options);
    header_size_ = kHeaderSize + (agreed_.header_digest ? 4 : 0);
    cmd_sn_ = agreed_.cmd_sn;
    max_cmd_sn_ = agreed_.max_cmd_sn;
    exp_stat_sn_ = agreed_.exp_stat_sn;
}

Session::Session(Socket socket, const Agreed& agreed, std::uint16_t lun, std::uint32_t tags)
    : socket_(std::move(socket)),
      agreed_(agreed),
      cmd_sn_(agreed.cmd_sn),
      max_cmd_sn_(agreed.max_cmd_sn),
      exp_stat_sn_(agreed.exp_stat_sn),
      slots_(tags),
      input_(kInputSize),
      header_size_(kHeaderSize + (agreed.header_digest ? 4 : 0)) {
    put(template_, 0, 1, kCommand);
    put(template_, 8, 2, lun < 256 ? lun : 0x4000U | lun);
    chunks_.push_back(std::make_unique<std::byte[]>(kChunkSize));
}

std::byte* Session::begin_command(std::uint32_t tag, unsigned flags, std::size_t length,
                                  std::size_t immediate) {
    std::byte* const header = reserve(kHeaderSize);
    std::memcpy(header, template_.data(), kHeaderSize);
    header[1] = static_cast<std::byte>(flags | kSimple);
    put32(header, 4, static_cast<std::uint32_t>(immediate));
    put32(header, 16, tag);
    put32(header, 20, static_cast<std::uint32_t>(length));
    put32(header, 24, cmd_sn_++);
    put32(header, 28, exp_stat_sn_);
    return header;
}

void Session::read(std::uint32_t tag, std::uint64_t lba, std::uint32_t blocks, std::size_t bytes,
                   std::byte* into) {
    slots_.at(tag) = {.in = into, .expected = bytes, .in_flight = true};
    std::byte* const header = begin_command(tag, kFinal | kReads, bytes, 0);
    header[32] = std::byte{0x88};
    put64(header, 34, lba);
    put32(header, 42, blocks);
    queue(header, {});
}

void Session::write(std::uint32_t tag, std::uint64_t lba, std::uint32_t blocks,
                    std::span<const std::byte> from) {
    slots_.at(tag) = {.out = from, .in_flight = true};
    const std::size_t first = std::min(from.size(), agreed_.first_burst);
    const std::size_t immediate = agreed_.immediate_data ? std::min(first, agreed_.max_send_segment) : 0;
    const bool unsolicited = !agreed_.initial_r2t && first > immediate;
    std::byte* const header =
        begin_command(tag, unsolicited ? kWrites : kFinal | kWrites, from.size(), immediate);
    header[32] = std::byte{0x8A};
    put64(header, 34, lba);
    put32(header, 42, blocks);
    queue(header, from.first(immediate));
    if (unsolicited) {
        queue_data_out(tag, kNoTag, immediate, first - immediate);
    }
}

void Session::command(std::uint32_t tag, std::span<const std::byte> cdb, std::span<std::byte> into) {
    slots_.at(tag) = {.in = into.data(), .expected = into.size(), .in_flight = true, .may_be_short = true};
    std::byte* const header = begin_command(tag, kFinal | (into.empty() ? 0 : kReads), into.size(), 0);
    std::memcpy(header + 32, cdb.data(), std::min<std::size_t>(cdb.size(), 16));
    queue(header, {});
}

void Session::test_unit_ready(std::uint32_t tag) {
    command(tag, std::array<std::byte, 6>{});
}

void Session::synchronize_cache(std::uint32_t tag) {
    command(tag, std::array<std::byte, 10>{std::byte{0x35}});
}

void Session::queue_data_out(std::uint32_t tag, std::uint32_t transfer_tag, std::size_t offset,
                             std::size_t length) {
    std::uint32_t data_sn = 0;
    const std::span<const std::byte> out = slots_[tag].out;
    while (length > 0) {
        const std::size_t piece = std::min(length, agreed_.max_send_segment);
        length -= piece;
        std::byte* const header = reserve(kHeaderSize);
        std::memcpy(header, template_.data(), kHeaderSize);
        header[0] = std::byte{kDataOut};
        header[1] = static_cast<std::byte>(length == 0 ? kFinal : 0);
        put32(header, 4, static_cast<std::uint32_t>(piece));
        put32(header, 16, tag);
        put32(header, 20, transfer_tag);
        put32(header, 28, exp_stat_sn_);
        put32(header, 36, data_sn++);
        put32(header, 40, static_cast<std::uint32_t>(offset));
        queue(header, out.subspan(offset, piece));
        offset += piece;
    }
}

/// `header` is in a chunk, and ready but for its digest.
void Session::queue(std::byte* header, std::span<const std::byte> data) {
    push(header, kHeaderSize);
    if (agreed_.header_digest) {
        std::byte* const digest = reserve(4);
        put_digest(digest, wire::crc32c(0, {header, kHeaderSize}));
        push(digest, 4);
    }
    if (!data.empty()) {
        push(data.data(), data.size());
        if (agreed_.data_digest) {
            std::byte* const digest = reserve(4);
            put_digest(digest, wire::crc32c(0, data));
            push(digest, 4);
        }
    }
}

/// Room for what leaves with the next flush().
std::byte* Session::reserve(std::size_t size) {
    if (size > kChunkSize - chunk_used_) {
        chunk_used_ = 0;
        if (++chunk_ == chunks_.size()) {
            if (chunks_.size() == kMaxChunks) {
                throw Failure("the target takes nothing, while it asks for ever more", "it hangs",
                              "look at the target's log");
            }
            chunks_.push_back(std::make_unique<std::byte[]>(kChunkSize));
        }
    }
    std::byte* const at = chunks_[chunk_].get() + chunk_used_;
    chunk_used_ += size;
    return at;
}

// Neighbours become one piece: a queue of reads is one stretch of headers.
void Session::push(const void* data, std::size_t size) {
    auto* const base = const_cast<void*>(data);
    if (has_output()) {
        iovec& last = pieces_.back();
        if (static_cast<std::byte*>(last.iov_base) + last.iov_len == data) {
            last.iov_len += size;
            return;
        }
    }
    pieces_.push_back({.iov_base = base, .iov_len = size});
}

void Session::flush() {
    while (has_output()) {
        ssize_t taken = 0;
        const iovec& first = pieces_[next_piece_];
        if (next_piece_ + 1 == pieces_.size()) {
            taken = ::send(socket_.get(), first.iov_base, first.iov_len, MSG_NOSIGNAL);
        } else {
            msghdr message{};
            message.msg_iov = pieces_.data() + next_piece_;
            message.msg_iovlen = std::min<std::size_t>(pieces_.size() - next_piece_, IOV_MAX);
            taken = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
        }
        if (taken < 0) {
            if (errno == EAGAIN || errno == EINTR) {
                return;
            }
            throw Failure("the connection broke: " + std::generic_category().message(errno),
                          "the target has ended, or dropped this session", "look at the target's log");
        }
        sent(static_cast<std::size_t>(taken));
    }
    pieces_.clear();
    next_piece_ = 0;
    chunk_ = 0;
    chunk_used_ = 0;
}

void Session::sent(std::size_t bytes) {
    while (bytes > 0) {
        iovec& piece = pieces_[next_piece_];
        const std::size_t part = std::min(bytes, piece.iov_len);
        piece.iov_base = static_cast<std::byte*>(piece.iov_base) + part;
        piece.iov_len -= part;
        bytes -= part;
        next_piece_ += piece.iov_len == 0 ? 1 : 0;
    }
}

void Session::wait(std::chrono::milliseconds limit) const {
    pollfd entry{.fd = socket_.get(),
                 .events = static_cast<short>(POLLIN | (has_output() ? POLLOUT : 0)),
                 .revents = 0};
    ::poll(&entry, 1, static_cast<int>(limit.count()));
}

bool Session::finish(std::chrono::milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    std::vector<Completion> ended;
    while (ended.empty()) {
        flush();
        if (!receive(ended)) {
            if (std::chrono::steady_clock::now() > end) {
                return false;
            }
            wait(std::chrono::milliseconds{100});
        }
    }
    return ended.front().good;
}

void Session::log_out() {
    std::byte* const header = reserve(kHeaderSize);
    std::memset(header, 0, kHeaderSize);
    header[0] = std::byte{kLogout | 0x40U};
    header[1] = std::byte{kFinal};  // the whole session
    put32(header, 24, cmd_sn_);
    put32(header, 28, exp_stat_sn_);
    queue(header, {});
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{2};
    std::vector<Completion> ended;
    try {
        while (!logged_out_ && std::chrono::steady_clock::now() < end) {
            flush();
            if (!receive(ended)) {
                wait(std::chrono::milliseconds{100});
            }
        }
    } catch (const Failure&) {
        // istgt, for one, closes the connection for an answer. Nothing was left to be lost.
        logged_out_ = true;
    }
}

Ending Session::take_ending() {
    return std::exchange(ending_, {});
}

}  // namespace targe::initiator
