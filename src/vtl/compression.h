// One block of a tape as one zstd frame.
#pragma once

#include "wire/field.h"

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

namespace targe::vtl {

/// Keeps its working memory from block to block. One user at a time.
class Compressor {
public:
    Compressor();
    Compressor(Compressor&&) noexcept;
    Compressor& operator=(Compressor&&) noexcept;
    Compressor(const Compressor&) = delete;
    Compressor& operator=(const Compressor&) = delete;
    ~Compressor();

    /// The frame, which stays until the next call; nothing when it would not be shorter than `plain`.
    wire::Bytes compress(wire::Bytes plain);
    /// Whether `frame` was one, of exactly out.size() bytes.
    bool expand(wire::Bytes frame, std::span<std::byte> out);

private:
    struct Contexts;
    std::unique_ptr<Contexts> contexts_;
    std::vector<std::byte> frame_;
};

}  // namespace targe::vtl
