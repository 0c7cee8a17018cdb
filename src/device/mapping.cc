#include "device/mapping.h"

#include <sys/mman.h>

#include <cerrno>

namespace targe::device {

std::expected<Mapping, int> Mapping::create(std::size_t size, Access access) {
    const int protection = access == Access::read_only ? PROT_READ : PROT_READ | PROT_WRITE;
    void* const memory =
        ::mmap(nullptr, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        return std::unexpected(errno);
    }
    if (access == Access::read_only) {
        // Advice only: one huge page of zeroes then stands for all of them. What is written stays in small
        // pages, which can be given back one by one.
        static_cast<void>(::madvise(memory, size, MADV_HUGEPAGE));
    }
    return Mapping{std::span(static_cast<std::byte*>(memory), size)};
}

Mapping::~Mapping() {
    if (!bytes_.empty()) {
        ::munmap(bytes_.data(), bytes_.size());
    }
}

}  // namespace targe::device
