// A cartridge: a folder with a label and the files of its partitions.
#pragma once

#include "vtl/label.h"
#include "vtl/partition.h"
#include "vtl/store.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace targe::vtl {

/// Owns its store. One user at a time: who opens it sees to that (Library locks the folder's place).
class Cartridge {
public:
    /// A new, empty cartridge with what `label` says; its partitions, format and id are set here. A fault
    /// when the store has a label already.
    [[nodiscard]] static Result<std::unique_ptr<Cartridge>> create(std::unique_ptr<Store> store, Label label);
    [[nodiscard]] static Result<std::unique_ptr<Cartridge>> open(std::unique_ptr<Store> store);
    /// Whether there is a label in the store, good or bad.
    [[nodiscard]] static Result<bool> is_in(Store& store);
    /// Only what it is, without opening its partitions.
    [[nodiscard]] static Result<Label> read_label(Store& store);
    /// Replaces the label of a cartridge that nobody has open.
    [[nodiscard]] static Result<> write_label(Store& store, const Label& label);

    [[nodiscard]] const Label& label() const { return label_; }
    [[nodiscard]] std::size_t partitions() const { return partitions_.size(); }
    [[nodiscard]] Partition& partition(std::size_t number) { return *partitions_.at(number); }
    [[nodiscard]] const Partition& partition(std::size_t number) const { return *partitions_.at(number); }
    [[nodiscard]] std::uint64_t capacity(std::size_t partition) const {
        return label_.partitions.at(partition);
    }

    /// Changes the label, in the store too; nothing has changed when that fails.
    Result<> change(const Label& label);
    /// All data are gone, and there are partitions of these capacities. After a loss of power in the middle
    /// it is as before or as after.
    Result<> format(std::vector<std::uint64_t> capacities);
    Result<> sync();

private:
    Cartridge(std::unique_ptr<Store> store, Label label)
        : store_(std::move(store)), label_(std::move(label)) {}
    Result<std::vector<std::unique_ptr<Partition>>> open_partitions(const Label& label);
    Result<> remove_other_formats();
    void remove_older_formats();

    std::unique_ptr<Store> store_;
    Label label_;
    std::vector<std::unique_ptr<Partition>> partitions_;
};

}  // namespace targe::vtl
