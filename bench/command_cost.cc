// command_cost [--depth N] [--batches N] [--direction read|write]
//
// What a command costs without the kernel: batches of 512-byte commands go through a whole connection, the
// engine and a null device, as after one receive, and their answers leave as by one send. For
//     valgrind --tool=callgrind --toggle-collect=measured_batch build/release/bin/command_cost
// whose count of instructions is the same on every machine, whatever else it does.
#include "bench/arguments.h"
#include "device/open.h"
#include "engine/engine.h"
#include "engine/testing/world.h"
#include "initiator/pdu.h"
#include "transport/iscsi_connection.h"
#include "transport/iscsi_service.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace targe::bench {
namespace {

using initiator::Header;
using initiator::kCommand;
using initiator::kLogin;
using initiator::padded;
using initiator::put;

constexpr char kTarget[] = "iqn.2026-11.io.targe:cost";
constexpr std::size_t kBlock = 512;

class OneTarget final : public iscsi::Directory {
public:
    [[nodiscard]] iscsi::TargetAnswer find_target(std::string_view /*name*/,
                                                  const iscsi::Viewpoint& /*from*/) const override {
        return iscsi::TargetFound{};
    }
    [[nodiscard]] std::vector<iscsi::TargetListing> list_targets(
        const iscsi::Viewpoint& /*from*/) const override {
        return {};
    }
    [[nodiscard]] iscsi::AuthPolicy discovery_auth(const iscsi::Viewpoint& /*from*/) const override {
        return {};
    }
    [[nodiscard]] iscsi::NegotiationPolicy discovery_negotiation(
        const iscsi::Viewpoint& /*from*/) const override {
        return {};
    }
};

/// Hands bytes over, and takes all that is to be sent without looking at it.
class MemoryStream final : public transport::Stream {
public:
    explicit MemoryStream(transport::StreamUser& user) : user_(user) { current = this; }
    void start() override {}
    void send_soon() override {}
    void resume_receiving() override {}
    void halt() override {}
    void go_on(base::Core& /*core*/) override {}
    void close(base::Duration /*limit*/) override {}
    void abort() override {}

    void exchange(std::span<const std::byte> bytes) {
        while (!bytes.empty()) {
            for (const base::Segment& segment : user_.receive_space()) {
                const std::size_t now = std::min(segment.size, bytes.size());
                std::memcpy(segment.data, bytes.data(), now);
                bytes = bytes.subspan(now);
                taken_ += now;
            }
            user_.received(std::exchange(taken_, 0));
        }
        for (;;) {
            const std::size_t pieces = user_.gather(queue_);
            const std::size_t size = base::total_size(base::ConstSegments{std::span{queue_}.first(pieces)});
            if (size == 0) {
                break;
            }
            sent += size;
            user_.sent(size);
        }
    }

    static inline MemoryStream* current = nullptr;
    std::size_t sent = 0;

private:
    transport::StreamUser& user_;
    std::size_t taken_ = 0;
    std::array<base::ConstSegment, 256> queue_;
};

std::vector<std::byte> login() {
    std::string text;
    for (const char* const pair :
         {"InitiatorName=iqn.2026-11.io.targe:bench", "TargetName=iqn.2026-11.io.targe:cost",
          "SessionType=Normal", "MaxRecvDataSegmentLength=262144", "InitialR2T=No", "ImmediateData=Yes"}) {
        text += pair;
        text += '\0';
    }
    std::vector<std::byte> pdu(sizeof(Header) + padded(text.size()));
    put(pdu, 0, 1, kLogin | 0x40U);
    put(pdu, 1, 1, 0x87);
    put(pdu, 5, 3, text.size());
    put(pdu, 8, 1, 0x80);
    put(pdu, 13, 1, 1);
    put(pdu, 24, 4, 1);
    std::memcpy(pdu.data() + sizeof(Header), text.data(), text.size());
    return pdu;
}

void append_command(std::vector<std::byte>& to, std::uint32_t number, bool write) {
    Header header{};
    put(header, 0, 1, kCommand);
    put(header, 1, 1, write ? 0xA1U : 0xC1U);
    put(header, 5, 3, write ? kBlock : 0);
    put(header, 16, 4, number);
    put(header, 20, 4, kBlock);
    put(header, 24, 4, number);
    put(header, 32, 1, write ? 0x8A : 0x88);
    put(header, 34, 8, number * 7U % 100'000U);
    put(header, 42, 4, 1);
    to.insert(to.end(), header.begin(), header.end());
    to.resize(to.size() + (write ? kBlock : 0));
}

}  // namespace
}  // namespace targe::bench

/// By this name callgrind is told what to count.
extern "C" [[gnu::noinline]] void measured_batch(targe::bench::MemoryStream& stream,
                                                 const std::vector<std::byte>& batch) {
    stream.exchange(batch);
}

int main(int count, char** values) {
    using namespace targe;
    bench::Arguments arguments(count, values);
    const auto depth = arguments.number<std::uint32_t>("depth", 32);
    const auto batches = arguments.number<std::uint32_t>("batches", 100);
    const bool write = arguments.text("direction", "read") == "write";
    arguments.finish();

    engine::testing::World world(1, 1);
    engine::Engine engine(world.cores());
    engine::UnitSettings unit;
    unit.name = "null";
    unit.device = *device::open({.handler = device::Handler::null, .size_bytes = 1U << 30U});
    engine::LunMaps maps;
    maps.luns.push_back({.lun = 0, .unit = engine.add_unit(std::move(unit))});
    const bench::OneTarget directory;
    transport::IscsiServiceSettings settings;
    settings.targets.push_back({.name = bench::kTarget,
                                .target = &engine.add_target(bench::kTarget, std::move(maps)),
                                .tuning = {}});
    transport::IscsiService service(engine, directory, world.cores(), std::move(settings));
    const auto address = *transport::SocketAddress::parse("127.0.0.1:3260");
    transport::IscsiConnection::accept(
        service, world.core(0), {.portal = 0, .peer = address, .local = address},
        [](transport::StreamUser& user) { return std::make_unique<bench::MemoryStream>(user); });
    bench::MemoryStream& stream = *bench::MemoryStream::current;
    stream.exchange(bench::login());
    world.run();
    stream.exchange({});

    std::uint32_t number = 1;
    for (std::uint32_t i = 0; i < batches + 4; ++i) {
        std::vector<std::byte> batch;
        for (std::uint32_t j = 0; j < depth; ++j) {
            bench::append_command(batch, number++, write);
        }
        const std::size_t before = stream.sent;
        if (i < 4) {
            stream.exchange(batch);  // unit attentions are told, memory is taken
        } else {
            measured_batch(stream, batch);
        }
        if (i >= 4 && stream.sent - before != depth * (write ? 48 : 48 + bench::kBlock)) {
            std::fprintf(stderr, "command_cost: %zu bytes answered a batch\n", stream.sent - before);
            return 1;
        }
    }
    std::printf("%u commands\n", batches * depth);
    std::fflush(stdout);
    std::_Exit(0);  // what is open ends with the process
}
