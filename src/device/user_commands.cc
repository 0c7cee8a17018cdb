// The command level: CDBs, nexuses and task management on their way to the handler.
#include "device/user_device.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <functional>
#include <future>
#include <string>
#include <utility>

namespace targe::device {

namespace {

enum SenseFlag : std::uint8_t {  // of targe_completion.sense_flags, as in targe_commands.h
    kInformation = 1U << 0U,
    kCommandSpecific = 1U << 1U,
    kSpecific = 1U << 2U,
    kFilemark = 1U << 3U,
    kEndOfMedium = 1U << 4U,
    kIncorrectLength = 1U << 5U,
    kDeferred = 1U << 6U,
};

constexpr std::uint8_t kCheckCondition = 0x02;

ServerAnswer answer_of(UserRequest& request) {
    const targe_completion& completion = request.answer;
    const auto has = [&](SenseFlag flag) { return (completion.sense_flags & flag) != 0; };
    ServerAnswer answer{.end = ServerAnswer::End::answered,
                        .status = completion.status,
                        .in_bytes = completion.in_length,
                        .wanted = completion.wanted,
                        .report = completion.report,
                        .remap = std::move(request.remap)};
    if (completion.status != kCheckCondition) {
        return answer;
    }
    answer.key = completion.key;
    answer.condition = static_cast<std::uint16_t>(completion.asc << 8U | completion.ascq);
    answer.deferred = has(kDeferred);
    answer.filemark = has(kFilemark);
    answer.end_of_medium = has(kEndOfMedium);
    answer.incorrect_length = has(kIncorrectLength);
    if (has(kInformation)) {
        answer.information = completion.information;
    }
    if (has(kCommandSpecific)) {
        answer.command_specific = completion.command_specific;
    }
    if (has(kSpecific)) {
        answer.specific = {completion.specific[0], completion.specific[1], completion.specific[2]};
    }
    return answer;
}

std::string text_of(std::span<const char> field) {
    return {field.begin(), std::ranges::find(field, '\0')};
}

/// A handler says what initiators are shown: printable ASCII, as the standard asks.
bool is_printable(const std::string& text) {
    return std::ranges::all_of(text, [](char c) { return c >= ' ' && c <= '~'; });
}

std::optional<CommandRule> rule_of(const targe_rule& rule) {
    constexpr std::uint8_t kAnyAction = 0xff;
    constexpr std::uint8_t kLastAction = 0x1f;
    constexpr std::uint8_t kWidest = 4;
    constexpr std::uint32_t kLargestUnit = 1U << 24U;
    const bool has = (rule.action == kAnyAction || rule.action <= kLastAction) && rule.direction <= 2 &&
                     rule.length_bytes <= kWidest && rule.unit <= kLargestUnit;
    const bool writes = (rule.flags & TARGE_RULE_FLAG_WRITES) != 0;
    if (!has || (rule.flags & ~TARGE_RULE_FLAGS) != 0 || (writes && rule.flags != TARGE_RULE_FLAG_WRITES)) {
        return std::nullopt;
    }
    CommandRule known{.opcode = rule.opcode,
                      .direction = CommandRule::Direction{rule.direction},
                      .writes_medium = writes,
                      .passes_write_exclusive = (rule.flags & TARGE_RULE_FLAG_READS) != 0,
                      .passes_every_reservation = (rule.flags & TARGE_RULE_FLAG_PASSES) != 0,
                      .length_at = rule.length_at,
                      .length_bytes = rule.length_bytes,
                      .unit = rule.unit};
    if (rule.action != kAnyAction) {
        known.service_action = rule.action;
    }
    return known;
}

}  // namespace

std::expected<ServerFacts, std::string> facts_of(const UserGreeting& hello) {
    ServerFacts facts{.removable = hello.removable != 0,
                      .vendor = text_of(hello.vendor),
                      .product = text_of(hello.product),
                      .revision = text_of(hello.revision).substr(0, 4),
                      .vpd_pages = {},
                      .rules = {}};
    if (!is_printable(facts.vendor) || !is_printable(facts.product) || !is_printable(facts.revision)) {
        return std::unexpected("vendor, product and revision of the handler must be printable ASCII");
    }
    if (hello.vpd_page_count > TARGE_MAX_VPD_PAGES) {
        return std::unexpected("the handler names more VPD pages than there can be");
    }
    facts.vpd_pages.assign(hello.vpd_pages, hello.vpd_pages + hello.vpd_page_count);
    constexpr std::array<std::uint8_t, 4> kOfTarged{0x00, 0x80, 0x83, 0x88};
    const bool ours = std::ranges::any_of(kOfTarged, [&](std::uint8_t page) {
        return std::ranges::find(facts.vpd_pages, page) != facts.vpd_pages.end();
    });
    if (ours || !std::ranges::is_sorted(facts.vpd_pages, std::less_equal<>{})) {
        return std::unexpected(
            "the VPD pages of the handler must ascend, without 00h, 80h, 83h and 88h, which are targed's");
    }
    for (const targe_rule& rule : hello.rules) {
        const auto known = rule_of(rule);
        if (!known) {
            return std::unexpected("a rule of the handler for a command makes no sense");
        }
        facts.rules.push_back(*known);
    }
    return facts;
}

ServerFacts UserDevice::facts() const {
    const std::scoped_lock lock{mutex_};
    return known_.server;
}

base::Task<ServerAnswer> UserDevice::execute(base::CommandArena& /*arena*/, ServerRequest& asked) {
    UserRequest request;
    request.op = TARGE_OP_EXECUTE;
    request.may_be_repeated = false;
    request.cdb = asked.cdb;
    request.attribute = asked.attribute;
    request.session = asked.nexus;
    request.tag = asked.tag;
    request.out = asked.out;
    request.in = asked.in;
    request.server = &asked;
    co_await queue_here().perform(request);
    switch (request.end) {
        case UserRequest::End::answered:
            if (request.answer.error != 0) {
                co_return ServerAnswer{.end = request.answer.error == EACCES ? ServerAnswer::End::refused
                                                                             : ServerAnswer::End::lost};
            }
            co_return answer_of(request);
        case UserRequest::End::away:
            co_return ServerAnswer{.end = settings_.busy_when_away ? ServerAnswer::End::busy
                                                                   : ServerAnswer::End::away};
        case UserRequest::End::reset:
            co_return ServerAnswer{.end = ServerAnswer::End::reset};
        case UserRequest::End::timed_out:
        case UserRequest::End::lost:
        case UserRequest::End::pending:
            break;
    }
    co_return ServerAnswer{.end = ServerAnswer::End::lost};
}

/// The next handler knows nothing of where the last one was: a tape is at its beginning again, and parameters
/// are as after power on. So no command may reach it before its initiator has been told, [SAM-5 r21 5.14].
bool UserDevice::replace_handler() {
    constexpr std::uint16_t kDeviceInternalReset = 0x2904;
    constexpr std::chrono::seconds kTellLimit{5};
    if (!settings_.type) {
        return true;
    }
    std::promise<void> told;
    const std::future<void> in_force = told.get_future();
    {
        const std::scoped_lock lock{observing_};
        if (observer_ == nullptr) {
            return true;
        }
        observer_->raise(kDeviceInternalReset, 0, [told = std::move(told)]() mutable { told.set_value(); });
    }
    return in_force.wait_for(kTellLimit) == std::future_status::ready;
}

bool UserDevice::join(const ServerNexus& nexus) {
    return queue_here().join(nexus);
}

void UserDevice::depart(std::uint64_t nexus) {
    queue_here().depart(nexus);
}

void UserDevice::leave(std::uint64_t nexus) {
    queue_here().leave(nexus);
}

void UserDevice::tell(ServerEvent event, bool done, std::uint64_t nexus) {
    if (can(TARGE_WANTS_MANAGEMENT)) {
        queue_here().tell_of_management(static_cast<std::uint8_t>(event), done, nexus);
    }
}

void UserDevice::delivered(std::uint64_t nexus, std::uint64_t report, bool arrived) {
    queue_here().tell_of_delivery(nexus, report, arrived);
}

}  // namespace targe::device
