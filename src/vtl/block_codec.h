// From a block as the initiator sends it to a record, and back: compression, then encryption.
#pragma once

#include "vtl/compression.h"
#include "vtl/encryption.h"
#include "vtl/partition.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <vector>

namespace targe::vtl {

/// What is done to a block that is written.
struct WriteMode {
    bool compress = false;
    const Key* key = nullptr;  ///< nothing: it is not encrypted
    KeyAssociatedData kad = {};
};

enum class ReadFault : std::uint8_t {
    unreadable,  ///< the record is damaged
    host,        ///< the host could not read it
    no_key,      ///< it is encrypted, and there is no key to try
    wrong_key,   ///< it is encrypted with another one
};

/// Keeps buffers from block to block. One user at a time.
class BlockCodec {
public:
    /// Appends one block at the position of `partition`, which cuts off what is behind it.
    Result<> write(Partition& partition, wire::Bytes block, const WriteMode& mode);

    /// The block that `partition` has behind its position, of header.logical_bytes. It stays until the next
    /// call. Does not move.
    std::expected<wire::Bytes, ReadFault> read(Partition& partition, const RecordHeader& header,
                                               const Key* key);
    /// The key-associated data of the block that was read last; nothing when it was not encrypted.
    [[nodiscard]] const std::optional<SealedExtra>& extra() const { return extra_; }
    /// Reads, and says what is beside the block's key, without opening it.
    std::expected<std::optional<SealedExtra>, ReadFault> inspect(Partition& partition,
                                                                 const RecordHeader& header);

private:
    std::expected<wire::Bytes, ReadFault> fetch(Partition& partition, const RecordHeader& header);

    Compressor compressor_;
    std::vector<std::byte> payload_;
    std::vector<std::byte> opened_;
    std::vector<std::byte> plain_;
    std::optional<SealedExtra> extra_;
};

}  // namespace targe::vtl
