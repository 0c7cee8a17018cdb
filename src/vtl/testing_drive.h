// A drive with a cartridge in memory, and commands as tests write them.
#pragma once

#include "vtl/drive.h"
#include "vtl/testing_store.h"
#include "vtl/testing_tape.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace targe::vtl::testing {

using Bytes = std::vector<std::byte>;

inline Bytes bytes_of(std::initializer_list<unsigned> values) {
    Bytes made;
    for (const unsigned value : values) {
        made.push_back(static_cast<std::byte>(value));
    }
    return made;
}
inline Bytes bytes_of(std::string_view text) {
    const auto raw = std::as_bytes(std::span{text});
    return {raw.begin(), raw.end()};
}
inline void append(Bytes& to, const Bytes& more) {
    to.insert(to.end(), more.begin(), more.end());
}
/// A big-endian number.
inline std::uint64_t number_at(const Bytes& bytes, std::size_t at, std::size_t size) {
    std::uint64_t value = 0;
    for (std::size_t i = at; i < at + size && i < bytes.size(); ++i) {
        value = value << 8U | std::to_integer<std::uint64_t>(bytes[i]);
    }
    return value;
}

/// What came of a command.
struct Answer {
    std::optional<Sense> sense;
    Bytes data;
    std::uint64_t wanted = 0;
    std::vector<Attention> attentions;

    [[nodiscard]] bool good() const { return !sense.has_value(); }
    [[nodiscard]] unsigned key() const { return sense ? static_cast<unsigned>(sense->key) : 0x99U; }
    [[nodiscard]] unsigned code() const { return sense ? static_cast<unsigned>(sense->asc) : 0x9999U; }
    [[nodiscard]] std::int64_t residue() const {
        return sense ? sense->information.value_or(-12345) : -54321;
    }
};

/// "GOOD" or "5/2400": key, and ASC with ASCQ.
inline std::string text(const Answer& answer) {
    return answer.good() ? "GOOD" : fmt::format("{:x}/{:04x}", answer.key(), answer.code());
}

template <class Unit>
Answer send(Unit& unit, Bytes cdb, Bytes data_out = {}, std::size_t room = 1U << 16U,
            std::uint64_t session = 1) {
    Bytes data_in(room, std::byte{0xee});
    const Command command{
        .cdb = cdb, .data_out = data_out, .data_in = data_in, .session = session, .now_ms = 1000};
    const Reply reply = unit.execute(command);
    EXPECT_LE(reply.data_in_length, room);
    data_in.resize(reply.data_in_length);
    return {.sense = reply.sense, .data = data_in, .wanted = reply.wanted, .attentions = reply.attentions};
}

class DriveTest : public ::testing::Test {
protected:
    DriveTest() { insert(label()); }

    static Label label() {
        return {.barcode = "B00001L6", .capacity_bytes = 10'000'000, .segment_bytes = 1U << 20U};
    }
    void insert(const Label& label) {
        auto store = std::make_unique<MemoryStore>();
        store_ = store.get();
        auto made = Cartridge::create(std::move(store), label);
        ASSERT_TRUE(made) << made.error().what;
        std::string trouble;
        if (drive_.occupied()) {
            drive_.remove(trouble);
        }
        drive_.insert(std::move(*made));
    }
    Answer run(std::initializer_list<unsigned> cdb, Bytes data_out = {}, std::size_t room = 1U << 16U,
               std::uint64_t session = 1) {
        return send(drive_, bytes_of(cdb), std::move(data_out), room, session);
    }
    Answer write(const Bytes& block) {
        const auto size = static_cast<unsigned>(block.size());
        return run({0x0a, 0, size >> 16U, size >> 8U & 0xffU, size & 0xffU, 0}, block);
    }
    Answer read(unsigned length, unsigned flags = 0) {
        return run({0x08, flags, length >> 16U, length >> 8U & 0xffU, length & 0xffU, 0}, {}, 1U << 20U);
    }
    Answer filemarks(unsigned count) {
        return run({0x10, 0, count >> 16U, count >> 8U & 0xffU, count & 0xffU, 0});
    }
    Answer space(unsigned code, int count) {
        const auto n = static_cast<unsigned>(count);
        return run({0x11, code, n >> 16U & 0xffU, n >> 8U & 0xffU, n & 0xffU, 0});
    }
    Answer rewind() { return run({0x01, 0, 0, 0, 0, 0}); }
    Answer locate(unsigned object) {
        return run({0x2b, 0, 0, object >> 24U, object >> 16U & 0xffU, object >> 8U & 0xffU, object & 0xffU, 0,
                    0, 0});
    }
    /// Logical object number and file number, by the long form.
    std::pair<std::uint64_t, std::uint64_t> position() {
        const Answer answer = run({0x34, 0x06, 0, 0, 0, 0, 0, 0, 0, 0});
        EXPECT_TRUE(answer.good());
        return {number_at(answer.data, 8, 8), number_at(answer.data, 16, 8)};
    }
    Answer set_block_length(unsigned length) {
        return run({0x15, 0x10, 0, 0, 12, 0}, bytes_of({0, 0, 0x10, 8, 0, 0, 0, 0, 0, length >> 16U,
                                                        length >> 8U & 0xffU, length & 0xffU}));
    }
    /// Three files of 3, 2 and 1 blocks of 100, 200 and 300 bytes, each followed by a filemark.
    void write_three_files() {
        for (unsigned file = 0; file < 3; ++file) {
            for (unsigned block = file; block < 3; ++block) {
                ASSERT_TRUE(
                    write(Bytes(std::size_t{100} * (file + 1), static_cast<std::byte>(file * 16 + block)))
                        .good());
            }
            ASSERT_TRUE(filemarks(1).good());
        }
        ASSERT_TRUE(rewind().good());
    }

    Drive drive_{{.serial = "DRIVE00001", .generation = find_generation("LTO-6")}};
    MemoryStore* store_ = nullptr;
};

}  // namespace targe::vtl::testing
