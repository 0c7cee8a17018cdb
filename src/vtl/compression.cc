#include "vtl/compression.h"

#include <zstd.h>

namespace targe::vtl {
namespace {

/// A tape wants to keep up with the network: level 1 is the fastest of the ordinary ones.
constexpr int kLevel = 1;

struct Free {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

}  // namespace

struct Compressor::Contexts {
    std::unique_ptr<ZSTD_CCtx, Free> in{ZSTD_createCCtx()};
    std::unique_ptr<ZSTD_DCtx, Free> out{ZSTD_createDCtx()};
};

Compressor::Compressor() : contexts_(std::make_unique<Contexts>()) {}
Compressor::Compressor(Compressor&&) noexcept = default;
Compressor& Compressor::operator=(Compressor&&) noexcept = default;
Compressor::~Compressor() = default;

wire::Bytes Compressor::compress(wire::Bytes plain) {
    if (plain.size() < 2 || !contexts_->in) {
        return {};
    }
    // What does not fit into less than the block is not wanted, so no more room is given.
    frame_.resize(plain.size() - 1);
    const std::size_t size = ZSTD_compressCCtx(contexts_->in.get(), frame_.data(), frame_.size(),
                                               plain.data(), plain.size(), kLevel);
    return ZSTD_isError(size) != 0 ? wire::Bytes{} : wire::Bytes{frame_}.first(size);
}

bool Compressor::expand(wire::Bytes frame, std::span<std::byte> out) {
    return contexts_->out && ZSTD_decompressDCtx(contexts_->out.get(), out.data(), out.size(), frame.data(),
                                                 frame.size()) == out.size();
}

}  // namespace targe::vtl
