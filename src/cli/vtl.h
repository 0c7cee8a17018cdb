// `targe vtl`: virtual tape libraries, which are folders. targed is not asked; targe-vtl is, where it serves
// the library.
#pragma once

#include "cli/answer.h"

#include <cstdint>
#include <optional>
#include <ostream>
#include <string>

namespace CLI {
class App;
}

namespace targe::cli {

enum class VtlVerb : std::uint8_t {
    create,
    config,
    list,
    add,
    remove,
    move,
    protect,
    export_tape,
    import_tape
};

/// As it was typed.
struct VtlArguments {
    VtlVerb verb = VtlVerb::list;
    std::string library;  ///< its folder
    std::string barcode;
    std::string element;  ///< "slot:1", "port:1", "drive:0"; empty: the first empty slot
    std::string file;
    std::string state;       ///< of protect: "on" or "off"
    std::string generation;  ///< empty: of a library LTO-6, of a cartridge what its barcode ends in
    std::string capacity;    ///< empty: what the generation has
    std::uint16_t drives = 2;
    std::uint16_t slots = 16;
    std::uint16_t ports = 2;
    std::string name;    ///< of its devices in targe.toml; empty: as the folder
    std::string serial;  ///< empty: drawn by lot
    std::string vendor;  ///< of the drives; empty: as drives of the generation are known
    std::string product;
    std::string revision;
    bool worm = false;
    bool destroy_data = false;
};

/// Adds the commands below `targe vtl`; `chosen` is set when one of them was typed. All must outlive `group`.
void add_vtl_commands(CLI::App& group, VtlArguments& arguments, std::optional<VtlArguments>& chosen);

/// Does it, by way of `ask` where the library is in use. Returns the exit status.
int run_vtl(const VtlArguments& arguments, bool json, const Ask& ask, std::ostream& out, std::ostream& err);

}  // namespace targe::cli
