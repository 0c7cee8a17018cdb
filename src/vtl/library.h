// A tape library: its drives, its changer, and who is where. It survives a loss of power at any time.
#pragma once

#include "vtl/cartridge.h"
#include "vtl/changer.h"
#include "vtl/drive.h"
#include "vtl/inventory.h"
#include "vtl/library_description.h"
#include "vtl/robot.h"
#include "vtl/shelf.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace targe::vtl {

/// A unit attention that is to be raised for every nexus of a unit.
struct LibraryEvent {
    std::optional<std::size_t> drive;  ///< nothing: the changer
    scsi::Asc asc;
    bool operator==(const LibraryEvent&) const = default;
};

/// Any thread may call; each drive and the changer are served one command at a time, and drives at once. The
/// changer waits for a drive only to put a cartridge in or to take it out.
class Library final : private Robot {
public:
    /// Writes the files of a new library; a fault when there is one.
    [[nodiscard]] static Result<std::unique_ptr<Library>> create(std::unique_ptr<Shelf> shelf,
                                                                 const LibraryDescription& description);
    /// Cartridges that were in drives are there again, rewound. One that is in no element is put into an
    /// empty one.
    [[nodiscard]] static Result<std::unique_ptr<Library>> open(std::unique_ptr<Shelf> shelf);

    [[nodiscard]] const LibraryDescription& description() const { return description_; }
    [[nodiscard]] Inventory elements();

    [[nodiscard]] Reply execute_changer(const Command& command);
    [[nodiscard]] Reply execute_drive(std::size_t index, const Command& command);
    void changer_session_gone(std::uint64_t session);
    void drive_session_gone(std::size_t index, std::uint64_t session);
    void reset_changer();
    void reset_drive(std::size_t index);
    /// What has come up since this was asked last.
    [[nodiscard]] std::vector<LibraryEvent> take_events();
    /// Before the process ends: everything is durable.
    Result<> sync();

    // What an operator does.

    /// A new cartridge into `element`, or into the first empty storage element.
    Result<std::uint16_t> add(const Label& label, std::optional<std::uint16_t> element);
    /// What was built in incoming_cartridge() and has that label, in the same way.
    Result<std::uint16_t> adopt(const std::string& barcode, std::optional<std::uint16_t> element);
    /// Where a cartridge would come now; nothing is changed.
    [[nodiscard]] Result<std::uint16_t> place(const std::string& barcode,
                                              std::optional<std::uint16_t> element);
    /// With its data; it must not be in a drive.
    Result<> remove(const std::string& barcode);
    /// As the changer would, but to tell everybody. Import/export elements only while nobody prevents it.
    Result<> transfer(std::uint16_t from, std::uint16_t to);
    /// The tab of a cartridge that is in no drive.
    Result<> protect(const std::string& barcode, bool on);
    [[nodiscard]] Result<Label> label(const std::string& barcode);
    /// A cartridge that is in no drive, to be read or written by the caller before anybody else moves it: the
    /// library waits meanwhile.
    template <class Use>
    auto use(const std::string& barcode, Use with) -> decltype(with(std::declval<Cartridge&>())) {
        const std::lock_guard lock(mutex_);
        auto cartridge = outside_drives(barcode);
        if (!cartridge) {
            return std::unexpected(cartridge.error());
        }
        return with(**cartridge);
    }

private:
    struct Bay {
        explicit Bay(DriveDescription description) : drive(std::move(description)) {}
        std::mutex mutex;
        Drive drive;
        std::atomic<bool> accessible = true;  ///< as the last that was in it left it; read without the mutex
    };
    /// In a bay, alone.
    class InBay {
    public:
        explicit InBay(Bay& bay) : bay_(bay), lock_(bay.mutex) {}
        InBay(const InBay&) = delete;
        InBay& operator=(const InBay&) = delete;
        ~InBay() { bay_.accessible = !bay_.drive.threaded() && !bay_.drive.removal_prevented(); }
        Drive* operator->() { return &bay_.drive; }

    private:
        Bay& bay_;
        std::lock_guard<std::mutex> lock_;
    };
    /// A cartridge that is taken out of a drive, or from its folder, in the middle of a move.
    struct InHand {
        std::uint16_t from;
        std::unique_ptr<Cartridge> cartridge;
    };

    Library(std::unique_ptr<Shelf> shelf, LibraryDescription description, Inventory inventory);

    [[nodiscard]] const Inventory& inventory() const override { return inventory_; }
    std::expected<void, MoveFault> move(const std::vector<Move>& moves, std::string& trouble) override;
    [[nodiscard]] DriveIdentity drive_identity(std::size_t index) const override;
    [[nodiscard]] bool drive_accessible(std::size_t index) const override;

    [[nodiscard]] std::expected<void, MoveFault> possible(const std::vector<Move>& moves) const;
    [[nodiscard]] bool take_out(const std::vector<Move>& moves, std::vector<InHand>& in_hand,
                                std::string& trouble);
    void put_back(std::vector<InHand>& in_hand);
    std::expected<void, MoveFault> carry(const std::vector<Move>& moves, bool by_operator,
                                         std::string& trouble);
    [[nodiscard]] static Inventory after(Inventory before, const std::vector<Move>& moves, bool by_operator);
    Result<std::unique_ptr<Cartridge>> fetch(const std::string& barcode);
    [[nodiscard]] Result<const Element*> place_for(const std::string& barcode,
                                                   std::optional<std::uint16_t> where) const;
    void discard_begun(const std::string& barcode);
    Result<std::uint16_t> arrived(const std::string& barcode, const Element& element);
    void tell_of(ElementType touched);
    void load(std::size_t bay, const std::string& barcode, std::vector<InHand>& in_hand);
    [[nodiscard]] static std::optional<std::size_t> bay_of(const Element& element);
    Result<> save(const Inventory& inventory);
    void set_aside();
    Result<std::unique_ptr<Cartridge>> outside_drives(const std::string& barcode);
    Result<> settle();

    std::unique_ptr<Shelf> shelf_;
    LibraryDescription description_;
    std::mutex mutex_;  ///< of all below; taken before that of a bay
    Inventory inventory_;
    std::vector<std::unique_ptr<Bay>> bays_;
    std::optional<Changer> changer_;
    std::vector<LibraryEvent> events_;
};

}  // namespace targe::vtl
