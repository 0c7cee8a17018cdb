#include "daemon/store_marks.h"

#include "daemon/block_facts.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <optional>
#include <system_error>
#include <utility>

namespace targe::daemon {
namespace {

namespace fs = std::filesystem;

constexpr const char* kKind = "kind";
constexpr const char* kInode = "inode number";
constexpr const char* kBirth = "birth time";
constexpr const char* kWwid = "WWID";
constexpr const char* kSerial = "serial number";
constexpr const char* kMapperUuid = "device mapper UUID";
constexpr const char* kArrayUuid = "array UUID";
constexpr const char* kStart = "first byte";
constexpr const char* kSize = "size in bytes";
constexpr const char* kSequence = "disk sequence number";
constexpr const char* kBoot = "start of the host";
constexpr const char* kRemovable = "removable medium";

/// No two stores have the same one, and a store keeps its own.
constexpr std::array kNames{kBirth, kWwid, kSerial, kMapperUuid, kArrayUuid};
/// Those which say nothing alone.
constexpr std::array kOfSequence{kSequence, kBoot, kRemovable};

/// Some disks fill theirs with blanks, and no mark may have what ends one.
std::string trimmed(std::string text) {
    std::ranges::replace_if(text, [](unsigned char c) { return std::iscntrl(c) != 0; }, ' ');
    const std::size_t first = text.find_first_not_of(' ');
    return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(' ') + 1 - first);
}

class Marks {
public:
    explicit Marks(const StoresOfHost& host) : host_(host) {}

    void add(const std::string& path, const StoreId& store, int depth) {
        if (store.is_file) {
            add_file(path, store);
        } else if (depth < kDeepest) {
            add_block_device(store, depth);
        }
    }
    [[nodiscard]] StoreMarks take() {
        if (!marks_.empty()) {
            put(kStart, std::to_string(first_byte_));
        }
        return std::move(marks_);
    }

private:
    void put(const char* name, std::string value) {
        value = trimmed(std::move(value));
        if (!value.empty()) {
            marks_.emplace(name, std::move(value));
        }
    }
    /// The number of its file system is left out: it is another one after a start of the host.
    void add_file(const std::string& path, const StoreId& store) {
        put(kKind, "file");
        put(kInode, std::to_string(store.inode));
        put(kBirth, host_.born ? host_.born(path).value_or("") : "");
    }
    void add_block_device(const StoreId& store, int depth) {
        const fs::path folder = folder_of(host_, store);
        std::error_code error;
        if (const std::uint64_t sectors = number_of(folder / "size"); sectors != 0) {
            put(kSize, std::to_string(sectors * kSectorBytes));  // of the first: put() replaces nothing
        }
        if (fs::exists(folder / "partition", error)) {
            first_byte_ += number_of(folder / "start") * kSectorBytes;
            if (const auto disk = block_device_of(folder / ".." / "dev")) {
                add_block_device(*disk, depth + 1);
            }
            return;
        }
        add_sequence(folder);
        if (fs::exists(folder / "loop" / "backing_file", error)) {
            first_byte_ += number_of(folder / "loop" / "offset");
            const std::string path = line_of(folder / "loop" / "backing_file");
            if (const auto below = host_.find(path)) {
                add(path, *below, depth + 1);
            }
            return;
        }
        put(kKind, "disk");
        add_names(folder);
    }
    void add_names(const fs::path& folder) {
        put_first(kWwid, {folder / "device" / "wwid", folder / "wwid"});
        put_first(kSerial, {folder / "serial", folder / "device" / "serial", folder / "device" / "cid"});
        put(kMapperUuid, line_of(folder / "dm" / "uuid"));
        put(kArrayUuid, line_of(folder / "md" / "uuid"));
    }
    void put_first(const char* name, std::initializer_list<fs::path> files) {
        for (const fs::path& file : files) {
            put(name, line_of(file));
        }
    }
    void add_sequence(const fs::path& folder) {
        put(kSequence, line_of(folder / "diskseq"));
        if (marks_.contains(kSequence)) {
            put(kBoot, line_of(host_.boot_id));
        }
        if (line_of(folder / "removable") == "1") {
            put(kRemovable, "1");
        }
    }

    const StoresOfHost& host_;
    StoreMarks marks_;
    std::uint64_t first_byte_ = 0;
};

bool is_one_of(const auto& names, std::string_view name) {
    return std::ranges::any_of(names, [&](std::string_view each) { return each == name; });
}

const std::string* find(const StoreMarks& marks, const char* name) {
    const auto at = marks.find(name);
    return at == marks.end() ? nullptr : &at->second;
}

std::string differs(std::string_view name, std::string_view before, std::string_view now) {
    return fmt::format("its {} was {} and is {}", name, before, now);
}

/// The host counts disks, and media, as they come. Numbers of one start of the host are never given twice;
/// but a disk that was taken out and put in again, or a loop device that was set up anew, has another one,
/// and is known by its name, which is that of a removable medium's drive.
SameStore compare_sequence(const StoreMarks& before, const StoreMarks& now, bool named) {
    const std::string* const was = find(before, kSequence);
    const std::string* const is = find(now, kSequence);
    const std::string* const boot_before = find(before, kBoot);
    const std::string* const boot_now = find(now, kBoot);
    const bool told = was != nullptr && is != nullptr && boot_before != nullptr && boot_now != nullptr &&
                      *boot_before == *boot_now;
    if (told && *was == *is) {
        return {.verdict = SameStore::Verdict::same};
    }
    const bool of_medium = find(before, kRemovable) != nullptr || find(now, kRemovable) != nullptr;
    if (told && (!named || of_medium)) {
        return {.verdict = SameStore::Verdict::another, .why = differs(kSequence, *was, *is)};
    }
    return {.verdict = named ? SameStore::Verdict::same : SameStore::Verdict::unknown};
}

}  // namespace

StoreMarks marks_of(const std::string& path, const StoresOfHost& host) {
    const auto store = host.find(path);
    if (!store) {
        return {};
    }
    Marks marks(host);
    marks.add(path, *store, 0);
    return marks.take();
}

std::string to_text(const StoreMarks& marks) {
    std::string text;
    for (const auto& [name, value] : marks) {
        text += fmt::format("{}={}\n", name, value);
    }
    return text;
}

StoreMarks marks_from_text(std::string_view text) {
    StoreMarks marks;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        const std::size_t equals = line.find('=');
        if (equals != std::string_view::npos) {
            marks.emplace(line.substr(0, equals), line.substr(equals + 1));
        }
        text.remove_prefix(std::min(text.size(), line.size() + 1));
    }
    return marks;
}

SameStore compare(const StoreMarks& before, const StoreMarks& now) {
    bool named = false;
    for (const auto& [name, was] : before) {
        const auto is = now.find(name);
        if (is == now.end() || is_one_of(kOfSequence, name)) {
            continue;
        }
        if (is->second != was) {
            return {.verdict = SameStore::Verdict::another, .why = differs(name, was, is->second)};
        }
        named = named || is_one_of(kNames, name);
    }
    return compare_sequence(before, now, named);
}

}  // namespace targe::daemon
