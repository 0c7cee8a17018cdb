// Which pages of a RAM disk hold data.
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace targe::device {

/// One bit a page, set and cleared from every core at once. Nothing is locked, so the order is the caller's
/// to keep: mark() after the data is there, clear() before it goes. Then a page that has data and lost no
/// race is never reported as empty.
class WrittenPages {
public:
    explicit WrittenPages(std::uint64_t pages)
        : pages_(pages), words_(std::make_unique<std::atomic<std::uint64_t>[]>((pages + 63) / 64)) {}

    void mark(std::uint64_t first, std::uint64_t end) {
        for (std::uint64_t page = first; page < end; ++page) {
            // Read first: a disk that is overwritten shares these lines among cores without moving them.
            if (!written(page)) {
                words_[page / 64].fetch_or(bit(page), std::memory_order_relaxed);
            }
        }
    }
    void clear(std::uint64_t first, std::uint64_t end) {
        for (std::uint64_t page = first; page < end; ++page) {
            words_[page / 64].fetch_and(~bit(page), std::memory_order_relaxed);
        }
    }
    [[nodiscard]] bool written(std::uint64_t page) const {
        return (words_[page / 64].load(std::memory_order_relaxed) & bit(page)) != 0;
    }
    /// The first page from `first` on, before `end`, that is not as `first` is.
    [[nodiscard]] std::uint64_t run_end(std::uint64_t first, std::uint64_t end) const {
        const bool as = written(first);
        std::uint64_t page = first + 1;
        while (page < end && written(page) == as) {
            ++page;
        }
        return page;
    }
    [[nodiscard]] std::uint64_t size() const { return pages_; }
    /// How many hold data: looks at all of them, 64 at a time.
    [[nodiscard]] std::uint64_t count() const {
        std::uint64_t sum = 0;
        for (std::uint64_t word = 0; word < (pages_ + 63) / 64; ++word) {
            sum += static_cast<std::uint64_t>(std::popcount(words_[word].load(std::memory_order_relaxed)));
        }
        return sum;
    }

private:
    static constexpr std::uint64_t bit(std::uint64_t page) { return std::uint64_t{1} << (page % 64); }

    std::uint64_t pages_;
    std::unique_ptr<std::atomic<std::uint64_t>[]> words_;
};

}  // namespace targe::device
