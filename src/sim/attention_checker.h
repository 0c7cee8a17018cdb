// Each unit attention is told exactly once to exactly whom it concerns.
#pragma once

#include "sim/checker.h"
#include "sim/fault_model.h"
#include "sim/process.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace targe::sim {

// ASC and ASCQ.
inline constexpr std::uint32_t kPowerOn = 0x2900;
inline constexpr std::uint32_t kDeviceReset = 0x2903;
inline constexpr std::uint32_t kNexusLoss = 0x2907;
inline constexpr std::uint32_t kModeParametersChanged = 0x2a01;
inline constexpr std::uint32_t kCapacityChanged = 0x2a09;
inline constexpr std::uint32_t kCommandsCleared = 0x2f00;
inline constexpr std::uint32_t kLunsChanged = 0x3f0e;

/// Somebody is to be told.
struct Notice {
    InitiatorIndex initiator = 0;
    std::uint16_t lun = 0;
    std::uint32_t condition = 0;
};

/// What is known of the notices of something that has happened.
enum class Certainty : std::uint8_t {
    certain,        ///< these and no others
    more_may_come,  ///< these, and perhaps others that were announced
    open,           ///< any that were announced, or none
};

/// Knows of each session what it is owed. Something that raises unit attentions is first announced, when it
/// is asked for: from then on they may be told. When it is answered, they are settled: owed to sessions that
/// were there all the time, or not to be told at all. What is owed has to be told before any command that was
/// sent afterwards is executed.
///
/// A condition that waits already is not queued twice, and 29h conditions stand for each other: of two that
/// wait, one report is enough.
class AttentionChecker final : public Checker {
public:
    AttentionChecker(World& world, const Plan& plan);

    // What the checkers that know the causes say. `cause` is a number of their choice.
    void may(std::uint64_t cause, InitiatorIndex initiator, std::uint16_t lun, std::uint32_t condition);
    void settle(std::uint64_t cause, const std::vector<Notice>& notices, Certainty certainty);

    void sent(const Task& task) override;
    void answered(const Task& task) override;
    void ended_unanswered(const Task& task) override;
    void sent(const Function& function) override;
    void answered(const Function& function) override;
    void session_asked(const SessionEvent& session) override;
    void session_began(const SessionEvent& session) override;
    void session_ended(const SessionEvent& session) override;
    void resizing() override;
    void resized() override;
    void remapping() override;
    void remapped() override;
    void killed(bool power) override;

private:
    enum class State : std::uint8_t { announced, owed, possible };
    struct Entry {
        std::uint64_t cause;
        std::uint16_t lun;  ///< kAnyLun: the inventory's
        std::uint32_t condition;
        State state = State::announced;
        Time settled = Time::max();
        bool told = false;
        bool ambiguous = false;  ///< told, and it may have been another one of the same
        bool in_doubt = false;   ///< when announced: perhaps told already, or the session came too late
    };
    /// Not settled yet: a session that begins meanwhile may be told too.
    struct Announcement {
        std::uint64_t cause;
        std::optional<InitiatorIndex> only = {};
        std::uint16_t lun;
        std::uint32_t condition;
    };
    struct Session {
        InitiatorIndex initiator = 0;
        bool up = false;
        /// Tasks that may have taken a unit attention, and wait with it until their data have passed by.
        std::set<std::uint64_t> holding = {};
        Time gave_back{};  ///< when one of them ended, and told nobody
        std::vector<Entry> entries;
    };
    static constexpr std::uint16_t kAnyLun = 0xffff;

    void announce(const Announcement& announcement);
    void settle_all(std::uint64_t cause);
    void told(const Task& task, std::uint32_t condition);
    void passed(const Task& task);
    void inventory_told(const Task& task);
    [[nodiscard]] bool is_uncertain(std::uint16_t lun) const { return administrates_ && lun == 1; }

    bool administrates_;
    std::uint64_t resizes_ = 0;
    std::uint64_t remaps_ = 0;
    std::map<std::uint64_t, Session> sessions_;
    std::vector<Announcement> announcements_;
};

}  // namespace targe::sim
