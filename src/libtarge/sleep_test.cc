// Going to sleep while targed offers something.
#include "libtarge/fake_targed.h"
#include "libtarge/internal.h"

#include <gtest/gtest.h>
#include <sys/mman.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <thread>

namespace targe {
namespace {

using testing::FakeTarged;
using testing::SocketFolder;

/// What the handler's thread meets where it says that it sleeps: targed has offered a request and, as it was
/// awake until then, has not woken it.
struct Meeting {
    FakeTarged* targed = nullptr;
    void* page = nullptr;  ///< of the first queue, as the handler has it
    struct sigaction before{};

    static Meeting& instance() {
        static Meeting one;
        return one;
    }
    static void met(int /*signal*/) {
        ::mprotect(instance().page, TARGE_PAGE, PROT_READ | PROT_WRITE);
        instance().targed->offer_quietly();
    }
};

TEST(Sleeping, IsNothingForAHandlerThatIsOfferedSomethingMeanwhile) {
#if __has_feature(thread_sanitizer)
    GTEST_SKIP() << "the signal comes where the thread sanitizer holds a lock of its own";
#endif
    const SocketFolder folder;
    FakeTarged targed(folder);
    const targe_block_ops ops = FakeTarged::reading([](void*, targe_io*) { return 0; });
    targe_device* const device = targed.attach(targed.attachment(ops));
    ASSERT_NE(device, nullptr);
    targed.slot().op = TARGE_OP_READ;
    targed.slot().length = 512;
    Meeting& meeting = Meeting::instance();
    meeting.targed = &targed;
    meeting.page = device->queues[0].shared;
    struct sigaction meets{};
    meets.sa_handler = Meeting::met;
    ASSERT_EQ(::sigaction(SIGSEGV, &meets, &meeting.before), 0);
    // It looks into the queue, finds nothing, and then writes there for the first time.
    ASSERT_EQ(::mprotect(meeting.page, TARGE_PAGE, PROT_READ), 0);
    std::thread runs([&] { EXPECT_EQ(targe_run(device), 0); });
    EXPECT_EQ(targed.take().error, 0);
    ::sigaction(SIGSEGV, &meeting.before, nullptr);
    targe_stop(device);
    runs.join();
    targe_detach(device);
}

}  // namespace
}  // namespace targe
