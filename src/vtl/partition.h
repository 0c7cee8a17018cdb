// One partition of a tape: a row of blocks and filemarks that is appended to at its end, and cut off where
// something is written in its middle. Kept in segments, files that are never overwritten but only cut.
#pragma once

#include "vtl/record.h"
#include "vtl/segment_index.h"
#include "vtl/store.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace targe::vtl {

/// Which files of the store are the partition's.
struct PartitionName {
    std::uint64_t cartridge = 0;
    std::uint32_t format = 1;
    std::uint32_t number = 0;
    std::uint64_t segment_bytes = std::uint64_t{1} << 30;  ///< a segment is full when it has reached this
};

/// The position is between two objects. Everything that moves it leaves it where it was when it fails, unless
/// said otherwise. One user at a time.
///
/// Promise: what was written before a sync() that succeeded is there after a loss of power at any time, and
/// what is read is what was written, or a Fault of kind `damaged`. What was written since may be lost from
/// its end on.
class Partition {
public:
    /// Looks for the end of data: reads the headers of segments, the index of the last one, and of that what
    /// was written after its last sync. Changes nothing. An empty partition has no file. Where damage hides
    /// what was synced at the end, all of that is one more object, which is damaged.
    [[nodiscard]] static Result<std::unique_ptr<Partition>> open(Store& store, const PartitionName& name);

    [[nodiscard]] std::uint64_t object() const { return at_.object; }
    [[nodiscard]] std::uint64_t filemarks() const { return at_.filemarks; }
    [[nodiscard]] std::uint64_t end_object() const { return end_.object; }
    [[nodiscard]] std::uint64_t end_filemarks() const { return end_.filemarks; }
    [[nodiscard]] bool at_end() const { return at_.object == end_.object; }
    /// Bytes that all records take, and those before the position.
    [[nodiscard]] std::uint64_t used_bytes() const { return bytes_before(end_); }
    [[nodiscard]] std::uint64_t used_before_position() const { return bytes_before(at_); }
    /// Something was written and not synced since.
    [[nodiscard]] bool dirty() const { return dirty_; }

    /// The object behind the position, or nothing at the end of data.
    Result<std::optional<RecordHeader>> peek();
    /// The payload of what peek() has told of: exactly its payload_bytes(). Does not move.
    Result<> read_payload(const RecordHeader& header, std::span<std::byte> out);
    /// Over the object that peek() has told of.
    void step(const RecordHeader& header);
    /// Over what peek() cannot tell of for damage: to the nearest object behind it that can be found.
    Result<> pass_damaged();

    /// Before object `object`, at most end_object().
    Result<> seek_object(std::uint64_t object);
    /// Before the filemark that has `filemarks` others before it; less than end_filemarks().
    Result<> seek_filemark(std::uint64_t filemarks);
    void rewind();

    /// Cuts off what is behind the position, then appends one object. Of `header`, object, filemarks, epoch,
    /// previous_bytes and payload_crc are set here. The position is behind it afterwards.
    Result<> append(RecordHeader header, wire::Bytes extra, wire::Bytes stored);
    /// The same with filemarks, of which there is one at least: how many of `count`, as many as one write
    /// takes.
    Result<std::uint64_t> append_filemarks(std::uint64_t count);
    /// Everything behind the position is gone, also after a loss of power.
    Result<> cut();
    /// Once it has failed, what was written since the last that succeeded may be lost, and nobody can know:
    /// it fails, and so does append(), until that has been cut off.
    Result<> sync();

private:
    struct Segment {
        SegmentHeader header;
        std::uint64_t bytes;   ///< where its records end
        std::uint64_t before;  ///< bytes of records in the segments before it
    };
    struct Place {
        std::size_t segment = 0;
        std::uint64_t offset = SegmentHeader::kBytes;
        std::uint64_t object = 0;
        std::uint64_t filemarks = 0;
    };
    /// A place, and how long the record is that ends there; 0 where that is not known.
    struct Behind {
        Place place;
        std::uint32_t previous_bytes;
    };
    struct OpenSegment {
        std::size_t place;
        std::unique_ptr<StoreFile> file;
        SegmentIndex index;
    };

    Partition(Store& store, const PartitionName& name) : store_(store), name_(name) {}

    [[nodiscard]] std::string file_name(std::uint32_t number) const;
    [[nodiscard]] static std::string index_name(const std::string& file) { return file + ".index"; }
    [[nodiscard]] std::uint64_t bytes_before(const Place& place) const;
    [[nodiscard]] std::uint64_t bytes_behind_last() const {
        return segments_.empty() ? 0
                                 : segments_.back().before + segments_.back().bytes - SegmentHeader::kBytes;
    }
    Result<OpenSegment*> opened(std::size_t segment);

    Result<> find_segments();
    Result<std::optional<SegmentHeader>> look_at_segment(std::uint32_t number, bool last);
    Result<std::optional<SegmentHeader>> made_up_header(std::uint32_t number, bool last, StoreFile& file);
    Result<std::optional<SegmentHeader>> header_behind_last(std::uint32_t number);
    Result<bool> was_cut(std::uint32_t number, std::uint64_t bytes);
    Result<> find_end();
    /// Walks over whole, intact records from `end_` on.
    Result<> scan_tail(OpenSegment& tail, std::uint64_t file_bytes, std::uint64_t epoch);

    Result<RecordHeader> header_at(const Place& place);
    Result<> cross_segment(Place& place) const;
    Result<Place> walk_to(Place from, std::uint64_t object, std::optional<std::uint64_t> filemark);
    Result<Place> start_in(std::size_t segment, std::uint64_t object, std::optional<std::uint64_t> filemark);
    static void pass(Place& place, const RecordHeader& header);
    Result<Behind> known_behind(std::size_t segment, std::uint64_t object,
                                std::optional<std::uint64_t> filemark);
    std::optional<Behind> step_back(const Behind& from);
    Result<Behind> walk_back(std::size_t segment, std::uint64_t object,
                             std::optional<std::uint64_t> filemark);

    Result<> ready_to_append();
    Result<> cut_segment(const Place& place);
    Result<> remove_leftovers();
    Result<> remove_segment_0();
    Result<> new_segment();
    Result<> sync_file(OpenSegment& tail);
    Result<> commit(OpenSegment& tail);
    void note_in_index(OpenSegment& tail);

    Store& store_;
    PartitionName name_;
    std::vector<Segment> segments_;
    std::vector<std::uint32_t> leftovers_;  ///< numbers of files that are no part of the tape any more
    Place at_;
    Place end_;
    std::uint32_t last_record_bytes_ = 0;  ///< of the record that ends at end_; 0 where a segment begins
    std::uint64_t epoch_ = 0;
    bool ready_ = false;  ///< nothing lies behind end_ in the store
    bool dirty_ = false;
    bool names_dirty_ = false;
    std::uint64_t safe_object_ = 0;     ///< objects that are synced
    std::optional<Fault> in_doubt_;     ///< why the others may be lost, although they can be read
    std::optional<RecordHeader> here_;  ///< what is behind at_, once it was looked at
    std::vector<Place> passed_;  ///< filemarks that the last walk came over, ascending; not all of many
    std::optional<OpenSegment> tail_;
    std::optional<OpenSegment> other_;
};

}  // namespace targe::vtl
