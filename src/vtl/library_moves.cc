// Who goes where: what the changer does, and what an operator does.
#include "vtl/library.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

namespace targe::vtl {
namespace {

std::unexpected<Fault> refused(std::string what) {
    return std::unexpected(Fault{.kind = FaultKind::host, .what = std::move(what)});
}

std::string_view text_of(MoveFault fault) {
    switch (fault) {
        case MoveFault::no_such_element:
            return "there is no such element";
        case MoveFault::source_empty:
            return "there is no cartridge to move";
        case MoveFault::destination_full:
            return "the destination has a cartridge";
        case MoveFault::removal_prevented:
            return "an initiator prevents that the cartridge is removed";
        case MoveFault::host:
            return "the move could not be made durable";
    }
    return "";
}

}  // namespace

std::expected<void, MoveFault> Library::possible(const std::vector<Move>& moves) const {
    for (const Move& move : moves) {
        const Element* const from = inventory_.find(move.from);
        const Element* const to = inventory_.find(move.to);
        if (from == nullptr || to == nullptr || from->type == ElementType::transport ||
            to->type == ElementType::transport) {
            return std::unexpected(MoveFault::no_such_element);
        }
        if (!from->barcode) {
            return std::unexpected(MoveFault::source_empty);
        }
    }
    for (const Move& move : moves) {
        const bool emptied = move.from != move.to && std::ranges::any_of(moves, [&](const Move& other) {
                                 return other.from == move.to;
                             });
        const bool twice =
            std::ranges::count_if(moves, [&](const Move& other) { return other.to == move.to; }) > 1;
        if (twice || (inventory_.find(move.to)->barcode && !emptied)) {
            return std::unexpected(MoveFault::destination_full);
        }
    }
    for (const Move& move : moves) {
        if (const auto bay = bay_of(*inventory_.find(move.from))) {
            const std::lock_guard lock(bays_[*bay]->mutex);
            if (bays_[*bay]->drive.removal_prevented()) {
                return std::unexpected(MoveFault::removal_prevented);
            }
        }
    }
    return {};
}

Inventory Library::after(Inventory inventory, const std::vector<Move>& moves) {
    const Inventory before = inventory;
    for (const Move& move : moves) {
        inventory.take(move.from);
    }
    for (const Move& move : moves) {
        const Element& from = *before.find(move.from);
        inventory.put(move.to, *from.barcode);
        Element& to = *inventory.find(move.to);
        to.by_operator = false;
        to.source = from.type == ElementType::drive ? from.source : std::optional(from.address);
    }
    return inventory;
}

/// Into an empty drive, from the hand or from its folder.
void Library::load(std::size_t index, const std::string& barcode, std::vector<InHand>& in_hand) {
    Bay& bay = *bays_.at(index);
    const std::lock_guard lock(bay.mutex);
    const auto held = std::ranges::find_if(in_hand, [&](const InHand& each) {
        return each.cartridge != nullptr && each.cartridge->label().barcode == barcode;
    });
    if (held != in_hand.end()) {
        bay.drive.insert(std::move(held->cartridge));
    } else {
        auto folder = shelf_->cartridge(barcode, false);
        auto cartridge = folder ? Cartridge::open(std::move(*folder)) : std::unexpected(folder.error());
        if (cartridge) {
            bay.drive.insert(std::move(*cartridge));
        } else {
            bay.drive.insert_unreadable(barcode);
        }
    }
    events_.push_back({.drive = index, .asc = scsi::Asc::not_ready_to_ready_change_medium_may_have_changed});
}

std::expected<void, MoveFault> Library::move(const std::vector<Move>& moves, std::string& trouble) {
    if (auto may = possible(moves); !may) {
        return may;
    }
    std::vector<InHand> in_hand;
    for (const Move& move : moves) {
        if (const auto bay = bay_of(*inventory_.find(move.from))) {
            const std::lock_guard lock(bays_[*bay]->mutex);
            in_hand.push_back({.from = move.from, .cartridge = bays_[*bay]->drive.remove(trouble)});
        }
    }
    Inventory moved = after(inventory_, moves);
    if (const auto saved = save(moved); !saved) {
        trouble = saved.error().what;
        for (const InHand& each : in_hand) {
            load(*bay_of(*inventory_.find(each.from)), *inventory_.find(each.from)->barcode, in_hand);
        }
        return std::unexpected(MoveFault::host);
    }
    inventory_ = std::move(moved);
    for (const Move& move : moves) {
        const Element& to = *inventory_.find(move.to);
        if (const auto bay = bay_of(to)) {
            load(*bay, *to.barcode, in_hand);
        }
    }
    return {};
}

Result<std::unique_ptr<Cartridge>> Library::outside_drives(const std::string& barcode) {
    const Element* const element = inventory_.find_barcode(barcode);
    if (element == nullptr) {
        return refused(fmt::format("there is no cartridge {}", barcode));
    }
    if (element->type == ElementType::drive) {
        return refused(fmt::format("{} is in drive {}", barcode, element->address - kFirstDrive));
    }
    auto folder = shelf_->cartridge(barcode, false);
    return folder ? Cartridge::open(std::move(*folder)) : std::unexpected(folder.error());
}

Result<std::uint16_t> Library::add(const Label& label, std::optional<std::uint16_t> where) {
    const std::lock_guard lock(mutex_);
    if (inventory_.find_barcode(label.barcode) != nullptr) {
        return refused(fmt::format("there is a cartridge {}", label.barcode));
    }
    const Element* const element = where ? inventory_.find(*where) : inventory_.empty(ElementType::storage);
    if (element == nullptr) {
        return where ? refused(fmt::format("there is no element {}", *where))
                     : refused("no storage element is empty");
    }
    const std::uint16_t address = element->address;
    const bool import_export = element->type == ElementType::import_export;
    if (element->barcode || (element->type != ElementType::storage && !import_export)) {
        return refused(fmt::format("a cartridge cannot be put into element {}", address));
    }
    if (import_export && changer_->removal_prevented()) {
        return refused(std::string(text_of(MoveFault::removal_prevented)));
    }
    auto folder = shelf_->cartridge(label.barcode, true);
    if (!folder) {
        return std::unexpected(folder.error());
    }
    if (auto made = Cartridge::create(std::move(*folder), label); !made) {
        return std::unexpected(made.error());
    }
    Inventory changed = inventory_;
    changed.put(address, label.barcode);
    if (const auto saved = save(changed); !saved) {
        return std::unexpected(saved.error());
    }
    inventory_ = std::move(changed);
    events_.push_back({.drive = {},
                       .asc = import_export ? asc::import_or_export_element_accessed
                                            : scsi::Asc::not_ready_to_ready_change_medium_may_have_changed});
    return address;
}

Result<> Library::remove(const std::string& barcode) {
    const std::lock_guard lock(mutex_);
    const Element* const element = inventory_.find_barcode(barcode);
    if (element == nullptr) {
        return refused(fmt::format("there is no cartridge {}", barcode));
    }
    if (element->type == ElementType::drive) {
        return refused(fmt::format("{} is in drive {}", barcode, element->address - kFirstDrive));
    }
    const bool import_export = element->type == ElementType::import_export;
    Inventory changed = inventory_;
    changed.take(element->address);
    // The data first: what is in no element is put back into one when the library is opened again.
    if (const auto gone = shelf_->remove(barcode); !gone) {
        return gone;
    }
    if (const auto saved = save(changed); !saved) {
        return saved;
    }
    inventory_ = std::move(changed);
    events_.push_back({.drive = {},
                       .asc = import_export ? asc::import_or_export_element_accessed
                                            : scsi::Asc::not_ready_to_ready_change_medium_may_have_changed});
    return {};
}

Result<> Library::transfer(std::uint16_t from, std::uint16_t to) {
    const std::lock_guard lock(mutex_);
    const Element* const source = inventory_.find(from);
    const Element* const destination = inventory_.find(to);
    const bool import_export = (source != nullptr && source->type == ElementType::import_export) ||
                               (destination != nullptr && destination->type == ElementType::import_export);
    if (import_export && changer_->removal_prevented()) {
        return refused(std::string(text_of(MoveFault::removal_prevented)));
    }
    std::string trouble;
    const auto moved = move({{.from = from, .to = to}}, trouble);
    if (!moved) {
        return refused(fmt::format("{}{}{}", text_of(moved.error()), trouble.empty() ? "" : ": ", trouble));
    }
    if (inventory_.find(to)->type == ElementType::import_export) {
        inventory_.find(to)->by_operator = true;
    }
    events_.push_back({.drive = {},
                       .asc = import_export ? asc::import_or_export_element_accessed
                                            : scsi::Asc::not_ready_to_ready_change_medium_may_have_changed});
    return trouble.empty() ? Result<>{} : refused(trouble);
}

Result<> Library::protect(const std::string& barcode, bool on) {
    return use(barcode, [&](Cartridge& cartridge) -> Result<> {
        Label label = cartridge.label();
        label.write_protected = on;
        return cartridge.change(label);
    });
}

Result<Label> Library::label(const std::string& barcode) {
    const std::lock_guard lock(mutex_);
    if (inventory_.find_barcode(barcode) == nullptr) {
        return refused(fmt::format("there is no cartridge {}", barcode));
    }
    auto folder = shelf_->cartridge(barcode, false);
    return folder ? Cartridge::read_label(**folder) : std::unexpected(folder.error());
}

}  // namespace targe::vtl
