// The path of reads and writes takes nothing from the heap once it is warm, and a connection that does
// nothing keeps little.
#include "iscsi/testing/peer.h"

#include <gtest/gtest.h>
#include <malloc.h>

#include <cstdlib>
#include <new>

namespace {
thread_local std::size_t allocations = 0;
thread_local std::ptrdiff_t held_bytes = 0;
}  // namespace

// The thread sanitizer brings its own operators and lets nobody replace them.
#if !__has_feature(thread_sanitizer)
void* operator new(std::size_t size) {
    ++allocations;
    if (void* const memory = std::malloc(size == 0 ? 1 : size)) {
        held_bytes += static_cast<std::ptrdiff_t>(malloc_usable_size(memory));
        return memory;
    }
    std::abort();
}
void operator delete(void* memory) noexcept {
    held_bytes -= static_cast<std::ptrdiff_t>(malloc_usable_size(memory));
    std::free(memory);
}
void operator delete(void* memory, std::size_t /*size*/) noexcept {
    operator delete(memory);
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

constexpr std::ptrdiff_t kLittle = 16384;

TEST(Memory, OfALargePingOrTextIsGivenBack) {
    Peer peer;
    ASSERT_TRUE(peer.log_in("MaxRecvDataSegmentLength=65536;"));
    for (const Opcode opcode : {Opcode::nop_out, Opcode::text_request}) {
        Pdu request = peer.request(opcode);
        request.data = opcode == Opcode::nop_out ? testing::some_data(65536)
                                                 : testing::bytes_of("X#a=" + std::string(60000, 'b') + ";");
        const std::vector<std::byte> bytes = peer.encode(request);
        const std::ptrdiff_t before = held_bytes;
        receive(peer.connection, bytes, peer.now);
        EXPECT_TRUE(peer.connection.has_output());
        (void)send_all(peer.connection, peer.now);
        EXPECT_LT(held_bytes - before, kLittle);
    }
}

TEST(Memory, OfDataBeforeTheirTurnIsGivenBack) {
    Peer peer;
    ASSERT_TRUE(peer.log_in());
    peer.host.on_command = [](testing::HostTask&) {};
    const std::ptrdiff_t before = held_bytes;
    for (std::uint32_t tag = 1; tag <= 8; ++tag) {
        Pdu write = peer.command(tag, Move::write, 60000);
        write.data = testing::some_data(60000);
        peer.send(write);
    }
    EXPECT_GE(held_bytes - before, 8 * 60000);
    peer.host.abandon_all();
    EXPECT_LT(held_bytes - before, kLittle);
}

TEST(Memory, OfALoginIsGivenBack) {
    Peer peer;
    // As large as the accounts of many initiators, which a policy brings along as well.
    peer.directory.policy.header_digests.resize(100'000, Digest::none);
    const std::ptrdiff_t before = held_bytes;
    ASSERT_TRUE(peer.log_in("X#a=" + std::string(6000, 'b') + ";"));
    EXPECT_LT(held_bytes - before, kLittle);
}

}  // namespace
}  // namespace targe::iscsi
