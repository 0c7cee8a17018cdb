// An evil handler: all that it shares with targed, and its socket, are at the mercy of the input.
#include "device/user_evil.h"
#include "fuzz/input.h"

#include <cstdlib>
#include <memory>

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const auto place = std::make_unique<targe::device::testing::EvilPlace>();
    if (!place->visit(std::as_bytes(std::span{data, size}))) {
        std::abort();  // the one before has hurt the device
    }
    return 0;
}
