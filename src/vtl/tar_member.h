// Members of a tar archive in the format of POSIX (ustar), as far as files of less than 8 GiB go.
#pragma once

#include "vtl/store.h"

#include <cstddef>
#include <cstdint>
#include <istream>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace targe::vtl {

inline constexpr std::size_t kTarBlock = 512;

/// `name` has 99 characters at most.
void write_member(std::ostream& out, const std::string& name, wire::Bytes head, wire::Bytes body);
/// The two empty blocks at the end of an archive.
void write_end(std::ostream& out);

struct TarMember {
    std::string name;
    std::vector<std::byte> content;
};

/// The next file, or nothing at the end. Folders are passed over. A fault for what is no tar, is damaged, or
/// has a file of more than `limit_bytes`.
[[nodiscard]] Result<std::optional<TarMember>> read_member(std::istream& in, std::size_t limit_bytes);

}  // namespace targe::vtl
