// Memory that the kernel has looked at in advance.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace targe::reactor {

/// Where the kernel keeps what it knows of memory; the ring has one.
class BufferRegistrar {
public:
    BufferRegistrar() = default;
    BufferRegistrar(const BufferRegistrar&) = delete;
    BufferRegistrar& operator=(const BufferRegistrar&) = delete;
    /// Makes the memory known as `slot`, in the place of what was; empty: nothing is any more. Operations
    /// that were prepared end in the old memory. 0, or an errno: then a slot that was empty still is.
    [[nodiscard]] virtual int set(unsigned slot, std::span<std::byte> memory) = 0;

protected:
    ~BufferRegistrar() = default;
};

/// An operation past the page cache, in ordinary memory, makes the kernel find, pin and release every page;
/// in registered memory it does so once. Registered memory is all resident, and must not be given back to
/// the system under the kernel: forget() comes first.
///
/// Memory is registered in granules, by and by as operations use it. Where the kernel refuses, the
/// administrator is told once, and operations do without.
class FixedBuffers {
public:
    static constexpr unsigned kSlots = 1024;
    static constexpr std::size_t kSmallestGranule = std::size_t{256} << 10U;
    /// Operations in a granule before it is registered: memory that is used once is not worth the call.
    static constexpr unsigned kUses = 8;

    /// `registrar` outlives it.
    explicit FixedBuffers(BufferRegistrar& registrar) : registrar_(registrar) {}

    /// Memory of buffers that have this size, a power of two; it stays where it is. Throws std::bad_alloc.
    void add(std::span<std::byte> memory, std::size_t buffer_size);

    struct Granule {
        std::span<std::byte> memory;
        std::optional<std::uint16_t> slot;
        unsigned uses = 0;
    };
    /// The one that holds all of the bytes; null when none does.
    [[nodiscard]] Granule* granule_of(const void* data, std::size_t size);
    /// Counts a use: whether it is time to register the granule.
    [[nodiscard]] bool is_due(Granule& granule) const {
        return !refused_ && !granule.slot && ++granule.uses >= kUses;
    }
    /// All of its memory is resident afterwards. False when the kernel refuses.
    bool enter(Granule& granule);
    /// The memory may be given back after this.
    void forget(const std::byte* data);
    [[nodiscard]] std::size_t entered() const { return entered_; }

private:
    struct Region {
        std::span<std::byte> memory;
        std::size_t granule_size;
        std::vector<Granule> granules;
    };

    void refused(int error);

    BufferRegistrar& registrar_;
    std::vector<Region> regions_;  ///< by address
    std::vector<std::uint16_t> free_slots_;
    unsigned used_slots_ = 0;  ///< that were in use at some time
    std::size_t entered_ = 0;
    bool refused_ = false;
};

}  // namespace targe::reactor
