#include "vtl/cartridge.h"

#include <fmt/format.h>

#include <random>
#include <span>
#include <string>
#include <utility>

namespace targe::vtl {
namespace {

constexpr const char* kLabelName = "label.json";
constexpr std::size_t kMaxLabelBytes = 8U << 20U;

}  // namespace

Result<bool> Cartridge::is_in(Store& store) {
    const auto content = store.read_all(kLabelName, kMaxLabelBytes);
    return content ? Result<bool>(content->has_value()) : std::unexpected(content.error());
}

Result<Label> Cartridge::read_label(Store& store) {
    const auto content = store.read_all(kLabelName, kMaxLabelBytes);
    if (!content) {
        return std::unexpected(content.error());
    }
    if (!*content) {
        return std::unexpected(
            Fault{.kind = FaultKind::host, .what = "there is no label.json: this is no cartridge"});
    }
    std::string text;
    for (const std::byte byte : **content) {
        text.push_back(static_cast<char>(byte));
    }
    return decode_label(text);
}

Result<> Cartridge::write_label(Store& store, const Label& label) {
    const std::string text = encode(label);
    return store.replace(kLabelName, std::as_bytes(std::span{text}));
}

Result<std::unique_ptr<Cartridge>> Cartridge::create(std::unique_ptr<Store> store, Label label) {
    const auto old = is_in(*store);
    if (!old) {
        return std::unexpected(old.error());
    }
    if (*old) {
        return std::unexpected(
            Fault{.kind = FaultKind::host, .what = label.barcode + ": there is such a cartridge"});
    }
    std::random_device random;
    label.id = (std::uint64_t{random()} << 32U) | random();
    label.format = 1;
    label.partitions = {label.capacity_bytes};
    // What is written must be readable: the limits of a label are checked in one place.
    if (const auto good = decode_label(encode(label)); !good) {
        return std::unexpected(good.error());
    }
    if (const auto wrote = write_label(*store, label); !wrote) {
        return std::unexpected(wrote.error());
    }
    return open(std::move(store));
}

Result<std::unique_ptr<Cartridge>> Cartridge::open(std::unique_ptr<Store> store) {
    auto label = read_label(*store);
    if (!label) {
        return std::unexpected(label.error());
    }
    std::unique_ptr<Cartridge> made(new Cartridge(std::move(store), std::move(*label)));
    auto opened = made->open_partitions(made->label_);
    if (!opened) {
        return std::unexpected(opened.error());
    }
    made->partitions_ = std::move(*opened);
    made->remove_older_formats();
    return made;
}

Result<std::vector<std::unique_ptr<Partition>>> Cartridge::open_partitions(const Label& label) {
    std::vector<std::unique_ptr<Partition>> partitions;
    for (std::uint32_t number = 0; number < label.partitions.size(); ++number) {
        auto partition = Partition::open(*store_, {.cartridge = label.id,
                                                   .format = label.format,
                                                   .number = number,
                                                   .segment_bytes = label.segment_bytes});
        if (!partition) {
            return std::unexpected(partition.error());
        }
        partitions.push_back(std::move(*partition));
    }
    return partitions;
}

Result<> Cartridge::change(const Label& label) {
    const auto wrote = write_label(*store_, label);
    if (wrote) {
        label_ = label;
    }
    return wrote;
}

/// Files of a format that is over. The label has named the new one before, so they are nobody's.
Result<> Cartridge::remove_other_formats() {
    const auto names = store_->list();
    if (!names) {
        return std::unexpected(names.error());
    }
    const std::string own = fmt::format("{:08x}-", label_.format);
    for (const std::string& name : *names) {
        if (name.contains(".tape") && !name.starts_with(own)) {
            if (const auto gone = store_->remove(name); !gone) {
                return gone;
            }
        }
    }
    return store_->sync();
}

/// What a loss of power in the middle of format() has left takes space that nobody sees. A younger format
/// than the label's is left alone: the label may be a copy that somebody has put back.
void Cartridge::remove_older_formats() {
    const auto names = store_->list();
    const std::string own = fmt::format("{:08x}-", label_.format);
    for (const std::string& name : names ? *names : std::vector<std::string>{}) {
        if (name.contains(".tape") && name.substr(0, own.size()) < own) {
            static_cast<void>(store_->remove(name));
        }
    }
}

Result<> Cartridge::format(std::vector<std::uint64_t> capacities) {
    Label after = label_;
    after.format += 1;
    after.count_change();
    after.partitions = std::move(capacities);
    std::erase_if(after.attributes,
                  [&](const auto& each) { return each.first.partition >= after.partitions.size(); });
    // They are empty: no file is named after a format that is not yet.
    auto opened = open_partitions(after);
    if (!opened) {
        return std::unexpected(opened.error());
    }
    if (const auto changed = change(after); !changed) {
        return changed;
    }
    partitions_ = std::move(*opened);
    return remove_other_formats();
}

Result<> Cartridge::sync() {
    Result<> all;
    for (const std::unique_ptr<Partition>& partition : partitions_) {
        if (const auto synced = partition->sync(); !synced && all) {
            all = synced;
        }
    }
    return all;
}

}  // namespace targe::vtl
