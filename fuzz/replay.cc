// Gives every file of the folders and files that are named to the body of a fuzzer: its corpus as a test.
#include "fuzz/input.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

namespace {

namespace fs = std::filesystem;

bool replay(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    const std::vector<char> bytes{std::istreambuf_iterator<char>{in}, {}};
    if (!in) {
        std::fprintf(stderr, "%s cannot be read\n", path.c_str());
        return false;
    }
    // Said before: it is the last word when the body aborts.
    std::printf("%s\n", path.c_str());
    std::fflush(stdout);
    const std::vector<std::uint8_t> input(bytes.begin(), bytes.end());
    return LLVMFuzzerTestOneInput(input.data(), input.size()) == 0;
}

}  // namespace

int main(int argc, char** argv) {
    std::size_t replayed = 0;
    for (int i = 1; i < argc; ++i) {
        std::vector<fs::path> paths{argv[i]};
        if (fs::is_directory(paths.front())) {
            paths.assign(fs::directory_iterator{argv[i]}, {});
        }
        for (const fs::path& path : paths) {
            if (!replay(path)) {
                return 1;
            }
            ++replayed;
        }
    }
    std::printf("%zu inputs\n", replayed);
    return replayed == 0 ? 1 : 0;  // a corpus that has gone would test nothing
}
