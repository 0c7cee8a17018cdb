// Where the objects of one segment begin, kept beside it so that nothing has to be read to find one.
#pragma once

#include "vtl/record.h"
#include "vtl/store.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace targe::vtl {

/// A file of IndexEntry, ascending. A hint that is checked against the records: an entry that is lost or
/// damaged costs time, and never data.
class SegmentIndex {
public:
    /// Reads the index; a file that is not there is made, and is empty.
    [[nodiscard]] static Result<SegmentIndex> open(Store& store, const std::string& name);
    /// Empties the file too. It is to have a line, and to be synced, before there is the segment.
    [[nodiscard]] static Result<SegmentIndex> create(Store& store, const std::string& name);

    /// The last entry at or before the object.
    [[nodiscard]] const IndexEntry* before_object(std::uint64_t object) const;
    /// The last entry that has at most so many filemarks before it.
    [[nodiscard]] const IndexEntry* before_filemark(std::uint64_t filemarks) const;
    /// The first entry at the object or behind it.
    [[nodiscard]] const IndexEntry* from_object(std::uint64_t object) const;
    /// The first entry that has more filemarks before it.
    [[nodiscard]] const IndexEntry* behind_filemark(std::uint64_t filemarks) const;
    [[nodiscard]] const IndexEntry* first() const { return lines_.empty() ? nullptr : &lines_.front().entry; }
    [[nodiscard]] const IndexEntry* last() const { return lines_.empty() ? nullptr : &lines_.back().entry; }
    [[nodiscard]] const IndexEntry* last_committed() const;
    /// Lines are damaged that may have told of more than the last committed one, or all are gone.
    [[nodiscard]] bool promises_lost() const;
    /// How many lines may be damaged behind the last.
    [[nodiscard]] std::uint64_t damaged_behind() const {
        return last_damaged_ && *last_damaged_ >= slots() ? *last_damaged_ + 1 - slots() : 0;
    }

    /// In memory first; the file has it after flush().
    void add(const IndexEntry& entry);
    Result<> flush();
    Result<> sync();
    /// Forgets what lies behind `offset`, in the file too.
    Result<> cut(std::uint64_t offset);
    /// Forgets what comes after the last committed entry, in memory only: the scan adds it again. The line
    /// of the segment's begin stays.
    void drop_uncommitted();

private:
    struct Line {
        IndexEntry entry;
        std::uint64_t slot;  ///< its place in the file, counted in entries
    };

    explicit SegmentIndex(std::unique_ptr<StoreFile> file) : file_(std::move(file)) {}
    Result<> load();
    Result<> read_lines(std::span<std::byte> out);
    [[nodiscard]] std::uint64_t slots() const { return lines_.empty() ? 0 : lines_.back().slot + 1; }

    std::unique_ptr<StoreFile> file_;
    std::vector<Line> lines_;
    std::optional<std::uint64_t> last_damaged_;  ///< slot of a line that could not be read
    std::size_t flushed_ = 0;                    ///< lines that the file has
};

}  // namespace targe::vtl
