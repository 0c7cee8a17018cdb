// A cartridge as a plain tar archive, a member for each logical object, that any tar reads.
#pragma once

#include "vtl/cartridge.h"
#include "vtl/store.h"

#include <cstdint>
#include <istream>
#include <ostream>

namespace targe::vtl {

/// Members: BARCODE/label.json, then of each partition P and file F (objects between filemarks) in order
///   BARCODE/P/F/OBJECT.block     the block as the initiator wrote it
///   BARCODE/P/F/OBJECT.sealed    a block that is encrypted: record header and payload, as they are stored
///   BARCODE/P/F/OBJECT.filemark  empty
/// The positions of the partitions are moved.
[[nodiscard]] Result<> export_tar(Cartridge& cartridge, std::ostream& out);

/// The label that an archive of export_tar() begins with; what follows is read by import_objects().
[[nodiscard]] Result<Label> import_label(std::istream& in);
/// The rest, into a cartridge that is empty; blocks are compressed. When it fails the cartridge has a part.
[[nodiscard]] Result<> import_objects(std::istream& in, Cartridge& cartridge);

}  // namespace targe::vtl
