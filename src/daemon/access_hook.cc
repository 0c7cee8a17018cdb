#include "daemon/access_hook.h"

#include "base/log.h"
#include "device/off_core.h"
#include "reactor/file_descriptor.h"

#include <fmt/core.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>
#include <vector>

namespace targe::daemon {
namespace {

std::vector<std::string> words_of(const std::string& program, const std::string& device_group,
                                  const std::vector<engine::AccessMove>& moves) {
    std::vector<std::string> words{program, device_group};
    for (const engine::AccessMove& move : moves) {
        words.push_back(std::to_string(move.group));
        words.emplace_back(scsi::to_string(move.from));
        words.emplace_back(scsi::to_string(move.to));
    }
    return words;
}

/// Why it did not consent; empty when it did.
std::string wait_for(pid_t child, std::chrono::milliseconds timeout) {
    const reactor::FileDescriptor process{static_cast<int>(::syscall(SYS_pidfd_open, child, 0))};
    pollfd ended{.fd = process.get(), .events = POLLIN, .revents = 0};
    const int ready = process ? ::poll(&ended, 1, static_cast<int>(timeout.count())) : -1;
    if (ready != 1) {
        ::kill(child, SIGKILL);
    }
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (ready != 1) {
        return fmt::format("it did not end within {} ms, and was killed", timeout.count());
    }
    if (WIFSIGNALED(status)) {
        return fmt::format("signal {} ended it", WTERMSIG(status));
    }
    return WEXITSTATUS(status) == 0 ? std::string{} : fmt::format("exit status {}", WEXITSTATUS(status));
}

std::string run_and_wait(std::vector<std::string> words, std::chrono::milliseconds timeout) {
    std::vector<char*> arguments;
    for (std::string& word : words) {
        arguments.push_back(word.data());
    }
    arguments.push_back(nullptr);
    // A reactor blocks signals, and the daemon ignores some: a child inherits both.
    posix_spawnattr_t attributes{};
    ::posix_spawnattr_init(&attributes);
    sigset_t none{};
    ::sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    sigset_t ignored = none;
    ::sigaddset(&ignored, SIGPIPE);
    ::sigaddset(&ignored, SIGXFSZ);
    ::posix_spawnattr_setsigdefault(&attributes, &ignored);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    pid_t child = 0;
    const int failed =
        ::posix_spawn(&child, words.front().c_str(), nullptr, &attributes, arguments.data(), environ);
    ::posix_spawnattr_destroy(&attributes);
    return failed != 0 ? fmt::format("it cannot be run: {}", std::strerror(failed))
                       : wait_for(child, timeout);
}

}  // namespace

base::Task<bool> ProgramHook::run(base::CommandArena& arena, const std::string& device_group,
                                  std::vector<engine::AccessMove> moves) {
    std::string refusal;
    const int failed = co_await device::run_off_core(arena, [this, &device_group, &moves, &refusal] {
        refusal = run_and_wait(words_of(program_, device_group, moves), timeout_);
    });
    if (failed != 0) {
        refusal = fmt::format("no thread to run it: {}", std::strerror(failed));
    }
    const bool refused = !refusal.empty();
    if (refused) {
        TARGE_LOG(warning, "alua",
                  "device group {}: the program {} did not let an initiator change the states of its port "
                  "groups: {}",
                  device_group, program_, refusal);
    }
    co_return !refused;
}

}  // namespace targe::daemon
