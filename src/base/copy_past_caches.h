// Copying to memory that nobody looks at soon.
#pragma once

#include <cstddef>

namespace targe::base {

/// As memcpy, but what is written goes to memory without being brought into the caches first, and drives
/// nothing else out of them: cheaper than memcpy where the caches do not hold `to`, and dearer where they do.
/// Other cores see it before anything that this one writes after its next atomic read-modify-write or system
/// call, and in no order before (docs/adr/0028-large-ram-disks-past-the-caches.md).
void copy_past_caches(std::byte* to, const std::byte* from, std::size_t size);

}  // namespace targe::base
