// Unit attention conditions that wait for one I_T_L nexus, as a value, [SAM-5 r21 5.14].
#pragma once

#include "scsi/sense.h"

#include <array>
#include <cstddef>
#include <optional>

namespace targe::scsi {

/// REPORTED LUNS DATA HAS CHANGED concerns a whole I_T nexus: it waits once, here, and whichever logical unit
/// reports it first has reported it for all of them.
class InventoryAttention {
public:
    void raise() { pending_ = true; }
    /// REPORT LUNS was answered: the initiator knows, [SPC-4 r37 6.33].
    void clear() { pending_ = false; }
    [[nodiscard]] bool pending() const { return pending_; }
    bool operator==(const InventoryAttention&) const = default;

private:
    bool pending_ = false;
};

/// What one logical unit has to tell one initiator. First in, first out; then the inventory of the nexus.
///
/// A condition that waits already is not queued twice. Conditions 29h/xx cover each other: 29/00 (and 29/01)
/// tells of every reset, a reset tells of a nexus loss; of two only the stronger waits, in the place of the
/// earlier. A reset does not flush other conditions.
///
/// The queue is bounded. When it is full, everything in it becomes one 29/00, after which an initiator looks
/// at everything again: it is told too much, never too little.
class UnitAttentionQueue {
public:
    static constexpr std::size_t kCapacity = 16;

    void raise(Asc condition);
    /// At the head: what must be known before anything else, such as I_T NEXUS LOSS OCCURRED.
    void raise_first(Asc condition);
    /// What the next command of this nexus must be told, without taking it out.
    [[nodiscard]] std::optional<Asc> peek(const InventoryAttention& inventory) const;
    /// The same, taken out. Whoever takes one reports it, or calls undelivered().
    [[nodiscard]] std::optional<Asc> take(InventoryAttention& inventory);
    /// The status that carried `condition` never reached the initiator: it is the next to be reported.
    void undelivered(Asc condition, InventoryAttention& inventory);
    void clear() { size_ = 0; }

    [[nodiscard]] bool empty() const { return size_ == 0; }
    [[nodiscard]] std::size_t size() const { return size_; }

private:
    /// Whether `condition` needs no place of its own: it waits, or something stronger does, or it took the
    /// place of something weaker.
    bool absorbed(Asc condition);
    void insert(std::size_t at, Asc condition);
    void erase(std::size_t at);

    std::array<Asc, kCapacity> waiting_{};
    std::size_t size_ = 0;
};

}  // namespace targe::scsi
