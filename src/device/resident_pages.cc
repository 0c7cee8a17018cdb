#include "device/resident_pages.h"

#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <optional>

namespace targe::device {
namespace {

constexpr std::size_t kPage = 4096;
constexpr unsigned char kResident = 1;

std::optional<std::uint64_t> file_system_of(int file) {
    struct stat about{};
    return ::fstat(file, &about) == 0 ? std::optional(about.st_dev) : std::nullopt;
}

}  // namespace

ResidentPages::ResidentPages(int file, std::uint64_t size) {
    const auto file_system = file_system_of(file);
    void* const at = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_NORESERVE, file, 0);
    if (file_system && at != MAP_FAILED) {
        addresses_ = {static_cast<std::byte*>(at), size};
        file_system_ = *file_system;
    }
}

ResidentPages::~ResidentPages() {
    if (!addresses_.empty()) {
        ::munmap(addresses_.data(), addresses_.size());
    }
}

void ResidentPages::follow(int file) {
    if (addresses_.empty()) {
        return;
    }
    // In one step, and never without a mapping: others may be asking.
    const auto replace = [this](int flags, int by) {
        return ::mmap(addresses_.data(), addresses_.size(), PROT_READ, flags | MAP_FIXED | MAP_NORESERVE, by,
                      0) != MAP_FAILED;
    };
    if (file_system_of(file) != file_system_ || !replace(MAP_PRIVATE, file)) {
        static_cast<void>(replace(MAP_PRIVATE | MAP_ANONYMOUS, -1));
    }
}

bool ResidentPages::hold(std::uint64_t offset, std::size_t size) const {
    if (offset > addresses_.size() || size > addresses_.size() - offset) {
        return false;
    }
    std::array<unsigned char, 256> found{};
    const std::size_t end = offset + size;
    for (std::size_t at = offset / kPage * kPage; at < end;) {
        const std::size_t piece = std::min(end - at, found.size() * kPage);
        const auto pages = std::span(found).first((piece + kPage - 1) / kPage);
        if (::mincore(addresses_.data() + at, piece, pages.data()) != 0 ||
            !std::ranges::all_of(pages, [](unsigned char page) { return (page & kResident) != 0; })) {
            return false;
        }
        at += piece;
    }
    return true;
}

}  // namespace targe::device
