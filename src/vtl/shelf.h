// Where a library keeps its own files and its cartridges. A seam: tests keep them in memory.
#pragma once

#include "vtl/store.h"

#include <memory>
#include <string>
#include <vector>

namespace targe::vtl {

class Shelf {
public:
    Shelf() = default;
    Shelf(const Shelf&) = delete;
    Shelf& operator=(const Shelf&) = delete;
    virtual ~Shelf() = default;

    /// The library's own files. Lives as long as the shelf.
    virtual Store& root() = 0;
    /// The folder of one cartridge; `create` makes one that is not there.
    virtual Result<std::unique_ptr<Store>> cartridge(const std::string& barcode, bool create) = 0;
    virtual Result<std::vector<std::string>> barcodes() = 0;
    /// With all that is in it.
    virtual Result<> remove(const std::string& barcode) = 0;
};

/// A folder of the host, which is locked until the shelf ends: a fault when another process has it. `create`
/// makes the folder.
[[nodiscard]] Result<std::unique_ptr<Shelf>> open_shelf(const std::string& path, bool create);

}  // namespace targe::vtl
