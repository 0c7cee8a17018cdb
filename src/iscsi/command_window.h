// Which commands the initiator may send: ExpCmdSN and MaxCmdSN of a session, [RFC 7143 4.2.2.1].
#pragma once

#include "iscsi/pdu.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace targe::iscsi {

/// The window is as wide as there are tasks that nobody uses; MaxCmdSN never goes back.
class CommandWindow {
public:
    enum class Place : std::uint8_t {
        next,     ///< its turn
        early,    ///< an earlier one has not come yet
        outside,  ///< to be ignored in silence
    };

    CommandWindow() = default;
    CommandWindow(CmdSn expected, std::uint32_t depth)
        : expected_(expected), highest_(expected.plus(depth - 1)), depth_(depth) {}

    /// `depth` is not below what it was: MaxCmdSN may not go back.
    void widen(std::uint32_t depth) { depth_ = depth; }
    /// Opens no further until let_go(): once what the initiator has been told of is used up, nothing new
    /// comes. Costs nothing where it is advertised.
    void hold() { held_depth_ = std::exchange(depth_, 0); }
    void let_go() { depth_ = held_depth_; }

    [[nodiscard]] Place place(CmdSn number) const {
        if (number == expected_) {
            return highest_.before(expected_) ? Place::outside : Place::next;
        }
        return number.before(expected_) || number.after(highest_) ? Place::outside : Place::early;
    }
    /// The expected command has come.
    void advance() { ++expected_; }

    /// A task is in use, or is not any more.
    void occupy() { ++used_; }
    void release() { --used_; }

    [[nodiscard]] CmdSn expected() const { return expected_; }
    /// The highest number that the initiator has been told, or is told in the PDU that is being made.
    [[nodiscard]] CmdSn advertise() {
        const std::uint32_t open = depth_ - std::min(used_, depth_);
        const CmdSn now = expected_.plus(open - 1);
        if (now.after(highest_)) {
            highest_ = now;
        }
        return highest_;
    }
    /// The initiator believes that it may send nothing, and that is true no longer.
    [[nodiscard]] bool should_tell() const { return highest_.before(expected_) && used_ < depth_; }

private:
    CmdSn expected_;
    CmdSn highest_;
    std::uint32_t depth_ = 1;
    std::uint32_t held_depth_ = 0;  ///< what it was before hold()
    std::uint32_t used_ = 0;
};

}  // namespace targe::iscsi
