#include "vtl/partition.h"
#include "wire/crc32c.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace targe::vtl {
namespace {

/// More segments than any tape has: 18 TB in segments of 1 GiB are 16,764.
constexpr std::size_t kMaxSegments = 1'000'000;

/// The number of the segment whose file is called `name`, when it begins with `prefix`.
std::optional<std::uint32_t> segment_number(std::string_view name, std::string_view prefix) {
    constexpr std::string_view kSuffix = ".tape";
    if (!name.starts_with(prefix) || !name.ends_with(kSuffix) ||
        name.size() != prefix.size() + 8 + kSuffix.size()) {
        return std::nullopt;
    }
    const std::string_view digits = name.substr(prefix.size(), 8);
    std::uint32_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
    return error == std::errc{} && end == digits.data() + digits.size() ? std::optional(number)
                                                                        : std::nullopt;
}

}  // namespace

Result<std::unique_ptr<Partition>> Partition::open(Store& store, const PartitionName& name) {
    std::unique_ptr<Partition> made(new Partition(store, name));
    if (const auto found = made->find_segments(); !found) {
        return std::unexpected(found.error());
    }
    if (const auto found = made->find_end(); !found) {
        return std::unexpected(found.error());
    }
    return made;
}

Result<> Partition::find_segments() {
    const auto names = store_.list();
    if (!names) {
        return std::unexpected(names.error());
    }
    const std::string prefix = fmt::format("{:08x}-{:x}-", name_.format, name_.number);
    std::vector<std::uint32_t> numbers;
    for (const std::string& each : *names) {
        if (const auto number = segment_number(each, prefix)) {
            numbers.push_back(*number);
        }
    }
    std::ranges::sort(numbers);
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        if (numbers[i] != i || i >= kMaxSegments) {
            return damaged(file_name(static_cast<std::uint32_t>(i)) + " is missing");
        }
        const auto header = look_at_segment(numbers[i], i + 1 == numbers.size());
        if (!header) {
            return std::unexpected(header.error());
        }
        if (!*header) {
            leftovers_.push_back(numbers[i]);
            continue;
        }
        const auto bytes = store_.size(file_name(numbers[i]));
        if (!bytes) {
            return std::unexpected(bytes.error());
        }
        segments_.push_back({.header = **header,
                             .bytes = std::max<std::uint64_t>(*bytes, SegmentHeader::kBytes),
                             .before = bytes_behind_last()});
        if (i + 1 == numbers.size()) {
            break;
        }
        const auto cut = was_cut(numbers[i], *bytes);
        if (!cut) {
            return std::unexpected(cut.error());
        }
        if (*cut) {
            leftovers_.assign(numbers.begin() + static_cast<std::ptrdiff_t>(i) + 1, numbers.end());
            break;
        }
    }
    return {};
}

/// Whether the tape was cut off in a segment, so that those behind it are none of it any more. Others have
/// one behind them only when they are full, or too short for damage: then the index knows of more, or is lost
/// itself. What was cut has one that tells of no more than there is, and at most the line that says so may
/// have been lost with the power.
Result<bool> Partition::was_cut(std::uint32_t number, std::uint64_t bytes) {
    if (bytes >= name_.segment_bytes) {
        return false;
    }
    const auto index = SegmentIndex::open(store_, index_name(file_name(number)));
    if (!index) {
        return std::unexpected(index.error());
    }
    return index->last() != nullptr && index->last()->offset <= bytes && index->damaged_behind() <= 1;
}

/// Nothing when the segment was being made when the power went.
Result<std::optional<SegmentHeader>> Partition::look_at_segment(std::uint32_t number, bool last) {
    const std::string name = file_name(number);
    auto file = store_.open(name, false);
    if (!file) {
        return std::unexpected(file.error());
    }
    std::array<std::byte, SegmentHeader::kBytes> raw{};
    const auto got = (*file)->read(0, raw);
    if (!got && got.error().kind != FaultKind::damaged) {
        return std::unexpected(got.error());
    }
    const auto header = got && *got == raw.size() ? decode_segment(raw) : std::nullopt;
    if (!header) {
        return made_up_header(number, last, **file);
    }
    return header->cartridge == name_.cartridge && header->format == name_.format &&
                   header->partition == name_.number && header->number == number
               ? Result<std::optional<SegmentHeader>>(header)
               : damaged(name + " belongs to another cartridge");
}

/// A header that is damaged is made up for by the index, whose first line says the same, or by the first
/// record. What lies behind the segments before it is taken for the last one's where its index says that
/// something was synced.
Result<std::optional<SegmentHeader>> Partition::made_up_header(std::uint32_t number, bool last,
                                                               StoreFile& file) {
    const std::string name = file_name(number);
    const auto index = SegmentIndex::open(store_, index_name(name));
    if (!index) {
        return std::unexpected(index.error());
    }
    SegmentHeader header{
        .cartridge = name_.cartridge, .format = name_.format, .partition = name_.number, .number = number};
    const IndexEntry* const first = index->first();
    if (first != nullptr && first->offset == SegmentHeader::kBytes &&
        (!last || index->last_committed() != nullptr)) {
        header.first_object = first->object;
        header.first_filemarks = first->filemarks;
        header.epoch = first->epoch;
        return header;
    }
    std::array<std::byte, RecordHeader::kBytes> raw{};
    const auto got = file.read(SegmentHeader::kBytes, raw);
    if (!got && got.error().kind != FaultKind::damaged) {
        return std::unexpected(got.error());
    }
    const auto record = got && *got == raw.size() ? decode_record(raw) : std::nullopt;
    const SegmentHeader before = segments_.empty() ? SegmentHeader{} : segments_.back().header;
    if (record && record->previous_bytes == 0 && record->epoch >= before.epoch &&
        record->object >= before.first_object && (number > 0 || record->object == 0)) {
        header.first_object = record->object;
        header.first_filemarks = record->filemarks;
        header.epoch = record->epoch;
        return header;
    }
    if (last) {
        const bool synced = index->promises_lost() || index->last_committed() != nullptr;
        return synced ? header_behind_last(number) : Result<std::optional<SegmentHeader>>(std::nullopt);
    }
    return damaged(name + ": its header is damaged");
}

/// Of a segment that begins where the one before it ends, as the index of that one says.
Result<std::optional<SegmentHeader>> Partition::header_behind_last(std::uint32_t number) {
    SegmentHeader header{
        .cartridge = name_.cartridge, .format = name_.format, .partition = name_.number, .number = number};
    if (segments_.empty()) {
        return header;
    }
    const Segment& before = segments_.back();
    const auto index = SegmentIndex::open(store_, index_name(file_name(before.header.number)));
    if (!index) {
        return std::unexpected(index.error());
    }
    const IndexEntry* const end = index->last_committed();
    if (end == nullptr || end->offset != before.bytes) {
        return damaged(file_name(number) + ": its header is damaged");
    }
    header.first_object = end->object;
    header.first_filemarks = end->filemarks;
    header.epoch = end->epoch;
    return header;
}

Result<> Partition::find_end() {
    if (segments_.empty()) {
        return {};
    }
    names_dirty_ = true;  // whoever made the last one may have been killed before its name was synced
    Segment& segment = segments_.back();
    end_ = {.segment = segments_.size() - 1,
            .offset = SegmentHeader::kBytes,
            .object = segment.header.first_object,
            .filemarks = segment.header.first_filemarks};
    const auto tail = opened(end_.segment);
    if (!tail) {
        return std::unexpected(tail.error());
    }
    std::uint64_t epoch = segment.header.epoch;
    const std::uint64_t file_bytes = segment.bytes;
    if (const IndexEntry* const committed = (*tail)->index.last_committed()) {
        end_.offset = committed->offset;
        end_.object = committed->object;
        end_.filemarks = committed->filemarks;
        last_record_bytes_ = committed->previous_bytes;
        epoch = std::max(epoch, committed->epoch);
    }
    safe_object_ = end_.object;
    (*tail)->index.drop_uncommitted();
    return scan_tail(**tail, file_bytes, epoch);
}

Result<> Partition::scan_tail(OpenSegment& tail, std::uint64_t file_bytes, std::uint64_t epoch) {
    const bool promised = tail.index.promises_lost();
    std::vector<std::byte> payload;
    while (end_.offset + RecordHeader::kBytes <= file_bytes) {
        std::array<std::byte, RecordHeader::kBytes> raw{};
        const auto got = tail.file->read(end_.offset, raw);
        if (!got && got.error().kind != FaultKind::damaged) {
            return std::unexpected(got.error());
        }
        const auto header = got && *got == raw.size() ? decode_record(raw) : std::nullopt;
        if (!header || header->object != end_.object || header->filemarks != end_.filemarks ||
            header->epoch < epoch || header->previous_bytes != last_record_bytes_ ||
            header->record_bytes() > file_bytes - end_.offset) {
            break;
        }
        payload.resize(static_cast<std::size_t>(header->payload_bytes()));
        const auto data = tail.file->read(end_.offset + RecordHeader::kBytes, payload);
        if (!data && data.error().kind != FaultKind::damaged) {
            return std::unexpected(data.error());
        }
        const bool whole = data && *data == payload.size() && wire::crc32c(0, payload) == header->payload_crc;
        if (!whole && !promised) {
            break;
        }
        pass(end_, *header);
        last_record_bytes_ = static_cast<std::uint32_t>(header->record_bytes());
        epoch_ = epoch = header->epoch;
        dirty_ = true;
        note_in_index(tail);
    }
    if (promised && end_.offset < file_bytes) {
        // What was synced here cannot be found, and is not taken for the end of the tape.
        end_.object += 1;
        end_.offset = file_bytes;
        last_record_bytes_ = 0;
        dirty_ = true;
    }
    segments_.back().bytes = end_.offset;
    epoch_ = epoch;
    return {};
}

}  // namespace targe::vtl
