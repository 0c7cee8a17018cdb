// Finds a command of a nexus by its tag.
#pragma once

#include "engine/command.h"

#include <array>
#include <cstddef>

namespace targe::engine {

/// Chains commands through themselves: nothing is allocated, however many there are.
class TagTable {
public:
    [[nodiscard]] Command* find(TaskTag tag) const {
        Command* at = buckets_[bucket(tag)];
        while (at != nullptr && at->tag != tag) {
            at = at->life.next_of_bucket;
        }
        return at;
    }
    void insert(Command& command) {
        Command*& head = buckets_[bucket(command.tag)];
        command.life.next_of_bucket = head;
        command.life.tagged = true;
        head = &command;
    }
    /// Nothing happens when it is not in the table.
    void erase(Command& command) {
        if (!command.life.tagged) {
            return;
        }
        Command** at = &buckets_[bucket(command.tag)];
        while (*at != &command) {
            at = &(*at)->life.next_of_bucket;
        }
        *at = command.life.next_of_bucket;
        command.life.tagged = false;
    }

private:
    static constexpr std::size_t kBuckets = 256;
    /// Initiators count tags up, or keep an index in the low or the high half.
    static std::size_t bucket(TaskTag tag) {
        return (tag.value ^ (tag.value >> 8U) ^ (tag.value >> 16U) ^ (tag.value >> 24U)) % kBuckets;
    }

    std::array<Command*, kBuckets> buckets_{};
};

}  // namespace targe::engine
