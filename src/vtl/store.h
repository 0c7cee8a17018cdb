// Where a cartridge keeps its files: a flat folder of named files. A seam: tests run on memory and lose
// power.
#pragma once

#include "wire/field.h"

#include <cstddef>
#include <cstdint>
#include <expected>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace targe::vtl {

enum class FaultKind : std::uint8_t {
    host,     ///< the file system said no
    full,     ///< the file system has no space left
    damaged,  ///< what was read is not what was written
    in_use,   ///< another process has it, or a drive
};

struct Fault {
    FaultKind kind;
    std::string what;  ///< for the administrator: "read 00000001-0-00000000.tape: Input/output error"
};

template <class T = void>
using Result = std::expected<T, Fault>;

inline std::unexpected<Fault> damaged(std::string what) {
    return std::unexpected(Fault{.kind = FaultKind::damaged, .what = std::move(what)});
}

/// One open file. Not shared between threads.
class StoreFile {
public:
    StoreFile() = default;
    StoreFile(const StoreFile&) = delete;
    StoreFile& operator=(const StoreFile&) = delete;
    virtual ~StoreFile() = default;

    /// Bytes read: fewer than asked for only where the file ends.
    virtual Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> out) = 0;
    /// All of `parts`, one after the other.
    virtual Result<> write(std::uint64_t offset, std::span<const wire::Bytes> parts) = 0;
    virtual Result<> truncate(std::uint64_t size) = 0;
    /// What was written or truncated before is there after a loss of power, if the file's name is.
    virtual Result<> sync() = 0;
    virtual Result<std::uint64_t> size() = 0;
};

class Store {
public:
    Store() = default;
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;
    virtual ~Store() = default;

    virtual Result<std::vector<std::string>> list() = 0;
    /// The file; `create` makes an empty one where there is none.
    virtual Result<std::unique_ptr<StoreFile>> open(const std::string& name, bool create) = 0;
    virtual Result<std::uint64_t> size(const std::string& name) = 0;
    /// Nothing happens where there is none.
    virtual Result<> remove(const std::string& name) = 0;
    /// The old content or the new after a loss of power at any time; the new once this has returned.
    virtual Result<> replace(const std::string& name, wire::Bytes content) = 0;
    /// The whole file, or nothing when there is none. A fault when it is larger than `limit_bytes`.
    virtual Result<std::optional<std::vector<std::byte>>> read_all(const std::string& name,
                                                                   std::size_t limit_bytes) = 0;
    /// Which names there are survives a loss of power.
    virtual Result<> sync() = 0;
};

}  // namespace targe::vtl
