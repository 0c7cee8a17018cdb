// What the folders of sysfs say of block devices.
#pragma once

#include "daemon/one_store.h"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace targe::daemon {

inline constexpr std::uint64_t kSectorBytes = 512;  ///< of sysfs, whatever the blocks of the device
/// How many stores may lie on each other before the rest is left alone: no sane machine has as many.
inline constexpr int kDeepest = 16;

[[nodiscard]] std::filesystem::path folder_of(const StoresOfHost& host, const StoreId& block_device);
/// The first line; empty where there is none.
[[nodiscard]] std::string line_of(const std::filesystem::path& file);
/// 0 where there is none.
[[nodiscard]] std::uint64_t number_of(const std::filesystem::path& file);
/// From what a file `dev` says: "8:1".
[[nodiscard]] std::optional<StoreId> block_device_of(const std::filesystem::path& file);

}  // namespace targe::daemon
