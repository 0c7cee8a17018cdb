#include "vtl/partition.h"

#include "base/assert.h"
#include "wire/crc32c.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace targe::vtl {
namespace {

/// More than there are between two lines of an index.
constexpr std::size_t kMostPassed = 1024;

}  // namespace

std::string Partition::file_name(std::uint32_t number) const {
    return fmt::format("{:08x}-{:x}-{:08x}.tape", name_.format, name_.number, number);
}

std::uint64_t Partition::bytes_before(const Place& place) const {
    const std::uint64_t before = place.segment < segments_.size() ? segments_[place.segment].before : 0;
    return before + place.offset - SegmentHeader::kBytes;
}

Result<Partition::OpenSegment*> Partition::opened(std::size_t segment) {
    std::optional<OpenSegment>& slot = segment + 1 == segments_.size() ? tail_ : other_;
    if (slot && slot->place == segment) {
        return &*slot;
    }
    const std::string name = file_name(segments_[segment].header.number);
    auto file = store_.open(name, false);
    if (!file) {
        return std::unexpected(file.error());
    }
    auto index = SegmentIndex::open(store_, index_name(name));
    if (!index) {
        return std::unexpected(index.error());
    }
    slot.emplace(OpenSegment{.place = segment, .file = std::move(*file), .index = std::move(*index)});
    return &*slot;
}

Result<> Partition::cross_segment(Place& place) const {
    while (place.segment + 1 < segments_.size() && place.offset >= segments_[place.segment].bytes) {
        const SegmentHeader& next = segments_[place.segment + 1].header;
        if (next.first_object != place.object || next.first_filemarks != place.filemarks) {
            return damaged(
                fmt::format("{}: objects are missing before {}", file_name(next.number), next.first_object));
        }
        ++place.segment;
        place.offset = SegmentHeader::kBytes;
    }
    return {};
}

/// `place` is not at the end of data, nor at the end of a segment.
Result<RecordHeader> Partition::header_at(const Place& place) {
    const auto segment = opened(place.segment);
    if (!segment) {
        return std::unexpected(segment.error());
    }
    std::array<std::byte, RecordHeader::kBytes> raw{};
    const auto got = (*segment)->file->read(place.offset, raw);
    if (!got) {
        return std::unexpected(got.error());
    }
    const auto header = *got == raw.size() ? decode_record(raw) : std::nullopt;
    if (!header || header->object != place.object || header->filemarks != place.filemarks ||
        header->epoch < segments_[place.segment].header.epoch ||
        header->record_bytes() >
            segments_[place.segment].bytes - std::min(place.offset, segments_[place.segment].bytes)) {
        return damaged(fmt::format("{}: the record of object {} at byte {} is damaged",
                                   file_name(segments_[place.segment].header.number), place.object,
                                   place.offset));
    }
    return *header;
}

void Partition::pass(Place& place, const RecordHeader& header) {
    place.offset += header.record_bytes();
    place.object += 1;
    place.filemarks += header.type == ObjectType::filemark ? 1 : 0;
}

Result<std::optional<RecordHeader>> Partition::peek() {
    if (at_end()) {
        return std::optional<RecordHeader>{};
    }
    if (!here_) {
        if (const auto crossed = cross_segment(at_); !crossed) {
            return std::unexpected(crossed.error());
        }
        const auto header = header_at(at_);
        if (!header) {
            return std::unexpected(header.error());
        }
        here_ = *header;
    }
    return here_;
}

Result<> Partition::read_payload(const RecordHeader& header, std::span<std::byte> out) {
    TARGE_ASSERT(here_ == header && out.size() == header.payload_bytes());
    const auto segment = opened(at_.segment);
    if (!segment) {
        return std::unexpected(segment.error());
    }
    const auto got = (*segment)->file->read(at_.offset + RecordHeader::kBytes, out);
    if (!got) {
        return std::unexpected(got.error());
    }
    if (*got != out.size() || wire::crc32c(0, out) != header.payload_crc) {
        return damaged(fmt::format("{}: the data of object {} are damaged",
                                   file_name(segments_[at_.segment].header.number), header.object));
    }
    return {};
}

void Partition::step(const RecordHeader& header) {
    TARGE_ASSERT(here_ == header);
    pass(at_, header);
    here_.reset();
}

void Partition::rewind() {
    at_ = {};
    here_.reset();
}

/// From `from`, which is at or before what is looked for, object by object: to object `object`, or to the
/// filemark that has `filemark` others before it.
Result<Partition::Place> Partition::walk_to(Place from, std::uint64_t object,
                                            std::optional<std::uint64_t> filemark) {
    passed_.clear();
    for (;;) {
        if (!filemark && from.object == object) {
            return from;
        }
        if (from.object >= end_.object) {
            return damaged(fmt::format("{}: a filemark is missing", file_name(0)));
        }
        if (const auto crossed = cross_segment(from); !crossed) {
            return std::unexpected(crossed.error());
        }
        const auto header = header_at(from);
        if (!header && header.error().kind == FaultKind::damaged) {
            const auto behind = walk_back(from.segment, object, filemark);
            const bool found =
                behind && (filemark ? behind->place.filemarks == *filemark : behind->place.object == object);
            return found ? Result<Place>(behind->place) : std::unexpected(header.error());
        }
        if (!header) {
            return std::unexpected(header.error());
        }
        if (filemark && header->type == ObjectType::filemark && header->filemarks == *filemark) {
            return from;
        }
        if (header->type == ObjectType::filemark) {
            if (passed_.size() == kMostPassed) {
                passed_.clear();
            }
            passed_.push_back(from);
        }
        pass(from, *header);
    }
}

/// The nearest known place at the object or behind it, or behind the filemark.
Result<Partition::Behind> Partition::known_behind(std::size_t segment, std::uint64_t object,
                                                  std::optional<std::uint64_t> filemark) {
    const auto open = opened(segment);
    if (!open) {
        return std::unexpected(open.error());
    }
    const IndexEntry* const entry =
        filemark ? (*open)->index.behind_filemark(*filemark) : (*open)->index.from_object(object);
    if (entry != nullptr && entry->offset <= segments_[segment].bytes && entry->object <= end_.object) {
        return Behind{.place = {.segment = segment,
                                .offset = entry->offset,
                                .object = entry->object,
                                .filemarks = entry->filemarks},
                      .previous_bytes = entry->previous_bytes};
    }
    if (segment + 1 == segments_.size()) {
        return Behind{.place = end_, .previous_bytes = last_record_bytes_};
    }
    const SegmentHeader& next = segments_[segment + 1].header;
    return Behind{.place = {.segment = segment,
                            .offset = segments_[segment].bytes,
                            .object = next.first_object,
                            .filemarks = next.first_filemarks},
                  .previous_bytes = next.previous_bytes};
}

/// To the begin of the record that ends at `from`, or nothing when it is damaged.
std::optional<Partition::Behind> Partition::step_back(const Behind& from) {
    const auto segment = opened(from.place.segment);
    if (!segment || from.previous_bytes < RecordHeader::kBytes ||
        from.previous_bytes > from.place.offset - SegmentHeader::kBytes) {
        return std::nullopt;
    }
    Behind before{.place = from.place, .previous_bytes = 0};
    before.place.offset -= from.previous_bytes;
    std::array<std::byte, RecordHeader::kBytes> raw{};
    const auto got = (*segment)->file->read(before.place.offset, raw);
    const auto header = got && *got == raw.size() ? decode_record(raw) : std::nullopt;
    if (!header || header->record_bytes() != from.previous_bytes) {
        return std::nullopt;
    }
    before.place.object = header->object;
    before.place.filemarks = header->filemarks;
    before.previous_bytes = header->previous_bytes;
    Place again = before.place;
    pass(again, *header);
    return again.object == from.place.object && again.filemarks == from.place.filemarks
               ? std::optional(before)
               : std::nullopt;
}

/// What a damaged record hides from those who come from before it is found from behind: the place of the
/// object, or of the filemark, or where the way back ends.
Result<Partition::Behind> Partition::walk_back(std::size_t segment, std::uint64_t object,
                                               std::optional<std::uint64_t> filemark) {
    auto behind = known_behind(segment, object, filemark);
    while (behind && (filemark ? behind->place.filemarks > *filemark : behind->place.object > object)) {
        const auto before = step_back(*behind);
        if (!before) {
            break;
        }
        behind = *before;
    }
    return behind;
}

Result<> Partition::pass_damaged() {
    TARGE_ASSERT(!at_end());
    here_.reset();
    const auto behind = walk_back(at_.segment, at_.object + 1, {});
    if (!behind) {
        return std::unexpected(behind.error());
    }
    if (behind->place.object <= at_.object) {
        return damaged(fmt::format("{}: nothing behind object {} can be found",
                                   file_name(segments_[at_.segment].header.number), at_.object));
    }
    at_ = behind->place;
    return {};
}

/// The nearest known place before what is looked for.
Result<Partition::Place> Partition::start_in(std::size_t segment, std::uint64_t object,
                                             std::optional<std::uint64_t> filemark) {
    const auto open = opened(segment);
    if (!open) {
        return std::unexpected(open.error());
    }
    const SegmentHeader& header = segments_[segment].header;
    Place start{.segment = segment,
                .offset = SegmentHeader::kBytes,
                .object = header.first_object,
                .filemarks = header.first_filemarks};
    const IndexEntry* const entry =
        filemark ? (*open)->index.before_filemark(*filemark) : (*open)->index.before_object(object);
    if (entry != nullptr && entry->object >= start.object && entry->offset < segments_[segment].bytes) {
        start.offset = entry->offset;
        start.object = entry->object;
        start.filemarks = entry->filemarks;
    }
    const bool behind_start = at_.segment == segment && at_.object >= start.object;
    const bool before_goal = filemark ? at_.filemarks <= *filemark : at_.object <= object;
    return behind_start && before_goal ? at_ : start;
}

Result<> Partition::seek_object(std::uint64_t object) {
    TARGE_ASSERT(object <= end_.object);
    here_.reset();
    if (object == end_.object || object == 0) {
        at_ = object == 0 ? Place{} : end_;
        return {};
    }
    const auto after = std::ranges::upper_bound(
        segments_, object, {}, [](const Segment& segment) { return segment.header.first_object; });
    const auto start = start_in(static_cast<std::size_t>(after - segments_.begin()) - 1, object, {});
    if (!start) {
        return std::unexpected(start.error());
    }
    const auto found = walk_to(*start, object, {});
    if (!found) {
        return std::unexpected(found.error());
    }
    at_ = *found;
    return {};
}

Result<> Partition::seek_filemark(std::uint64_t filemarks) {
    TARGE_ASSERT(filemarks < end_.filemarks);
    here_.reset();
    // Whoever goes back from one to the next would walk the same way to each of them.
    const auto passed = std::ranges::lower_bound(passed_, filemarks, {}, &Place::filemarks);
    if (passed != passed_.end() && passed->filemarks == filemarks) {
        at_ = *passed;
        return {};
    }
    const auto after = std::ranges::upper_bound(
        segments_, filemarks, {}, [](const Segment& segment) { return segment.header.first_filemarks; });
    const auto start = start_in(static_cast<std::size_t>(after - segments_.begin()) - 1, 0, filemarks);
    if (!start) {
        return std::unexpected(start.error());
    }
    const auto found = walk_to(*start, 0, filemarks);
    if (!found) {
        return std::unexpected(found.error());
    }
    at_ = *found;
    return {};
}

}  // namespace targe::vtl
