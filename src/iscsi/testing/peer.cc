#include "iscsi/testing/peer.h"

#include "wire/crc32c.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace targe::iscsi::testing {

namespace {

void append_digest(std::vector<std::byte>& out, std::uint32_t digest) {
    for (unsigned i = 0; i < kDigestSize; ++i) {
        out.push_back(static_cast<std::byte>(digest >> (8U * i)));
    }
}

std::uint32_t digest_at(wire::Bytes bytes) {
    std::uint32_t value = 0;
    for (unsigned i = 0; i < kDigestSize; ++i) {
        value |= std::to_integer<std::uint32_t>(bytes[i]) << (8U * i);
    }
    return value;
}

}  // namespace

std::vector<std::byte> bytes_of(std::string_view text) {
    std::vector<std::byte> out;
    for (const char c : text) {
        out.push_back(static_cast<std::byte>(c == ';' ? '\0' : c));
    }
    return out;
}

std::string text_of(const std::vector<std::byte>& bytes) {
    std::string out;
    for (const std::byte byte : bytes) {
        out.push_back(byte == std::byte{0} ? ';' : static_cast<char>(byte));
    }
    return out;
}

std::vector<std::byte> some_data(std::size_t size, std::uint32_t seed) {
    std::mt19937 engine(seed);
    std::vector<std::byte> out(size);
    std::ranges::generate(out, [&] { return static_cast<std::byte>(engine()); });
    return out;
}

Peer::Peer(std::uint32_t seed, const ConnectionOptions& options)
    : random(seed), connection(host, directory, entropy, options, now) {
    host.connection = &connection;
}

Peer::~Peer() {
    lose();
}

void Peer::lose() {
    lost_ = lost_ || host.is_closed;
    if (!std::exchange(lost_, true)) {
        connection.transport_lost();
        host.abandon_all();
    }
}

bool Peer::log_in(std::string_view keys) {
    Pdu pdu;
    pdu.put<LoginRequestPdu::kOpcode>(static_cast<std::uint8_t>(Opcode::login_request))
        .put<LoginRequestPdu::kImmediate>(1)
        .put<LoginRequestPdu::kTransit>(1)
        .put<LoginRequestPdu::kCurrentStage>(1)
        .put<LoginRequestPdu::kNextStage>(3)
        .put<LoginRequestPdu::kInitiatorSessionId>(0x8000'0000'0001)
        .put<LoginRequestPdu::kInitiatorTaskTag>(1)
        .put<LoginRequestPdu::kConnectionId>(1)
        .put<LoginRequestPdu::kCmdSn>(cmd_sn);
    pdu.data =
        bytes_of("InitiatorName=iqn.2026-11.test:peer;SessionType=Normal;TargetName=" + std::string{kDisk} +
                 ";" + std::string{keys});
    send(std::move(pdu));
    if (!connection.in_full_feature_phase()) {
        return false;
    }
    header_digest = connection.parameters().header_digest == Digest::crc32c;
    data_digest = connection.parameters().data_digest == Digest::crc32c;
    pump();
    return next().opcode() == Opcode::login_response;
}

bool Peer::log_in_to_discover() {
    Pdu pdu;
    pdu.put<LoginRequestPdu::kOpcode>(static_cast<std::uint8_t>(Opcode::login_request))
        .put<LoginRequestPdu::kImmediate>(1)
        .put<LoginRequestPdu::kTransit>(1)
        .put<LoginRequestPdu::kCurrentStage>(1)
        .put<LoginRequestPdu::kNextStage>(3)
        .put<LoginRequestPdu::kInitiatorTaskTag>(1)
        .put<LoginRequestPdu::kCmdSn>(cmd_sn);
    pdu.data = bytes_of("InitiatorName=iqn.2026-11.test:peer;SessionType=Discovery;");
    send(std::move(pdu));
    pump();
    return next().opcode() == Opcode::login_response && connection.in_full_feature_phase();
}

Pdu Peer::request(Opcode opcode) {
    Pdu pdu;
    pdu.put<BasicHeader::kOpcode>(static_cast<std::uint8_t>(opcode))
        .put<BasicHeader::kFinal>(1)
        .put<BasicHeader::kInitiatorTaskTag>(0x1000)
        .put<RequestHeader::kTargetTransferTag>(kReservedTag)
        .put<RequestHeader::kCmdSn>(cmd_sn++);
    return pdu;
}

Pdu Peer::command(std::uint32_t tag, Move move, std::uint32_t length) {
    Pdu pdu = request(Opcode::scsi_command);
    pdu.put<ScsiCommandPdu::kInitiatorTaskTag>(tag)
        .put<ScsiCommandPdu::kRead>(move == Move::read || move == Move::both ? 1 : 0)
        .put<ScsiCommandPdu::kWrite>(move == Move::write || move == Move::both ? 1 : 0)
        .put<ScsiCommandPdu::kAttribute>(1)
        .put<ScsiCommandPdu::kExpectedDataTransferLength>(length);
    return pdu;
}

Pdu Peer::data_out(std::uint32_t tag, std::uint32_t transfer, std::uint32_t data_sn, std::uint32_t offset,
                   std::vector<std::byte> data, bool final) {
    Pdu pdu;
    pdu.put<BasicHeader::kOpcode>(static_cast<std::uint8_t>(Opcode::data_out))
        .put<BasicHeader::kFinal>(final ? 1 : 0)
        .put<BasicHeader::kInitiatorTaskTag>(tag)
        .put<RequestHeader::kTargetTransferTag>(transfer)
        .put<DataOutPdu::kDataSn>(data_sn)
        .put<DataOutPdu::kBufferOffset>(offset);
    pdu.data = std::move(data);
    return pdu;
}

Pdu Peer::management(TaskFunction function, std::uint32_t referenced) {
    Pdu pdu = request(Opcode::task_management_request);
    --cmd_sn;
    pdu.put<BasicHeader::kImmediate>(1)
        .put<TaskManagementRequestPdu::kFunction>(static_cast<std::uint8_t>(function))
        .put<TaskManagementRequestPdu::kReferencedTaskTag>(referenced)
        .put<BasicHeader::kInitiatorTaskTag>(0x2000);
    return pdu;
}

std::vector<std::byte> Peer::encode(Pdu pdu) const {
    pdu.put<BasicHeader::kDataSegmentLength>(pdu.data.size())
        .put<BasicHeader::kTotalAhsLength>(pdu.additional.size() / 4);
    std::vector<std::byte> out(pdu.header.begin(), pdu.header.end());
    out.insert(out.end(), pdu.additional.begin(), pdu.additional.end());
    if (header_digest) {
        append_digest(out, wire::crc32c(0, out));
    }
    const std::size_t data_at = out.size();
    out.insert(out.end(), pdu.data.begin(), pdu.data.end());
    out.resize(out.size() + padding(pdu.data.size()));
    if (data_digest && !pdu.data.empty()) {
        append_digest(out, wire::crc32c(0, std::span{out}.subspan(data_at)));
    }
    return out;
}

void Peer::send(Pdu pdu) {
    send_bytes(encode(std::move(pdu)));
}

void Peer::send_bytes(wire::Bytes bytes) {
    if (record != nullptr) {
        record->insert(record->end(), bytes.begin(), bytes.end());
    }
    while (!bytes.empty() && !connection.is_over() && !lost_) {
        const auto space = connection.receive_space();
        std::size_t left =
            std::min<std::size_t>(bytes.size(), random() % std::min<std::size_t>(max_chunk, 1U << 30U) + 1);
        std::size_t taken = 0;
        for (const base::Segment& segment : space) {
            const std::size_t n = std::min(left, segment.size);
            std::memcpy(segment.data, bytes.data() + taken, n);
            taken += n;
            left -= n;
        }
        if (taken == 0) {
            if (!connection.has_output()) {
                return;
            }
            pump();
            continue;
        }
        connection.received(taken, now);
        bytes = bytes.subspan(taken);
        if (auto_pump) {
            pump();
        }
    }
    if (auto_pump) {
        pump();
    }
}

/// How many of `limit` bytes there were.
std::size_t Peer::take_gathered(base::ConstSegments out, std::size_t limit) {
    std::size_t left = limit;
    for (const base::ConstSegment& segment : out) {
        const std::size_t n = std::min(left, segment.size);
        stream_.insert(stream_.end(), segment.data, segment.data + n);
        left -= n;
    }
    return limit - left;
}

/// A pipe holds what the host reads for the tag that is its number.
void Peer::take_piped(const base::Piped& piped, std::size_t limit) {
    for (std::size_t i = 0; i < limit; ++i) {
        stream_.push_back(
            ScriptedHost::pattern(TaskTag{static_cast<std::uint32_t>(piped.pipe)}, piped_[piped.pipe]++));
    }
}

void Peer::pump() {
    std::vector<base::ConstSegment> out(max_segments);
    while (connection.has_output() && !lost_) {
        const std::size_t count = connection.gather(out);
        const base::Piped piped = connection.piped();
        const std::size_t total = base::total_size(std::span{out}.first(count)) + piped.size;
        if (total == 0) {
            break;
        }
        const std::size_t taken =
            std::min<std::size_t>(total, random() % std::min<std::size_t>(max_chunk, 1U << 30U) + 1);
        take_piped(piped, taken - take_gathered(std::span{out}.first(count), taken));
        connection.sent(taken, now);
    }
    if (keep_raw) {
        raw.insert(raw.end(), stream_.begin(), stream_.end());
    }
    if (!parse) {
        stream_.clear();
    }
    while (take_one()) {
    }
}

bool Peer::take_one() {
    if (stream_.size() < kHeaderSize || broken) {
        return false;
    }
    Pdu pdu;
    std::copy_n(stream_.begin(), kHeaderSize, pdu.header.begin());
    const bool is_login = pdu.opcode() == Opcode::login_response;
    const std::size_t length = pdu.get<BasicHeader::kDataSegmentLength>();
    const std::size_t data_at = kHeaderSize + (header_digest && !is_login ? kDigestSize : 0);
    const std::size_t padded = length + padding(length);
    const std::size_t trailer = data_digest && !is_login && length > 0 ? kDigestSize : 0;
    if (stream_.size() < data_at + padded + trailer) {
        return false;
    }
    const wire::Bytes all{stream_};
    if (data_at > kHeaderSize &&
        wire::crc32c(0, all.first(kHeaderSize)) != digest_at(all.subspan(kHeaderSize))) {
        broken = true;
    }
    if (trailer > 0 &&
        wire::crc32c(0, all.subspan(data_at, padded)) != digest_at(all.subspan(data_at + padded))) {
        broken = true;
    }
    pdu.data.assign(all.begin() + static_cast<std::ptrdiff_t>(data_at),
                    all.begin() + static_cast<std::ptrdiff_t>(data_at + length));
    stream_.erase(stream_.begin(), stream_.begin() + static_cast<std::ptrdiff_t>(data_at + padded + trailer));
    answers.push_back(std::move(pdu));
    return true;
}

Pdu Peer::next() {
    if (answers.empty()) {
        Pdu none;
        none.put<BasicHeader::kOpcode>(static_cast<std::uint8_t>(Opcode::reject));
        return none;
    }
    Pdu first = std::move(answers.front());
    answers.pop_front();
    return first;
}

}  // namespace targe::iscsi::testing
