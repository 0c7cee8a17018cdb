// Log pages that a handler fills.
#include "device/user_device.h"

#include <algorithm>
#include <cerrno>

namespace targe::device {

namespace {

/// Whole log parameters, one after the other with ascending codes: what LOG SENSE returns is read on as such.
bool are_parameters(std::span<const std::byte> bytes) {
    constexpr std::size_t kHeader = 4;
    int before = -1;
    while (!bytes.empty()) {
        if (bytes.size() < kHeader || kHeader + std::to_integer<std::size_t>(bytes[3]) > bytes.size()) {
            return false;
        }
        const int code = std::to_integer<int>(bytes[0]) * 256 + std::to_integer<int>(bytes[1]);
        if (code <= before) {
            return false;
        }
        before = code;
        bytes = bytes.subspan(kHeader + std::to_integer<std::size_t>(bytes[3]));
    }
    return true;
}

}  // namespace

std::vector<LogPage> UserDevice::log_pages() const {
    const std::scoped_lock lock{mutex_};
    return log_pages_;
}

int UserDevice::keep_log_page(std::uint64_t code, std::span<const std::byte> parameters) {
    constexpr std::uint64_t kLastPage = 0x3e;
    if (settings_.type || code == 0 || code > kLastPage || !are_parameters(parameters)) {
        return EINVAL;
    }
    const std::scoped_lock lock{mutex_};
    const auto at = std::ranges::lower_bound(log_pages_, code, {}, &LogPage::code);
    const bool there = at != log_pages_.end() && at->code == code;
    if (parameters.empty()) {
        if (there) {
            log_pages_.erase(at);
        }
    } else if (there) {
        at->parameters.assign(parameters.begin(), parameters.end());
    } else if (log_pages_.size() >= TARGE_MAX_LOG_PAGES) {
        return ENOSPC;
    } else {
        log_pages_.insert(at, {.code = static_cast<std::uint8_t>(code),
                               .parameters = {parameters.begin(), parameters.end()}});
    }
    return 0;
}

}  // namespace targe::device
