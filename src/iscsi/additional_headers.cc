#include "iscsi/additional_headers.h"

#include "iscsi/scsi_task.h"

namespace targe::iscsi {

namespace {

/// The byte before the extended CDB, or before the length, is reserved and counted, [RFC 7143 11.2.2.3].
constexpr std::size_t kReserved = 1;
constexpr std::size_t kMaxExtendedCdb = ScsiTask::kMaxCdbSize - ScsiCommandPdu::kCdbSize;

struct BidirectionalReadHeader {
    static constexpr std::size_t kSize = 8;
    static constexpr wire::Field kReadLength = wire::bytes(4, 7);
};

bool read_one(wire::Bytes header, AdditionalHeaders& into) {
    const auto start = header.first<AdditionalHeader::kSize>();
    const wire::Bytes content = header.subspan(AdditionalHeader::kUncounted + kReserved);
    switch (static_cast<AdditionalHeaderType>(wire::get<AdditionalHeader::kType>(start))) {
        case AdditionalHeaderType::extended_cdb:
            if (content.empty() || content.size() > kMaxExtendedCdb || !into.cdb.empty()) {
                return false;
            }
            into.cdb = content;
            return true;
        case AdditionalHeaderType::bidirectional_read_length:
            if (header.size() != BidirectionalReadHeader::kSize) {
                return false;
            }
            into.bidirectional_read_length = wire::get<BidirectionalReadHeader::kReadLength>(
                header.first<BidirectionalReadHeader::kSize>());
            return true;
    }
    return true;
}

}  // namespace

std::optional<AdditionalHeaders> read_additional_headers(wire::Bytes bytes) {
    AdditionalHeaders found;
    while (!bytes.empty()) {
        if (bytes.size() < AdditionalHeader::kSize) {
            return std::nullopt;
        }
        const std::size_t length =
            wire::get<AdditionalHeader::kLength>(bytes.first<AdditionalHeader::kSize>());
        const std::size_t size = AdditionalHeader::kUncounted + length;
        if (length < kReserved || size + padding(size) > bytes.size() ||
            !read_one(bytes.first(size), found)) {
            return std::nullopt;
        }
        bytes = bytes.subspan(size + padding(size));
    }
    return found;
}

}  // namespace targe::iscsi
