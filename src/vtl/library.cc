#include "vtl/library.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <span>
#include <utility>

namespace targe::vtl {
namespace {

constexpr const char* kDescriptionName = "library.json";
constexpr const char* kInventoryName = "inventory.json";
constexpr const char* kReserveName = "reserve";
constexpr std::size_t kMostFileBytes = 16U << 20U;
constexpr std::size_t kReserveBytes = 1U << 20U;  ///< more than an inventory has

Result<std::optional<std::string>> read_text(Store& store, const char* name) {
    const auto content = store.read_all(name, kMostFileBytes);
    if (!content) {
        return std::unexpected(content.error());
    }
    if (!*content) {
        return std::optional<std::string>{};
    }
    std::string text;
    for (const std::byte byte : **content) {
        text.push_back(static_cast<char>(byte));
    }
    return std::optional(std::move(text));
}

}  // namespace

Library::Library(std::unique_ptr<Shelf> shelf, LibraryDescription description, Inventory inventory)
    : shelf_(std::move(shelf)), description_(std::move(description)), inventory_(std::move(inventory)) {
    for (const DriveUnit& drive : description_.drives) {
        bays_.push_back(std::make_unique<Bay>(DriveDescription{
            .serial = drive.name.serial, .generation = drive.generation, .manufacturer = drive.name.vendor}));
    }
    changer_.emplace(static_cast<Robot&>(*this));
}

Result<std::unique_ptr<Library>> Library::create(std::unique_ptr<Shelf> shelf,
                                                 const LibraryDescription& description) {
    const auto old = read_text(shelf->root(), kDescriptionName);
    if (!old) {
        return std::unexpected(old.error());
    }
    if (*old) {
        return std::unexpected(Fault{.kind = FaultKind::host, .what = "there is a library already"});
    }
    const std::string text = encode(description);
    if (const auto good = decode_library(text); !good) {
        return std::unexpected(good.error());
    }
    if (const auto wrote = shelf->root().replace(kDescriptionName, std::as_bytes(std::span{text})); !wrote) {
        return std::unexpected(wrote.error());
    }
    return open(std::move(shelf));
}

Result<std::unique_ptr<Library>> Library::open(std::unique_ptr<Shelf> shelf) {
    const auto text = read_text(shelf->root(), kDescriptionName);
    if (!text) {
        return std::unexpected(text.error());
    }
    if (!*text) {
        return std::unexpected(
            Fault{.kind = FaultKind::host, .what = "there is no library.json: this is no library"});
    }
    auto description = decode_library(**text);
    if (!description) {
        return std::unexpected(description.error());
    }
    const auto listed = read_text(shelf->root(), kInventoryName);
    if (!listed) {
        return std::unexpected(listed.error());
    }
    auto inventory = *listed ? decode_inventory(**listed, description->counts())
                             : Result<Inventory>(Inventory(description->counts()));
    if (!inventory) {
        return std::unexpected(inventory.error());
    }
    std::unique_ptr<Library> made(
        new Library(std::move(shelf), std::move(*description), std::move(*inventory)));
    if (const auto settled = made->settle(); !settled) {
        return std::unexpected(settled.error());
    }
    return made;
}

/// Space that save() may use when there is none: whoever cannot move cartridges cannot make room for more.
void Library::set_aside() {
    const auto bytes = shelf_->root().size(kReserveName);
    if (bytes && *bytes == kReserveBytes) {
        return;
    }
    // Where there is no space for it the next move that finds some will do.
    const std::vector<std::byte> reserve(kReserveBytes);
    static_cast<void>(shelf_->root().replace(kReserveName, reserve));
}

/// Elements and folders agree, and drives have their cartridges.
Result<> Library::settle() {
    const auto barcodes = shelf_->barcodes();
    if (!barcodes) {
        return std::unexpected(barcodes.error());
    }
    if (const auto discarded = shelf_->discard_incoming(); !discarded) {
        return discarded;
    }
    Inventory settled = inventory_;
    for (const Element& element : inventory_.elements()) {
        if (element.barcode && std::ranges::find(*barcodes, *element.barcode) == barcodes->end()) {
            settled.take(element.address);
        }
    }
    for (const std::string& barcode : *barcodes) {
        const Element* const empty = settled.empty(ElementType::storage);
        if (settled.find_barcode(barcode) == nullptr && empty != nullptr) {
            settled.put(empty->address, barcode);
        }
    }
    if (settled != inventory_) {
        if (const auto saved = save(settled); !saved) {
            return saved;
        }
        inventory_ = std::move(settled);
    }
    set_aside();
    std::vector<InHand> nothing;
    for (const Element& element : inventory_.elements()) {
        if (const auto bay = bay_of(element); bay && element.barcode) {
            load(*bay, *element.barcode, nothing);
            InBay(*bays_[*bay])->distrust_position();
        }
    }
    events_.clear();
    return {};
}

std::optional<std::size_t> Library::bay_of(const Element& element) {
    return element.type == ElementType::drive ? std::optional<std::size_t>(element.address - kFirstDrive)
                                              : std::nullopt;
}

Result<> Library::save(const Inventory& inventory) {
    const std::string text = encode(inventory);
    const auto bytes = std::as_bytes(std::span{text});
    const auto saved = shelf_->root().replace(kInventoryName, bytes);
    if (saved || saved.error().kind != FaultKind::full || !shelf_->root().remove(kReserveName)) {
        set_aside();
        return saved;
    }
    return shelf_->root().replace(kInventoryName, bytes);
}

Inventory Library::elements() {
    const std::lock_guard lock(mutex_);
    return inventory_;
}

Reply Library::execute_changer(const Command& command) {
    const std::lock_guard lock(mutex_);
    return changer_->execute(command);
}

Reply Library::execute_drive(std::size_t index, const Command& command) {
    return InBay(*bays_.at(index))->execute(command);
}

void Library::changer_session_gone(std::uint64_t session) {
    const std::lock_guard lock(mutex_);
    changer_->session_gone(session);
}

void Library::drive_session_gone(std::size_t index, std::uint64_t session) {
    InBay(*bays_.at(index))->session_gone(session);
}

void Library::reset_changer() {
    const std::lock_guard lock(mutex_);
    changer_->reset();
}

void Library::reset_drive(std::size_t index) {
    InBay(*bays_.at(index))->reset();
}

std::vector<LibraryEvent> Library::take_events() {
    const std::lock_guard lock(mutex_);
    return std::exchange(events_, {});
}

Result<> Library::sync() {
    const std::lock_guard lock(mutex_);
    Result<> all;
    for (const std::unique_ptr<Bay>& bay : bays_) {
        if (const auto synced = InBay(*bay)->sync(); !synced && all) {
            all = synced;
        }
    }
    return all;
}

DriveIdentity Library::drive_identity(std::size_t index) const {
    const UnitName& name = description_.drives.at(index).name;
    return {.vendor = name.vendor, .product = name.product, .serial = name.serial};
}

bool Library::drive_accessible(std::size_t index) const {
    return bays_.at(index)->accessible;
}

}  // namespace targe::vtl
