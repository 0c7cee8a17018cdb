#include "admin/line_output.h"

#include "base/log.h"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>

namespace targe::admin {

namespace {

std::string_view without_newline(std::string_view line) {
    return line.ends_with('\n') ? line.substr(0, line.size() - 1) : line;
}

}  // namespace

bool LineOutput::has_room() const {
    pollfd wanted{.fd = descriptor_, .events = POLLOUT, .revents = 0};
    return ::poll(&wanted, 1, 0) == 1 && (wanted.revents & POLLOUT) != 0;
}

bool LineOutput::put(std::string_view line) const {
    // Nobody else of this process writes meanwhile, so the room is still there.
    while (has_room()) {
        const ssize_t written = ::write(descriptor_, line.data(), line.size());
        if (written >= 0 || errno != EINTR) {
            return written >= 0;
        }
    }
    return false;
}

void LineOutput::write(std::string_view line) {
    const std::scoped_lock lock{mutex_};
    std::string changed;
    if (lost_ > 0) {
        changed = fmt::format("{} (before it {} lines were lost, because nobody took them)\n",
                              without_newline(line), lost_);
        line = changed;
    }
    if (line.size() > kLongest) {
        constexpr std::string_view kEnd = "...\n";
        changed = fmt::format("{}{}", line.substr(0, kLongest - kEnd.size()), kEnd);
        line = changed;
    }
    lost_ = put(line) ? 0 : lost_ + 1;
}

void log_without_waiting() {
    static constinit LineOutput standard_error{STDERR_FILENO};
    base::set_log_sink([](std::string_view line) { standard_error.write(line); });
}

}  // namespace targe::admin
