#include "iscsi/testing/session_fuzz.h"

#include "base/assert.h"

#include <algorithm>
#include <utility>

namespace targe::iscsi::testing {

namespace {

void write_all(Peer& peer, std::uint32_t tag, std::uint32_t length) {
    const auto data = some_data(length, tag);
    Pdu command = peer.command(tag, peer.random() % 8 == 0 ? Move::both : Move::write, length);
    const std::uint32_t immediate = std::min<std::uint32_t>(length, peer.random() % 2000);
    command.data.assign(data.begin(), data.begin() + immediate);
    const bool more = immediate < length && peer.random() % 2 == 0;
    command.put<BasicHeader::kFinal>(more ? 0 : 1);
    peer.send(command);
    if (more) {
        const std::uint32_t end = std::min<std::uint32_t>(length, 4096);
        peer.send(peer.data_out(tag, kReservedTag, 0, immediate,
                                {data.begin() + immediate, data.begin() + end}, true));
    }
    while (!peer.answers.empty()) {
        const Pdu pdu = peer.next();
        if (pdu.opcode() != Opcode::ready_to_transfer) {
            continue;
        }
        const std::uint32_t at = pdu.get<ReadyToTransferPdu::kBufferOffset>();
        const std::uint32_t size = pdu.get<ReadyToTransferPdu::kDesiredDataTransferLength>();
        peer.send(peer.data_out(tag, pdu.get<ResponseHeader::kTargetTransferTag>(), 0, at,
                                {data.begin() + at, data.begin() + at + size}, true));
    }
}

void do_something(Peer& peer, std::uint32_t tag) {
    switch (peer.random() % 6) {
        case 0:
            peer.send(peer.command(tag, Move::read, peer.random() % 20000));
            break;
        case 1:
        case 2:
            write_all(peer, tag, 1 + peer.random() % 20000);
            break;
        case 3: {
            Pdu ping = peer.request(Opcode::nop_out);
            ping.data = some_data(peer.random() % 300);
            peer.send(ping);
            break;
        }
        case 4: {
            Pdu text = peer.request(Opcode::text_request);
            text.data = bytes_of("SendTargets=;");
            peer.send(text);
            break;
        }
        default:
            peer.send(peer.management(static_cast<TaskFunction>(1 + peer.random() % 8), tag - 1));
            break;
    }
    peer.answers.clear();
}

/// What a host may do with a task that it has not answered yet.
void act(ScriptedHost& host, HostTask& task, std::mt19937& random) {
    switch (random() % 8) {
        case 0:
            host.abandon(task);
            break;
        case 1:
            host.respond_check(task, 5, 0x2400);
            break;
        case 2:
        case 3:
            break;
        default:
            if (!task.accepted && task.expected_data_out() > 0) {
                host.accept(task, std::min(task.expected_data_out(), std::uint32_t{100000}));
            } else {
                host.respond_good(task);
            }
    }
}

void act_on_some(ScriptedHost& host, std::mt19937& random) {
    host.for_each_unanswered([&](HostTask& task) {
        if (random() % 4 == 0) {
            act(host, task, random);
        }
    });
}

}  // namespace

std::vector<std::byte> record_session(std::uint32_t seed, bool login_only) {
    std::vector<std::byte> bytes;
    Peer peer(seed);
    peer.record = &bytes;
    static constexpr std::array<std::string_view, 4> kKeys = {
        "", "InitialR2T=No;FirstBurstLength=4096;",
        "HeaderDigest=CRC32C;DataDigest=CRC32C;InitialR2T=No;FirstBurstLength=4096;",
        "ImmediateData=Yes;MaxBurstLength=2048;FirstBurstLength=2048;MaxOutstandingR2T=4;X-nobody=knows;"};
    const bool reached = peer.log_in(kKeys.at(peer.random() % kKeys.size()));
    TARGE_ASSERT(reached);
    if (login_only) {
        return bytes;
    }
    const std::uint32_t steps = 2 + peer.random() % 6;
    for (std::uint32_t i = 0; i < steps; ++i) {
        do_something(peer, 100 + i);
    }
    if (peer.random() % 2 == 0) {
        peer.send(peer.request(Opcode::logout_request));
    }
    return bytes;
}

void mutate(std::vector<std::byte>& bytes, std::mt19937& random) {
    const auto place = [&] { return random() % bytes.size(); };
    for (std::uint32_t left = 1 + random() % 4; left > 0 && bytes.size() > 8; --left) {
        switch (random() % 6) {
            case 0:
                bytes[place()] ^= static_cast<std::byte>(1U << (random() % 8));
                break;
            case 1:
                bytes[place()] = static_cast<std::byte>(random());
                break;
            case 2: {
                const std::size_t at = place() & ~std::size_t{3};
                const auto fill = random() % 2 == 0 ? std::byte{0xff} : std::byte{0};
                std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                            std::min<std::size_t>(4, bytes.size() - at), fill);
                break;
            }
            case 3:
                bytes.resize(1 + place());
                break;
            case 4: {
                const auto at = static_cast<std::ptrdiff_t>(place());
                const auto size = std::min<std::ptrdiff_t>(std::ssize(bytes) - at,
                                                           static_cast<std::ptrdiff_t>(random() % 64));
                bytes.erase(bytes.begin() + at, bytes.begin() + at + size);
                break;
            }
            default: {
                const auto at = static_cast<std::ptrdiff_t>(place() & ~std::size_t{3});
                const auto size = std::min<std::ptrdiff_t>(std::ssize(bytes) - at,
                                                           static_cast<std::ptrdiff_t>(4 * (random() % 40)));
                const std::vector<std::byte> copy(bytes.begin() + at, bytes.begin() + at + size);
                bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(place() & ~std::size_t{3}),
                             copy.begin(), copy.end());
            }
        }
    }
}

ReplayResult replay(wire::Bytes bytes, std::uint32_t seed) {
    Peer peer(seed,
              {.command_window = 16, .input_buffer_bytes = 8192, .max_held_bytes = std::size_t{64} * 1024});
    std::mt19937 random(seed);
    std::vector<ManagementRequest*> requests;
    peer.parse = false;
    peer.max_chunk = random() % 2 == 0 ? 400 : 20000;
    if (random() % 4 != 0) {
        peer.host.on_command = [&](HostTask& task) { act(peer.host, task, random); };
        peer.host.on_management = [&](ManagementRequest& request) { requests.push_back(&request); };
    }
    ReplayResult result;
    while (!bytes.empty() && !peer.connection.is_over()) {
        const std::size_t size = std::min<std::size_t>(bytes.size(), 1 + random() % 3000);
        peer.send_bytes(bytes.first(size));
        bytes = bytes.subspan(size);
        if (peer.host.on_command) {
            act_on_some(peer.host, random);
        }
        if (!requests.empty() && random() % 2 == 0) {
            ManagementRequest& request = *std::exchange(requests.back(), nullptr);
            requests.pop_back();
            peer.connection.management_done(request, TaskFunctionResponse::function_complete);
        }
        peer.now += std::chrono::milliseconds(random() % 4000);
        peer.connection.tick(peer.now);
    }
    // A receive may be under way when the stream breaks.
    if (random() % 2 == 0) {
        (void)peer.connection.receive_space();
        peer.host.abandon_all();
    }
    peer.lose();
    for (ManagementRequest* const request : requests) {
        peer.connection.management_done(*request, TaskFunctionResponse::function_complete);
    }
    TARGE_ASSERT(peer.host.is_closed && peer.host.ended == peer.host.commands);
    result.reached_full_feature = peer.host.is_established;
    result.commands = peer.host.commands;
    result.ended = peer.host.ended;
    return result;
}

}  // namespace targe::iscsi::testing
