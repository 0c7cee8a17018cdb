// What a library consists of, as its file library.json says.
#pragma once

#include "vtl/generation.h"
#include "vtl/inventory.h"
#include "vtl/store.h"

#include <string>
#include <string_view>
#include <vector>

namespace targe::vtl {

/// By what initiators recognise a unit. Backup software knows drives and libraries by their product.
struct UnitName {
    std::string vendor;    ///< 8 characters at most
    std::string product;   ///< 16
    std::string revision;  ///< 4
    std::string serial;    ///< 10
    bool operator==(const UnitName&) const = default;
};

struct DriveUnit {
    UnitName name;
    const Generation* generation = nullptr;  ///< never null
    bool operator==(const DriveUnit&) const = default;
};

struct LibraryDescription {
    UnitName changer;
    std::vector<DriveUnit> drives;
    std::uint16_t storage = 8;
    std::uint16_t import_export = 1;

    [[nodiscard]] ElementCounts counts() const {
        return {.drives = static_cast<std::uint16_t>(drives.size()),
                .storage = storage,
                .import_export = import_export};
    }
    bool operator==(const LibraryDescription&) const = default;
};

/// Names as IBM's: what backup software and LTFS look for. Serials begin with `serial`, 6 characters.
[[nodiscard]] LibraryDescription standard_library(const Generation& generation, std::uint16_t drives,
                                                  std::uint16_t storage, std::uint16_t import_export,
                                                  std::string_view serial);

[[nodiscard]] std::string encode(const LibraryDescription& description);
/// A fault of kind `damaged` that says which member is missing or wrong.
[[nodiscard]] Result<LibraryDescription> decode_library(std::string_view text);

}  // namespace targe::vtl
