// An initiator's PDUs, to bytes and from them.
#pragma once

#include "iscsi/pdu.h"
#include "iscsi/testing/peer.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace targe::sim {

using iscsi::testing::Pdu;

/// With its length filled in, and padded. No digests.
[[nodiscard]] std::vector<std::byte> encode(const Pdu& pdu);

/// Finds PDUs in what the target sends.
class PduStream {
public:
    void add(std::span<const std::byte> bytes) { bytes_.insert(bytes_.end(), bytes.begin(), bytes.end()); }
    /// The next whole one.
    [[nodiscard]] std::optional<Pdu> take();
    /// Where in the stream the one that was taken last ends.
    [[nodiscard]] std::uint64_t end() const { return end_; }

private:
    std::vector<std::byte> bytes_;
    std::size_t begin_ = 0;
    std::uint64_t end_ = 0;
};

}  // namespace targe::sim
