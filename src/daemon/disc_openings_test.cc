#include "daemon/disc_openings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <map>
#include <memory>
#include <string>

namespace targe::daemon {
namespace {

using namespace std::chrono_literals;

constexpr auto kUntilItEnds = std::chrono::hours{1};

/// What keeps the discs, for a test: one whose path has "hung" in it is opened when answer() is called. None
/// of them can be opened, and the reason names the path.
class Server {
public:
    [[nodiscard]] DiscOpenings::Open opener() {
        return [answered = answered_](
                   const std::string& path) -> std::expected<std::shared_ptr<device::Device>, std::string> {
            if (path.contains("hung")) {
                answered.wait();
            }
            return std::unexpected("no " + path);
        };
    }
    void answer() { answer_.set_value(); }

private:
    std::promise<void> answer_;
    std::shared_future<void> answered_ = answer_.get_future().share();
};

/// Whoever takes what comes late, and says when it has.
class Taker {
public:
    [[nodiscard]] std::function<void(OpenedDisc)> take() {
        return [this](const OpenedDisc& opened) { first_.set_value(opened.disc.error()); };
    }
    [[nodiscard]] std::string first() { return first_.get_future().get(); }

private:
    std::promise<std::string> first_;
};

TEST(DiscOpenings, WaitForAllThatAnswer) {
    Server server;
    DiscOpenings openings(server.opener());
    openings.begin("cd3", "a.iso");
    openings.begin("cd5", "b.iso");
    std::map<std::string, std::string> said;
    for (const OpenedDisc& opened : openings.wait(kUntilItEnds)) {
        said.emplace(opened.drive, opened.disc.error());
    }
    EXPECT_THAT(said, ::testing::ElementsAre(std::pair("cd3", "no a.iso"), std::pair("cd5", "no b.iso")));
}

TEST(DiscOpenings, AreNotHeldUpByOneThatDoesNotAnswer) {
    Server server;
    DiscOpenings openings(server.opener());
    openings.begin("cd0", "hung.iso");
    EXPECT_TRUE(openings.wait(1ms).empty());
    openings.begin("cd1", "a.iso");
    std::vector<OpenedDisc> opened;
    while (opened.empty()) {
        opened = openings.wait(10ms);
    }
    ASSERT_EQ(opened.size(), 1U);
    EXPECT_EQ(opened[0].drive, "cd1");
    server.answer();
    EXPECT_EQ(openings.wait(kUntilItEnds).size(), 1U);
}

TEST(DiscOpenings, HandOnWhatComesLater) {
    Server server;
    Taker taker;
    DiscOpenings openings(server.opener());
    openings.begin("cd0", "hung.iso");
    EXPECT_TRUE(openings.wait(1ms).empty());
    openings.hand_on(taker.take());
    server.answer();
    EXPECT_EQ(taker.first(), "no hung.iso");
}

TEST(DiscOpenings, HandOnWhatCameBeforeAnybodyTookIt) {
    Server server;
    Taker taker;
    DiscOpenings openings(server.opener());
    openings.begin("cd0", "a.iso");
    openings.hand_on(taker.take());
    EXPECT_EQ(taker.first(), "no a.iso");
}

TEST(DiscOpenings, HandOnNothingOnceTheyAreStopped) {
    Server server;
    std::promise<void> opened;
    {
        DiscOpenings openings([&opened, open = server.opener()](const std::string& path) {
            auto result = open(path);
            opened.set_value();
            return result;
        });
        openings.begin("cd0", "hung.iso");
        openings.hand_on([](const OpenedDisc&) { ADD_FAILURE() << "nobody is there to take it"; });
        openings.stop();
        server.answer();
        opened.get_future().get();
    }
}

}  // namespace
}  // namespace targe::daemon
