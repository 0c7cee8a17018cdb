// A whole session: four bytes choose how the host behaves, the rest is what the initiator sends.
#include "fuzz/input.h"
#include "iscsi/testing/session_fuzz.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    targe::fuzz::Input input(data, size);
    const std::uint32_t seed = input.word();
    (void)targe::iscsi::testing::replay(input.rest(), seed);
    return 0;
}
