// vtl_pipe LIBRARY: executes commands of a library's units for a test that has a transport of its own.
//
// On standard input, little-endian: u32 unit (0: the changer, 1: drive 0 …), u32 CDB bytes, u32 data-out
// bytes, u32 room for data-in, u64 session; CDB; data-out. On standard output: u32 sense bytes, u32 data-in
// bytes, u32 unit attentions; each attention as u32 unit, u32 ASC with ASCQ, u32 whether the sender is left
// out; sense data in fixed format; data-in. Ends with the input.
#include "scsi/sense.h"
#include "vtl/library.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <span>
#include <vector>

namespace {

namespace scsi = targe::scsi;
namespace vtl = targe::vtl;

constexpr std::uint32_t kMostBytes = 64U << 20U;

[[noreturn]] void fail(const std::string& what) {
    fmt::print(stderr, "vtl_pipe: {}\n", what);
    std::exit(1);
}

/// False where the input ends.
bool take(std::span<std::byte> out) {
    while (!out.empty()) {
        const ssize_t got = ::read(STDIN_FILENO, out.data(), out.size());
        if (got <= 0) {
            return false;
        }
        out = out.subspan(static_cast<std::size_t>(got));
    }
    return true;
}

void give(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t put = ::write(STDOUT_FILENO, bytes.data(), bytes.size());
        if (put <= 0) {
            fail("nobody takes the answer");
        }
        bytes = bytes.subspan(static_cast<std::size_t>(put));
    }
}

void append(std::vector<std::byte>& out, std::uint64_t value) {
    for (unsigned i = 0; i < 4; ++i) {
        out.push_back(static_cast<std::byte>((value >> (8U * i)) & 0xffU));
    }
}

std::uint64_t number(std::span<const std::byte> bytes) {
    std::uint64_t value = 0;
    for (std::size_t i = bytes.size(); i-- > 0;) {
        value = value << 8U | std::to_integer<std::uint64_t>(bytes[i]);
    }
    return value;
}

/// As targed encodes it: fixed format, with the bits of a tape.
std::vector<std::byte> encoded(const vtl::Sense& sense) {
    constexpr std::byte kFilemark{0x80};
    constexpr std::byte kEndOfMedium{0x40};
    constexpr std::byte kIncorrectLength{0x20};
    std::array<std::byte, scsi::kMaxSenseBytes> room{};
    scsi::Sense plain{.key = sense.key, .asc = sense.asc, .field = sense.field};
    if (sense.information) {
        plain.information =
            static_cast<std::uint64_t>(*sense.information) & std::numeric_limits<std::uint32_t>::max();
    }
    const std::size_t size = scsi::encode(plain, scsi::SenseFormat::fixed, room);
    room[2] |= (sense.filemark ? kFilemark : std::byte{0}) |
               (sense.end_of_medium ? kEndOfMedium : std::byte{0}) |
               (sense.incorrect_length ? kIncorrectLength : std::byte{0});
    return {room.begin(), room.begin() + static_cast<std::ptrdiff_t>(size)};
}

void answer(vtl::Library& library, std::uint32_t unit, const vtl::Command& command) {
    const vtl::Reply reply =
        unit == 0 ? library.execute_changer(command) : library.execute_drive(unit - 1, command);
    if (!reply.trouble.empty()) {
        fmt::print(stderr, "vtl_pipe: {}\n", reply.trouble);
    }
    const std::vector<vtl::LibraryEvent> events = library.take_events();
    const std::vector<std::byte> sense = reply.sense ? encoded(*reply.sense) : std::vector<std::byte>{};
    std::vector<std::byte> out;
    append(out, sense.size());
    append(out, reply.data_in_length);
    append(out, reply.attentions.size() + events.size());
    for (const vtl::Attention& attention : reply.attentions) {
        append(out, unit);
        append(out, static_cast<unsigned>(attention.asc));
        append(out, attention.to == vtl::Attention::To::others ? 1 : 0);
    }
    for (const vtl::LibraryEvent& event : events) {
        append(out, event.drive ? *event.drive + 1 : 0);
        append(out, static_cast<unsigned>(event.asc));
        append(out, 0);
    }
    give(out);
    give(sense);
    give(command.data_in.first(reply.data_in_length));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        fail("usage: vtl_pipe LIBRARY");
    }
    auto shelf = vtl::open_shelf(argv[1], false);
    if (!shelf) {
        fail(shelf.error().what);
    }
    const auto library = vtl::Library::open(std::move(*shelf));
    if (!library) {
        fail(library.error().what);
    }
    std::array<std::byte, 24> header{};
    std::vector<std::byte> cdb;
    std::vector<std::byte> data_out;
    std::vector<std::byte> data_in;
    while (take(header)) {
        const std::span<const std::byte> raw(header);
        const auto unit = static_cast<std::uint32_t>(number(raw.subspan(0, 4)));
        const std::uint64_t out_bytes = number(raw.subspan(8, 4));
        const std::uint64_t room = number(raw.subspan(12, 4));
        if (unit > (*library)->description().drives.size() || out_bytes > kMostBytes || room > kMostBytes) {
            fail("no such unit, or too much data");
        }
        cdb.resize(static_cast<std::size_t>(number(raw.subspan(4, 4)) & 0xffU));
        data_out.resize(static_cast<std::size_t>(out_bytes));
        data_in.resize(static_cast<std::size_t>(room));
        if (!take(cdb) || !take(data_out)) {
            fail("the input ends in the middle");
        }
        answer(**library, unit,
               {.cdb = cdb,
                .data_out = data_out,
                .data_in = data_in,
                .session = number(raw.subspan(16, 8)),
                .now_ms = 0});
    }
    return (*library)->sync() ? 0 : 1;
}
