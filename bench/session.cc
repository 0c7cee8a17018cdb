#include "bench/session.h"

#include "wire/crc32c.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <stdexcept>

namespace targe::bench {

namespace {

constexpr std::size_t kInputSize = std::size_t{1} << 20U;
// Enough for the headers and digests of what a session can have queued: kMaxTags commands of many Data-Out
// PDUs.
constexpr std::size_t kArenaSize = std::size_t{1} << 20U;

[[noreturn]] void fail(const char* what) {
    throw std::runtime_error(what);
}

std::array<std::byte, 4> little_endian(std::uint32_t value) {
    std::array<std::byte, 4> raw{};
    for (std::byte& byte : raw) {
        byte = static_cast<std::byte>(value & 0xFFU);
        value >>= 8U;
    }
    return raw;
}

}  // namespace

Session::Session(const SessionOptions& options) : arena_(kArenaSize), input_(kInputSize) {
    put(lun_, 8, 2, options.lun < 256 ? options.lun : 0x4000U | options.lun);
    connect_to(options);
    log_in(options);
    if (::fcntl(socket_, F_SETFL, O_NONBLOCK) != 0) {
        fail("the socket cannot be made non-blocking");
    }
}

Session::~Session() {
    if (socket_ >= 0) {
        ::close(socket_);
    }
}

Header Session::command(std::uint32_t tag, unsigned flags, std::size_t length) {
    Header header = lun_;
    put(header, 0, 1, kCommand);
    put(header, 1, 1, flags | 0x01U);  // SIMPLE
    put(header, 16, 4, tag);
    put(header, 20, 4, length);
    put(header, 24, 4, cmd_sn_++);
    put(header, 28, 4, exp_stat_sn_);
    return header;
}

void Session::read(std::uint32_t tag, std::uint64_t lba, std::uint32_t blocks, std::size_t bytes,
                   std::byte* into) {
    slots_.at(tag) = {.out = {}, .in = into};
    Header header = command(tag, 0xC0U, bytes);
    put(header, 32, 1, 0x88);  // READ(16)
    put(header, 34, 8, lba);
    put(header, 42, 4, blocks);
    queue(header, {});
}

void Session::write(std::uint32_t tag, std::uint64_t lba, std::uint32_t blocks,
                    std::span<const std::byte> from) {
    slots_.at(tag) = {.out = from, .in = nullptr};
    const std::size_t first = std::min(from.size(), agreed_.first_burst);
    const std::size_t immediate = agreed_.immediate_data ? std::min(first, agreed_.max_send_segment) : 0;
    const bool unsolicited = !agreed_.initial_r2t && first > immediate;
    Header header = command(tag, unsolicited ? 0x20U : 0xA0U, from.size());
    put(header, 32, 1, 0x8A);  // WRITE(16)
    put(header, 34, 8, lba);
    put(header, 42, 4, blocks);
    queue(header, from.first(immediate));
    if (unsolicited) {
        queue_data_out(tag, 0xFFFFFFFFU, immediate, first - immediate);
    }
}

void Session::test_unit_ready(std::uint32_t tag) {
    slots_.at(tag) = {};
    queue(command(tag, 0x80U, 0), {});
}

void Session::synchronize_cache(std::uint32_t tag) {
    slots_.at(tag) = {};
    Header header = command(tag, 0x80U, 0);
    put(header, 32, 1, 0x35);
    queue(header, {});
}

void Session::queue_data_out(std::uint32_t tag, std::uint32_t transfer_tag, std::size_t offset,
                             std::size_t length) {
    std::uint32_t data_sn = 0;
    const std::span<const std::byte> out = slots_.at(tag).out;
    if (offset > out.size() || length > out.size() - offset) {
        fail("the target asks for data beyond the command's");
    }
    while (length > 0) {
        const std::size_t piece = std::min(length, agreed_.max_send_segment);
        length -= piece;
        Header header = lun_;
        put(header, 0, 1, kDataOut);
        put(header, 1, 1, length == 0 ? 0x80 : 0);
        put(header, 16, 4, tag);
        put(header, 20, 4, transfer_tag);
        put(header, 28, 4, exp_stat_sn_);
        put(header, 36, 4, data_sn++);
        put(header, 40, 4, offset);
        queue(header, out.subspan(offset, piece));
        offset += piece;
    }
}

// Data must be a multiple of four bytes: what a disk's blocks are.
void Session::queue(const Header& header, std::span<const std::byte> data) {
    Header whole = header;
    put(whole, 5, 3, data.size());
    push(keep(whole), whole.size());
    if (agreed_.header_digest) {
        push(keep(little_endian(wire::crc32c(0, whole))), 4);
    }
    if (!data.empty()) {
        push(data.data(), data.size());
        if (agreed_.data_digest) {
            push(keep(little_endian(wire::crc32c(0, data))), 4);
        }
    }
}

std::byte* Session::keep(std::span<const std::byte> bytes) {
    if (bytes.size() > arena_.size() - arena_used_) {
        fail("more is queued than the generator has room for");
    }
    std::byte* const at = arena_.data() + arena_used_;
    std::memcpy(at, bytes.data(), bytes.size());
    arena_used_ += bytes.size();
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
        msghdr message{};
        message.msg_iov = pieces_.data() + next_piece_;
        message.msg_iovlen = std::min<std::size_t>(pieces_.size() - next_piece_, IOV_MAX);
        const ssize_t sent = ::sendmsg(socket_, &message, MSG_NOSIGNAL);
        if (sent < 0) {
            if (errno == EAGAIN || errno == EINTR) {
                return;
            }
            fail("the connection broke while sending");
        }
        auto left = static_cast<std::size_t>(sent);
        while (left > 0) {
            iovec& piece = pieces_[next_piece_];
            const std::size_t part = std::min(left, piece.iov_len);
            piece.iov_base = static_cast<std::byte*>(piece.iov_base) + part;
            piece.iov_len -= part;
            left -= part;
            next_piece_ += piece.iov_len == 0 ? 1 : 0;
        }
    }
    pieces_.clear();
    next_piece_ = 0;
    arena_used_ = 0;
}

bool Session::receive(std::vector<Completion>& ended) {
    const ssize_t got = ::recv(socket_, input_.data(), input_.size(), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        return false;
    }
    if (got <= 0) {
        fail("the target closed the connection");
    }
    parse(std::span(input_).first(static_cast<std::size_t>(got)), ended);
    return true;
}

void Session::wait() const {
    pollfd entry{
        .fd = socket_, .events = static_cast<short>(POLLIN | (has_output() ? POLLOUT : 0)), .revents = 0};
    ::poll(&entry, 1, 1000);
}

void Session::parse(std::span<const std::byte> input, std::vector<Completion>& ended) {
    const std::size_t header_size = agreed_.header_digest ? 52 : 48;
    while (!input.empty()) {
        if (header_filled_ < header_size) {
            const std::size_t part = std::min(header_size - header_filled_, input.size());
            std::memcpy(header_.data() + header_filled_, input.data(), part);
            header_filled_ += part;
            input = input.subspan(part);
            if (header_filled_ < header_size) {
                return;
            }
            begin_data();
        }
        const std::size_t part = std::min(data_end_ - data_taken_, input.size());
        take_data(input.first(part));
        input = input.subspan(part);
        if (data_taken_ == data_end_) {
            end_pdu(ended);
            header_filled_ = 0;
        }
    }
}

void Session::begin_data() {
    const std::span<const std::byte> header = std::span(header_).first(48);
    if (agreed_.header_digest &&
        !std::ranges::equal(little_endian(wire::crc32c(0, header)), std::span(header_).subspan(48))) {
        fail("wrong header digest");
    }
    data_size_ = data_length(header);
    data_end_ = padded(data_size_) + (data_size_ != 0 && agreed_.data_digest ? 4 : 0);
    data_taken_ = 0;
    data_crc_ = 0;
    data_to_ = nullptr;
    if (get8(header, 0) == kDataIn) {
        std::byte* const in = slots_.at(get32(header, 16)).in;
        data_to_ = in == nullptr ? nullptr : in + get32(header, 40);
    }
}

void Session::take_data(std::span<const std::byte> piece) {
    const std::size_t covered = padded(data_size_);
    const std::size_t of_data =
        data_taken_ < data_size_ ? std::min(piece.size(), data_size_ - data_taken_) : 0;
    if (data_to_ != nullptr && of_data > 0) {
        std::memcpy(data_to_ + data_taken_, piece.data(), of_data);
    }
    if (agreed_.data_digest && !piece.empty()) {
        const std::size_t summed = data_taken_ < covered ? std::min(piece.size(), covered - data_taken_) : 0;
        data_crc_ = wire::crc32c(data_crc_, piece.first(summed));
        for (std::size_t i = summed; i < piece.size(); ++i) {
            data_digest_.at(data_taken_ + i - covered) = piece[i];
        }
    }
    data_taken_ += piece.size();
}

void Session::end_pdu(std::vector<Completion>& ended) {
    if (agreed_.data_digest && data_size_ != 0 && little_endian(data_crc_) != data_digest_) {
        fail("wrong data digest");
    }
    const std::uint8_t opcode = get8(header_, 0) & 0x3FU;
    const std::uint32_t tag = get32(header_, 16);
    const bool has_status = opcode == kResponse || (opcode == kDataIn && (get8(header_, 1) & 1U) != 0);
    if (opcode == kReadyToTransfer) {
        max_cmd_sn_ = get32(header_, 32);
        queue_data_out(tag, get32(header_, 20), get32(header_, 40), get32(header_, 44));
    } else if (has_status) {
        exp_stat_sn_ = get32(header_, 24) + 1;
        max_cmd_sn_ = get32(header_, 32);
        const bool served = opcode == kDataIn || get8(header_, 2) == 0;
        ended.push_back({.tag = tag, .good = served && get8(header_, 3) == 0});
    } else if (opcode == kNopIn) {
        answer_nop();
    } else if (opcode != kDataIn) {
        fail("a PDU that no load generator expects");
    }
}

void Session::answer_nop() {
    if (get32(header_, 20) == 0xFFFFFFFFU) {
        return;
    }
    Header header = lun_;
    put(header, 0, 1, kNopOut | 0x40U);
    put(header, 1, 1, 0x80);
    put(header, 16, 4, 0xFFFFFFFFU);
    put(header, 20, 4, get32(header_, 20));
    put(header, 24, 4, cmd_sn_);
    put(header, 28, 4, exp_stat_sn_);
    queue(header, {});
}

}  // namespace targe::bench
