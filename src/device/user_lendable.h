// Memory that a handler of a test lends.
#pragma once

#include "libtarge/targe.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>

namespace targe::device::testing {

/// Goes with this object; what is mapped elsewhere stays.
struct LendableMemory {
    explicit LendableMemory(std::uint64_t size) : bytes(size) {
        void* mapped = nullptr;
        descriptor = targe_make_memory(bytes, &mapped);
        EXPECT_GE(descriptor, 0);
        at = static_cast<std::byte*>(mapped);
    }
    LendableMemory(const LendableMemory&) = delete;
    LendableMemory& operator=(const LendableMemory&) = delete;
    ~LendableMemory() {
        ::munmap(at, bytes);
        ::close(descriptor);
    }
    std::uint64_t bytes;
    int descriptor;
    std::byte* at;
};

}  // namespace targe::device::testing
