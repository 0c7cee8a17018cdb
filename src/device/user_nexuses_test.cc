// What a handler of CDBs is told besides commands, and when.
#include "device/user_device.h"
#include "device/user_fixture.h"
#include "device/user_handler.h"
#include "libtarge/targe_async.h"

#include <gtest/gtest.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace targe::device {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kNexus = 7;
enum Opcode : std::uint8_t { kDo = 0xc0, kGoesOn = 0xc1 };

/// Notes what it is told. What it goes on with ends when it is let.
class Unit final : public CommandHandler {
public:
    [[nodiscard]] Wants wants() const override {
        return {.sessions = hears,
                .management = hears,
                .reservations = hears,
                .delivery = hears,
                .going_on = true};
    }
    Execution execute(targe_command& command) override {
        if (command.cdb[0] == kGoesOn && targe_go_on(&command) == 0) {
            while (goes_on) {
                co_await workers;
                std::this_thread::sleep_for(1ms);
            }
        }
        co_return TARGE_DONE;
    }
    bool session_attach(const targe_session& session) override {
        note("attach", session.handle, session.lun, session.read_only, session.initiator, session.target);
        return true;
    }
    void session_detach(std::uint64_t session) override { note("detach", session); }
    void task_management(const targe_task_management& function) override {
        note("function", function.function, function.done, function.session);
    }
    void reservations_changed(const targe_reservations& now) override {
        note("reserved", now.kind, now.type, now.session, now.holder, now.generation, now.registrants);
    }
    void delivered(std::uint64_t session, std::uint64_t report, bool arrived) override {
        note("delivered", session, report, std::uint64_t{arrived});
    }
    [[nodiscard]] std::vector<std::string> told() {
        const std::scoped_lock lock{mutex_};
        return told_;
    }

    bool hears = true;
    std::atomic<bool> goes_on = true;
    Workers workers{1};

private:
    static std::string text_of(const char* text) { return text; }
    static std::string text_of(std::uint64_t number) { return std::to_string(number); }
    void note(const std::string& what, auto... values) {
        const std::scoped_lock lock{mutex_};
        told_.push_back(((what + " ") + ... + (text_of(values) + " ")));
    }
    std::mutex mutex_;
    std::vector<std::string> told_;
};

struct Heard final : DeviceObserver {
    void changed() override {}
    void raise(std::uint16_t /*condition*/, std::uint64_t /*nexus*/,
               std::move_only_function<void()> told) override {
        told();
    }
    void admit(std::uint64_t nexus, Admission says) override {
        const std::scoped_lock lock{mutex};
        said.emplace_back(nexus, says);
    }
    [[nodiscard]] bool has(std::uint64_t nexus, Admission says) {
        const std::scoped_lock lock{mutex};
        return std::ranges::find(said, std::pair{nexus, says}) != said.end();
    }
    std::mutex mutex;
    std::vector<std::pair<std::uint64_t, Admission>> said;
};

class ToldUnit : public testing::WithHandlerHere {
protected:
    void open_unit(std::chrono::milliseconds deadline = 60s) {
        settings_.type = 0x01;
        settings_.deadline = deadline;
        open(settings_);
        device().observe(&heard_);
    }
    /// Its queue knows it when this returns.
    std::unique_ptr<Attachment> attach(std::uint32_t depth = 0) {
        targe_attachment how{};
        how.socket = settings_.socket.c_str();
        how.peripheral_type = 0x01;
        how.depth = depth;
        auto made = std::make_unique<Attachment>(unit_, how, 10'000);
        EXPECT_TRUE(on_.probe(device()));
        return made;
    }
    /// Does it where the nexus is.
    void there(const std::function<void(CommandServer&)>& what) {
        on_.ask([&] {
            what(*device().server());
            return true;
        });
    }
    void join(std::uint64_t nexus) {
        there([&](CommandServer& server) {
            server.join(
                {.nexus = nexus, .lun = 3, .read_only = true, .initiator = "iqn.one", .target = "iqn.two"});
        });
    }
    ServerAnswer::End execute(std::uint8_t opcode, std::uint64_t nexus = kNexus) {
        const std::array<std::byte, 6> cdb{std::byte{opcode}};
        ServerRequest request{.cdb = cdb, .nexus = nexus};
        return on_.run([&](base::CommandArena& arena) { return device().server()->execute(arena, request); })
            .end;
    }
    void tell_of_all() {
        there([](CommandServer& server) {
            server.tell(ServerEvent::logical_unit_reset, false, kNexus);
            server.tell(ServerEvent::abort_task_set, true, kNexus + 1);
            server.delivered(kNexus, 99, false);
            server.delivered(kNexus + 1, 100, true);
        });
        on_.ask([&] {
            device().reservations_changed({.kind = ReservationFacts::Kind::reserve, .nexus = kNexus});
            device().reservations_changed({.kind = ReservationFacts::Kind::persistent,
                                           .type = 5,
                                           .holder = "iqn.holder",
                                           .generation = 3,
                                           .registrants = 2});
            device().reservations_changed({});
            return true;
        });
        there([](CommandServer& server) {
            server.leave(kNexus + 50);  // of which nobody has heard
            server.leave(kNexus);
        });
    }

    Unit unit_;
    Heard heard_;
};

/// Serves on a thread of its own to the end.
class Serving {
public:
    explicit Serving(Attachment& attachment) : attachment_(attachment) {
        thread_ = std::thread([this] { EXPECT_EQ(attachment_.run(), 0); });
    }
    Serving(const Serving&) = delete;
    Serving& operator=(const Serving&) = delete;
    ~Serving() {
        attachment_.stop();
        thread_.join();
    }

private:
    Attachment& attachment_;
    std::thread thread_;
};

TEST_F(ToldUnit, HearsWhatHappensAndToWhom) {
    open_unit();
    const auto attachment = attach();
    const Serving serving(*attachment);
    join(kNexus);
    tell_of_all();
    const std::vector<std::string> wanted{"attach 7 3 1 iqn.one iqn.two ",
                                          "function 4 0 7 ",
                                          "function 2 1 8 ",
                                          "delivered 7 99 0 ",
                                          "delivered 8 100 1 ",
                                          "reserved 1 0 7  0 0 ",
                                          "reserved 2 5 0 iqn.holder 3 2 ",
                                          "reserved 0 0 0  0 0 ",
                                          "detach 7 "};
    await([&] { return unit_.told().size() >= wanted.size(); });
    EXPECT_EQ(unit_.told(), wanted);
}

TEST_F(ToldUnit, IsAskedForNothingElseWhereItDoesNotWantTo) {
    unit_.hears = false;
    open_unit();
    const auto attachment = attach();
    join(kNexus);
    tell_of_all();
    on_.ask([&] { return true; });
    EXPECT_EQ(std::atomic_ref(attachment->get()->queues[0].shared->offered).load(), 0U);
    const Serving serving(*attachment);
    EXPECT_EQ(execute(kDo), ServerAnswer::End::answered);
}

TEST_F(ToldUnit, HearsOfWhoWasThereBeforeIt) {
    open_unit();
    join(kNexus);
    join(kNexus + 1);
    there([](CommandServer& server) { server.leave(kNexus + 1); });
    on_.ask([&] {
        device().reservations_changed({.kind = ReservationFacts::Kind::reserve, .nexus = kNexus});
        return true;
    });
    const auto attachment = attach();
    const Serving serving(*attachment);
    EXPECT_EQ(execute(kDo), ServerAnswer::End::answered);
    EXPECT_EQ(unit_.told(),
              (std::vector<std::string>{"attach 7 3 1 iqn.one iqn.two ", "reserved 1 0 7  0 0 "}));
}

// It would refuse all commands of a nexus that it has not heard of.
TEST_F(ToldUnit, IsNotServedByWhoHasNotHeardOfANexus) {
    open_unit(50ms);
    auto stands_still = attach();
    join(kNexus);
    await([&] { return heard_.has(kNexus, Admission::unheard); });
    await([&] { return device().away(); });
    EXPECT_EQ(stands_still->run(), -ENOTCONN);
    EXPECT_EQ(unit_.told(), std::vector<std::string>{});
    stands_still.reset();
    const auto next = attach();
    const Serving serving(*next);
    await([&] { return heard_.has(kNexus, Admission::admitted); });
    EXPECT_EQ(execute(kDo), ServerAnswer::End::answered);
}

TEST_F(ToldUnit, IsNotServedByWhoHasNoRoomForWhatItIsTold) {
    open_unit(50ms);
    const auto stands_still = attach(1);
    auto begun = std::async(std::launch::async, [&] { return execute(kDo); });
    targe_queue& queue = *stands_still->get()->queues[0].shared;
    await([&] { return std::atomic_ref(queue.offered).load() == 1; });
    join(kNexus);
    EXPECT_EQ(begun.get(), ServerAnswer::End::away);
    await([&] { return heard_.has(kNexus, Admission::unheard); });
    await([&] { return device().away(); });
}

// Its session is on another core now, and may end there before the handler looks here.
TEST_F(ToldUnit, DoesNotHearOfWhoHasDeparted) {
    open_unit();
    const auto attachment = attach();
    join(kNexus);
    join(kNexus + 1);
    there([](CommandServer& server) { server.depart(kNexus); });
    const Serving serving(*attachment);
    await([&] { return heard_.has(kNexus + 1, Admission::admitted); });
    EXPECT_EQ(unit_.told(), std::vector<std::string>{"attach 8 3 1 iqn.one iqn.two "});
}

// Neither where it had no room for that yet, and yet of all else that was done to it.
TEST_F(ToldUnit, DoesNotHearOfWhoHasDepartedBeforeThereWasRoom) {
    open_unit();
    const auto attachment = attach(1);
    join(kNexus + 1);
    join(kNexus);
    there([](CommandServer& server) {
        server.tell(ServerEvent::logical_unit_reset, true, kNexus);
        server.depart(kNexus);
    });
    const Serving serving(*attachment);
    EXPECT_EQ(execute(kDo, kNexus + 1), ServerAnswer::End::answered);
    EXPECT_EQ(unit_.told(), (std::vector<std::string>{"attach 8 3 1 iqn.one iqn.two ", "function 4 1 7 "}));
}

TEST_F(ToldUnit, DoesNotHearOfWhoHadDepartedBeforeItCame) {
    open_unit();
    join(kNexus);
    join(kNexus + 1);
    there([](CommandServer& server) { server.depart(kNexus); });
    const auto attachment = attach();
    const Serving serving(*attachment);
    EXPECT_EQ(execute(kDo, kNexus + 1), ServerAnswer::End::answered);
    EXPECT_EQ(unit_.told(), std::vector<std::string>{"attach 8 3 1 iqn.one iqn.two "});
}

// Whoever waits for what it says of it hears that.
TEST_F(ToldUnit, SaysWhoMayUseItThoughThatHasDepartedMeanwhile) {
    open_unit();
    const auto attachment = attach();
    join(kNexus);
    targe_queue& queue = *attachment->get()->queues[0].shared;
    const std::uint32_t number = std::atomic_ref(queue.offered_slots[0]).load();
    const std::uint32_t generation = queue.slots[number].generation;
    std::atomic_ref(queue.slots[number].claim).store(generation << TARGE_CLAIM_BITS | TARGE_CLAIM_TAKEN);
    there([](CommandServer& server) { server.depart(kNexus); });
    queue.completions[0].slot = number;
    queue.completions[0].generation = generation;
    std::atomic_ref(queue.completed).store(1);
    ::eventfd_write(attachment->get()->queues[0].event, 1);
    await([&] { return heard_.has(kNexus, Admission::admitted); });
}

TEST_F(ToldUnit, IsAskedForMoreWhileItGoesOn) {
    open_unit();
    join(kNexus);
    const auto attachment = attach(1);
    const Serving serving(*attachment);
    EXPECT_EQ(execute(kGoesOn), ServerAnswer::End::answered);
    EXPECT_EQ(execute(kDo), ServerAnswer::End::answered);
    join(kNexus + 1);
    await([&] { return heard_.has(kNexus + 1, Admission::admitted); });
    unit_.goes_on = false;
}

}  // namespace
}  // namespace targe::device
