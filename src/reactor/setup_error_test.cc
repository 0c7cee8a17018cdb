#include "reactor/setup_error.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstring>
#include <string>

namespace targe::reactor {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

std::string text(int error, const HostFacts& facts) {
    return explain_ring_failure(error, facts).text;
}

TEST(SetupError, NamesTheSysctlThatSwitchesIoUringOff) {
    EXPECT_THAT(
        text(EPERM, {.io_uring_disabled = 2}),
        AllOf(HasSubstr("kernel.io_uring_disabled is 2"), HasSubstr("sysctl -w kernel.io_uring_disabled=0")));
    EXPECT_THAT(text(EPERM, {.io_uring_disabled = 1}),
                AllOf(HasSubstr("kernel.io_uring_disabled is 1"), HasSubstr("kernel.io_uring_group")));
}

TEST(SetupError, NamesSeccompInAContainer) {
    EXPECT_THAT(
        text(EPERM, {.io_uring_disabled = 0, .seccomp_filter = true}),
        AllOf(HasSubstr("seccomp"), HasSubstr("--security-opt seccomp="), HasSubstr("SystemCallFilter")));
    // Podman's newer profiles answer what is not listed with ENOSYS.
    EXPECT_THAT(text(ENOSYS, {.seccomp_filter = true}), HasSubstr("--security-opt seccomp="));
    EXPECT_THAT(text(EPERM, {.io_uring_disabled = 0}), AllOf(HasSubstr("SELinux"), Not(HasSubstr("docker"))));
}

TEST(SetupError, NamesTheKernelThatLacksIt) {
    EXPECT_THAT(text(ENOSYS, {.kernel_release = "4.19.0"}),
                AllOf(HasSubstr("kernel 4.19.0"), HasSubstr("5.19")));
    EXPECT_THAT(text(EINVAL, {.kernel_release = "5.10.0"}),
                AllOf(HasSubstr("kernel 5.10.0"), HasSubstr("too old")));
}

TEST(SetupError, NamesTheMemoryLimit) {
    EXPECT_THAT(text(ENOMEM, {.memlock_bytes = 65536}),
                AllOf(HasSubstr("RLIMIT_MEMLOCK is 64 KiB"), HasSubstr("LimitMEMLOCK=infinity")));
    EXPECT_THAT(text(ENOMEM, {}), HasSubstr("RLIMIT_MEMLOCK is not the reason"));
}

TEST(SetupError, AlwaysNamesTheErrno) {
    for (const int error : {EPERM, EACCES, ENOSYS, ENOMEM, EINVAL, EMFILE, EFAULT}) {
        const SetupError failure = explain_ring_failure(error, host_facts());
        EXPECT_EQ(failure.error, error);
        EXPECT_THAT(failure.text, HasSubstr(std::string("(") + std::strerror(error) + ")"));
    }
}

}  // namespace
}  // namespace targe::reactor
