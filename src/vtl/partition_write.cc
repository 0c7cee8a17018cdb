#include "base/assert.h"
#include "vtl/partition.h"
#include "wire/crc32c.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace targe::vtl {
namespace {

// A line of the index at least so often. It bounds what a search walks over.
constexpr std::uint64_t kIndexEveryBytes = 1U << 20U;
constexpr std::uint64_t kIndexEveryObjects = 256;

/// So many filemarks take one write, of 256 KiB.
constexpr std::uint64_t kMostFilemarks = 4096;

}  // namespace

/// A line where the last is far enough away.
void Partition::note_in_index(OpenSegment& tail) {
    const IndexEntry* const last = tail.index.last();
    const std::uint64_t offset = last != nullptr ? last->offset : SegmentHeader::kBytes;
    const std::uint64_t object = last != nullptr ? last->object : segments_.back().header.first_object;
    if (end_.offset - offset >= kIndexEveryBytes || end_.object - object >= kIndexEveryObjects) {
        tail.index.add({.committed = false,
                        .object = end_.object,
                        .filemarks = end_.filemarks,
                        .offset = end_.offset,
                        .epoch = epoch_,
                        .previous_bytes = last_record_bytes_});
    }
}

/// Files that are no part of the tape any more: what is in front of them says so, should the power go before
/// they are all gone.
Result<> Partition::remove_leftovers() {
    if (leftovers_.empty()) {
        return {};
    }
    tail_.reset();
    other_.reset();
    for (const std::uint32_t number : leftovers_) {
        const std::string name = file_name(number);
        if (const auto gone = store_.remove(name); !gone) {
            return gone;
        }
        if (const auto gone = store_.remove(index_name(name)); !gone) {
            return gone;
        }
    }
    const auto synced = store_.sync();
    if (synced) {
        leftovers_.clear();
    }
    return synced;
}

/// A tape that is written from its begin on has a new first segment.
Result<> Partition::remove_segment_0() {
    leftovers_.push_back(segments_.front().header.number);
    segments_.clear();
    at_ = end_ = {};
    dirty_ = false;
    return remove_leftovers();
}

/// Cuts the segment of `place` there; those behind it are left over.
Result<> Partition::cut_segment(const Place& place) {
    auto tail = opened(place.segment);
    if (!tail) {
        return std::unexpected(tail.error());
    }
    std::uint32_t previous = 0;
    if (place.object == end_.object) {
        previous = last_record_bytes_;
    } else if (place.offset > SegmentHeader::kBytes) {
        const auto header = header_at(place);
        previous = header ? header->previous_bytes : 0;
    }
    // The index first: it never tells of more than there is.
    if (const auto done = (*tail)->index.cut(place.offset); !done) {
        return done;
    }
    if (const auto done = (*tail)->file->truncate(place.offset); !done) {
        return done;
    }
    for (std::size_t i = place.segment + 1; i < segments_.size(); ++i) {
        leftovers_.push_back(segments_[i].header.number);
    }
    segments_.resize(place.segment + 1);
    segments_.back().bytes = place.offset;
    at_ = end_ = place;
    last_record_bytes_ = previous;
    safe_object_ = std::min(safe_object_, place.object);
    tail = opened(place.segment);
    if (!tail) {
        return std::unexpected(tail.error());
    }
    if (const auto synced = sync_file(**tail); !synced) {
        return synced;
    }
    return commit(**tail);
}

Result<> Partition::cut() {
    here_.reset();
    if (at_end() && ready_) {
        return {};
    }
    ready_ = false;
    passed_.clear();
    Place place = at_;
    if (const auto crossed = cross_segment(place); !crossed) {
        return crossed;
    }
    if (in_doubt_ && place.object > safe_object_) {
        return std::unexpected(*in_doubt_);
    }
    in_doubt_.reset();
    if (!segments_.empty()) {
        if (const auto done = cut_segment(place); !done) {
            return done;
        }
    }
    if (const auto removed = remove_leftovers(); !removed) {
        return removed;
    }
    if (place.object == 0 && !segments_.empty()) {
        if (const auto removed = remove_segment_0(); !removed) {
            return removed;
        }
    }
    ++epoch_;
    ready_ = true;
    return {};
}

Result<> Partition::new_segment() {
    const auto number = static_cast<std::uint32_t>(segments_.size());
    const std::string name = file_name(number);
    // Its index first: with a line in it, on the disk and by its name. So one without is lost, and not new.
    auto index = SegmentIndex::create(store_, index_name(name));
    if (!index) {
        return std::unexpected(index.error());
    }
    index->add({.committed = false,
                .object = end_.object,
                .filemarks = end_.filemarks,
                .offset = SegmentHeader::kBytes,
                .epoch = epoch_,
                .previous_bytes = 0});
    if (const auto synced = index->sync(); !synced) {
        return synced;
    }
    if (const auto synced = store_.sync(); !synced) {
        return synced;
    }
    auto file = store_.open(name, true);
    if (!file) {
        return std::unexpected(file.error());
    }
    if (const auto emptied = (*file)->truncate(0); !emptied) {
        return emptied;
    }
    const SegmentHeader header{.cartridge = name_.cartridge,
                               .format = name_.format,
                               .partition = name_.number,
                               .number = number,
                               .first_object = end_.object,
                               .first_filemarks = end_.filemarks,
                               .epoch = epoch_,
                               .previous_bytes = last_record_bytes_};
    std::array<std::byte, SegmentHeader::kBytes> raw{};
    encode(header, raw);
    if (const auto wrote = (*file)->write(0, std::array{wire::Bytes{raw}}); !wrote) {
        return wrote;
    }
    names_dirty_ = true;
    segments_.push_back({.header = header, .bytes = SegmentHeader::kBytes, .before = bytes_behind_last()});
    tail_.emplace(OpenSegment{.place = number, .file = std::move(*file), .index = std::move(*index)});
    end_.segment = number;
    end_.offset = SegmentHeader::kBytes;
    at_ = end_;
    last_record_bytes_ = 0;
    return {};
}

Result<> Partition::ready_to_append() {
    if (!ready_ || !at_end()) {
        if (const auto done = cut(); !done) {
            return done;
        }
    }
    at_ = end_;
    if (!segments_.empty() && segments_.back().bytes < name_.segment_bytes) {
        return {};
    }
    // What is full is synced before the next begins: only the last segment is ever in doubt.
    if (!segments_.empty()) {
        if (const auto synced = sync(); !synced) {
            return synced;
        }
    }
    return new_segment();
}

Result<> Partition::append(RecordHeader header, wire::Bytes extra, wire::Bytes stored) {
    TARGE_ASSERT(extra.size() == header.extra_bytes && stored.size() == header.stored_bytes);
    if (const auto ready = ready_to_append(); !ready) {
        return ready;
    }
    if (in_doubt_) {
        return std::unexpected(*in_doubt_);
    }
    const auto tail = opened(end_.segment);
    if (!tail) {
        return std::unexpected(tail.error());
    }
    header.object = end_.object;
    header.filemarks = end_.filemarks;
    header.epoch = epoch_;
    header.previous_bytes = last_record_bytes_;
    header.payload_crc = wire::crc32c(wire::crc32c(0, extra), stored);
    std::array<std::byte, RecordHeader::kBytes> raw{};
    encode(header, raw);
    if (const auto wrote = (*tail)->file->write(end_.offset, std::array{wire::Bytes{raw}, extra, stored});
        !wrote) {
        ready_ = false;  // a part of it may lie behind the end
        return wrote;
    }
    pass(end_, header);
    at_ = end_;
    here_.reset();
    last_record_bytes_ = static_cast<std::uint32_t>(header.record_bytes());
    segments_.back().bytes = end_.offset;
    dirty_ = true;
    note_in_index(**tail);
    return {};
}

Result<std::uint64_t> Partition::append_filemarks(std::uint64_t count) {
    if (const auto ready = ready_to_append(); !ready) {
        return std::unexpected(ready.error());
    }
    if (in_doubt_) {
        return std::unexpected(*in_doubt_);
    }
    const auto tail = opened(end_.segment);
    if (!tail) {
        return std::unexpected(tail.error());
    }
    const std::uint64_t left = name_.segment_bytes - std::min(end_.offset, name_.segment_bytes - 1);
    count = std::min({count, kMostFilemarks, (left + RecordHeader::kBytes - 1) / RecordHeader::kBytes});
    std::vector<std::byte> raw(static_cast<std::size_t>(count) * RecordHeader::kBytes);
    RecordHeader header{.type = ObjectType::filemark,
                        .object = end_.object,
                        .filemarks = end_.filemarks,
                        .epoch = epoch_,
                        .previous_bytes = last_record_bytes_,
                        .payload_crc = wire::crc32c(0, {})};
    for (std::size_t at = 0; at < raw.size(); at += RecordHeader::kBytes) {
        encode(header, std::span{raw}.subspan(at).first<RecordHeader::kBytes>());
        header.object += 1;
        header.filemarks += 1;
        header.previous_bytes = RecordHeader::kBytes;
    }
    if (const auto wrote = (*tail)->file->write(end_.offset, std::array{wire::Bytes{raw}}); !wrote) {
        ready_ = false;  // some may lie behind the end
        return std::unexpected(wrote.error());
    }
    for (std::uint64_t i = 0; i < count; ++i) {
        pass(end_, header);
        last_record_bytes_ = RecordHeader::kBytes;
        note_in_index(**tail);
    }
    at_ = end_;
    here_.reset();
    segments_.back().bytes = end_.offset;
    dirty_ = true;
    return count;
}

Result<> Partition::sync_file(OpenSegment& tail) {
    const auto synced = tail.file->sync();
    if (synced) {
        safe_object_ = end_.object;
    } else if (safe_object_ < end_.object) {
        in_doubt_ = synced.error();
    }
    return synced;
}

/// Says in the index that all is synced, once it is so. Where the host has no space for that, the scan of
/// whoever opens the tape finds it.
Result<> Partition::commit(OpenSegment& tail) {
    const IndexEntry entry{.committed = true,
                           .object = end_.object,
                           .filemarks = end_.filemarks,
                           .offset = end_.offset,
                           .epoch = epoch_,
                           .previous_bytes = last_record_bytes_};
    const IndexEntry* const last = tail.index.last();
    if (last == nullptr || *last != entry) {
        tail.index.add(entry);
    }
    const auto synced = tail.index.sync();
    dirty_ = !synced;
    return synced || synced.error().kind == FaultKind::full ? Result<>{} : synced;
}

Result<> Partition::sync() {
    if (in_doubt_) {
        return std::unexpected(*in_doubt_);
    }
    if (!dirty_ && !names_dirty_) {
        return {};
    }
    if (!segments_.empty()) {
        const auto tail = opened(segments_.size() - 1);
        if (!tail) {
            return std::unexpected(tail.error());
        }
        if (safe_object_ < end_.object || names_dirty_) {
            if (const auto synced = sync_file(**tail); !synced) {
                return synced;
            }
        }
        if (const auto noted = commit(**tail); !noted) {
            return noted;
        }
    }
    if (names_dirty_) {
        if (const auto synced = store_.sync(); !synced) {
            return synced;
        }
    }
    names_dirty_ = false;
    return {};
}

}  // namespace targe::vtl
