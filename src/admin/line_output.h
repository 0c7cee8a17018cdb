// Lines for somebody who may not read them.
#pragma once

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

namespace targe::admin {

/// Writes lines to a descriptor, such as standard error, and waits for nobody: a pipe that is full, a
/// terminal that was halted or a journal that hangs must not hold up a core. What finds no room is lost and
/// counted, and the next line that finds some says how many were. From any thread; lines do not mix.
class LineOutput {
public:
    /// Longer ones end in "...": a pipe takes so much at once or nothing [pipe(7), PIPE_BUF].
    static constexpr std::size_t kLongest = 4096;

    /// `descriptor` stays the caller's; its flags, which other programs may share, stay as they are.
    explicit constexpr LineOutput(int descriptor) : descriptor_(descriptor) {}

    /// `line` with its newline at the end.
    void write(std::string_view line);

private:
    [[nodiscard]] bool has_room() const;
    [[nodiscard]] bool put(std::string_view line) const;

    int descriptor_;
    std::mutex mutex_;
    std::uint64_t lost_ = 0;
};

/// Has the log of the process written so to standard error from now on.
void log_without_waiting();

}  // namespace targe::admin
