// Pages of a store on their way to a socket.
#pragma once

#include <cstddef>
#include <utility>

namespace targe::base {

/// Bytes that wait in a pipe of the kernel's for a socket, in order; the pipe's owner keeps it open.
struct Piped {
    int pipe = -1;  ///< its end to read from
    std::size_t size = 0;
};

class PagesPool;

/// Pages of a file on loan, in a pipe from the pool of one core; the pipe goes back when it ends, on that
/// core, and what nobody took from it is given up. What is in them may change until a socket's peer has them.
class Pages {
public:
    Pages() = default;
    Pages(PagesPool& pool, Piped piped) : pool_(&pool), piped_(piped) {}
    Pages(Pages&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), piped_(std::exchange(other.piped_, {})) {}
    Pages& operator=(Pages&& other) noexcept {
        if (this != &other) {
            reset();
            pool_ = std::exchange(other.pool_, nullptr);
            piped_ = std::exchange(other.piped_, {});
        }
        return *this;
    }
    ~Pages() { reset(); }

    [[nodiscard]] Piped piped() const { return piped_; }
    inline void reset();

private:
    PagesPool* pool_ = nullptr;
    Piped piped_;
};

/// The pipes of one core. Used on that core only.
class PagesPool {
public:
    PagesPool() = default;
    PagesPool(const PagesPool&) = delete;
    PagesPool& operator=(const PagesPool&) = delete;
    virtual ~PagesPool() = default;

private:
    friend class Pages;
    virtual void give_back(int pipe) noexcept = 0;
};

inline void Pages::reset() {
    if (pool_ != nullptr) {
        std::exchange(pool_, nullptr)->give_back(std::exchange(piped_, {}).pipe);
    }
}

}  // namespace targe::base
