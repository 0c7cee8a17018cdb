// A shelf in memory, for tests of libraries.
#pragma once

#include "vtl/library.h"
#include "vtl/testing_drive.h"
#include "vtl/testing_store.h"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace targe::vtl::testing {

/// Cartridges are copied out and in, as no two may have one open: a store hands everything through to the one
/// that stays.
class MemoryShelf final : public Shelf {
public:
    struct Content {
        MemoryStore root;
        std::map<std::string, std::shared_ptr<MemoryStore>> cartridges;
        std::map<std::string, std::shared_ptr<MemoryStore>> incoming;
        std::map<std::string, std::weak_ptr<int>> taken;  ///< as long as there is somebody
        std::function<void()> before_sync;                ///< of the folder of a cartridge
    };
    explicit MemoryShelf(Content& content) : content_(content) {}

    Store& root() override { return content_.root; }
    Result<std::unique_ptr<Store>> cartridge(const std::string& barcode, Access access) override {
        std::shared_ptr<int> taken;
        if (access != Access::look) {
            if (!content_.taken[barcode].expired()) {
                return std::unexpected(Fault{.kind = FaultKind::in_use, .what = barcode + " is in use"});
            }
            taken = std::make_shared<int>();
            content_.taken[barcode] = taken;
        }
        auto& store = content_.cartridges[barcode];
        if (store == nullptr) {
            if (access != Access::create) {
                content_.cartridges.erase(barcode);
                return std::unexpected(
                    Fault{.kind = FaultKind::host, .what = "there is no folder " + barcode});
            }
            store = std::make_shared<MemoryStore>();
        }
        return std::make_unique<Through>(store, std::move(taken), content_);
    }
    Result<std::vector<std::string>> barcodes() override {
        std::vector<std::string> all;
        for (const auto& [barcode, store] : content_.cartridges) {
            all.push_back(barcode);
        }
        return all;
    }
    Result<> remove(const std::string& barcode) override {
        if (!content_.taken[barcode].expired()) {
            return std::unexpected(Fault{.kind = FaultKind::in_use, .what = barcode + " is in use"});
        }
        content_.cartridges.erase(barcode);
        return {};
    }
    Result<> adopt(const std::string& barcode) override {
        content_.cartridges[barcode] = content_.incoming.at(barcode);
        content_.incoming.erase(barcode);
        return {};
    }
    Result<> discard_incoming() override {
        content_.incoming.clear();
        return {};
    }

private:
    struct Through final : Store {
        Through(std::shared_ptr<MemoryStore> store, std::shared_ptr<int> taken, const Content& content)
            : to(std::move(store)), held(std::move(taken)), shelf(content) {}
        Result<std::vector<std::string>> list() override { return to->list(); }
        Result<std::unique_ptr<StoreFile>> open(const std::string& name, bool create) override {
            return to->open(name, create);
        }
        Result<std::uint64_t> size(const std::string& name) override { return to->size(name); }
        Result<> remove(const std::string& name) override { return to->remove(name); }
        Result<> replace(const std::string& name, wire::Bytes content) override {
            return to->replace(name, content);
        }
        Result<std::optional<std::vector<std::byte>>> read_all(const std::string& name,
                                                               std::size_t limit) override {
            return to->read_all(name, limit);
        }
        Result<> sync() override {
            if (shelf.before_sync) {
                shelf.before_sync();
            }
            return to->sync();
        }
        std::shared_ptr<MemoryStore> to;
        std::shared_ptr<int> held;
        const Content& shelf;
    };

    Content& content_;
};

/// Two drives, six slots, two import/export elements; cartridges in the first three slots.
class LibraryTest : public ::testing::Test {
protected:
    void SetUp() override {
        auto made = Library::create(std::make_unique<MemoryShelf>(content_),
                                    standard_library(*find_generation("LTO-6"), 2, 6, 2, "TEST01"));
        ASSERT_TRUE(made) << made.error().what;
        library_ = std::move(*made);
        for (const char* const barcode : {"A00001L6", "A00002L6", "B00001L6"}) {
            ASSERT_TRUE(library_->add(label(barcode), {}));
        }
        (void)library_->take_events();
    }
    static Label label(const std::string& barcode) {
        return {.barcode = barcode, .capacity_bytes = 10'000'000, .segment_bytes = 1U << 20U};
    }
    void reopen() {
        library_.reset();
        auto opened = Library::open(std::make_unique<MemoryShelf>(content_));
        ASSERT_TRUE(opened) << opened.error().what;
        library_ = std::move(*opened);
    }
    struct AsChanger {
        Library& library;
        [[nodiscard]] Reply execute(const Command& command) const { return library.execute_changer(command); }
    };
    struct AsDrive {
        Library& library;
        std::size_t index;
        [[nodiscard]] Reply execute(const Command& command) const {
            return library.execute_drive(index, command);
        }
    };
    Answer changer(std::initializer_list<unsigned> cdb, Bytes data_out = {}, std::uint64_t session = 1) {
        AsChanger unit{*library_};
        return send(unit, bytes_of(cdb), std::move(data_out), 1U << 16U, session);
    }
    Answer drive(std::size_t index, std::initializer_list<unsigned> cdb, Bytes data_out = {},
                 std::uint64_t session = 1) {
        AsDrive unit{*library_, index};
        return send(unit, bytes_of(cdb), std::move(data_out), 1U << 16U, session);
    }
    Answer move(unsigned from, unsigned to) {
        return changer({0xa5, 0, 0, 0, from >> 8U, from & 0xffU, to >> 8U, to & 0xffU, 0, 0, 0, 0});
    }
    [[nodiscard]] std::string at(std::uint16_t address) {
        const Inventory inventory = library_->elements();
        const Element* const element = inventory.find(address);
        return element == nullptr ? "no element" : element->barcode.value_or("");
    }

    MemoryShelf::Content content_;
    std::unique_ptr<Library> library_;
};

}  // namespace targe::vtl::testing
