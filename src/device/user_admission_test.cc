// Who may use a unit, by what its handler says of them.
#include "device/user_command_fixture.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>

namespace targe::device {
namespace {

using testing::RawHandler;

class Admissions : public testing::WithRawCommands {};

TEST_F(Admissions, IsWhatTheHandlerSays) {
    struct Case {
        int error;
        Admission says;
    };
    ops_.session_attach = [](void*, const targe_session*) { return 0; };
    EXPECT_FALSE(on_.ask([&] { return join(); })) << "nobody is there to be asked";
    for (const Case each :
         {Case{0, Admission::admitted}, Case{EACCES, Admission::refused}, Case{ENOMEM, Admission::unheard}}) {
        RawHandler& handler = attach();
        heard_.said = 0;
        targe_completion made = handler.take();
        made.error = each.error;
        handler.complete(made);
        await([&] { return heard_.said != 0; });
        EXPECT_EQ(heard_.last, each.says) << each.error;
    }
    on_.ask([&] {
        device().server()->leave(kNexus);
        return true;
    });
    handler_->complete(handler_->take());
    auto next = execute_later(0);
    handler_->complete(handler_->take());
    EXPECT_EQ(next.get().end, ServerAnswer::End::answered);
    EXPECT_EQ(heard_.said, 1U) << "of who leaves nothing is said";
}

// What the one before it was to be told, and had taken or not, is not told once more.
TEST_F(Admissions, IsAskedOfEachHandlerOnce) {
    ops_.session_attach = [](void*, const targe_session*) { return 0; };
    for (const std::uint64_t nexus : {kNexus, kNexus + 1, kNexus + 2}) {
        EXPECT_FALSE(on_.ask([&] { return join(nexus); }));
    }
    for (const std::uint32_t depth : {64U, 1U, 64U}) {  // all are offered; or one is, and the others wait
        depth_ = depth;
        attach();
    }
    RawHandler& handler = *handler_;
    for (int i = 0; i < 3; ++i) {
        const targe_completion made = handler.take();
        EXPECT_EQ(handler.slot_of(made).op, TARGE_OP_SESSION_ATTACH);
        handler.complete(made);
    }
    auto next = execute_later(0);
    const targe_completion made = handler.take();
    EXPECT_EQ(handler.slot_of(made).op, TARGE_OP_EXECUTE);
    handler.complete(made);
    EXPECT_EQ(next.get().end, ServerAnswer::End::answered);
}

TEST_F(Admissions, IsAskedOfAHandlerThatHasJustCome) {
    ops_.session_attach = [](void*, const targe_session*) { return 0; };
    EXPECT_FALSE(on_.probe(device()));
    EXPECT_TRUE(on_.ask([&] {  // in one turn: its core, which knows of nobody, looks afterwards
        come();
        await([&] { return !device().away(); });
        return join();
    }));
    handler_->complete(handler_->take());
    await([&] { return heard_.said != 0; });
    EXPECT_EQ(heard_.last, Admission::admitted);
    EXPECT_EQ(heard_.said, 1U);
}

}  // namespace
}  // namespace targe::device
