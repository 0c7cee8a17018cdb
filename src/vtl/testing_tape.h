// What tests write onto partitions and expect to find there.
#pragma once

#include "vtl/block_codec.h"
#include "vtl/partition.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <vector>

namespace targe::vtl::testing {

/// A block, or a filemark where there are no bytes.
using Object = std::optional<std::vector<std::byte>>;

inline std::vector<std::byte> some_bytes(std::mt19937_64& random, std::size_t size) {
    std::vector<std::byte> bytes(size);
    // Halves repeat, so that it can be compressed.
    for (std::size_t i = 0; i < size; ++i) {
        bytes[i] = i % 64 < 32 ? static_cast<std::byte>(random()) : std::byte{0x20};
    }
    return bytes;
}

inline Result<> write_object(Partition& partition, BlockCodec& codec, const Object& object,
                             const WriteMode& mode = {}) {
    return object ? codec.write(partition, *object, mode)
                  : partition.append({.type = ObjectType::filemark}, {}, {});
}

/// What is behind the position, and over it.
inline std::optional<Object> read_object(Partition& partition, BlockCodec& codec, const Key* key = nullptr) {
    const auto header = partition.peek();
    if (!header || !*header) {
        return std::nullopt;
    }
    Object object;
    if ((*header)->type == ObjectType::block) {
        const auto block = codec.read(partition, **header, key);
        if (!block) {
            return std::nullopt;
        }
        object.emplace(block->begin(), block->end());
    }
    partition.step(**header);
    return object;
}

inline std::vector<Object> read_all(Partition& partition, BlockCodec& codec) {
    std::vector<Object> found;
    partition.rewind();
    while (auto object = read_object(partition, codec)) {
        found.push_back(std::move(*object));
    }
    return found;
}

}  // namespace targe::vtl::testing
