// The path of reads and writes takes nothing from the heap once it is warm.
#include "iscsi/testing/peer.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <new>

namespace {
thread_local std::size_t allocations = 0;
}  // namespace

// The thread sanitizer brings its own operators and lets nobody replace them.
#if !__has_feature(thread_sanitizer)
void* operator new(std::size_t size) {
    ++allocations;
    if (void* const memory = std::malloc(size == 0 ? 1 : size)) {
        return memory;
    }
    std::abort();
}
void operator delete(void* memory) noexcept {
    std::free(memory);
}
void operator delete(void* memory, std::size_t /*size*/) noexcept {
    std::free(memory);
}
#endif

namespace targe::iscsi {
namespace {

using testing::Move;
using testing::Pdu;
using testing::Peer;

void receive(Connection& connection, wire::Bytes bytes, base::Time now) {
    while (!bytes.empty()) {
        std::size_t taken = 0;
        for (const base::Segment& segment : connection.receive_space()) {
            const std::size_t n = std::min(bytes.size() - taken, segment.size);
            std::copy_n(bytes.data() + taken, n, segment.data);
            taken += n;
        }
        connection.received(taken, now);
        bytes = bytes.subspan(taken);
    }
}

/// Sends all, and returns the transfer tag of the last PDU, should it have been an R2T.
std::uint32_t send_all(Connection& connection, base::Time now) {
    std::uint32_t tag = 0;
    std::array<base::ConstSegment, 16> out{};
    while (connection.has_output()) {
        const std::size_t count = connection.gather(out);
        for (const base::ConstSegment& segment : std::span{out}.first(count)) {
            if (segment.size >= kHeaderSize && segment.size <= kHeaderSize + kDigestSize) {
                tag = wire::get<ResponseHeader::kTargetTransferTag>(HeaderView{segment.data, kHeaderSize});
            }
        }
        connection.sent(base::total_size(std::span{out}.first(count)), now);
    }
    return tag;
}

TEST(SteadyState, AllocatesNothing) {
    Peer peer;
    ASSERT_TRUE(
        peer.log_in("HeaderDigest=CRC32C;DataDigest=CRC32C;FirstBurstLength=512;MaxBurstLength=8192;"));
    peer.host.keep_written = false;
    std::vector<std::vector<std::byte>> reads;
    std::vector<std::vector<std::byte>> writes;
    for (std::uint32_t i = 0; i < 200; ++i) {
        reads.push_back(peer.encode(peer.command(1, Move::read, 65536)));
        Pdu write = peer.command(2, Move::write, 4096);
        write.data = testing::some_data(512);
        writes.push_back(peer.encode(write));
    }
    Pdu rest = peer.data_out(2, 0, 0, 512, testing::some_data(3584), true);
    std::vector<std::byte> rest_bytes = peer.encode(rest);
    std::size_t before = 0;
    for (std::size_t i = 0; i < reads.size(); ++i) {
        if (i == 100) {
            before = allocations;
        }
        receive(peer.connection, reads[i], peer.now);
        (void)send_all(peer.connection, peer.now);
        receive(peer.connection, writes[i], peer.now);
        const std::uint32_t tag = send_all(peer.connection, peer.now);
        wire::put<RequestHeader::kTargetTransferTag>(HeaderSpan{rest.header}, tag);
        const std::size_t counted = allocations;
        rest_bytes = peer.encode(rest);
        before += allocations - counted;
        receive(peer.connection, rest_bytes, peer.now);
        (void)send_all(peer.connection, peer.now);
    }
    EXPECT_EQ(peer.host.deliveries[0], 400U);
    EXPECT_EQ(allocations - before, 0U);
}

}  // namespace
}  // namespace targe::iscsi
