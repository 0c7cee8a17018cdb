// Who goes where: what the changer does, and what an operator does.
#include "base/log.h"
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
        case MoveFault::held:
            return "the cartridge is in use: another process reads it";
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
        if (inventory_.find(move.to)->barcode && !emptied) {
            return std::unexpected(MoveFault::destination_full);
        }
    }
    for (const Move& move : moves) {
        if (const auto bay = bay_of(*inventory_.find(move.from))) {
            if (InBay(*bays_[*bay])->removal_prevented()) {
                return std::unexpected(MoveFault::removal_prevented);
            }
        }
    }
    return {};
}

Inventory Library::after(Inventory inventory, const std::vector<Move>& moves, bool by_operator) {
    const Inventory before = inventory;
    for (const Move& move : moves) {
        inventory.take(move.from);
    }
    for (const Move& move : moves) {
        const Element& from = *before.find(move.from);
        inventory.put(move.to, *from.barcode);
        Element& to = *inventory.find(move.to);
        to.by_operator = by_operator && to.type == ElementType::import_export;
        to.source = from.type == ElementType::drive ? from.source : std::optional(from.address);
    }
    return inventory;
}

Result<std::unique_ptr<Cartridge>> Library::fetch(const std::string& barcode) {
    auto folder = shelf_->cartridge(barcode, Access::take);
    return folder ? Cartridge::open(std::move(*folder)) : std::unexpected(folder.error());
}

/// Into an empty drive, from the hand or from its folder.
void Library::load(std::size_t index, const std::string& barcode, std::vector<InHand>& in_hand) {
    InBay drive(*bays_.at(index));
    const auto held = std::ranges::find_if(in_hand, [&](const InHand& each) {
        return each.cartridge != nullptr && each.cartridge->label().barcode == barcode;
    });
    if (held != in_hand.end()) {
        drive->insert(std::move(held->cartridge));
    } else {
        if (auto cartridge = fetch(barcode)) {
            drive->insert(std::move(*cartridge));
        } else {
            TARGE_LOG(error, "vtl", "{} cannot be read in drive {}: {}", barcode, index,
                      cartridge.error().what);
            drive->insert_unreadable(barcode);
        }
    }
    events_.push_back({.drive = index, .asc = scsi::Asc::not_ready_to_ready_change_medium_may_have_changed});
}

/// Out of the drives, into the hand. Who moves a cartridge whose last data may be lost is told so before it
/// is anywhere else. It can be moved after that: its drive has nothing more to do with it.
bool Library::take_out(const std::vector<Move>& moves, std::vector<InHand>& in_hand, std::string& trouble) {
    for (const Move& move : moves) {
        if (const auto bay = bay_of(*inventory_.find(move.from))) {
            InBay drive(*bays_[*bay]);
            if (!drive->unthread(trouble)) {
                return false;
            }
            in_hand.push_back({.from = move.from, .cartridge = drive->remove(trouble)});
        }
    }
    return true;
}

void Library::put_back(std::vector<InHand>& in_hand) {
    for (const InHand& each : in_hand) {
        if (const auto bay = bay_of(*inventory_.find(each.from))) {
            load(*bay, *inventory_.find(each.from)->barcode, in_hand);
        }
    }
}

std::expected<void, MoveFault> Library::move(const std::vector<Move>& moves, std::string& trouble) {
    return carry(moves, false, trouble);
}

std::expected<void, MoveFault> Library::carry(const std::vector<Move>& moves, bool by_operator,
                                              std::string& trouble) {
    if (auto may = possible(moves); !may) {
        return may;
    }
    std::vector<InHand> in_hand;
    for (const Move& move : moves) {
        const Element& from = *inventory_.find(move.from);
        if (bay_of(from) || !bay_of(*inventory_.find(move.to))) {
            continue;
        }
        // What cannot be opened for another reason is in the drive nevertheless, as an unreadable tape.
        if (auto fetched = fetch(*from.barcode)) {
            in_hand.push_back({.from = move.from, .cartridge = std::move(*fetched)});
        } else if (fetched.error().kind == FaultKind::in_use) {
            return std::unexpected(MoveFault::held);
        }
    }
    if (!take_out(moves, in_hand, trouble)) {
        put_back(in_hand);
        return std::unexpected(MoveFault::host);
    }
    Inventory moved = after(inventory_, moves, by_operator);
    if (const auto saved = save(moved); !saved) {
        trouble = saved.error().what;
        put_back(in_hand);
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
    return fetch(barcode);
}

void Library::tell_of(ElementType touched) {
    events_.push_back({.drive = {},
                       .asc = touched == ElementType::import_export
                                  ? asc::import_or_export_element_accessed
                                  : scsi::Asc::not_ready_to_ready_change_medium_may_have_changed});
}

Result<const Element*> Library::place_for(const std::string& barcode,
                                          std::optional<std::uint16_t> where) const {
    if (inventory_.find_barcode(barcode) != nullptr) {
        return refused(fmt::format("there is a cartridge {}", barcode));
    }
    const Element* const element = where ? inventory_.find(*where) : inventory_.empty(ElementType::storage);
    if (element == nullptr) {
        return where ? refused(fmt::format("there is no element {}", *where))
                     : refused("no storage element is empty");
    }
    const bool import_export = element->type == ElementType::import_export;
    if (element->barcode || (element->type != ElementType::storage && !import_export)) {
        return refused(fmt::format("a cartridge cannot be put into {}", element_name(*element)));
    }
    if (import_export && changer_->removal_prevented()) {
        return refused("an initiator prevents the use of import/export elements");
    }
    return element;
}

Result<std::uint16_t> Library::place(const std::string& barcode, std::optional<std::uint16_t> where) {
    const std::lock_guard lock(mutex_);
    const auto element = place_for(barcode, where);
    return element ? Result<std::uint16_t>((*element)->address) : std::unexpected(element.error());
}

/// A new cartridge that cannot be noted is gone: it would be in nobody's list, and yet in the way of the next
/// of its label.
Result<std::uint16_t> Library::arrived(const std::string& barcode, const Element& element) {
    const std::uint16_t address = element.address;
    Inventory changed = inventory_;
    changed.put(address, barcode);
    if (const auto saved = save(changed); !saved) {
        static_cast<void>(shelf_->remove(barcode));
        return std::unexpected(saved.error());
    }
    tell_of(element.type);
    inventory_ = std::move(changed);
    return address;
}

Result<std::uint16_t> Library::adopt(const std::string& barcode, std::optional<std::uint16_t> where) {
    const std::lock_guard lock(mutex_);
    const auto element = place_for(barcode, where);
    if (!element) {
        return std::unexpected(element.error());
    }
    if (const auto adopted = shelf_->adopt(barcode); !adopted) {
        return std::unexpected(adopted.error());
    }
    return arrived(barcode, **element);
}

/// A folder that was made for a cartridge, and has none in it. One that has stays.
void Library::discard_begun(const std::string& barcode) {
    const auto folder = shelf_->cartridge(barcode, Access::look);
    const auto there = folder ? Cartridge::is_in(**folder) : Result<bool>(true);
    if (there && !*there) {
        static_cast<void>(shelf_->remove(barcode));
    }
}

Result<std::uint16_t> Library::add(const Label& label, std::optional<std::uint16_t> where) {
    const std::lock_guard lock(mutex_);
    const auto element = place_for(label.barcode, where);
    if (!element) {
        return std::unexpected(element.error());
    }
    auto folder = shelf_->cartridge(label.barcode, Access::create);
    if (!folder) {
        return std::unexpected(folder.error());
    }
    if (auto made = Cartridge::create(std::move(*folder), label); !made) {
        discard_begun(label.barcode);
        return std::unexpected(made.error());
    }
    return arrived(label.barcode, **element);
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
    const ElementType type = element->type;
    Inventory changed = inventory_;
    changed.take(element->address);
    // The data first: what is in no element is put back into one when the library is opened again. An element
    // whose cartridge is gone is found empty then, if that cannot be noted now.
    if (const auto gone = shelf_->remove(barcode); !gone) {
        return gone;
    }
    static_cast<void>(save(changed));
    inventory_ = std::move(changed);
    tell_of(type);
    return {};
}

Result<> Library::transfer(std::uint16_t from, std::uint16_t to) {
    const std::lock_guard lock(mutex_);
    const Element* const source = inventory_.find(from);
    const Element* const destination = inventory_.find(to);
    const bool import_export = (source != nullptr && source->type == ElementType::import_export) ||
                               (destination != nullptr && destination->type == ElementType::import_export);
    if (import_export && changer_->removal_prevented()) {
        return refused("an initiator prevents the use of import/export elements");
    }
    std::string trouble;
    const auto moved = carry({{.from = from, .to = to}}, true, trouble);
    if (!moved) {
        return refused(fmt::format("{}{}{}", text_of(moved.error()), trouble.empty() ? "" : ": ", trouble));
    }
    tell_of(import_export ? ElementType::import_export : ElementType::storage);
    if (!trouble.empty()) {
        // How often it was loaded could not be noted; it is where it was to be, and nothing on it is lost.
        TARGE_LOG(warning, "vtl", "{}", trouble);
    }
    return {};
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
    auto folder = shelf_->cartridge(barcode, Access::look);
    return folder ? Cartridge::read_label(**folder) : std::unexpected(folder.error());
}

}  // namespace targe::vtl
