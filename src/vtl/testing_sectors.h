// A disk for tests that cannot read all of what it has.
#pragma once

#include "vtl/store.h"
#include "vtl/testing_store.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace targe::vtl::testing {

/// A disk with sectors that cannot be read, named by file and number.
class BadSectors final : public Store {
public:
    static constexpr std::size_t kSector = 512;
    using Sectors = std::set<std::pair<std::string, std::uint64_t>>;

    BadSectors(MemoryStore& store, Sectors& bad) : store_(store), bad_(bad) {}
    Result<std::vector<std::string>> list() override { return store_.list(); }
    Result<std::unique_ptr<StoreFile>> open(const std::string& name, bool create) override {
        auto file = store_.open(name, create);
        return file ? std::make_unique<File>(std::move(*file), name, bad_)
                    : Result<std::unique_ptr<StoreFile>>(std::unexpected(file.error()));
    }
    Result<std::uint64_t> size(const std::string& name) override { return store_.size(name); }
    Result<> remove(const std::string& name) override { return store_.remove(name); }
    Result<> replace(const std::string& name, wire::Bytes content) override {
        return store_.replace(name, content);
    }
    Result<std::optional<std::vector<std::byte>>> read_all(const std::string& name,
                                                           std::size_t limit) override {
        return store_.read_all(name, limit);
    }
    Result<> sync() override { return store_.sync(); }

private:
    struct File final : StoreFile {
        File(std::unique_ptr<StoreFile> to, std::string of, Sectors& sectors)
            : file(std::move(to)), name(std::move(of)), bad(sectors) {}
        Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> out) override {
            for (std::uint64_t i = offset / kSector; !out.empty() && i <= (offset + out.size() - 1) / kSector;
                 ++i) {
                if (bad.contains({name, i})) {
                    return damaged("read " + name + ": Input/output error");
                }
            }
            return file->read(offset, out);
        }
        Result<> write(std::uint64_t offset, std::span<const wire::Bytes> parts) override {
            return file->write(offset, parts);
        }
        Result<> truncate(std::uint64_t size) override { return file->truncate(size); }
        Result<> sync() override { return file->sync(); }
        Result<std::uint64_t> size() override { return file->size(); }
        std::unique_ptr<StoreFile> file;
        std::string name;
        Sectors& bad;
    };
    MemoryStore& store_;
    Sectors& bad_;
};

}  // namespace targe::vtl::testing
