#include "initiator/failure.h"
#include "initiator/session.h"
#include "wire/crc32c.h"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

// What the target sends. Nothing of it is believed: tags, offsets and lengths are looked at before they are
// used.
namespace targe::initiator {
namespace {

/// Less than this is copied out of the kernel with its neighbours sooner than dropped in a call of its own.
constexpr std::size_t kWorthDropping = std::size_t{16} << 10U;
/// What is taken at once where the last data were dropped: a header, and little of the next data.
constexpr std::size_t kAfterDropping = 1024;

[[noreturn]] void broken(const std::string& what) {
    throw Failure("the target breaks the protocol: " + what, "a defect of the target, or of targe",
                  "look at the target's log; a capture of the network would show it");
}

std::uint32_t digest_of(const std::byte* raw) {
    std::uint32_t value = 0;
    for (std::size_t i = 4; i-- > 0;) {
        value = value << 8U | std::to_integer<std::uint32_t>(raw[i]);
    }
    return value;
}

std::uint8_t opcode_of(const std::byte* header) {
    return get8(header, 0) & 0x3FU;
}

}  // namespace

/// Negative when nothing had arrived.
std::ptrdiff_t Session::receive_some(std::byte* into, std::size_t size, int flags) {
    const ssize_t got = ::recv(socket_.get(), into, size, flags);
    if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR))) {
        return got;
    }
    if (logged_out_) {
        return -1;
    }
    throw Failure(got == 0 ? "the target closed the connection"
                           : "the connection broke: " + std::generic_category().message(errno),
                  "the target has ended, or dropped this session", "look at the target's log");
}

/// Of the data that are coming: bytes that nobody wants and no digest covers.
std::size_t Session::droppable() const {
    const bool wanted = data_to_ != nullptr || agreed_.data_digest;
    return header_filled_ < header_size_ || wanted ? 0 : data_end_ - data_taken_;
}

bool Session::receive(std::vector<Completion>& ended) {
    if (droppable() < kWorthDropping) {
        const std::ptrdiff_t got = receive_some(input_.data(), dropped_ ? kAfterDropping : input_.size(), 0);
        if (got < 0) {
            return false;
        }
        dropped_ = false;
        parse(std::span(input_).first(static_cast<std::size_t>(got)), ended);
        if (droppable() < kWorthDropping) {
            return true;
        }
        const std::ptrdiff_t more = receive_some(nullptr, droppable(), MSG_TRUNC);
        data_taken_ += static_cast<std::size_t>(std::max<std::ptrdiff_t>(more, 0));
    } else {
        const std::ptrdiff_t got = receive_some(nullptr, droppable(), MSG_TRUNC);
        if (got < 0) {
            return false;
        }
        data_taken_ += static_cast<std::size_t>(got);
    }
    if (data_taken_ == data_end_) {
        dropped_ = true;
        end_data(ended);
    }
    return true;
}

void Session::parse(std::span<const std::byte> input, std::vector<Completion>& ended) {
    while (!input.empty()) {
        if (header_filled_ < header_size_) {
            const std::size_t whole = header_filled_ == 0 ? parse_whole(input, ended) : 0;
            if (whole > 0) {
                input = input.subspan(whole);
                continue;
            }
            input = input.subspan(take_header(input));
            if (header_filled_ < header_size_) {
                return;
            }
            begin_data();
        }
        const std::size_t part = std::min(data_end_ - data_taken_, input.size());
        take_data(input.first(part));
        input = input.subspan(part);
        if (data_taken_ == data_end_) {
            end_data(ended);
        }
    }
}

/// What mostly comes: a PDU that is all there, whose data nobody wants and no digest covers. Bytes used; none
/// when it is another.
std::size_t Session::parse_whole(std::span<const std::byte> input, std::vector<Completion>& ended) {
    if (input.size() < kHeaderSize || agreed_.header_digest || agreed_.data_digest) {
        return 0;
    }
    const std::byte* const header = input.data();
    const std::size_t length = data_length(header);
    const std::size_t size = kHeaderSize + padded(length);
    const bool data_in = opcode_of(header) == kDataIn;
    if (input.size() < size || (length != 0 && !(data_in && slot_of(header).in == nullptr))) {
        return 0;
    }
    if (data_in) {
        count_data_in(header);
    }
    end_pdu(header, ended);
    return size;
}

std::size_t Session::take_header(std::span<const std::byte> input) {
    const std::size_t part = std::min(header_size_ - header_filled_, input.size());
    std::memcpy(header_.data() + header_filled_, input.data(), part);
    header_filled_ += part;
    return part;
}

Session::Slot& Session::slot_of(const std::byte* header) {
    const std::uint32_t tag = get32(header, 16);
    if (tag >= slots_.size() || !slots_[tag].in_flight) {
        broken("it answers a task that is not in flight");
    }
    return slots_[tag];
}

void Session::count_data_in(const std::byte* header) {
    Slot& slot = slot_of(header);
    const std::size_t length = data_length(header);
    if (get32(header, 40) != slot.received || length > slot.expected - slot.received) {
        broken("data of a read that are out of order, or more than was asked for");
    }
    slot.received += length;
}

void Session::begin_data() {
    if (agreed_.header_digest &&
        digest_of(header_.data() + kHeaderSize) != wire::crc32c(0, std::span(header_).first(kHeaderSize))) {
        broken("wrong header digest");
    }
    data_size_ = data_length(header_.data());
    if (data_size_ > kMaxReceiveSegment || get8(header_.data(), 4) != 0) {
        broken("a PDU that is longer than was agreed");
    }
    data_end_ = padded(data_size_) + (data_size_ != 0 && agreed_.data_digest ? 4 : 0);
    data_taken_ = 0;
    data_crc_ = 0;
    if (opcode_of(header_.data()) == kDataIn) {
        const Slot& slot = slot_of(header_.data());
        data_to_ = slot.in == nullptr ? nullptr : slot.in + slot.received;
        count_data_in(header_.data());
    } else {
        kept_.resize(data_size_);
        data_to_ = kept_.empty() ? nullptr : kept_.data();
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

void Session::end_data(std::vector<Completion>& ended) {
    if (agreed_.data_digest && data_size_ != 0 && data_crc_ != digest_of(data_digest_.data())) {
        broken("wrong data digest");
    }
    header_filled_ = 0;
    end_pdu(header_.data(), ended);
}

void Session::end_pdu(const std::byte* header, std::vector<Completion>& ended) {
    switch (opcode_of(header)) {
        case kDataIn:
            if ((get8(header, 1) & 1U) != 0) {
                end_command(header, ended);
            }
            return;
        case kResponse:
            end_command(header, ended);
            return;
        case kReadyToTransfer: {
            take_window(header);
            const std::size_t offset = get32(header, 40);
            const std::size_t length = get32(header, 44);
            const std::size_t size = slot_of(header).out.size();
            if (offset > size || length > size - offset || length == 0) {
                broken("it asks for data beyond the command's");
            }
            queue_data_out(get32(header, 16), get32(header, 20), offset, length);
            return;
        }
        case kNopIn:
            answer_nop(header);
            return;
        case kLogoutResponse:
            logged_out_ = true;
            return;
        case kAsyncMessage:
            exp_stat_sn_ = get32(header, 24) + 1;
            // 0 tells of a unit, 255 is the vendor's; the others end the session. [RFC 7143 11.9.1]
            if (get8(header, 36) != 0 && get8(header, 36) != 255) {
                throw Failure("the target ends the session",
                              "it is shutting down, or its administrator asked it to",
                              "look at the target's log");
            }
            return;
        case kReject:
            broken("it rejects a PDU for reason " + std::to_string(get8(header, 2)));
        default:
            broken("a PDU of opcode " + std::to_string(opcode_of(header)));
    }
}

void Session::end_command(const std::byte* header, std::vector<Completion>& ended) {
    Slot& slot = slot_of(header);
    exp_stat_sn_ = get32(header, 24) + 1;
    take_window(header);
    const bool response = opcode_of(header) == kResponse;
    const std::uint8_t of_iscsi = response ? get8(header, 2) : 0;
    const std::uint8_t status = get8(header, 3);
    const bool whole = slot.received == slot.expected || slot.may_be_short;
    const bool good = of_iscsi == 0 && status == 0 && whole;
    if (!good && !ending_.bad) {
        ending_.bad = true;
        ending_.response = of_iscsi;
        ending_.status = status;
        // Its length goes before the sense data, [RFC 7143 11.4.7].
        const std::size_t size = response && data_length(header) > 2 ? kept_.size() - 2 : 0;
        ending_.sense.assign(kept_.end() - static_cast<std::ptrdiff_t>(size), kept_.end());
    }
    slot.in_flight = false;
    ended.push_back({.tag = get32(header, 16), .good = good});
}

void Session::take_window(const std::byte* header) {
    const std::uint32_t max = get32(header, 32);
    if (static_cast<std::int32_t>(max - max_cmd_sn_) > 0) {
        max_cmd_sn_ = max;
    }
}

void Session::answer_nop(const std::byte* header) {
    take_window(header);
    if (get32(header, 20) == kNoTag) {
        return;
    }
    std::byte* const answer = reserve(kHeaderSize);
    std::memcpy(answer, template_.data(), kHeaderSize);
    answer[0] = std::byte{kNopOut | 0x40U};
    answer[1] = std::byte{0x80};
    std::memcpy(answer + 8, header + 8, 8);  // the LUN is given back
    put32(answer, 16, kNoTag);
    put32(answer, 20, get32(header, 20));
    put32(answer, 24, cmd_sn_);
    put32(answer, 28, exp_stat_sn_);
    queue(answer, {});
}

}  // namespace targe::initiator
