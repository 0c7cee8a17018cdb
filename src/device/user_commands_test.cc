// The command level over a real socket and real memory, with libtarge in the same process.
#include "device/user_device.h"
#include "device/user_fixture.h"
#include "device/user_handler.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <string>
#include <thread>
#include <vector>

namespace targe::device {
namespace {

using namespace std::chrono_literals;
using testing::Bytes;

constexpr std::uint8_t kTape = 0x01;
constexpr std::uint64_t kNexus = 7;
// What the toy does, by operation code.
constexpr std::uint8_t kDo = 0xc0;
constexpr std::uint8_t kKeep = 0xc1;    // and complete later
constexpr std::uint8_t kGoOn = 0xc2;    // after an answer
constexpr std::uint8_t kReport = 0xc3;  // ask what becomes of the answer
constexpr std::uint8_t kClaim = 0xc4;   // to have filled all of data-in

/// What all handlers of a test have seen and kept.
struct Toy {
    std::mutex mutex;
    std::vector<targe_command*> kept;
    std::vector<std::string> events;
    unsigned executed = 0;
    std::atomic<unsigned> batches = 0;
    bool refuses = false;
    std::atomic<bool> ponders = false;  ///< it does not say yet who may use the unit

    void note(std::string event) {
        const std::scoped_lock lock{mutex};
        events.push_back(std::move(event));
    }
    [[nodiscard]] bool has(const std::string& event) {
        const std::scoped_lock lock{mutex};
        return std::ranges::find(events, event) != events.end();
    }
    [[nodiscard]] targe_command* take_kept() {
        const std::scoped_lock lock{mutex};
        if (kept.empty()) {
            return nullptr;
        }
        targe_command* const one = kept.back();
        kept.pop_back();
        return one;
    }
};

int execute(void* context, targe_command* command) {
    auto& toy = *static_cast<Toy*>(context);
    const std::scoped_lock lock{toy.mutex};
    ++toy.executed;
    switch (command->cdb[0]) {
        case kGoOn:
            if (targe_go_on(command) != 0) {
                return targe_unknown_opcode(command);
            }
            [[fallthrough]];
        case kKeep:
            toy.kept.push_back(command);
            return TARGE_LATER;
        case kReport:
            command->report = 99;
            return TARGE_DONE;
        case kClaim:
            command->data_in_length = command->data_in_room;
            return TARGE_DONE;
        default:
            return TARGE_DONE;
    }
}

constexpr targe_command_ops kToy{
    .struct_size = sizeof(targe_command_ops),
    .reserved = 0,
    .execute = execute,
    .session_attach =
        [](void* context, const targe_session* session) {
            auto& toy = *static_cast<Toy*>(context);
            toy.note(std::string("attach ") + session->initiator);
            while (toy.ponders) {
                std::this_thread::sleep_for(1ms);
            }
            return toy.refuses ? -EACCES : 0;
        },
    .session_detach = nullptr,
    .task_management = nullptr,
    .reservations_changed = nullptr,
    .delivered =
        [](void* context, std::uint64_t session, std::uint64_t report, int arrived) {
            static_cast<Toy*>(context)->note("delivered " + std::to_string(session) + " " +
                                             std::to_string(report) + " " + std::to_string(arrived));
        },
    .batch_ended = [](void* context) { ++static_cast<Toy*>(context)->batches; },
    .goes_on = 1,
    .remaps = 1,
};

/// A handler at command level, on a thread of its own until it ends.
class ToyHandler {
public:
    ToyHandler(const std::string& socket, Toy& toy, std::vector<targe_command_rule> rules = {}) : toy_(toy) {
        targe_attachment how{};
        how.struct_size = sizeof how;
        how.level = TARGE_COMMANDS;
        how.socket = socket.c_str();
        how.name = "toy 1";
        how.context = &toy;
        how.peripheral_type = kTape;
        how.command_ops = &kToy;
        how.rules = rules.data();
        how.rule_count = static_cast<std::uint32_t>(rules.size());
        std::array<char, 256> text{};
        device_ = targe_attach(&how, 10'000, text.data(), text.size());
        error = text.data();
        if (device_ != nullptr) {
            thread_ = std::thread([this] { targe_run(device_); });
        }
    }
    ToyHandler(const ToyHandler&) = delete;
    ToyHandler& operator=(const ToyHandler&) = delete;
    ~ToyHandler() {
        if (device_ == nullptr) {
            return;
        }
        if (thread_.joinable()) {
            targe_stop(device_);
            thread_.join();
        }
        // Of one that has died: into memory that nobody looks at any more.
        while (targe_command* const left = toy_.take_kept()) {
            targe_command_complete(left);
        }
        targe_detach(device_);
    }
    /// As a process that dies: targed hears nothing of what it has in hand.
    void die() {
        lose_connection();
        thread_.join();
    }
    void lose_connection() const { ::shutdown(device_->connection, SHUT_RDWR); }
    std::string error;

private:
    Toy& toy_;
    targe_device* device_ = nullptr;
    std::thread thread_;
};

struct Heard final : DeviceObserver {
    void changed() override {}
    void raise(std::uint16_t condition, std::uint64_t /*nexus*/,
               std::move_only_function<void()> told) override {
        raised = condition;
        told();
    }
    void defer(const DeferredError& error) override {
        deferred_for = error.nexus;
        deferred = std::uint32_t{error.key} << 16U | error.condition;
    }
    void admit(std::uint64_t nexus, Admission says) override {
        if (says == Admission::unheard) {
            left_unheard = nexus;
            return;
        }
        admitted = nexus;
        admission = says == Admission::admitted ? 1 : 0;
    }
    std::atomic<unsigned> raised = 0;
    std::atomic<unsigned> deferred = 0;
    std::atomic<std::uint64_t> deferred_for = 0;
    std::atomic<std::uint64_t> admitted = 0;
    std::atomic<std::uint64_t> left_unheard = 0;
    std::atomic<int> admission = -1;
};

class UserCommands : public testing::WithHandlerHere {
protected:
    void SetUp() override {
        WithHandlerHere::SetUp();
        if (IsSkipped()) {
            return;
        }
        settings_.type = kTape;
        open(settings_);
        disk().observe(&heard_);
        on_.ask([&] {
            disk().server()->join(
                {.nexus = kNexus, .lun = 0, .read_only = false, .initiator = "iqn.one", .target = "iqn.two"});
            return true;
        });
    }
    UserDevice& disk() { return device(); }
    bool is_asked_for(std::uint64_t nexus) {
        return disk().server()->join(
            {.nexus = nexus, .lun = 0, .read_only = false, .initiator = "iqn.two", .target = "iqn.two"});
    }
    ServerAnswer execute(std::uint8_t opcode) {
        const std::array<std::byte, 6> cdb{std::byte{opcode}};
        ServerRequest request{.cdb = cdb, .nexus = kNexus};
        return on_.run([&](base::CommandArena& arena) { return disk().server()->execute(arena, request); });
    }
    std::future<ServerAnswer> execute_later(std::uint8_t opcode) {
        return std::async(std::launch::async, [this, opcode] { return execute(opcode); });
    }
    targe_command* await_kept() {
        targe_command* found = nullptr;
        await([&] { return (found = toy_.take_kept()) != nullptr; });
        return found;
    }

    Toy toy_;
    Heard heard_;
};

TEST_F(UserCommands, AnswersAndGoesOn) {
    const ToyHandler handler(settings_.socket, toy_);
    EXPECT_EQ(execute(kGoOn).end, ServerAnswer::End::answered);
    targe_command* const goes_on = await_kept();
    EXPECT_EQ(execute(kDo).end, ServerAnswer::End::answered) << "meanwhile";
    await([&] { return toy_.batches >= 2; });
    EXPECT_EQ(heard_.deferred, 0U);
    targe_fail(goes_on, 3, 0x0c, 0);
    targe_command_complete(goes_on);
    await([&] { return heard_.deferred == 0x030c00U; });  // though no command asks for a look
    EXPECT_EQ(heard_.deferred_for, kNexus);
    EXPECT_EQ(execute(kGoOn).end, ServerAnswer::End::answered);
    targe_command_complete(await_kept());
    EXPECT_EQ(execute(kDo).end, ServerAnswer::End::answered);
    EXPECT_EQ(heard_.deferred, 0x030c00U) << "it went well";
}

TEST_F(UserCommands, ShowNobodyDataOfOthersThatTheirHandlerHasNotFilled) {
    constexpr std::uint64_t kOther = kNexus + 1;
    on_.ask([&] { return is_asked_for(kOther); });
    const ToyHandler handler(settings_.socket, toy_);
    for (const std::size_t size : {512U, 65'536U}) {
        Bytes data(size, std::byte{0x5e});
        const base::ConstSegment out{data.data(), size};
        const base::Segment in{data.data(), size};
        const std::array<std::byte, 6> write{std::byte{kDo}};
        const std::array<std::byte, 6> claim{std::byte{kClaim}};
        ServerRequest first{.cdb = write, .nexus = kNexus, .out = {&out, 1}};
        ServerRequest second{.cdb = claim, .nexus = kOther, .in = {&in, 1}};
        for (ServerRequest* const each : {&first, &second}) {
            on_.run([&](base::CommandArena& arena) { return disk().server()->execute(arena, *each); });
        }
        EXPECT_EQ(data, Bytes(size));
    }
}

TEST_F(UserCommands, TellsOfWhatWentOnInAHandlerThatIsGone) {
    ToyHandler handler(settings_.socket, toy_);
    EXPECT_EQ(execute(kGoOn).end, ServerAnswer::End::answered);
    handler.die();
    await([&] { return heard_.deferred == 0x0b4400U; });
    EXPECT_EQ(heard_.deferred_for, kNexus);
}

TEST_F(UserCommands, GivesNothingToAHandlerThatWasAskedOfAnother) {
    auto first = std::make_unique<ToyHandler>(settings_.socket, toy_);
    EXPECT_EQ(execute(kDo).end, ServerAnswer::End::answered);
    EXPECT_EQ(heard_.raised, 0U);
    auto begun = execute_later(kKeep);
    await([&] {
        const std::scoped_lock lock{toy_.mutex};
        return !toy_.kept.empty();
    });
    first->die();
    EXPECT_EQ(begun.get().end, ServerAnswer::End::lost);
    first.reset();
    auto held = execute_later(kDo);
    std::this_thread::sleep_for(20ms);
    const unsigned executed = toy_.executed;
    const ToyHandler second(settings_.socket, toy_);
    EXPECT_EQ(held.get().end, ServerAnswer::End::reset);
    EXPECT_EQ(heard_.raised, 0x2904U);
    EXPECT_EQ(toy_.executed, executed);
    EXPECT_EQ(execute(kDo).end, ServerAnswer::End::answered);
}

TEST_F(UserCommands, PassOnWhatBecameOfAnAnswer) {
    const ToyHandler handler(settings_.socket, toy_);
    const ServerAnswer answer = execute(kReport);
    EXPECT_EQ(answer.report, 99U);
    on_.ask([&] {
        disk().server()->delivered(kNexus, answer.report, true);
        return true;
    });
    await([&] { return toy_.has("delivered 7 99 1"); });
}

TEST_F(UserCommands, SayWhetherANexusMayUseTheUnit) {
    toy_.refuses = true;
    {
        const ToyHandler handler(settings_.socket, toy_);
        await([&] { return heard_.admission == 0; });
        EXPECT_TRUE(toy_.has("attach iqn.one"));
        EXPECT_EQ(execute(kDo).end, ServerAnswer::End::refused);
    }
    toy_.refuses = false;
    const ToyHandler friendlier(settings_.socket, toy_);
    await([&] { return heard_.admission == 1; });
}

TEST_F(UserCommands, SayWhetherANexusIsAskedFor) {
    const auto is_asked_for = [&](std::uint64_t nexus) {
        return on_.ask([&] { return UserCommands::is_asked_for(nexus); });
    };
    EXPECT_FALSE(is_asked_for(kNexus + 1)) << "there is no handler";
    {
        const ToyHandler handler(settings_.socket, toy_);
        await([&] { return !disk().away(); });
        EXPECT_TRUE(is_asked_for(kNexus + 2));
        await([&] { return heard_.admitted == kNexus + 2; });
    }
    await([&] { return disk().away(); });
    EXPECT_FALSE(is_asked_for(kNexus + 3)) << "it has gone";
}

TEST_F(UserCommands, SayThatANexusIsLeftUnheardByAHandlerThatIsGone) {
    toy_.ponders = true;
    const ToyHandler handler(settings_.socket, toy_);
    await([&] { return toy_.has("attach iqn.one"); });
    handler.lose_connection();
    await([&] { return heard_.left_unheard == kNexus; });
    EXPECT_EQ(heard_.admission, -1);
    toy_.ponders = false;
}

TEST_F(UserCommands, SayThatANexusIsLeftUnheardByAHandlerThatItsCoreNeverSaw) {
    on_.ask([&] {  // in one turn: its core looks afterwards
        ToyHandler handler(settings_.socket, toy_);
        await([&] { return !disk().away(); });
        EXPECT_TRUE(is_asked_for(kNexus + 1));
        handler.die();
        await([&] { return disk().away(); });
        return true;
    });
    await([&] { return heard_.left_unheard == kNexus + 1; });
    EXPECT_FALSE(toy_.has("attach iqn.two"));
}

TEST_F(UserCommands, EndThoughTheirHandlerPondersWhoMayUseTheUnit) {
    toy_.ponders = true;
    const ToyHandler handler(settings_.socket, toy_);
    await([&] { return toy_.has("attach iqn.one"); });
    stopped_.reset();
    toy_.ponders = false;
}

TEST_F(UserCommands, TellWhatTheirHandlerSaysOfThem) {
    const targe_command_rule rule{.opcode = 0xc5,
                                  .action = 2,
                                  .direction = TARGE_DATA_OUT,
                                  .flags = TARGE_RULE_WRITES,
                                  .length_at = 3,
                                  .length_bytes = 2,
                                  .reserved = {},
                                  .unit = 512};
    targe_command_rule nonsense = rule;
    nonsense.flags = TARGE_RULE_WRITES | TARGE_RULE_PASSES;
    {
        const ToyHandler refused(settings_.socket, toy_, {rule, nonsense});
        EXPECT_NE(refused.error.find("makes no sense"), std::string::npos) << refused.error;
    }
    const ToyHandler handler(settings_.socket, toy_, {rule});
    EXPECT_EQ(execute(kDo).end, ServerAnswer::End::answered);
    EXPECT_TRUE(on_.refresh(disk()));
    const CommandRule wanted{.opcode = 0xc5,
                             .service_action = 2,
                             .direction = CommandRule::Direction::out,
                             .writes_medium = true,
                             .length_at = 3,
                             .length_bytes = 2,
                             .unit = 512};
    EXPECT_EQ(disk().server()->facts().rules, std::vector<CommandRule>{wanted});
}

}  // namespace
}  // namespace targe::device
