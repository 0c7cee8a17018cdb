#include "daemon/access_hook.h"

#include "base/arena.h"
#include "daemon/ask.h"
#include "engine/background.h"
#include "reactor/reactors.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace targe::daemon {
namespace {

using std::chrono::milliseconds;

engine::Background run(ProgramHook& hook, std::move_only_function<void(bool)> answer) {
    alignas(base::CommandArena::kAlignment) std::array<std::byte, 4096> block;
    base::CommandArena arena{block};
    const bool agreed = co_await hook.run(
        arena, "pair",
        {{.group = 1, .from = scsi::AccessState::active_optimized, .to = scsi::AccessState::standby},
         {.group = 2, .from = scsi::AccessState::standby, .to = scsi::AccessState::active_optimized}});
    answer(agreed);
}

struct Hooks : ::testing::Test {
    Hooks() { std::filesystem::create_directories(directory); }
    ~Hooks() override { std::filesystem::remove_all(directory); }

    std::string program(const std::string& script) const {
        const std::string path = directory + "/hook";
        std::ofstream(path) << "#!/bin/sh\n" << script << "\n";
        ::chmod(path.c_str(), 0700);
        return path;
    }
    static bool agrees(const std::string& path, milliseconds timeout = milliseconds{20'000}) {
        ProgramHook hook(path, timeout);
        reactor::ReactorsOptions options;
        options.count = 1;
        auto reactors = reactor::Reactors::start(options);
        EXPECT_TRUE(reactors);
        const auto agreed =
            ask_later<bool>(*(*reactors)->cores()[0], [&hook](auto answer) { run(hook, std::move(answer)); });
        (*reactors)->stop();
        EXPECT_TRUE(agreed);
        return agreed.value_or(false);
    }

    std::string directory = ::testing::TempDir() + "targe-hook-" + std::to_string(::getpid());
};

TEST_F(Hooks, AreToldWhatIsToChangeAndConsentWithZero) {
    EXPECT_TRUE(agrees(program("echo \"$@\" > " + directory + "/told")));
    std::ifstream told(directory + "/told");
    const std::string words{std::istreambuf_iterator<char>(told), {}};
    EXPECT_EQ(words, "pair 1 active/optimized standby 2 standby active/optimized\n");
}

TEST_F(Hooks, RefuseWithAnythingElse) {
    EXPECT_FALSE(agrees(program("exit 1")));
    EXPECT_FALSE(agrees(program("kill -9 $$")));
    EXPECT_FALSE(agrees(directory + "/not-there"));
}

TEST_F(Hooks, AreEndedByTheSignalsThatTheDaemonIgnores) {
    for (const int signal : {SIGPIPE, SIGXFSZ}) {
        auto* const before = std::signal(signal, SIG_IGN);
        EXPECT_FALSE(agrees(program("kill -" + std::to_string(signal) + " $$")));
        std::signal(signal, before);
    }
}

TEST_F(Hooks, RefuseWhenTheyDoNotEnd) {
    EXPECT_FALSE(agrees(program("exec sleep 1000"), milliseconds{100}));
}

}  // namespace
}  // namespace targe::daemon
