#include "vtl/shelf.h"

#include "admin/file_operations.h"
#include "vtl/cartridge.h"
#include "vtl/label.h"
#include "vtl/posix_store.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>

namespace targe::vtl {
namespace {

constexpr const char* kCartridges = "/cartridges";
constexpr const char* kIncoming = "/incoming";
constexpr const char* kLock = "/lock";
constexpr const char* kControl = "/control.sock";

/// Nothing, or why `barcode` must not become a part of a path.
Result<> good_name(const std::string& barcode) {
    return valid_barcode(barcode)
               ? Result<>{}
               : std::unexpected(
                     Fault{.kind = FaultKind::host, .what = fmt::format("'{}' is no barcode", barcode)});
}

std::unexpected<Fault> failure(std::string_view doing, const std::string& path) {
    return std::unexpected(
        Fault{.kind = FaultKind::host, .what = fmt::format("{} {}: {}", doing, path, std::strerror(errno))});
}

Result<> remove_files(Store& folder) {
    const auto names = folder.list();
    if (!names) {
        return std::unexpected(names.error());
    }
    for (const std::string& name : *names) {
        if (const auto gone = folder.remove(name); !gone) {
            return gone;
        }
    }
    return {};
}

/// "A00001L6 is in use", for a path says little to whoever moves cartridges.
Result<std::unique_ptr<Store>> take(const std::string& folder, const std::string& barcode, bool create) {
    auto taken = take_folder(folder, create);
    if (!taken && taken.error().kind == FaultKind::in_use) {
        return std::unexpected(Fault{
            .kind = FaultKind::in_use,
            .what = fmt::format("{} is in use: it is in a drive, or another process reads it", barcode)});
    }
    return taken;
}

class FolderShelf final : public Shelf {
public:
    FolderShelf(std::string path, std::unique_ptr<admin::FileLock> lock, std::unique_ptr<Store> root,
                std::unique_ptr<Store> cartridges)
        : path_(std::move(path)),
          lock_(std::move(lock)),
          root_(std::move(root)),
          cartridges_(std::move(cartridges)) {}

    Store& root() override { return *root_; }

    Result<std::unique_ptr<Store>> cartridge(const std::string& barcode, Access access) override {
        if (const auto good = good_name(barcode); !good) {
            return std::unexpected(good.error());
        }
        const bool create = access == Access::create;
        auto folder = access == Access::look ? open_folder(folder_of(barcode), false)
                                             : take(folder_of(barcode), barcode, create);
        if (folder && create) {
            if (const auto synced = cartridges_->sync(); !synced) {
                return std::unexpected(synced.error());
            }
        }
        return folder;
    }

    Result<std::vector<std::string>> barcodes() override {
        auto names = cartridges_->list();
        if (names) {
            std::erase_if(*names, [](const std::string& name) { return !valid_barcode(name); });
        }
        return names;
    }

    Result<> remove(const std::string& barcode) override {
        const auto folder = cartridge(barcode, Access::take);
        if (!folder) {
            return std::unexpected(folder.error());
        }
        if (const auto gone = remove_files(**folder); !gone) {
            return gone;
        }
        if (::rmdir(folder_of(barcode).c_str()) != 0) {
            return failure("remove", folder_of(barcode));
        }
        return cartridges_->sync();
    }

    Result<> adopt(const std::string& barcode) override {
        if (const auto good = good_name(barcode); !good) {
            return good;
        }
        const std::string from = path_ + kIncoming + "/" + barcode;
        const auto built = take(from, barcode, false);
        if (!built) {
            return std::unexpected(built.error());
        }
        const auto label = Cartridge::read_label(**built);
        if (!label) {
            return std::unexpected(label.error());
        }
        if (label->barcode != barcode) {
            return std::unexpected(Fault{.kind = FaultKind::damaged,
                                         .what = fmt::format("{} is labelled {}", from, label->barcode)});
        }
        if (const auto synced = (*built)->sync(); !synced) {
            return synced;
        }
        if (::rename(from.c_str(), folder_of(barcode).c_str()) != 0) {
            return failure("rename to", folder_of(barcode));
        }
        return cartridges_->sync();
    }

    Result<> discard_incoming() override {
        auto incoming = open_folder(path_ + kIncoming, false);
        if (!incoming) {
            return {};
        }
        const auto names = (*incoming)->list();
        if (!names) {
            return std::unexpected(names.error());
        }
        for (const std::string& name : *names) {
            const std::string path = path_ + kIncoming + "/" + name;
            const auto left = valid_barcode(name)
                                  ? take(path, name, false)
                                  : std::unexpected(Fault{.kind = FaultKind::host, .what = {}});
            if (left && remove_files(**left) && ::rmdir(path.c_str()) != 0) {
                return failure("remove", path);
            }
        }
        return {};
    }

private:
    [[nodiscard]] std::string folder_of(const std::string& barcode) const {
        return path_ + kCartridges + "/" + barcode;
    }

    std::string path_;
    std::unique_ptr<admin::FileLock> lock_;
    std::unique_ptr<Store> root_;
    std::unique_ptr<Store> cartridges_;
};

}  // namespace

Result<std::unique_ptr<Shelf>> open_shelf(const std::string& path, bool create) {
    auto root = open_folder(path, create);
    if (!root) {
        return std::unexpected(root.error());
    }
    if (create) {
        // Whatever is durable in it is so only where its name is, too; by `..`, for the path may end in a
        // slash.
        const auto above = open_folder(path + "/..", false);
        if (above) {
            if (const auto synced = (*above)->sync(); !synced) {
                return std::unexpected(synced.error());
            }
        }
    }
    // Nothing is made in a folder that is something else.
    auto cartridges = open_folder(path + kCartridges, create);
    if (!cartridges) {
        return std::unexpected(
            create ? cartridges.error()
                   : Fault{.kind = FaultKind::host,
                           .what = fmt::format("{} is no library: there is no folder {} in it", path,
                                               kCartridges + 1)});
    }
    if (create) {
        if (const auto synced = (*root)->sync(); !synced) {
            return std::unexpected(synced.error());
        }
    }
    auto lock = admin::posix_files().lock(path + kLock, fmt::format("{}\n", ::getpid()));
    if (!lock) {
        const bool in_use = lock.error().error == EWOULDBLOCK;
        return std::unexpected(
            Fault{.kind = in_use ? FaultKind::in_use : FaultKind::host,
                  .what = in_use ? fmt::format("{} is in use by another process", path) : lock.error().what});
    }
    return std::make_unique<FolderShelf>(path, std::move(*lock), std::move(*root), std::move(*cartridges));
}

std::string control_socket(const std::string& path) {
    return path + kControl;
}

Result<std::unique_ptr<Store>> borrow_cartridge(const std::string& path, const std::string& barcode) {
    if (const auto good = good_name(barcode); !good) {
        return std::unexpected(good.error());
    }
    return take(path + kCartridges + "/" + barcode, barcode, false);
}

Result<std::unique_ptr<Store>> incoming_cartridge(const std::string& path, const std::string& barcode) {
    if (const auto good = good_name(barcode); !good) {
        return std::unexpected(good.error());
    }
    if (const auto folder = open_folder(path + kIncoming, true); !folder) {
        return std::unexpected(folder.error());
    }
    auto made = take(path + kIncoming + "/" + barcode, barcode, true);
    if (!made) {
        return made;
    }
    if (const auto gone = remove_files(**made); !gone) {
        return std::unexpected(gone.error());
    }
    return made;
}

}  // namespace targe::vtl
