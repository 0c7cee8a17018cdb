// One piece of work for a handler in another program, and how it ended.
#pragma once

#include "base/buffer.h"
#include "base/core.h"
#include "base/intrusive_list.h"
#include "device/command_server.h"
#include "device/device.h"
#include "gateway/region.h"

#include <coroutine>
#include <cstdint>
#include <memory>
#include <span>

namespace targe::device {

/// Belongs to whoever awaits it, and stays in place until then; what its segments name, too.
struct UserRequest : base::ListHook<struct UserRequests> {
    /// What became of it.
    enum class End : std::uint8_t {
        pending,
        answered,   ///< `answer` is what the handler says; its data-in have been copied
        away,       ///< no handler began it in the time that there is
        reset,      ///< no handler began it before another took the place of the one it was for
        timed_out,  ///< a handler began it and did not end it: what it does to the medium is not known
        lost,       ///< the same as timed_out, and the handler is gone; only of what may not be done twice
    };

    std::uint8_t op = 0;  ///< TARGE_OP_…; 0: there is a handler, which is all that is asked
    std::uint32_t flags = 0;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    base::ConstSegments out = {};
    base::Segments in = {};
    bool lends = false;           ///< READ: data-in stay where the handler puts them; `in` is empty
    bool may_be_repeated = true;  ///< by another handler, when the one that began it is gone

    [[nodiscard]] std::size_t in_bytes() const {
        return lends ? static_cast<std::size_t>(length) : base::total_size(in);
    }

    // Of TARGE_OP_EXECUTE and those after it.
    std::span<const std::byte> cdb = {};
    std::uint8_t attribute = 0;
    std::uint16_t lun = 0;
    std::uint64_t session = 0;
    std::uint64_t tag = 0;
    ServerRequest* server = nullptr;  ///< of EXECUTE
    bool nobody_waits = false;        ///< it goes when it has ended

    End end = End::pending;
    targe_completion answer = {};
    Loan loan = {};  ///< what was lent
    std::shared_ptr<const ServerRemap> remap = {};

    // The queue's own.
    std::coroutine_handle<> waiter = {};
    base::Time accepted = {};
    std::uint32_t slot = 0;
    bool begun = false;  ///< a handler that is gone may have begun it
};

}  // namespace targe::device
