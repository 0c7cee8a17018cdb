#include "sim/pdu_stream.h"

#include <algorithm>

namespace targe::sim {

std::vector<std::byte> encode(const Pdu& pdu) {
    Pdu out = pdu;
    out.put<iscsi::BasicHeader::kDataSegmentLength>(pdu.data.size());
    std::vector<std::byte> bytes(out.header.begin(), out.header.end());
    bytes.insert(bytes.end(), pdu.data.begin(), pdu.data.end());
    bytes.resize(bytes.size() + iscsi::padding(pdu.data.size()));
    return bytes;
}

std::optional<Pdu> PduStream::take() {
    const std::span left = std::span{bytes_}.subspan(begin_);
    if (left.size() < iscsi::kHeaderSize) {
        return std::nullopt;
    }
    Pdu pdu;
    std::copy_n(left.begin(), iscsi::kHeaderSize, pdu.header.begin());
    const std::size_t length = pdu.get<iscsi::BasicHeader::kDataSegmentLength>();
    const std::size_t size = iscsi::kHeaderSize + length + iscsi::padding(length);
    if (left.size() < size) {
        return std::nullopt;
    }
    const std::span data = left.subspan(iscsi::kHeaderSize, length);
    pdu.data.assign(data.begin(), data.end());
    begin_ += size;
    end_ += size;
    if (begin_ == bytes_.size()) {
        bytes_.clear();
        begin_ = 0;
    }
    return pdu;
}

}  // namespace targe::sim
