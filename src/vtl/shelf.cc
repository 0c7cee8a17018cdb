#include "vtl/shelf.h"

#include "admin/file_operations.h"
#include "vtl/label.h"
#include "vtl/posix_store.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace targe::vtl {
namespace {

constexpr const char* kCartridges = "/cartridges";
constexpr const char* kLock = "/lock";

class FolderShelf final : public Shelf {
public:
    FolderShelf(std::string path, std::unique_ptr<admin::FileLock> lock, std::unique_ptr<Store> root,
                std::unique_ptr<Store> cartridges)
        : path_(std::move(path)),
          lock_(std::move(lock)),
          root_(std::move(root)),
          cartridges_(std::move(cartridges)) {}

    Store& root() override { return *root_; }

    Result<std::unique_ptr<Store>> cartridge(const std::string& barcode, bool create) override {
        // It becomes a part of a path.
        if (!valid_barcode(barcode)) {
            return std::unexpected(
                Fault{.kind = FaultKind::host, .what = fmt::format("'{}' is no barcode", barcode)});
        }
        auto folder = open_folder(folder_of(barcode), create);
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
        auto folder = cartridge(barcode, false);
        if (!folder) {
            return std::unexpected(folder.error());
        }
        const auto names = (*folder)->list();
        if (!names) {
            return std::unexpected(names.error());
        }
        for (const std::string& name : *names) {
            if (const auto gone = (*folder)->remove(name); !gone) {
                return gone;
            }
        }
        if (::rmdir(folder_of(barcode).c_str()) != 0) {
            return std::unexpected(
                Fault{.kind = FaultKind::host,
                      .what = fmt::format("remove {}: {}", folder_of(barcode), std::strerror(errno))});
        }
        return cartridges_->sync();
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
    // Nothing is made in a folder that is something else.
    auto cartridges = open_folder(path + kCartridges, create);
    if (!cartridges) {
        return std::unexpected(
            create ? cartridges.error()
                   : Fault{.kind = FaultKind::host,
                           .what = fmt::format("{} is no library: there is no folder {} in it", path,
                                               kCartridges + 1)});
    }
    auto lock = admin::posix_files().lock(path + kLock, fmt::format("{}\n", ::getpid()));
    if (!lock) {
        return std::unexpected(Fault{.kind = FaultKind::host,
                                     .what = lock.error().error == EWOULDBLOCK
                                                 ? fmt::format("{} is in use by another process", path)
                                                 : lock.error().what});
    }
    return std::make_unique<FolderShelf>(path, std::move(*lock), std::move(*root), std::move(*cartridges));
}

}  // namespace targe::vtl
