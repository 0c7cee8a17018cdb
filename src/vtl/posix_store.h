// A folder of the host's file system as a Store.
#pragma once

#include "vtl/store.h"

#include <memory>
#include <string>

namespace targe::vtl {

/// `create` makes the folder (mode 0700, its parent must be there). A fault when it is not there otherwise.
[[nodiscard]] Result<std::unique_ptr<Store>> open_folder(const std::string& path, bool create);
/// The same, for one holder at a time until the store ends: a fault of kind in_use where there is one.
[[nodiscard]] Result<std::unique_ptr<Store>> take_folder(const std::string& path, bool create);

}  // namespace targe::vtl
