// The block level of targe_async.h: a disk whose methods are coroutines.
#pragma once

#include "targe_blocks.h"

#include <cerrno>
#include <coroutine>
#include <system_error>

namespace targe {

/// What a method of a BlockHandler is: a coroutine that begins at once and whose co_return, 0 or a negative
/// errno, ends the request. Its request is its first parameter. std::system_error of an errno ends it with
/// that, any other exception with EIO.
struct Answer {
    struct promise_type {
        promise_type(auto& /*handler*/, targe_io& request) : io(request) {}
        promise_type(auto& /*handler*/, targe_io& request, targe_extent& found)
            : io(request), extent(&found) {}

        Answer get_return_object() noexcept { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        auto final_suspend() noexcept {
            struct Complete {
                [[nodiscard]] bool await_ready() const noexcept { return false; }
                void await_suspend(std::coroutine_handle<promise_type> self) const noexcept {
                    targe_io& ended = self.promise().io;
                    const targe_extent* const found = self.promise().extent;
                    const int with = self.promise().result;
                    self.destroy();
                    if (found != nullptr && with == 0) {
                        targe_extent_complete(&ended, found);
                    } else {
                        targe_block_complete(&ended, with);
                    }
                }
                void await_resume() const noexcept {}
            };
            return Complete{};
        }
        void return_value(int value) noexcept { result = value; }
        void unhandled_exception() noexcept {
            try {
                throw;
            } catch (const std::system_error& error) {
                // Other categories count otherwise: 1 of std::ios_base::failure is not EPERM.
                const std::error_condition why = error.code().default_error_condition();
                result = why.category() == std::generic_category() && why.value() > 0 ? -why.value() : -EIO;
            } catch (...) {
                result = -EIO;
            }
        }

        targe_io& io;
        const targe_extent* extent = nullptr;  ///< of block_status()
        int result = 0;
    };
};

/// A disk. can() says which of the others there are; without writes it is read-only. All are called on the
/// thread of Attachment::run().
class BlockHandler {
public:
    struct Abilities {
        bool write = false;
        bool flush = false;
        bool unmap = false;
        bool write_zeroes = false;
        bool write_same = false;
        bool copy = false;
        bool block_status = false;
        bool reservations = false;  ///< it wants to hear of them: reservations_changed()
        bool batches = false;       ///< likewise: batch_ended()
    };
    virtual ~BlockHandler() = default;
    [[nodiscard]] virtual Abilities can() const { return {}; }
    virtual Answer read(targe_io& io) = 0;
    virtual Answer write(targe_io& /*io*/) { co_return -ENOTSUP; }
    virtual Answer flush(targe_io& /*io*/) { co_return -ENOTSUP; }
    virtual Answer unmap(targe_io& /*io*/) { co_return -ENOTSUP; }
    virtual Answer write_zeroes(targe_io& /*io*/) { co_return -ENOTSUP; }
    virtual Answer write_same(targe_io& /*io*/) { co_return -ENOTSUP; }
    virtual Answer copy(targe_io& /*io*/) { co_return -ENOTSUP; }
    virtual Answer block_status(targe_io& /*io*/, targe_extent& /*extent*/) { co_return -ENOTSUP; }
    /// These neither wait nor throw.
    virtual void reservations_changed(const targe_reservations& /*now*/) {}
    virtual void batch_ended() {}

    /// For targe_attach(), with the handler as context.
    [[nodiscard]] targe_block_ops operations() const {
        const Abilities has = can();
        targe_block_ops ops{};
        ops.struct_size = sizeof ops;
        ops.read = call<&BlockHandler::read>;
        ops.write = has.write ? call<&BlockHandler::write> : nullptr;
        ops.flush = has.flush ? call<&BlockHandler::flush> : nullptr;
        ops.unmap = has.unmap ? call<&BlockHandler::unmap> : nullptr;
        ops.write_zeroes = has.write_zeroes ? call<&BlockHandler::write_zeroes> : nullptr;
        ops.write_same = has.write_same ? call<&BlockHandler::write_same> : nullptr;
        ops.copy = has.copy ? call<&BlockHandler::copy> : nullptr;
        if (has.block_status) {
            ops.block_status = [](void* context, targe_io* io, targe_extent* extent) {
                return begun([&] { static_cast<BlockHandler*>(context)->block_status(*io, *extent); });
            };
        }
        if (has.batches) {
            ops.batch_ended = [](void* context) { static_cast<BlockHandler*>(context)->batch_ended(); };
        }
        if (has.reservations) {
            ops.reservations_changed = [](void* context, const targe_reservations* now) {
                static_cast<BlockHandler*>(context)->reservations_changed(*now);
            };
        }
        return ops;
    }

private:
    template <Answer (BlockHandler::*Method)(targe_io&)>
    static int call(void* context, targe_io* io) {
        return begun([&] { (static_cast<BlockHandler*>(context)->*Method)(*io); });
    }
    /// What a coroutine throws ends its request; what gets out of here is thrown before there is one.
    static int begun(auto begin) noexcept {
        try {
            begin();
            return TARGE_LATER;
        } catch (...) {
            return -EIO;
        }
    }
};

}  // namespace targe
