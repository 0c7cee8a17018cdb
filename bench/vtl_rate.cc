// How fast a virtual tape takes data, as a ratio to writing the same data to a file: in one run, alternating.
//
//   vtl_rate FOLDER [MIB]     FOLDER is on the file system to measure on; it gets a cartridge and a file
#include "vtl/drive.h"
#include "vtl/posix_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <random>
#include <string>
#include <vector>

namespace {

namespace vtl = targe::vtl;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kBlock = 256U << 10U;
constexpr int kRounds = 5;

[[noreturn]] void fail(const std::string& what) {
    fmt::print(stderr, "vtl_rate: {}\n", what);
    std::exit(1);
}

/// `random_of_64`: so many bytes of each 64 cannot be foreseen.
std::vector<std::byte> data_with(std::size_t random_of_64) {
    std::mt19937_64 random(1);
    std::vector<std::byte> data(64 * kBlock);
    for (std::size_t i = 0; i < data.size(); ++i) {
        data[i] = i % 64 < random_of_64 ? static_cast<std::byte>(random()) : static_cast<std::byte>(i / 4096);
    }
    return data;
}

double seconds_of(const std::function<void()>& work) {
    const auto begin = Clock::now();
    work();
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

void write_file(const std::string& path, const std::vector<std::byte>& data, std::size_t blocks) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    for (std::size_t i = 0; i < blocks; ++i) {
        if (::write(file, data.data() + i % 64 * kBlock, kBlock) != static_cast<ssize_t>(kBlock)) {
            fail("the file could not be written");
        }
    }
    if (::fdatasync(file) != 0 || ::close(file) != 0) {
        fail("the file could not be synced");
    }
}

void send(vtl::Drive& drive, std::span<const std::byte> cdb, std::span<const std::byte> data) {
    const auto reply = drive.execute({.cdb = cdb, .data_out = data});
    if (reply.sense) {
        fail(fmt::format("the drive refused: {:04x}", static_cast<unsigned>(reply.sense->asc)));
    }
}

template <std::size_t N>
std::array<std::byte, N> cdb(const std::array<unsigned, N>& values) {
    std::array<std::byte, N> made{};
    std::ranges::transform(values, made.begin(),
                           [](unsigned value) { return static_cast<std::byte>(value); });
    return made;
}

void write_tape(vtl::Drive& drive, const std::vector<std::byte>& data, std::size_t blocks) {
    send(drive, cdb<6>({0x01, 0, 0, 0, 0, 0}), {});
    const auto write = cdb<6>({0x0a, 0, kBlock >> 16U, kBlock >> 8U & 0xffU, kBlock & 0xffU, 0});
    for (std::size_t i = 0; i < blocks; ++i) {
        send(drive, write, std::span{data}.subspan(i % 64 * kBlock, kBlock));
    }
    send(drive, cdb<6>({0x10, 0, 0, 0, 1, 0}), {});
}

void read_tape(vtl::Drive& drive, std::vector<std::byte>& room, std::size_t blocks) {
    send(drive, cdb<6>({0x01, 0, 0, 0, 0, 0}), {});
    const auto read = cdb<6>({0x08, 0, kBlock >> 16U, kBlock >> 8U & 0xffU, kBlock & 0xffU, 0});
    for (std::size_t i = 0; i < blocks; ++i) {
        const auto reply = drive.execute({.cdb = read, .data_in = room});
        if (reply.sense) {
            fail("the tape could not be read");
        }
    }
}

void set_compression(vtl::Drive& drive, bool on) {
    const auto list = cdb<20>(
        {0, 0, 0x10, 0, 0x0f, 0x0e, on ? 0xc0U : 0x40U, 0x80, 0, 0, 0, 0xff, 0, 0, 0, 0xff, 0, 0, 0, 0});
    send(drive, cdb<6>({0x15, 0x10, 0, 0, 20, 0}), list);
}

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

void measure(vtl::Drive& drive, const std::string& file, std::size_t blocks, std::size_t random_of_64) {
    const std::vector<std::byte> data = data_with(random_of_64);
    std::vector<std::byte> room(kBlock);
    std::vector<double> to_file;
    std::array<std::vector<double>, 2> to_tape;
    std::array<std::vector<double>, 2> from_tape;
    for (int round = 0; round <= kRounds; ++round) {
        const double plain = seconds_of([&] { write_file(file, data, blocks); });
        for (const std::size_t compressed : {0U, 1U}) {
            set_compression(drive, compressed != 0);
            const double wrote = seconds_of([&] { write_tape(drive, data, blocks); });
            const double read = seconds_of([&] { read_tape(drive, room, blocks); });
            if (round > 0) {  // the first warms up
                to_tape.at(compressed).push_back(plain / wrote);
                from_tape.at(compressed).push_back(plain / read);
            }
        }
        if (round > 0) {
            to_file.push_back(static_cast<double>(blocks * kBlock) / plain / 1e6);
        }
    }
    fmt::print(
        "{} of 64 bytes random: file {:.0f} MB/s; tape, as a ratio to that: {:.2f} without compression, "
        "{:.2f} with; "
        "reading back {:.2f} and {:.2f}\n",
        random_of_64, median(to_file), median(to_tape[0]), median(to_tape[1]), median(from_tape[0]),
        median(from_tape[1]));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        fail("usage: vtl_rate FOLDER [MIB]");
    }
    const std::filesystem::path folder(argv[1]);
    const std::size_t blocks = (argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 512) * (1U << 20U) / kBlock;
    auto store = vtl::open_folder(folder / "RATE01L6", true);
    if (!store) {
        fail(store.error().what);
    }
    auto cartridge = vtl::Cartridge::create(
        std::move(*store), {.barcode = "RATE01L6", .capacity_bytes = std::uint64_t{1} << 40U});
    if (!cartridge) {
        fail(cartridge.error().what);
    }
    vtl::Drive drive({.serial = "RATE", .generation = vtl::find_generation("LTO-6")});
    drive.insert(std::move(*cartridge));
    for (const std::size_t random : {64U, 16U}) {
        measure(drive, (folder / "plain").string(), blocks, random);
    }
    std::filesystem::remove_all(folder / "RATE01L6");
    std::filesystem::remove(folder / "plain");
    return 0;
}
