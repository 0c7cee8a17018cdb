// Who waits for whom within a turn.
#include "reactor/reactors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <future>
#include <string>

namespace targe::reactor {
namespace {

using std::chrono::seconds;

/// Says its name whenever it is asked, until the log is long enough.
struct Speaker final : Poller, TurnEnd {
    Speaker(char letter, bool much, std::string& into) : name(letter), log(into) {
        found_much_ = did_much_ = much;
    }
    void only_help() { Poller::is_waited_for_ = TurnEnd::is_waited_for_ = false; }
    bool poll() override {
        log += name;
        others_waited = others_waited || Reactor::current()->others_wait();
        if (log.size() >= kEnough) {
            Poller::unlink();
        }
        return true;
    }
    void park() override {}
    void turn_ended() override {
        log += name;
        others_waited = others_waited || Reactor::current()->others_wait();
        if (log.size() < kEnough) {
            Reactor::current()->at_turn_end(*this);
        }
    }

    static constexpr std::size_t kEnough = 400;
    char name;
    std::string& log;
    bool others_waited = false;  ///< when it was asked
};

struct TurnTaking : testing::Test {
    void run(const std::function<void(Reactor&)>& begin) {
        const auto reactors = *Reactors::start({.count = 1, .pin = false, .each = {}});
        base::post((*reactors)[0], [&] { begin((*reactors)[0]); });
        const auto end = std::chrono::steady_clock::now() + seconds{20};
        std::size_t said = 0;
        while (said < Speaker::kEnough && std::chrono::steady_clock::now() < end) {
            std::promise<std::size_t> length;
            base::post((*reactors)[0], [&] { length.set_value(log.size()); });
            said = length.get_future().get();
        }
        reactors->stop();
        EXPECT_GE(log.size(), Speaker::kEnough);
    }
    /// How many of the others are served between two turns of `name`, at most.
    [[nodiscard]] std::size_t longest_wait(char name) const {
        std::size_t longest = 0;
        std::size_t last = log.find(name);
        EXPECT_NE(last, std::string::npos) << log;
        for (std::size_t i = last; i < Speaker::kEnough; ++i) {
            if (log[i] == name) {
                last = i;
            }
            longest = std::max(longest, i - last);
        }
        return longest;
    }

    std::string log;
    Speaker a{'a', true, log};
    Speaker b{'b', true, log};
    Speaker c{'c', true, log};
    Speaker little{'-', false, log};
};

TEST_F(TurnTaking, AStreamThatReceivesLittleWaitsForOneThatReceivesMuch) {
    run([this](Reactor& reactor) {
        for (Poller* const each : {static_cast<Poller*>(&a), static_cast<Poller*>(&b),
                                   static_cast<Poller*>(&little), static_cast<Poller*>(&c)}) {
            reactor.add_poller(*each);
        }
    });
    EXPECT_LE(longest_wait('-'), 1U) << log.substr(0, 40);
    for (const char name : {'a', 'b', 'c'}) {
        EXPECT_LE(longest_wait(name), 5U) << "they take turns: " << log.substr(0, 40);
    }
}

TEST_F(TurnTaking, AStreamThatSendsLittleWaitsForOneThatSendsMuch) {
    run([this](Reactor& reactor) {
        for (TurnEnd* const each : {static_cast<TurnEnd*>(&a), static_cast<TurnEnd*>(&b),
                                    static_cast<TurnEnd*>(&little), static_cast<TurnEnd*>(&c)}) {
            reactor.at_turn_end(*each);
        }
    });
    EXPECT_LE(longest_wait('-'), 1U) << log.substr(0, 40);
    for (const char name : {'a', 'b', 'c'}) {
        EXPECT_LE(longest_wait(name), 5U) << "they take turns: " << log.substr(0, 40);
    }
}

TEST_F(TurnTaking, NobodyWaitsForWhatOnlyHelps) {
    little.only_help();
    run([this](Reactor& reactor) {
        for (Speaker* const each : {&a, &little}) {
            reactor.add_poller(*each);
            reactor.at_turn_end(*each);
        }
    });
    EXPECT_FALSE(a.others_waited);
}

TEST_F(TurnTaking, PeersWaitForEachOther) {
    run([this](Reactor& reactor) {
        reactor.add_poller(a);
        reactor.add_poller(little);
    });
    EXPECT_TRUE(a.others_waited);
}

}  // namespace
}  // namespace targe::reactor
