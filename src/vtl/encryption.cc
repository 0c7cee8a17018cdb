#include "vtl/encryption.h"

#include <openssl/evp.h>
#include <openssl/rand.h>

#include <algorithm>
#include <memory>

namespace targe::vtl {
namespace {

struct FreeContext {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

// The bytes of others are read as the library wants them.
const unsigned char* read_from(wire::Bytes bytes) {
    return reinterpret_cast<const unsigned char*>(bytes.data());
}
unsigned char* write_to(std::span<std::byte> bytes) {
    return reinterpret_cast<unsigned char*>(bytes.data());
}

void append_number(std::vector<std::byte>& out, std::uint64_t value, unsigned bytes) {
    for (unsigned i = bytes; i-- > 0;) {
        out.push_back(static_cast<std::byte>((value >> (8U * i)) & 0xffU));
    }
}

std::vector<std::byte> authenticated_data(const BlockIdentity& block, const KeyAssociatedData& kad) {
    std::vector<std::byte> data;
    append_number(data, block.object, 8);
    append_number(data, block.logical_bytes, 4);
    append_number(data, block.compressed ? 1 : 0, 1);
    append_number(data, kad.unauthenticated.size(), 1);
    data.insert(data.end(), kad.unauthenticated.begin(), kad.unauthenticated.end());
    data.insert(data.end(), kad.authenticated.begin(), kad.authenticated.end());
    return data;
}

}  // namespace

std::vector<std::byte> encode(const SealedExtra& extra) {
    std::vector<std::byte> out(extra.nonce.begin(), extra.nonce.end());
    out.insert(out.end(), extra.tag.begin(), extra.tag.end());
    for (const std::vector<std::byte>* const kad : {&extra.kad.unauthenticated, &extra.kad.authenticated}) {
        append_number(out, kad->size(), 1);
        out.insert(out.end(), kad->begin(), kad->end());
    }
    return out;
}

std::optional<SealedExtra> decode_extra(wire::Bytes bytes) {
    SealedExtra extra;
    if (bytes.size() < extra.nonce.size() + extra.tag.size() + 2) {
        return std::nullopt;
    }
    std::ranges::copy(bytes.first(extra.nonce.size()), extra.nonce.begin());
    bytes = bytes.subspan(extra.nonce.size());
    std::ranges::copy(bytes.first(extra.tag.size()), extra.tag.begin());
    bytes = bytes.subspan(extra.tag.size());
    for (std::vector<std::byte>* const kad : {&extra.kad.unauthenticated, &extra.kad.authenticated}) {
        if (bytes.empty() || bytes.size() - 1 < std::to_integer<std::size_t>(bytes[0])) {
            return std::nullopt;
        }
        const wire::Bytes value = bytes.subspan(1, std::to_integer<std::size_t>(bytes[0]));
        kad->assign(value.begin(), value.end());
        bytes = bytes.subspan(1 + value.size());
    }
    return bytes.empty() ? std::optional(std::move(extra)) : std::nullopt;
}

std::optional<SealedExtra> seal(const Key& key, const KeyAssociatedData& kad, const BlockIdentity& block,
                                wire::Bytes plain, std::span<std::byte> out) {
    SealedExtra extra{.kad = kad};
    const std::vector<std::byte> bound = authenticated_data(block, kad);
    const Context context(EVP_CIPHER_CTX_new());
    int length = 0;
    const bool done =
        context && RAND_bytes(write_to(extra.nonce), static_cast<int>(extra.nonce.size())) == 1 &&
        EVP_EncryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, read_from(wire::Bytes{key}),
                           read_from(wire::Bytes{extra.nonce})) == 1 &&
        EVP_EncryptUpdate(context.get(), nullptr, &length, read_from(wire::Bytes{bound}),
                          static_cast<int>(bound.size())) == 1 &&
        EVP_EncryptUpdate(context.get(), write_to(out), &length, read_from(plain),
                          static_cast<int>(plain.size())) == 1 &&
        EVP_EncryptFinal_ex(context.get(), write_to(out) + length, &length) == 1 &&
        EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(extra.tag.size()),
                            extra.tag.data()) == 1;
    return done ? std::optional(std::move(extra)) : std::nullopt;
}

bool open(const Key& key, const SealedExtra& extra, const BlockIdentity& block, wire::Bytes sealed,
          std::span<std::byte> out) {
    const std::vector<std::byte> bound = authenticated_data(block, extra.kad);
    std::array<std::byte, 16> tag = extra.tag;
    const Context context(EVP_CIPHER_CTX_new());
    int length = 0;
    return context &&
           EVP_DecryptInit_ex(context.get(), EVP_aes_256_gcm(), nullptr, read_from(wire::Bytes{key}),
                              read_from(wire::Bytes{extra.nonce})) == 1 &&
           EVP_DecryptUpdate(context.get(), nullptr, &length, read_from(wire::Bytes{bound}),
                             static_cast<int>(bound.size())) == 1 &&
           EVP_DecryptUpdate(context.get(), write_to(out), &length, read_from(sealed),
                             static_cast<int>(sealed.size())) == 1 &&
           EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(tag.size()),
                               tag.data()) == 1 &&
           EVP_DecryptFinal_ex(context.get(), write_to(out) + length, &length) == 1;
}

}  // namespace targe::vtl
