#include "device/queue_facts.h"

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
            .optimal_io_bytes = number_of(directory + "/optimal_io_size")};
}

std::string queue_directory(unsigned major, unsigned minor) {
    const std::string device = "/sys/dev/block/" + std::to_string(major) + ":" + std::to_string(minor);
    std::error_code ignored;
    const bool whole_disk = std::filesystem::exists(device + "/queue", ignored);
    return whole_disk ? device + "/queue" : device + "/../queue";
}

}  // namespace targe::device
