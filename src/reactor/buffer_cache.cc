#include "reactor/buffer_cache.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <functional>
#include <new>

namespace targe::reactor {

namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20U;
/// From this size on a buffer is worth huge pages. A smaller one would keep 2 MiB in memory for itself alone.
constexpr std::size_t kHugeFrom = std::size_t{128} << 10U;

constexpr std::size_t size_of_class(std::size_t index) {
    return BufferCache::kSmallest << index;
}

constexpr std::size_t class_of(std::size_t size) {
    const auto rounded = std::bit_ceil(std::max(size, BufferCache::kSmallest));
    return static_cast<std::size_t>(std::countr_zero(rounded) - std::countr_zero(BufferCache::kSmallest));
}

void* map(std::size_t size) {
    void* const memory =
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return memory == MAP_FAILED ? nullptr : memory;
}

/// Anonymous memory that begins on a huge page, so that it can be made of them.
std::byte* map_aligned(std::size_t size) {
    auto* const memory = static_cast<std::byte*>(map(size + kHugePage));
    if (memory == nullptr) {
        return nullptr;
    }
    const auto address = reinterpret_cast<std::uintptr_t>(memory);
    const std::size_t before = (kHugePage - address % kHugePage) % kHugePage;
    if (before != 0) {
        munmap(memory, before);
    }
    munmap(memory + before + size, kHugePage - before);
    return memory + before;
}

}  // namespace

BufferCache::BufferCache(base::Core& core, std::uint64_t limit_bytes, BufferRegistrar& registrar)
    : core_(core), fixed_(registrar) {
    static_assert(size_of_class(kClasses - 1) == kLargest);
    stats_.limit_bytes = limit_bytes;
}

BufferCache::~BufferCache() {
    TARGE_ASSERT(loans_ == 0);
    core_.disarm(trim_);
    for (const auto mapping : mappings_) {
        munmap(mapping.data(), mapping.size());
    }
}

std::optional<base::Buffer> BufferCache::take(std::size_t size) {
    if (size > kLargest) {
        return take_large(size);
    }
    const std::size_t index = class_of(size);
    const std::size_t capacity = size_of_class(index);
    SizeClass& of = classes_[index];
    if (!of.warm.empty()) {
        std::byte* const data = of.warm.back();
        of.warm.pop_back();
        of.unused = std::min(of.unused, of.warm.size());
        ++stats_.hits;
        return lend(data, size, capacity);
    }
    if (!make_room(capacity) || (of.cold.empty() && !map_more(index))) {
        return refuse();
    }
    std::byte* const data = of.cold.back();
    of.cold.pop_back();
    stats_.bytes_held += capacity;
    ++stats_.misses;
    return lend(data, size, capacity);
}

std::optional<base::Buffer> BufferCache::take_large(std::size_t size) {
    if (size > stats_.limit_bytes) {
        return refuse();
    }
    const std::size_t capacity = (size + kSmallest - 1) / kSmallest * kSmallest;
    if (!make_room(capacity)) {
        return refuse();
    }
    auto* const data = static_cast<std::byte*>(map(capacity));
    if (data == nullptr) {
        return refuse();
    }
    stats_.bytes_held += capacity;
    ++stats_.misses;
    return lend(data, size, capacity);
}

std::optional<base::Buffer> BufferCache::lend(std::byte* data, std::size_t size, std::size_t capacity) {
    ++loans_;
    stats_.bytes_on_loan += capacity;
    return base::Buffer(*this, data, size, capacity);
}

std::optional<base::Buffer> BufferCache::refuse() {
    ++stats_.refused;
    return std::nullopt;
}

void BufferCache::give_back(std::byte* data, std::size_t capacity) noexcept {
    TARGE_ASSERT(loans_ > 0);
    --loans_;
    stats_.bytes_on_loan -= capacity;
    if (capacity > kLargest) {
        munmap(data, capacity);
        stats_.bytes_held -= capacity;
        return;
    }
    SizeClass& of = classes_[class_of(capacity)];
    // map_more() has made room for every buffer of the class: this allocates nothing.
    TARGE_ASSERT(of.warm.size() < of.warm.capacity());
    of.warm.push_back(data);
    if (!trim_.armed()) {
        core_.arm(trim_, core_.now() + kIdle);
    }
}

/// Makes bytes_held + bytes fit the limit, at the cost of cached buffers, the largest first.
bool BufferCache::make_room(std::uint64_t bytes) {
    if (stats_.bytes_on_loan > stats_.limit_bytes || bytes > stats_.limit_bytes - stats_.bytes_on_loan) {
        return false;
    }
    for (std::size_t index = kClasses; index-- > 0 && stats_.bytes_held + bytes > stats_.limit_bytes;) {
        const std::uint64_t over = stats_.bytes_held + bytes - stats_.limit_bytes;
        const std::uint64_t needed = (over + size_of_class(index) - 1) / size_of_class(index);
        cool(index, std::min<std::size_t>(needed, classes_[index].warm.size()));
    }
    return true;
}

/// Adds addresses for at least one more buffer of the class.
bool BufferCache::map_more(std::size_t index) {
    SizeClass& of = classes_[index];
    const std::size_t size = size_of_class(index);
    const std::size_t bytes = std::max(size, kChunk);
    const std::size_t count = bytes / size;
    try {
        // Geometric growth, so that many chunks do not copy the lists many times.
        const std::size_t room = std::bit_ceil(of.total + count);
        of.warm.reserve(room);
        of.cold.reserve(room);
        mappings_.reserve(mappings_.size() == mappings_.capacity() ? 2 * mappings_.size() + 8
                                                                   : mappings_.capacity());
    } catch (const std::bad_alloc&) {
        return false;
    }
    std::byte* const memory = map_aligned(bytes);
    if (memory == nullptr) {
        return false;
    }
    try {
        fixed_.add({memory, bytes}, size);
    } catch (const std::bad_alloc&) {
        munmap(memory, bytes);
        return false;
    }
    // Only advice: a kernel without huge pages serves small ones.
    static_cast<void>(madvise(memory, bytes, size >= kHugeFrom ? MADV_HUGEPAGE : MADV_NOHUGEPAGE));
    mappings_.emplace_back(memory, bytes);
    for (std::size_t i = count; i-- > 0;) {
        of.cold.push_back(memory + i * size);
    }
    of.total += count;
    return true;
}

/// Gives the memory of the `count` buffers that were used longest ago back to the system, and keeps the
/// addresses.
void BufferCache::cool(std::size_t index, std::size_t count) {
    SizeClass& of = classes_[index];
    const std::size_t size = size_of_class(index);
    for (std::size_t i = 0; i < count; ++i) {
        fixed_.forget(of.warm[i]);
        static_cast<void>(madvise(of.warm[i], size, MADV_DONTNEED));
        of.cold.push_back(of.warm[i]);
    }
    of.warm.erase(of.warm.begin(), of.warm.begin() + static_cast<std::ptrdiff_t>(count));
    of.unused = std::min(of.unused, of.warm.size());
    stats_.bytes_held -= count * size;
}

std::optional<std::uint16_t> BufferCache::slot_of(const void* data, std::size_t size) {
    FixedBuffers::Granule* const granule = fixed_.granule_of(data, size);
    if (granule == nullptr) {
        return std::nullopt;
    }
    if (fixed_.is_due(*granule) && warm_up(granule->memory)) {
        fixed_.enter(*granule);
    }
    return granule->slot;
}

/// Counts the buffers in there, which are of one class, as such that have memory. False when that is too
/// much.
bool BufferCache::warm_up(std::span<const std::byte> memory) {
    const auto inside = [memory](const std::byte* data) {
        return data >= memory.data() && data < memory.data() + memory.size();
    };
    if (!make_room(memory.size())) {
        return false;
    }
    for (std::size_t index = 0; index < kClasses; ++index) {
        SizeClass& of = classes_[index];
        const auto cold = std::ranges::partition(of.cold, std::not_fn(inside));
        stats_.bytes_held += cold.size() * size_of_class(index);
        of.warm.insert(of.warm.begin(), cold.begin(), cold.end());
        of.cold.erase(cold.begin(), cold.end());
    }
    return true;
}

void BufferCache::trim() {
    bool cached = false;
    for (std::size_t index = 0; index < kClasses; ++index) {
        SizeClass& of = classes_[index];
        cool(index, of.unused);
        of.unused = of.warm.size();
        cached = cached || !of.warm.empty();
    }
    // With nothing cached there is nothing to trim until the next buffer comes back: an idle core sleeps on.
    if (cached) {
        core_.arm(trim_, core_.now() + kIdle);
    }
}

void BufferCache::release_cached() {
    for (std::size_t index = 0; index < kClasses; ++index) {
        cool(index, classes_[index].warm.size());
    }
    core_.disarm(trim_);
}

}  // namespace targe::reactor
