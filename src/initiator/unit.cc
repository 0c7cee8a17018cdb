#include "initiator/unit.h"

#include "initiator/failure.h"
#include "initiator/sense_text.h"

#include <algorithm>
#include <array>
#include <chrono>

namespace targe::initiator {
namespace {

constexpr std::chrono::seconds kPatience{10};
constexpr int kAttempts = 16;
constexpr std::uint8_t kUnitAttention = 0x06;
constexpr std::uint16_t kNoSuchUnit = 0x2500;

Failure no_such_unit() {
    return Failure("the target has no unit of this LUN", "it has others, or shows this initiator none",
                   "see what it has: iscsi-ls --show-luns iscsi://HOST:PORT");
}

void run(Session& session, const char* name) {
    if (session.finish(kPatience)) {
        return;
    }
    const Ending ending = session.take_ending();
    if (!ending.bad) {
        throw Failure("the target does not answer " + std::string(name), "it hangs, or its disk does",
                      "look at the target's log");
    }
    const Advice advice = advice_on(ending);
    throw Failure(std::string(name) + " failed: " + describe(ending), advice.cause, advice.cure);
}

std::string text_at(std::span<const std::byte> data, std::size_t at, std::size_t size) {
    std::string text;
    for (const std::byte each : data.subspan(at, size)) {
        const auto code = std::to_integer<unsigned char>(each);
        text.push_back(code >= 0x20 && code < 0x7F ? static_cast<char>(code) : '?');
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
}

void ask_identity(Session& session, UnitFacts& facts) {
    std::array<std::byte, 36> data{};
    const std::array<std::byte, 6> inquiry = {std::byte{0x12}, {}, {}, {}, std::byte{data.size()}, {}};
    session.command(0, inquiry, data);
    run(session, "INQUIRY");
    const unsigned qualifier = get8(data, 0) >> 5U;
    const unsigned type = get8(data, 0) & 0x1FU;
    if (qualifier != 0) {
        throw no_such_unit();
    }
    if (type != 0 && type != 0x07 && type != 0x0E) {
        throw Failure("the unit is no disk: its device type is " + std::to_string(type),
                      "it is a tape, a CD-ROM or the like", "name a LUN that is a disk");
    }
    facts.vendor = text_at(data, 8, 8);
    facts.product = text_at(data, 16, 16);
}

void ask_capacity(Session& session, UnitFacts& facts) {
    std::array<std::byte, 32> data{};
    std::array<std::byte, 16> capacity = {std::byte{0x9E}, std::byte{0x10}};
    capacity[13] = std::byte{data.size()};
    session.command(0, capacity, data);
    if (session.finish(kPatience)) {
        facts.blocks = get64(data.data(), 0) + 1;
        facts.block_bytes = get32(data, 8);
    } else {  // an old target
        static_cast<void>(session.take_ending());
        const std::array<std::byte, 10> old = {std::byte{0x25}};
        session.command(0, old, std::span(data).first(8));
        run(session, "READ CAPACITY");
        facts.blocks = std::uint64_t{get32(data, 0)} + 1;
        facts.block_bytes = get32(data, 4);
    }
    if (facts.blocks == 0 || facts.block_bytes == 0 || facts.block_bytes > (1U << 20U) ||
        facts.block_bytes % 4 != 0 || facts.blocks > ~std::uint64_t{0} / facts.block_bytes) {
        throw Failure("the unit says that it has " + std::to_string(facts.blocks) + " blocks of " +
                          std::to_string(facts.block_bytes) + " bytes",
                      "its READ CAPACITY is wrong", "look at the target's configuration");
    }
}

}  // namespace

void make_ready(Session& session) {
    Ending ending;
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
        session.test_unit_ready(0);
        if (session.finish(kPatience)) {
            return;
        }
        ending = session.take_ending();
        if (!ending.bad) {
            throw Failure("the target does not answer TEST UNIT READY", "it hangs, or its disk does",
                          "look at the target's log");
        }
        const auto sense = read_sense(ending.sense);
        if (sense && sense->code == kNoSuchUnit) {
            throw no_such_unit();
        }
        if (!sense || sense->key != kUnitAttention) {
            break;
        }
    }
    const Advice advice = advice_on(ending);
    throw Failure("the unit is not ready: " + describe(ending), advice.cause, advice.cure);
}

UnitFacts facts_of(Session& session) {
    UnitFacts facts;
    ask_identity(session, facts);
    make_ready(session);
    ask_capacity(session, facts);
    return facts;
}

}  // namespace targe::initiator
