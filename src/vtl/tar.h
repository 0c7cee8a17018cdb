// A cartridge as a plain tar archive, a member for each logical object, that any tar reads.
#pragma once

#include "vtl/cartridge.h"
#include "vtl/store.h"

#include <cstddef>
#include <cstdint>
#include <istream>
#include <ostream>
#include <string>
#include <vector>

namespace targe::vtl {

/// What could not be read.
struct Unreadable {
    std::size_t partition;
    std::uint64_t object;
    std::uint64_t count;  ///< objects, of which some may be filemarks
    bool operator==(const Unreadable&) const = default;
};
/// "object 7, objects 12 to 40 of partition 1"; not all of many.
[[nodiscard]] std::string text_of(const std::vector<Unreadable>& unreadable);

/// Members: BARCODE/label.json, then of each partition P and file F (objects between filemarks) in order
///   BARCODE/P/F/OBJECT.block     the block as the initiator wrote it
///   BARCODE/P/F/OBJECT.sealed    a block that is encrypted: record header and payload, as they are stored
///   BARCODE/P/F/OBJECT.filemark  empty
///   BARCODE/P/F/OBJECT.damaged   empty, in the place of what could not be read, which is returned in order
/// The positions of the partitions are moved.
[[nodiscard]] Result<std::vector<Unreadable>> export_tar(Cartridge& cartridge, std::ostream& out);

/// The label that an archive of export_tar() begins with; what follows is read by import_objects().
[[nodiscard]] Result<Label> import_label(std::istream& in);
/// The rest, into a cartridge that is empty; blocks are compressed, and what is damaged is a block that
/// cannot be read. When it fails the cartridge has a part.
[[nodiscard]] Result<> import_objects(std::istream& in, Cartridge& cartridge);

}  // namespace targe::vtl
