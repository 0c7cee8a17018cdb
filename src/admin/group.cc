#include "admin/group.h"

#include <grp.h>

#include <cerrno>
#include <cstddef>
#include <vector>

namespace targe::admin {

std::optional<gid_t> group_id(const std::string& name) {
    // A group with many members takes more than the system says at first.
    constexpr std::size_t kMost = std::size_t{1} << 24U;
    for (std::size_t size = 16'384; size <= kMost; size *= 4) {
        std::vector<char> space(size);
        group entry{};
        group* found = nullptr;
        const int error = ::getgrnam_r(name.c_str(), &entry, space.data(), space.size(), &found);
        if (error != ERANGE) {
            return error == 0 && found != nullptr ? std::optional(found->gr_gid) : std::nullopt;
        }
    }
    return std::nullopt;
}

}  // namespace targe::admin
