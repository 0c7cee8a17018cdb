// One line a fact, to standard error. Text that came from outside can neither break a line nor flood the log.
#pragma once

#include <fmt/core.h>

#include <atomic>
#include <cstdint>
#include <string_view>

namespace targe::base {

enum class LogLevel : std::uint8_t { error, warning, info, debug };

namespace detail {
inline constinit std::atomic<LogLevel> log_level{LogLevel::info};
}

/// Lines above this level cost one load and one branch.
inline void set_log_level(LogLevel level) {
    detail::log_level.store(level, std::memory_order_relaxed);
}
[[nodiscard]] inline bool log_enabled(LogLevel level) {
    return level <= detail::log_level.load(std::memory_order_relaxed);
}

/// One place in the source that logs. Passes kLines lines in kWindowSeconds, then counts; the first line of
/// the next window says how many were left out.
class LogSite {
public:
    static constexpr std::uint32_t kLines = 10;
    static constexpr std::int64_t kWindowSeconds = 10;

    constexpr LogSite() = default;
    LogSite(const LogSite&) = delete;
    LogSite& operator=(const LogSite&) = delete;

    struct Answer {
        bool write = false;
        std::uint32_t left_out = 0;  ///< to be told with this line
    };
    /// Whether a line may be written at `now_seconds`, of any clock that does not go back. From any thread.
    Answer admit(std::int64_t now_seconds);

private:
    std::atomic<std::int64_t> window_ = INT64_MIN;
    std::atomic<std::uint32_t> lines_ = 0;
};

/// Where lines go, each with its newline, from any thread. nullptr is standard error.
using LogSink = void (*)(std::string_view line);
void set_log_sink(LogSink sink);

/// What TARGE_LOG calls once the level is on.
void log(LogSite& site, LogLevel level, std::string_view subject, fmt::string_view format,
         fmt::format_args arguments);

template <class... Arguments>
void log_line(LogSite& site, LogLevel level, std::string_view subject,
              fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    log(site, level, subject, format, fmt::make_format_args(arguments...));
}

}  // namespace targe::base

/// TARGE_LOG(warning, "iscsi", "{} sent no login for {} s", address, seconds): the level is an enumerator of
/// LogLevel, the subject is what the line is about.
#define TARGE_LOG(level, subject, ...)                                                                     \
    do {                                                                                                   \
        if (::targe::base::log_enabled(::targe::base::LogLevel::level)) {                                  \
            static constinit ::targe::base::LogSite targe_log_site;                                        \
            ::targe::base::log_line(targe_log_site, ::targe::base::LogLevel::level, subject, __VA_ARGS__); \
        }                                                                                                  \
    } while (false)
