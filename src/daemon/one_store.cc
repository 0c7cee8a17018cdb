#include "daemon/one_store.h"

#include "daemon/block_facts.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <map>
#include <system_error>
#include <vector>

namespace targe::daemon {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kEnd = std::numeric_limits<std::uint64_t>::max();

/// Bytes of a store that a device is, or that something which it is a part of lies on.
struct Piece {
    StoreId store;
    std::uint64_t first = 0;
    std::uint64_t end = kEnd;
    bool whole = true;  ///< all of them are the device's; else nobody knows which
};

bool meet(const Piece& a, const Piece& b) {
    return (a.whole || b.whole) && a.first < b.end && b.first < a.end;
}

std::uint64_t sum(std::uint64_t a, std::uint64_t b) {
    return a > kEnd - b ? kEnd : a + b;
}

class Pieces {
public:
    Pieces(const StoresOfHost& host, StoreId store) : host_(host) { add({.store = store}, 0); }
    [[nodiscard]] const std::vector<Piece>& all() const { return all_; }

private:
    void add(const Piece& piece, int depth) {
        all_.push_back(piece);
        if (piece.store.is_file || depth == kDeepest) {
            return;
        }
        const fs::path folder = folder_of(host_, piece.store);
        std::error_code error;
        if (fs::exists(folder / "partition", error)) {
            // The folder is a link, so that this is the disk's.
            add_below(piece, block_device_of(folder / ".." / "dev"),
                      number_of(folder / "start") * kSectorBytes, number_of(folder / "size") * kSectorBytes,
                      depth);
        } else if (fs::exists(folder / "loop" / "backing_file", error)) {
            add_below(piece, host_.find(line_of(folder / "loop" / "backing_file")),
                      number_of(folder / "loop" / "offset"), number_of(folder / "loop" / "sizelimit"), depth);
        } else {
            for (const auto& slave : fs::directory_iterator(folder / "slaves", error)) {
                if (const auto store = block_device_of(slave.path() / "dev")) {
                    add({.store = *store, .whole = false}, depth + 1);
                }
            }
        }
    }
    /// `piece` is of a store that is `bytes` of `store` from `offset` on; 0: all that follow.
    void add_below(const Piece& piece, const std::optional<StoreId>& store, std::uint64_t offset,
                   std::uint64_t bytes, int depth) {
        if (store) {
            const std::uint64_t end = bytes == 0 ? kEnd : sum(offset, bytes);
            add({.store = *store,
                 .first = sum(offset, piece.first),
                 .end = std::min(sum(offset, piece.end), end),
                 .whole = piece.whole},
                depth + 1);
        }
    }

    const StoresOfHost& host_;
    std::vector<Piece> all_;
};

bool writes(const admin::DeviceConfig& device) {
    return !device.read_only && !device.drive;
}

admin::Problem problem_of(const admin::DeviceConfig& first, const admin::DeviceConfig& second, bool same) {
    const std::string lies =
        same ? fmt::format("{} is another name of {}", second.path, first.path)
             : fmt::format(
                   "{} and {} are not apart, as a partition and its disk, a loop device and its file, "
                   "or a volume and what it is made of are not",
                   second.path, first.path);
    return {.what = fmt::format("the devices {} and {} are one store", first.name, second.name),
            .cause = lies + ": of what one of them has written or reserved the other would not know",
            .cure =
                "map one device to several LUNs instead; only devices that are all read-only may share a "
                "store"};
}

}  // namespace

StoresOfHost stores_of_host() {
    return {.find = [](const std::string& path) -> std::optional<StoreId> {
                struct stat found{};
                if (path.empty() || ::stat(path.c_str(), &found) != 0) {
                    return std::nullopt;
                }
                return S_ISBLK(found.st_mode) ? StoreId{.is_file = false, .device = found.st_rdev}
                                              : StoreId{.device = found.st_dev, .inode = found.st_ino};
            },
            .born = [](const std::string& path) -> std::optional<std::string> {
                struct statx found{};
                if (::statx(AT_FDCWD, path.c_str(), 0, STATX_BTIME, &found) != 0 ||
                    (found.stx_mask & STATX_BTIME) == 0) {
                    return std::nullopt;
                }
                return fmt::format("{}.{:09}", found.stx_btime.tv_sec, found.stx_btime.tv_nsec);
            }};
}

std::optional<admin::Problem> one_store_twice(std::span<const admin::DeviceConfig> devices,
                                              const StoresOfHost& host) {
    struct Taken {
        Piece piece;
        const admin::DeviceConfig* by;
        StoreId is;
    };
    std::map<StoreId, std::vector<Taken>> taken;
    for (const admin::DeviceConfig& device : devices) {
        const auto store = host.find(device.path);
        if (!store) {
            continue;
        }
        for (const Piece& piece : Pieces(host, *store).all()) {
            std::vector<Taken>& there = taken[piece.store];
            for (const Taken& other : there) {
                if (other.by != &device && meet(piece, other.piece) &&
                    (writes(device) || writes(*other.by))) {
                    return problem_of(*other.by, device, other.is == *store);
                }
            }
            there.push_back({.piece = piece, .by = &device, .is = *store});
        }
    }
    return std::nullopt;
}

std::optional<admin::Problem> disc_is_written(std::span<const admin::DeviceConfig> devices,
                                              const admin::DeviceConfig& drive, const StoresOfHost& host) {
    for (const admin::DeviceConfig& device : devices) {
        if (!writes(device)) {
            continue;
        }
        if (auto twice = one_store_twice(std::array{device, drive}, host)) {
            return admin::Problem{
                .what = fmt::format("drive {} keeps what it has", drive.name),
                .cause =
                    fmt::format("device {} may write what would be the disc: {}", device.name, twice->cause),
                .cure = fmt::format("insert a copy of it, or make device {} read_only", device.name)};
        }
    }
    return std::nullopt;
}

}  // namespace targe::daemon
