// Where unpredictable bytes come from: the operating system in the daemon, a seed in tests.
#pragma once

#include <cstddef>
#include <span>

namespace targe::iscsi {

class RandomSource {
public:
    RandomSource() = default;
    RandomSource(const RandomSource&) = delete;
    RandomSource& operator=(const RandomSource&) = delete;
    virtual ~RandomSource() = default;
    virtual void fill(std::span<std::byte> out) = 0;
};

}  // namespace targe::iscsi
