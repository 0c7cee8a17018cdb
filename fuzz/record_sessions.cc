// record_sessions FOLDER: undamaged sessions of every shape, as inputs of fuzz_session.
#include "iscsi/testing/session_fuzz.h"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

namespace {

constexpr std::uint32_t kSessions = 60;
/// Long inputs make a fuzzer slow, and are mostly data.
constexpr std::size_t kMaxBytes = 12'000;

bool write(const std::string& path, std::uint32_t seed, const std::vector<std::byte>& session) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) {
        bytes.push_back(static_cast<char>(seed >> static_cast<unsigned>(shift)));
    }
    std::ranges::transform(session, std::back_inserter(bytes),
                           [](std::byte byte) { return static_cast<char>(byte); });
    std::ofstream out(path, std::ios::binary);
    return static_cast<bool>(out << bytes);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fputs("usage: record_sessions FOLDER\n", stderr);
        return 2;
    }
    for (std::uint32_t seed = 1; seed <= kSessions; ++seed) {
        const bool login_only = seed % 10 == 0;
        const auto session = targe::iscsi::testing::record_session(seed, login_only);
        if (session.size() > kMaxBytes) {
            continue;
        }
        const std::string path =
            std::string(argv[1]) + (login_only ? "/login" : "/session") + std::to_string(seed);
        if (!write(path, seed, session)) {
            std::fprintf(stderr, "%s cannot be written\n", path.c_str());
            return 1;
        }
    }
    return 0;
}
