// Unpredictable bytes from the operating system.
#pragma once

#include "base/assert.h"
#include "iscsi/random_source.h"

#include <sys/random.h>

#include <cstddef>
#include <span>

namespace targe::transport {

class SystemRandom final : public iscsi::RandomSource {
public:
    void fill(std::span<std::byte> out) override {
        while (!out.empty()) {
            const ssize_t got = getrandom(out.data(), out.size(), 0);
            TARGE_ASSERT(got > 0);  // fails only for a bad address, once the system is up
            out = out.subspan(static_cast<std::size_t>(got));
        }
    }
};

}  // namespace targe::transport
