// Files in memory that can lose power, for tests. The fault model: of what was not synced any write may be
// there, in part, or not, in any order; names that were not synced may be there or not; what was synced is
// there.
#pragma once

#include "vtl/store.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace targe::vtl::testing {

class MemoryStore final : public Store {
public:
    using Content = std::vector<std::byte>;

    /// What a disk may hold after the power came back.
    [[nodiscard]] std::unique_ptr<MemoryStore> after_power_loss(std::mt19937_64& random) const {
        auto after = std::make_unique<MemoryStore>();
        for (const auto& [name, file] : files_) {
            const bool was = durable_names_.contains(name);
            if (was || random() % 2 == 0) {
                put(*after, name, remains(*file, random));
            }
        }
        for (const std::string& name : durable_names_) {
            const auto removed = removed_.find(name);
            if (!files_.contains(name) && removed != removed_.end() && random() % 2 == 0) {
                put(*after, name, remains(*removed->second, random));
            }
        }
        return after;
    }
    /// A copy of everything, synced.
    [[nodiscard]] std::unique_ptr<MemoryStore> copy() const {
        auto made = std::make_unique<MemoryStore>();
        for (const auto& [name, file] : files_) {
            put(*made, name, file->content);
        }
        return made;
    }
    [[nodiscard]] Content& content(const std::string& name) { return files_.at(name)->content; }
    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> found;
        for (const auto& [name, file] : files_) {
            found.push_back(name);
        }
        return found;
    }
    [[nodiscard]] std::uint64_t bytes_read() const { return read_; }
    /// Every change from the `changes`-th on, counted from 0, fails; or that one alone, which, if it is a
    /// write, has been done all the same.
    void fail_after(std::size_t changes, FaultKind kind, bool alone = false) {
        left_ = changes;
        kind_ = kind;
        alone_ = alone;
    }
    void mend() { left_.reset(); }
    /// Every write finds no space, until mend(); what needs none goes on.
    void fill() { fail_after(SIZE_MAX, FaultKind::full); }
    [[nodiscard]] std::size_t changes() const { return changes_; }

    Result<std::vector<std::string>> list() override { return names(); }
    Result<std::unique_ptr<StoreFile>> open(const std::string& name, bool create) override {
        if (!files_.contains(name)) {
            if (!create) {
                return fault(FaultKind::host, "open " + name + ": there is none");
            }
            if (const auto may = step(); !may) {
                return std::unexpected(may.error());
            }
            files_[name] = std::make_shared<File>();
        }
        return std::make_unique<Handle>(*this, files_[name]);
    }
    Result<std::uint64_t> size(const std::string& name) override {
        const auto found = files_.find(name);
        return found == files_.end() ? Result<std::uint64_t>(fault(FaultKind::host, name + ": there is none"))
                                     : found->second->content.size();
    }
    Result<> remove(const std::string& name) override {
        if (kind_ == FaultKind::full && name == "reserve" && files_.contains(name)) {
            mend();  // there is space again
        }
        if (const auto may = step(); !may) {
            return may;
        }
        if (const auto found = files_.find(name); found != files_.end()) {
            if (durable_names_.contains(name) && !removed_.contains(name)) {
                removed_[name] = found->second;
            }
            files_.erase(found);
        }
        return {};
    }
    Result<> replace(const std::string& name, wire::Bytes content) override {
        if (const auto may = step(); !may) {
            return may;
        }
        put(*this, name, Content(content.begin(), content.end()));
        return {};
    }
    Result<std::optional<Content>> read_all(const std::string& name, std::size_t limit_bytes) override {
        const auto found = files_.find(name);
        if (found == files_.end()) {
            return std::optional<Content>{};
        }
        if (found->second->content.size() > limit_bytes) {
            return fault(FaultKind::host, name + ": too large");
        }
        return std::optional(found->second->content);
    }
    Result<> sync() override {
        if (const auto may = step(); !may) {
            return may;
        }
        durable_names_.clear();
        for (const auto& [name, file] : files_) {
            durable_names_.insert(name);
        }
        removed_.clear();
        return {};
    }

private:
    struct Change {
        std::uint64_t offset;
        std::optional<Content> bytes;  ///< nothing: truncated to `offset`
    };
    struct File {
        Content content;
        Content durable;
        std::vector<Change> changes;
    };
    struct Handle final : StoreFile {
        Handle(MemoryStore& store, std::shared_ptr<File> file) : store_(store), file_(std::move(file)) {}
        Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> out) override {
            const Content& content = file_->content;
            if (offset >= content.size()) {
                return 0;
            }
            const std::size_t size = std::min(out.size(), content.size() - static_cast<std::size_t>(offset));
            std::copy_n(content.begin() + static_cast<std::ptrdiff_t>(offset), size, out.begin());
            store_.read_ += size;
            return size;
        }
        Result<> write(std::uint64_t offset, std::span<const wire::Bytes> parts) override {
            const bool done = store_.step() && store_.left_ <= std::size_t{1} << 60U;
            if (!done && !store_.alone_) {
                return fault(store_.kind_, "the store was told to fail");
            }
            Content all;
            for (const wire::Bytes part : parts) {
                all.insert(all.end(), part.begin(), part.end());
            }
            apply(file_->content, {offset, all});
            file_->changes.push_back({offset, std::move(all)});
            return done ? Result<>{} : fault(store_.kind_, "the store was told to fail");
        }
        Result<> truncate(std::uint64_t size) override {
            if (const auto may = store_.step(); !may) {
                return may;
            }
            file_->content.resize(static_cast<std::size_t>(size));
            file_->changes.push_back({size, {}});
            return {};
        }
        Result<> sync() override {
            if (const auto may = store_.step(); !may) {
                return may;
            }
            file_->durable = file_->content;
            file_->changes.clear();
            return {};
        }
        Result<std::uint64_t> size() override { return file_->content.size(); }

        MemoryStore& store_;
        std::shared_ptr<File> file_;
    };

    static std::unexpected<Fault> fault(FaultKind kind, std::string what) {
        return std::unexpected(Fault{.kind = kind, .what = std::move(what)});
    }
    static void put(MemoryStore& store, const std::string& name, Content content) {
        auto file = std::make_shared<File>();
        file->content = content;
        file->durable = std::move(content);
        store.files_[name] = std::move(file);
        store.durable_names_.insert(name);
    }
    static void apply(Content& content, const Change& change) {
        const auto offset = static_cast<std::size_t>(change.offset);
        if (!change.bytes) {
            content.resize(offset);
            return;
        }
        content.resize(std::max(content.size(), offset + change.bytes->size()));
        std::ranges::copy(*change.bytes, content.begin() + static_cast<std::ptrdiff_t>(offset));
    }
    static Content remains(const File& file, std::mt19937_64& random) {
        Content left = file.durable;
        for (const Change& change : file.changes) {
            Change happened = change;
            const auto luck = random() % 3;
            if (luck == 0) {
                continue;
            }
            if (luck == 1 && happened.bytes) {
                happened.bytes->resize(random() % (happened.bytes->size() + 1));
            }
            apply(left, happened);
        }
        return left;
    }
    Result<> step() {
        ++changes_;
        if (!left_) {
            return {};
        }
        if (*left_ == 0) {
            left_ = alone_ ? std::nullopt : left_;
            return fault(kind_, "the store was told to fail");
        }
        --*left_;
        return {};
    }

    std::map<std::string, std::shared_ptr<File>> files_;
    std::map<std::string, std::shared_ptr<File>> removed_;
    std::set<std::string> durable_names_;
    std::uint64_t read_ = 0;
    std::size_t changes_ = 0;
    std::optional<std::size_t> left_;
    FaultKind kind_ = FaultKind::host;
    bool alone_ = false;
};

}  // namespace targe::vtl::testing
