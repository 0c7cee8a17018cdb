#include "vtl/block_codec.h"

namespace targe::vtl {

Result<> BlockCodec::write(Partition& partition, wire::Bytes block, const WriteMode& mode) {
    RecordHeader header{.type = ObjectType::block, .logical_bytes = static_cast<std::uint32_t>(block.size())};
    wire::Bytes stored = block;
    if (mode.compress) {
        if (const wire::Bytes frame = compressor_.compress(block); !frame.empty()) {
            stored = frame;
            header.compressed = true;
        }
    }
    std::vector<std::byte> extra;
    if (mode.key != nullptr) {
        opened_.resize(stored.size());
        const auto sealed = seal(*mode.key, mode.kad,
                                 {.object = partition.object(),
                                  .logical_bytes = header.logical_bytes,
                                  .compressed = header.compressed},
                                 stored, opened_);
        if (!sealed) {
            return std::unexpected(
                Fault{.kind = FaultKind::host, .what = "the block could not be encrypted"});
        }
        header.encrypted = true;
        extra = encode(*sealed);
        stored = opened_;
    }
    header.extra_bytes = static_cast<std::uint32_t>(extra.size());
    header.stored_bytes = static_cast<std::uint32_t>(stored.size());
    return partition.append(header, extra, stored);
}

/// The stored bytes of the block; extra_ is what is in front of them.
std::expected<wire::Bytes, ReadFault> BlockCodec::fetch(Partition& partition, const RecordHeader& header) {
    extra_.reset();
    payload_.resize(static_cast<std::size_t>(header.payload_bytes()));
    if (const auto read = partition.read_payload(header, payload_); !read) {
        return std::unexpected(read.error().kind == FaultKind::damaged ? ReadFault::unreadable
                                                                       : ReadFault::host);
    }
    if (header.encrypted) {
        extra_ = decode_extra(wire::Bytes{payload_}.first(header.extra_bytes));
        if (!extra_) {
            return std::unexpected(ReadFault::unreadable);
        }
    }
    return wire::Bytes{payload_}.subspan(header.extra_bytes);
}

std::expected<std::optional<SealedExtra>, ReadFault> BlockCodec::inspect(Partition& partition,
                                                                         const RecordHeader& header) {
    const auto stored = fetch(partition, header);
    if (!stored) {
        return std::unexpected(stored.error());
    }
    return extra_;
}

std::expected<wire::Bytes, ReadFault> BlockCodec::read(Partition& partition, const RecordHeader& header,
                                                       const Key* key) {
    auto stored = fetch(partition, header);
    if (!stored) {
        return stored;
    }
    if (header.encrypted) {
        if (key == nullptr) {
            return std::unexpected(ReadFault::no_key);
        }
        opened_.resize(stored->size());
        if (!open(*key, *extra_,
                  {.object = header.object,
                   .logical_bytes = header.logical_bytes,
                   .compressed = header.compressed},
                  *stored, opened_)) {
            return std::unexpected(ReadFault::wrong_key);
        }
        stored = opened_;
    }
    if (header.compressed) {
        plain_.resize(header.logical_bytes);
        if (!compressor_.expand(*stored, plain_)) {
            return std::unexpected(ReadFault::unreadable);
        }
        return wire::Bytes{plain_};
    }
    if (stored->size() != header.logical_bytes) {
        return std::unexpected(ReadFault::unreadable);
    }
    return stored;
}

}  // namespace targe::vtl
