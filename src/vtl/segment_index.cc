#include "vtl/segment_index.h"

#include <algorithm>
#include <array>
#include <ranges>
#include <span>
#include <utility>

namespace targe::vtl {
namespace {

/// A segment has far fewer; a file that is larger is no index.
constexpr std::uint64_t kMaxEntries = 4'000'000;

}  // namespace

Result<SegmentIndex> SegmentIndex::open(Store& store, const std::string& name) {
    auto file = store.open(name, true);
    if (!file) {
        return std::unexpected(file.error());
    }
    SegmentIndex index(std::move(*file));
    if (const auto loaded = index.load(); !loaded) {
        return std::unexpected(loaded.error());
    }
    return index;
}

Result<SegmentIndex> SegmentIndex::create(Store& store, const std::string& name) {
    auto file = store.open(name, true);
    if (!file) {
        return std::unexpected(file.error());
    }
    // What it may say of an earlier segment of that number is none of the new one.
    if (const auto emptied = (*file)->truncate(0); !emptied) {
        return std::unexpected(emptied.error());
    }
    return SegmentIndex(std::move(*file));
}

/// What the disk cannot read stays zero, and is no line.
Result<> SegmentIndex::read_lines(std::span<std::byte> out) {
    constexpr std::size_t kSector = 4096;
    const auto whole = file_->read(0, out);
    if (whole || whole.error().kind != FaultKind::damaged) {
        return whole ? Result<>{} : std::unexpected(whole.error());
    }
    std::ranges::fill(out, std::byte{0});
    for (std::size_t at = 0; at < out.size(); at += kSector) {
        const auto sector = out.subspan(at, std::min(kSector, out.size() - at));
        const auto got = file_->read(at, sector);
        if (!got && got.error().kind != FaultKind::damaged) {
            return std::unexpected(got.error());
        }
        if (!got) {
            std::ranges::fill(sector, std::byte{0});
        }
    }
    return {};
}

Result<> SegmentIndex::load() {
    const auto bytes = file_->size();
    if (!bytes) {
        return std::unexpected(bytes.error());
    }
    const std::uint64_t entries = std::min(*bytes / IndexEntry::kBytes, kMaxEntries);
    std::vector<std::byte> raw(static_cast<std::size_t>(entries) * IndexEntry::kBytes);
    if (const auto read = read_lines(raw); !read) {
        return read;
    }
    for (std::size_t slot = 0; slot < entries; ++slot) {
        const auto entry =
            decode_index(std::span{raw}.subspan(slot * IndexEntry::kBytes).first<IndexEntry::kBytes>());
        if (!entry) {
            last_damaged_ = slot;
            continue;
        }
        const IndexEntry* const newest = last();
        if (newest == nullptr || (entry->object >= newest->object && entry->offset >= newest->offset &&
                                  entry->filemarks >= newest->filemarks)) {
            lines_.push_back({*entry, slot});
        }
    }
    if (*bytes > entries * IndexEntry::kBytes) {
        last_damaged_ = entries;
    }
    flushed_ = lines_.size();
    return {};
}

const IndexEntry* SegmentIndex::before_object(std::uint64_t object) const {
    const auto after =
        std::ranges::upper_bound(lines_, object, {}, [](const Line& line) { return line.entry.object; });
    return after == lines_.begin() ? nullptr : &std::prev(after)->entry;
}

const IndexEntry* SegmentIndex::before_filemark(std::uint64_t filemarks) const {
    const auto after = std::ranges::upper_bound(lines_, filemarks, {},
                                                [](const Line& line) { return line.entry.filemarks; });
    return after == lines_.begin() ? nullptr : &std::prev(after)->entry;
}

const IndexEntry* SegmentIndex::from_object(std::uint64_t object) const {
    const auto found =
        std::ranges::lower_bound(lines_, object, {}, [](const Line& line) { return line.entry.object; });
    return found == lines_.end() ? nullptr : &found->entry;
}

const IndexEntry* SegmentIndex::behind_filemark(std::uint64_t filemarks) const {
    const auto found = std::ranges::upper_bound(lines_, filemarks, {},
                                                [](const Line& line) { return line.entry.filemarks; });
    return found == lines_.end() ? nullptr : &found->entry;
}

const IndexEntry* SegmentIndex::last_committed() const {
    const auto newest_first = std::views::reverse(lines_);
    const auto found =
        std::ranges::find_if(newest_first, [](const Line& line) { return line.entry.committed; });
    return found == newest_first.end() ? nullptr : &found->entry;
}

bool SegmentIndex::promises_lost() const {
    if (lines_.empty()) {
        return true;  // it had one before the segment was there
    }
    const auto newest_first = std::views::reverse(lines_);
    const auto found =
        std::ranges::find_if(newest_first, [](const Line& line) { return line.entry.committed; });
    return last_damaged_ && (found == newest_first.end() || *last_damaged_ > found->slot);
}

void SegmentIndex::add(const IndexEntry& entry) {
    lines_.push_back({entry, slots()});
}

Result<> SegmentIndex::flush() {
    if (flushed_ == lines_.size()) {
        return {};
    }
    // What was added since the last flush stands in consecutive slots.
    std::vector<std::byte> raw((lines_.size() - flushed_) * IndexEntry::kBytes);
    for (std::size_t i = flushed_; i < lines_.size(); ++i) {
        encode(lines_[i].entry,
               std::span{raw}.subspan((i - flushed_) * IndexEntry::kBytes).first<IndexEntry::kBytes>());
    }
    const auto wrote = file_->write(lines_[flushed_].slot * IndexEntry::kBytes, std::array{wire::Bytes{raw}});
    if (!wrote) {
        return wrote;
    }
    flushed_ = lines_.size();
    // What is damaged behind them has told of no more than they do.
    if (last_damaged_ && *last_damaged_ >= slots()) {
        if (const auto done = file_->truncate(slots() * IndexEntry::kBytes); !done) {
            return done;
        }
        last_damaged_.reset();
    }
    return {};
}

Result<> SegmentIndex::sync() {
    const auto flushed = flush();
    return flushed ? file_->sync() : flushed;
}

Result<> SegmentIndex::cut(std::uint64_t offset) {
    while (!lines_.empty() && lines_.back().entry.offset > offset) {
        lines_.pop_back();
    }
    flushed_ = std::min(flushed_, lines_.size());
    // Lines that the file has not wait for the next flush: a cut gives space back, and must need none.
    const std::uint64_t kept = flushed_ == 0 ? 0 : lines_[flushed_ - 1].slot + 1;
    if (const auto done = file_->truncate(kept * IndexEntry::kBytes); !done) {
        return done;
    }
    if (last_damaged_ && *last_damaged_ >= kept) {
        last_damaged_.reset();
    }
    return file_->sync();
}

void SegmentIndex::drop_uncommitted() {
    const bool begins = !lines_.empty() && lines_.front().entry.offset == SegmentHeader::kBytes;
    while (lines_.size() > (begins ? 1U : 0U) && !lines_.back().entry.committed) {
        lines_.pop_back();
    }
    flushed_ = std::min(flushed_, lines_.size());
}

}  // namespace targe::vtl
