// What the units of a library are called as devices of targed, and the part of targe.toml that makes them.
#pragma once

#include "vtl/library_description.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace targe::vtl {

/// Which unit of a library: a drive, counted from 0, or nothing: the changer.
using UnitIndex = std::optional<std::size_t>;

/// What a library is called where nobody has named it: after its folder, of the characters that a device may
/// have.
[[nodiscard]] std::string library_name(std::string_view folder);

/// "NAME-changer" or "NAME-drive0".
[[nodiscard]] std::string device_name(std::string_view library, UnitIndex unit);

/// Devices and a target for targe.toml(5): the changer is LUN 0, and the drives follow. Serial numbers are
/// the library's, for that is by which READ ELEMENT STATUS says which drive is in which element.
[[nodiscard]] std::string configuration(std::string_view library, const LibraryDescription& description);

}  // namespace targe::vtl
