#include "transport/session_registry.h"

#include <gtest/gtest.h>

#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace targe::transport {
namespace {

/// Runs messages when told, in order.
class QueueCore final : public base::Core {
public:
    explicit QueueCore(std::uint16_t id) : id_(id) {}
    [[nodiscard]] base::CoreId id() const override { return base::CoreId{id_}; }
    [[nodiscard]] base::Time now() const override { return {}; }
    [[nodiscard]] base::Time clock() const override { return {}; }
    [[nodiscard]] std::uint64_t unix_ms() const override { return 0; }
    void random(std::span<std::byte> /*out*/) override {}
    void post(base::Message& message) override { queue_.push_back(&message); }
    void arm(base::Timer& /*timer*/, base::Time /*deadline*/) override {}
    void disarm(base::Timer& /*timer*/) override {}
    [[nodiscard]] base::BufferPool& buffers() override { std::abort(); }

    bool run_one() {
        if (queue_.empty()) {
            return false;
        }
        base::Message* const message = queue_.front();
        queue_.pop_front();
        message->run();
        return true;
    }

private:
    std::uint16_t id_;
    std::deque<base::Message*> queue_;
};

struct Login final : SessionHolder {
    std::optional<SessionGrant> grant;
    std::optional<iscsi::LoginStatus> refused;
    bool told_to_give_way = false;
    bool is_forgotten = false;
    std::optional<bool> leave_allowed;

    void granted(std::expected<SessionGrant, SessionRefusal> answer) override {
        if (answer) {
            grant = *answer;
        } else {
            refused = answer.error().status;
        }
    }
    void give_way() override { told_to_give_way = true; }
    void may_leave(bool allowed) override { leave_allowed = allowed; }
    void forgotten() override { is_forgotten = true; }
};

class SessionRegistryTest : public ::testing::Test {
protected:
    void run() {
        while (home_.run_one() || away_.run_one()) {
        }
    }
    static SessionRequest request(std::uint16_t handle = 0) {
        return {.target = "iqn.2026-11.io.targe:a",
                .initiator = "iqn.1993-08.org.debian:01:b",
                .initiator_session_id = 7,
                .portal_group = 1,
                .target_session_handle = handle,
                .connection_id = 0,
                .max_sessions = 2,
                .parameters = {}};
    }
    void end(Login& login) {
        registry_.ended(login, away_, SessionRegistry::Course::begun);
        run();
    }
    void ask(Login& login, SessionRequest what) {
        registry_.request(login, away_, std::move(what));
        run();
    }

    QueueCore home_{0};
    QueueCore away_{1};
    SessionRegistry registry_{home_};
};

TEST_F(SessionRegistryTest, GrantsAHandleThatIsNeverZero) {
    Login login;
    ask(login, request());
    ASSERT_TRUE(login.grant);
    EXPECT_NE(login.grant->target_session_handle, 0);
    EXPECT_FALSE(login.grant->reinstated);
}

TEST_F(SessionRegistryTest, ANewLoginOfTheSameInitiatorPortWaitsUntilTheOldSessionHasEnded) {
    Login old;
    Login fresh;
    ask(old, request());
    ask(fresh, request());
    EXPECT_TRUE(old.told_to_give_way);
    EXPECT_FALSE(fresh.grant);
    registry_.ended(old, away_, SessionRegistry::Course::begun);
    run();
    EXPECT_TRUE(old.is_forgotten);
    ASSERT_TRUE(fresh.grant);
    EXPECT_TRUE(fresh.grant->reinstated);
    EXPECT_NE(fresh.grant->target_session_handle, old.grant->target_session_handle);
}

TEST_F(SessionRegistryTest, ALoginThatWaitedAndNeverBeganLeavesItsNewsToTheNext) {
    using enum SessionRegistry::Course;
    Login old;
    Login dying;
    Login third;
    Login fourth;
    ask(old, request());
    ask(dying, request());
    registry_.ended(old, away_, begun);
    run();
    ASSERT_TRUE(dying.grant);
    registry_.ended(dying, away_, not_begun);
    run();
    ask(third, request());
    ASSERT_TRUE(third.grant);
    EXPECT_TRUE(third.grant->reinstated) << "nobody was told that the nexus was lost";
    registry_.ended(third, away_, begun);
    run();
    ask(fourth, request());
    ASSERT_TRUE(fourth.grant);
    EXPECT_FALSE(fourth.grant->reinstated);
}

TEST_F(SessionRegistryTest, TheNewestOfSeveralLoginsThatWaitWins) {
    Login old;
    Login second;
    Login third;
    ask(old, request());
    ask(second, request());
    ask(third, request());
    EXPECT_TRUE(second.refused);
    registry_.ended(old, away_, SessionRegistry::Course::begun);
    run();
    EXPECT_FALSE(second.grant);
    EXPECT_TRUE(third.grant);
}

TEST_F(SessionRegistryTest, AReinstatedConnectionKeepsTheHandleOfItsSession) {
    Login old;
    Login again;
    ask(old, request());
    ask(again, request(old.grant->target_session_handle));
    EXPECT_TRUE(old.told_to_give_way);
    registry_.ended(old, away_, SessionRegistry::Course::begun);
    run();
    ASSERT_TRUE(again.grant);
    EXPECT_EQ(again.grant->target_session_handle, old.grant->target_session_handle);
}

TEST_F(SessionRegistryTest, AReinstatedConnectionGoesOnWithWhatItsSessionHasAgreedOn) {
    Login old;
    Login again;
    Login once_more;
    Login fresh;
    SessionRequest first = request();
    first.parameters.max_burst_length = 4096;
    first.parameters.initial_r2t = false;
    first.parameters.data_digest = iscsi::Digest::crc32c;
    first.parameters.initiator_alias = "me";
    ask(old, first);
    EXPECT_EQ(old.grant->parameters, first.parameters);

    SessionRequest second = request(old.grant->target_session_handle);
    second.parameters.initiator_max_recv_data_segment_length = 65536;
    ask(again, second);
    end(old);
    ASSERT_TRUE(again.grant);
    iscsi::SessionParameters agreed = second.parameters;
    agreed.max_burst_length = 4096;
    agreed.initial_r2t = false;
    agreed.initiator_alias = "me";
    EXPECT_EQ(again.grant->parameters, agreed);

    ask(once_more, request(old.grant->target_session_handle));
    end(again);
    ASSERT_TRUE(once_more.grant);
    EXPECT_EQ(once_more.grant->parameters.max_burst_length, 4096U);

    ask(fresh, request());
    end(once_more);
    ASSERT_TRUE(fresh.grant);
    EXPECT_EQ(fresh.grant->parameters, request().parameters) << "another session has other parameters";
}

TEST_F(SessionRegistryTest, ASessionThatIsOnItsWayGivesWayWhereItArrives) {
    Login old;
    Login fresh;
    ask(old, request());
    registry_.leave(old, away_);
    run();
    EXPECT_EQ(old.leave_allowed, true);
    ask(fresh, request());
    EXPECT_FALSE(old.told_to_give_way) << "it is on no core";
    registry_.arrived(old, home_);
    while (home_.run_one()) {
    }
    EXPECT_TRUE(old.told_to_give_way) << "where it is now, and nowhere else";
}

TEST_F(SessionRegistryTest, ASessionThatHasToGiveWayMayNotLeave) {
    Login old;
    Login fresh;
    ask(old, request());
    registry_.request(fresh, away_, request());
    registry_.leave(old, away_);
    run();
    EXPECT_TRUE(old.told_to_give_way);
    EXPECT_EQ(old.leave_allowed, false);
}

TEST_F(SessionRegistryTest, RefusesAHandleThatNoSessionHas) {
    Login login;
    ask(login, request(99));
    EXPECT_EQ(login.refused, iscsi::LoginStatus::session_does_not_exist);
}

TEST_F(SessionRegistryTest, RefusesASecondConnectionOfASession) {
    Login first;
    Login second;
    ask(first, request());
    SessionRequest more = request(first.grant->target_session_handle);
    more.connection_id = 1;
    ask(second, more);
    EXPECT_EQ(second.refused, iscsi::LoginStatus::too_many_connections);
    EXPECT_FALSE(first.told_to_give_way);
}

TEST_F(SessionRegistryTest, ATargetHasNoMoreSessionsThanItMay) {
    std::vector<Login> logins(3);
    for (std::size_t i = 0; i < logins.size(); ++i) {
        SessionRequest one = request();
        one.initiator_session_id = i;
        ask(logins[i], one);
    }
    EXPECT_TRUE(logins[0].grant && logins[1].grant);
    EXPECT_EQ(logins[2].refused, iscsi::LoginStatus::out_of_resources);
}

TEST_F(SessionRegistryTest, DiscoverySessionsReplaceNobody) {
    Login first;
    Login second;
    SessionRequest discovery = request();
    discovery.target.clear();
    ask(first, discovery);
    ask(second, discovery);
    EXPECT_TRUE(first.grant && second.grant);
    EXPECT_FALSE(first.told_to_give_way);
}

}  // namespace
}  // namespace targe::transport
