// The command level of targe_async.h: a unit of any type whose commands are coroutines.
#pragma once

#include "targe_commands.h"

#include <coroutine>
#include <cstdint>

namespace targe {

/// What CommandHandler::execute() is: a coroutine that begins at once, and whose end ends the command as it
/// is filled in then. So it ends in `co_return targe_reply(…)`, `co_return targe_fail(…)` or, with GOOD and
/// no data, `co_return TARGE_DONE`. An exception ends the command with HARDWARE ERROR, 44/00.
///
/// `co_return targe_remap_write_same(…)` and targe_remap_copy() leave the rest to targed.
///
/// targe_go_on() answers GOOD in the middle of it: what comes after, up to the end, is done later.
/// targe_aborted() tells a coroutine that waits long whether anybody waits for it.
struct Execution {
    struct promise_type {
        /// It takes its command first, as do the methods that it leaves a command to.
        promise_type(auto& /*handler*/, targe_command& executed, auto&&... /*more*/) : command(executed) {}

        Execution get_return_object() noexcept { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        auto final_suspend() noexcept {
            struct Complete {
                [[nodiscard]] bool await_ready() const noexcept { return false; }
                void await_suspend(std::coroutine_handle<promise_type> self) const noexcept {
                    targe_command& ended = self.promise().command;
                    self.destroy();
                    targe_command_complete(&ended);
                }
                void await_resume() const noexcept {}
            };
            return Complete{};
        }
        void return_value(int /*done*/) noexcept {}
        void unhandled_exception() noexcept { fail(command); }

        targe_command& command;
    };
    /// As an exception does.
    static int fail(targe_command& command) noexcept {
        constexpr std::uint8_t kHardwareError = 4;
        constexpr std::uint8_t kInternalTargetFailure = 0x44;
        command.data_in_length = command.wanted = 0;
        return targe_fail(&command, kHardwareError, kInternalTargetFailure, 0);
    }
};

/// A unit that gets CDBs. Which ones, in what order, and what is to be forgotten when, targe_commands.h says.
/// All are called on the thread of Attachment::run(). None but execute() may throw or wait.
class CommandHandler {
public:
    /// What else it wants to hear of.
    struct Wants {
        bool sessions = false;      ///< session_attach(), session_detach()
        bool management = false;    ///< task_management()
        bool reservations = false;  ///< reservations_changed()
        bool delivery = false;      ///< delivered()
        bool going_on = false;      ///< it calls targe_go_on()
        bool batches = false;       ///< batch_ended()
        bool remaps = false;        ///< it calls targe_remap_write_same() or targe_remap_copy()
    };
    virtual ~CommandHandler() = default;
    [[nodiscard]] virtual Wants wants() const { return {}; }
    virtual Execution execute(targe_command& command) = 0;
    /// False: the nexus may not use the unit.
    virtual bool session_attach(const targe_session& /*session*/) { return true; }
    virtual void session_detach(std::uint64_t /*session*/) {}
    virtual void task_management(const targe_task_management& /*function*/) {}
    virtual void reservations_changed(const targe_reservations& /*now*/) {}
    virtual void delivered(std::uint64_t /*session*/, std::uint64_t /*report*/, bool /*arrived*/) {}
    virtual void batch_ended() {}

    /// For targe_attach(), with the handler as context.
    [[nodiscard]] targe_command_ops operations() const {
        const Wants heard = wants();
        targe_command_ops ops{};
        ops.struct_size = sizeof ops;
        ops.execute = [](void* context, targe_command* command) {
            try {
                of(context).execute(*command);
                return int{TARGE_LATER};
            } catch (...) {  // before there was a coroutine
                return Execution::fail(*command);
            }
        };
        if (heard.sessions) {
            ops.session_attach = [](void* context, const targe_session* session) {
                return of(context).session_attach(*session) ? 0 : -1;
            };
            ops.session_detach = [](void* context, std::uint64_t session) {
                of(context).session_detach(session);
            };
        }
        if (heard.management) {
            ops.task_management = [](void* context, const targe_task_management* function) {
                of(context).task_management(*function);
            };
        }
        if (heard.reservations) {
            ops.reservations_changed = [](void* context, const targe_reservations* now) {
                of(context).reservations_changed(*now);
            };
        }
        if (heard.delivery) {
            ops.delivered = [](void* context, std::uint64_t session, std::uint64_t report, int arrived) {
                of(context).delivered(session, report, arrived != 0);
            };
        }
        if (heard.batches) {
            ops.batch_ended = [](void* context) { of(context).batch_ended(); };
        }
        ops.goes_on = heard.going_on ? 1 : 0;
        ops.remaps = heard.remaps ? 1 : 0;
        return ops;
    }

private:
    static CommandHandler& of(void* context) { return *static_cast<CommandHandler*>(context); }
};

}  // namespace targe
