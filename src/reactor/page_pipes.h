// The pipes in which a reactor lends pages.
#pragma once

#include "base/pages.h"
#include "reactor/file_descriptor.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace targe::reactor {

/// Made when they are first needed and kept, empty, for the next loan. Where there are too many, or the
/// system has no more, nothing is lent.
class PagePipes final : public base::PagesPool {
public:
    /// Each takes two descriptors, and some 10 KiB of the kernel's memory.
    static constexpr std::size_t kMost = 32;

    /// `size` bytes of the file from `offset` on, at least 1. Nothing when they do not fit in a pipe, or the
    /// file ends before them. Waits for what is not in memory.
    [[nodiscard]] std::optional<base::Pages> lend(int file, std::uint64_t offset, std::size_t size);
    /// That exist, on loan or not.
    [[nodiscard]] std::size_t count() const { return count_; }
    [[nodiscard]] std::size_t loans() const { return on_loan_.size(); }

private:
    struct Pipe {
        FileDescriptor out;
        FileDescriptor in;
        std::size_t capacity = 0;  ///< pages
    };

    void give_back(int pipe) noexcept override;
    [[nodiscard]] std::optional<Pipe> take();
    [[nodiscard]] static std::optional<Pipe> make();

    std::vector<Pipe> free_;
    std::vector<Pipe> on_loan_;
    std::size_t count_ = 0;
};

}  // namespace targe::reactor
