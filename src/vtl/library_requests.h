// What an administrator asks of a library, in the protocol of admin/control_message.h: over the control
// socket of targe-vtl, or within `targe vtl` while nobody serves the library.
//
// | verb        | arguments                                              | result                          |
// |-------------|--------------------------------------------------------|---------------------------------|
// | vtl-list    |                                                        | elements: see targe(8)          |
// | vtl-config  | name: of its devices                                   | name, toml                      |
// | vtl-add     | barcode, generation, capacity_bytes, worm, element     | barcode, element                |
// | vtl-remove  | barcode                                                | {}                              |
// | vtl-move    | barcode, element                                       | barcode, element                |
// | vtl-protect | barcode, on                                            | {}                              |
// | vtl-place   | barcode, element                                       | barcode, element: it would come |
// | vtl-adopt   | barcode, element: what was built in incoming_cartridge() | barcode, element              |
//
// Elements are names of element_name(); without one the first empty slot is meant, without a generation what
// the barcode ends in, without a capacity what the generation has.
#pragma once

#include "admin/control_message.h"
#include "vtl/library.h"

#include <string>
#include <string_view>

namespace targe::vtl {

/// What a fault was, for an administrator. "LIBRARY" in `cure` stands for the folder of the library.
[[nodiscard]] admin::Problem problem_of(const Fault& fault, std::string cure = "targe vtl list LIBRARY");

/// The answer to one request, without a newline. What initiators are to be told of it, Library::take_events()
/// says.
[[nodiscard]] std::string handle_library_request(std::string_view request, Library& library);

}  // namespace targe::vtl
