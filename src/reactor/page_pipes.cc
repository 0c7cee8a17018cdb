#include "reactor/page_pipes.h"

#include "base/assert.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace targe::reactor {
namespace {

constexpr std::size_t kPage = 4096;
/// What anybody may ask for, unless an administrator has said otherwise (fs.pipe-max-size). A pipe holds a
/// page, or a part of one, in each of its slots.
constexpr int kCapacityBytes = 1 << 20;

/// Slots that the range takes.
std::size_t pages_of(std::uint64_t offset, std::size_t size) {
    return (offset % kPage + size + kPage - 1) / kPage;
}

}  // namespace

std::optional<PagePipes::Pipe> PagePipes::make() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
        return std::nullopt;
    }
    Pipe made{.out = FileDescriptor{ends[0]}, .in = FileDescriptor{ends[1]}};
    // A refusal leaves it as small as pipes are at first.
    static_cast<void>(::fcntl(made.in.get(), F_SETPIPE_SZ, kCapacityBytes));
    const int bytes = ::fcntl(made.in.get(), F_GETPIPE_SZ);
    made.capacity = bytes > 0 ? static_cast<std::size_t>(bytes) / kPage : 0;
    return made;
}

std::optional<PagePipes::Pipe> PagePipes::take() {
    if (!free_.empty()) {
        Pipe taken = std::move(free_.back());
        free_.pop_back();
        return taken;
    }
    if (count_ == kMost) {
        return std::nullopt;
    }
    auto made = make();
    if (made) {
        ++count_;
        free_.reserve(count_);
        on_loan_.reserve(count_);
    }
    return made;
}

std::optional<base::Pages> PagePipes::lend(int file, std::uint64_t offset, std::size_t size) {
    auto taken = take();
    if (!taken) {
        return std::nullopt;
    }
    const std::size_t capacity = taken->capacity;
    const base::Piped piped{.pipe = taken->out.get(), .size = size};
    const int in = taken->in.get();
    on_loan_.push_back(*std::move(taken));
    base::Pages pages(*this, piped);
    if (pages_of(offset, size) > capacity) {
        return std::nullopt;
    }
    auto at = static_cast<loff_t>(offset);
    for (std::size_t left = size; left > 0;) {
        const ssize_t moved = ::splice(file, &at, in, nullptr, left, SPLICE_F_NONBLOCK);
        if (moved <= 0) {
            return std::nullopt;
        }
        left -= static_cast<std::size_t>(moved);
    }
    return pages;
}

void PagePipes::give_back(int pipe) noexcept {
    const auto found = std::ranges::find(on_loan_, pipe, [](const Pipe& one) { return one.out.get(); });
    TARGE_ASSERT(found != on_loan_.end());
    int left = 0;
    if (::ioctl(pipe, FIONREAD, &left) == 0 && left == 0) {
        free_.push_back(std::move(*found));
    } else {
        --count_;  // it goes with what nobody has taken
    }
    if (found != on_loan_.end() - 1) {
        *found = std::move(on_loan_.back());
    }
    on_loan_.pop_back();
}

}  // namespace targe::reactor
