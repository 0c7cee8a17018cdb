// Where a library keeps its own files and its cartridges. A seam: tests keep them in memory.
#pragma once

#include "vtl/store.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace targe::vtl {

/// How the folder of a cartridge is opened.
enum class Access : std::uint8_t {
    look,    ///< to read its label
    take,    ///< nobody else takes it until the store ends; a fault of kind in_use where somebody has it
    create,  ///< the same, and it is made where it is not there
};

class Shelf {
public:
    Shelf() = default;
    Shelf(const Shelf&) = delete;
    Shelf& operator=(const Shelf&) = delete;
    virtual ~Shelf() = default;

    /// The library's own files. Lives as long as the shelf.
    virtual Store& root() = 0;
    virtual Result<std::unique_ptr<Store>> cartridge(const std::string& barcode, Access access) = 0;
    virtual Result<std::vector<std::string>> barcodes() = 0;
    /// With all that is in it; a fault of kind in_use where somebody has it.
    virtual Result<> remove(const std::string& barcode) = 0;
    /// What was built in incoming_cartridge() is a cartridge, and complete.
    virtual Result<> adopt(const std::string& barcode) = 0;
    /// What was begun there and nobody goes on with is gone.
    virtual Result<> discard_incoming() = 0;
};

/// A folder of the host, which is locked until the shelf ends: a fault when another process has it. `create`
/// makes the folder.
[[nodiscard]] Result<std::unique_ptr<Shelf>> open_shelf(const std::string& path, bool create);

// What needs no lock of the library, so that it can be done while another process serves it.

/// The socket where `targe vtl` reaches the process that serves the library in this folder.
[[nodiscard]] std::string control_socket(const std::string& path);
/// The folder of a cartridge, which nobody moves into a drive until the store ends. A fault of kind in_use
/// where it is in one, or another process has it.
[[nodiscard]] Result<std::unique_ptr<Store>> borrow_cartridge(const std::string& path,
                                                              const std::string& barcode);
/// An empty folder to build a cartridge in that comes into the library with Shelf::adopt(), of which the
/// store has ended then. A fault of kind in_use where another process builds one of this barcode.
[[nodiscard]] Result<std::unique_ptr<Store>> incoming_cartridge(const std::string& path,
                                                                const std::string& barcode);

}  // namespace targe::vtl
