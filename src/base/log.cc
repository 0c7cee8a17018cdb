#include "base/log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iterator>
#include <string>

namespace targe::base {
namespace {

std::atomic<LogSink> g_sink = nullptr;

/// "<4>" is how the journal takes a line's priority [sd-daemon(3)]; it adds the time itself.
bool journal_reads_us() {
    static const bool set = std::getenv("JOURNAL_STREAM") != nullptr;
    return set;
}

std::string_view name(LogLevel level) {
    switch (level) {
        case LogLevel::error:
            return "error";
        case LogLevel::warning:
            return "warning";
        case LogLevel::info:
            return "info";
        case LogLevel::debug:
            return "debug";
    }
    return "";
}

int journal_priority(LogLevel level) {
    switch (level) {
        case LogLevel::error:
            return 3;
        case LogLevel::warning:
            return 4;
        case LogLevel::info:
            return 6;
        case LogLevel::debug:
            return 7;
    }
    return 7;
}

std::int64_t steady_seconds() {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

/// Names and texts of initiators end up here, so a newline or an escape sequence in them must stay visible.
void append_printable(fmt::memory_buffer& line, std::string_view text) {
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) {
            fmt::format_to(std::back_inserter(line), "\\x{:02x}", byte);
        } else {
            line.push_back(c);
        }
    }
}

void append_head(fmt::memory_buffer& line, LogLevel level, std::string_view subject) {
    if (journal_reads_us()) {
        fmt::format_to(std::back_inserter(line), "<{}>{}: ", journal_priority(level), subject);
        return;
    }
    const auto now = std::chrono::system_clock::now();
    const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()) % 1000;
    fmt::format_to(std::back_inserter(line), "{:%Y-%m-%dT%H:%M:%S}.{:03}Z {} {}: ",
                   fmt::gmtime(std::chrono::system_clock::to_time_t(now)), ms.count(), name(level), subject);
}

}  // namespace

LogSite::Answer LogSite::admit(std::int64_t now_seconds) {
    std::int64_t window = window_.load(std::memory_order_relaxed);
    if (window == INT64_MIN || now_seconds - window >= kWindowSeconds) {
        // Of the threads that see the window end, the one that moves it tells what was left out.
        if (window_.compare_exchange_strong(window, now_seconds, std::memory_order_relaxed)) {
            const std::uint32_t lines = lines_.exchange(1, std::memory_order_relaxed);
            return {.write = true, .left_out = lines > kLines ? lines - kLines : 0};
        }
    }
    return {.write = lines_.fetch_add(1, std::memory_order_relaxed) < kLines, .left_out = 0};
}

void set_log_sink(LogSink sink) {
    g_sink.store(sink);
}

void log(LogSite& site, LogLevel level, std::string_view subject, fmt::string_view format,
         fmt::format_args arguments) {
    const LogSite::Answer answer = site.admit(steady_seconds());
    if (!answer.write) {
        return;
    }
    fmt::memory_buffer line;
    append_head(line, level, subject);
    append_printable(line, fmt::vformat(format, arguments));
    if (answer.left_out != 0) {
        fmt::format_to(std::back_inserter(line), " ({} lines like it were left out)", answer.left_out);
    }
    line.push_back('\n');
    if (const LogSink sink = g_sink.load(); sink != nullptr) {
        sink({line.data(), line.size()});
    } else {
        // Standard error has no buffer: this is one write, so lines of different threads do not mix.
        std::fwrite(line.data(), 1, line.size(), stderr);
    }
}

}  // namespace targe::base
