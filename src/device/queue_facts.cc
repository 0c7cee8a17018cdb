#include "device/queue_facts.h"

#include <algorithm>
#include <bit>
#include <filesystem>
#include <fstream>
#include <optional>
#include <system_error>

namespace targe::device {
namespace {

std::optional<std::string> line_of(const std::string& file) {
    std::ifstream in(file);
    std::string line;
    return std::getline(in, line) ? std::optional{line} : std::nullopt;
}

std::uint64_t number_of(const std::string& file) {
    std::ifstream in(file);
    std::uint64_t value = 0;
    return in >> value ? value : 0;
}

}  // namespace

QueueFacts read_queue_facts(const std::string& directory) {
    return {.rotational = number_of(directory + "/rotational") != 0,
            .volatile_cache = line_of(directory + "/write_cache") != "write through",
            .discard_granularity_bytes = number_of(directory + "/discard_granularity"),
            .discard_max_bytes = number_of(directory + "/discard_max_bytes"),
            .write_zeroes_max_bytes = number_of(directory + "/write_zeroes_max_bytes"),
            .optimal_io_bytes = number_of(directory + "/optimal_io_size"),
            .longest_request_bytes = number_of(directory + "/max_sectors_kb") * 1024,
            .segments = number_of(directory + "/max_segments")};
}

reactor::PlugLimits plug_limits(const QueueFacts& queue) {
    // Memory is in pages that need not lie side by side, and the kernel puts 256 of them in one request.
    constexpr std::uint64_t kPage = 4096;
    constexpr std::uint64_t kShortest = 64ULL << 10U;
    constexpr std::uint64_t kPagesOfARequest = 256;
    reactor::PlugLimits limits;
    if (queue.longest_request_bytes == 0 || queue.segments == 0) {
        return limits;
    }
    const std::uint64_t pages = std::min(queue.segments, kPagesOfARequest);
    const std::uint64_t most =
        std::bit_floor(std::max(std::min(queue.longest_request_bytes, pages * kPage), kShortest));
    limits.longest = most;
    const std::uint64_t optimal = queue.optimal_io_bytes;
    if (optimal != 0 && optimal % kPage == 0 && optimal <= most) {
        // Whole stripes of a RAID, say.
        limits.longest = most / optimal * optimal;
        limits.boundary = optimal;
    }
    limits.merged = std::min(limits.merged, limits.longest);
    return limits;
}

std::string queue_directory(unsigned major, unsigned minor) {
    const std::string device = "/sys/dev/block/" + std::to_string(major) + ":" + std::to_string(minor);
    std::error_code ignored;
    const bool whole_disk = std::filesystem::exists(device + "/queue", ignored);
    return whole_disk ? device + "/queue" : device + "/../queue";
}

}  // namespace targe::device
