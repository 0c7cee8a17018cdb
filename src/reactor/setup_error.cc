#include "reactor/setup_error.h"

#include "base/open_files.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string_view>

namespace targe::reactor {

namespace {

constexpr std::string_view kContainer =
    "Docker's and Podman's default profiles forbid io_uring: run the container with "
    "--security-opt seccomp=PROFILE.json, where PROFILE.json is the default profile with io_uring_setup, "
    "io_uring_enter and io_uring_register added to the allowed calls (or, to try it out, "
    "seccomp=unconfined).";

std::string not_permitted(const HostFacts& facts) {
    if (facts.io_uring_disabled == 2) {
        return "io_uring is switched off on this host (kernel.io_uring_disabled is 2). "
               "Allow it with: sysctl -w kernel.io_uring_disabled=0";
    }
    if (facts.io_uring_disabled == 1) {
        return "io_uring is reserved for privileged processes on this host (kernel.io_uring_disabled is 1). "
               "Add the group of this process to kernel.io_uring_group, give it CAP_SYS_ADMIN, or allow "
               "everyone with: sysctl -w kernel.io_uring_disabled=0";
    }
    if (facts.seccomp_filter) {
        return fmt::format(
            "A seccomp filter on this process forbids io_uring. {} Under systemd, add "
            "@io-event to SystemCallFilter=.",
            kContainer);
    }
    return "A security module (SELinux, AppArmor) forbids io_uring to this process. Its audit log names the "
           "rule; allow io_uring in the policy of this program.";
}

std::string not_there(const HostFacts& facts) {
    if (facts.seccomp_filter) {
        return fmt::format(
            "io_uring is missing from kernel {}, or a seccomp filter on this process hides it. {}",
            facts.kernel_release, kContainer);
    }
    return fmt::format(
        "io_uring is missing from kernel {}. Use Linux 5.19 or newer, built with CONFIG_IO_URING.",
        facts.kernel_release);
}

std::string no_memory(const HostFacts& facts) {
    if (facts.memlock_bytes) {
        return fmt::format(
            "There is not enough lockable memory for io_uring: RLIMIT_MEMLOCK is {} KiB. Raise it "
            "with LimitMEMLOCK=infinity in the systemd unit, --ulimit memlock=-1 for a "
            "container, or ulimit -l unlimited in a shell; or let the machine have more memory.",
            *facts.memlock_bytes / 1024);
    }
    return "There is not enough memory for io_uring, and RLIMIT_MEMLOCK is not the reason: the machine, or "
           "the "
           "memory cgroup of this process, is out of it.";
}

std::string cause_and_cure(int error, const HostFacts& facts) {
    switch (error) {
        case EPERM:
        case EACCES:
            return not_permitted(facts);
        case ENOSYS:
            return not_there(facts);
        case ENOMEM:
            return no_memory(facts);
        case EINVAL:
            return fmt::format(
                "The io_uring of kernel {} is too old. Use Linux 5.19 or newer (6.1 is what Debian 12 "
                "has, and lets it work best).",
                facts.kernel_release);
        case EMFILE:
        case ENFILE:
            return fmt::format("There are too many open files to make an io_uring: {}.",
                               base::allow_more_open_files(error));
        default:
            return fmt::format("io_uring cannot be set up on kernel {}.", facts.kernel_release);
    }
}

}  // namespace

HostFacts host_facts() {
    HostFacts facts;
    int value = 0;
    if (std::ifstream("/proc/sys/kernel/io_uring_disabled") >> value) {
        facts.io_uring_disabled = value;
    }
    rlimit limit{};
    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        facts.memlock_bytes = limit.rlim_cur;
    }
    utsname host{};
    if (uname(&host) == 0) {
        facts.kernel_release = host.release;
    }
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("Seccomp:")) {
            facts.seccomp_filter = line.back() == '2';
        }
    }
    return facts;
}

SetupError explain_ring_failure(int error, const HostFacts& facts) {
    return {.error = error,
            .text = fmt::format("{} ({})", cause_and_cure(error, facts), std::strerror(error))};
}

SetupError explain_thread_failure(int error) {
    return {
        .error = error,
        .text = fmt::format("A reactor needs a thread, and none can be had ({}). Lower daemon.reactors, or "
                            "raise TasksMax= in the systemd unit, --pids-limit of a container, or "
                            "ulimit -u in a shell.",
                            std::strerror(error))};
}

}  // namespace targe::reactor
