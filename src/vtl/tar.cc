#include "vtl/tar.h"

#include "vtl/block_codec.h"
#include "vtl/limits.h"
#include "vtl/tar_member.h"

#include <fmt/format.h>

#include <array>
#include <span>
#include <string>
#include <utility>

namespace targe::vtl {
namespace {

constexpr std::size_t kMostMember = std::size_t{kMaxStoredBytes} + 8192;

std::unexpected<Fault> host(std::string what) {
    return std::unexpected(Fault{.kind = FaultKind::host, .what = std::move(what)});
}

/// Of one object, without the ending that says what it is.
std::string name_of(std::string_view barcode, std::size_t partition, std::uint64_t file,
                    std::uint64_t object) {
    return fmt::format("{}/{}/{:08}/{:012}", barcode, partition, file, object);
}

Result<> export_object(Partition& partition, BlockCodec& codec, const RecordHeader& header,
                       const std::string& name, std::ostream& out) {
    if (header.type == ObjectType::filemark) {
        write_member(out, name + ".filemark", {}, {});
        return {};
    }
    if (header.encrypted) {
        std::array<std::byte, RecordHeader::kBytes> raw{};
        encode(header, raw);
        std::vector<std::byte> payload(static_cast<std::size_t>(header.payload_bytes()));
        const auto read = partition.read_payload(header, payload);
        if (read) {
            write_member(out, name + ".sealed", raw, payload);
        }
        return read;
    }
    const auto block = codec.read(partition, header, nullptr);
    if (!block) {
        return block.error() == ReadFault::unreadable ? damaged(name + ": the block cannot be read")
                                                      : host(name + ": the block could not be read");
    }
    write_member(out, name + ".block", *block, {});
    return {};
}

/// One partition on its way into an archive.
class Exporter {
public:
    Exporter(Cartridge& cartridge, std::size_t number, std::ostream& out, std::vector<Unreadable>& unreadable)
        : partition_(cartridge.partition(number)),
          barcode_(cartridge.label().barcode),
          number_(number),
          out_(out),
          unreadable_(unreadable) {
        partition_.rewind();
    }

    /// False at the end of what can be found.
    Result<bool> one() {
        const auto header = partition_.peek();
        if (!header) {
            return header.error().kind == FaultKind::damaged ? pass_damaged()
                                                             : std::unexpected(header.error());
        }
        if (!*header) {
            return false;
        }
        const std::string name = name_of(barcode_, number_, (*header)->filemarks, (*header)->object);
        const auto done = export_object(partition_, codec_, **header, name, out_);
        if (!done && done.error().kind != FaultKind::damaged) {
            return std::unexpected(done.error());
        }
        if (!done) {
            write_member(out_, name + ".damaged", {}, {});
            note((*header)->object, 1);
        }
        partition_.step(**header);
        return true;
    }

private:
    /// How many objects are lost, and how many of them are filemarks, is known from what follows. Which ones
    /// is not, unless all are: they are taken for the last, so that no file is longer than it was.
    Result<bool> pass_damaged() {
        const std::uint64_t first = partition_.object();
        std::uint64_t file = partition_.filemarks();
        if (const auto passed = partition_.pass_damaged(); !passed) {
            if (passed.error().kind != FaultKind::damaged) {
                return std::unexpected(passed.error());
            }
            note(first, partition_.end_object() - first);
            return false;
        }
        const std::uint64_t marks = partition_.filemarks() - file;
        const std::uint64_t behind = partition_.object();
        for (std::uint64_t object = first; object < behind && out_; ++object) {
            const bool mark = behind - object <= marks;
            write_member(out_, name_of(barcode_, number_, file, object) + (mark ? ".filemark" : ".damaged"),
                         {}, {});
            file += mark ? 1 : 0;
        }
        if (marks < behind - first) {
            note(first, behind - first);
        }
        return true;
    }

    void note(std::uint64_t object, std::uint64_t count) {
        if (!unreadable_.empty() && unreadable_.back().partition == number_ &&
            unreadable_.back().object + unreadable_.back().count == object) {
            unreadable_.back().count += count;
        } else {
            unreadable_.push_back({.partition = number_, .object = object, .count = count});
        }
    }

    Partition& partition_;
    const std::string& barcode_;
    std::size_t number_;
    std::ostream& out_;
    std::vector<Unreadable>& unreadable_;
    BlockCodec codec_;
};

Result<> import_sealed(Partition& partition, const TarMember& member) {
    if (member.content.size() < RecordHeader::kBytes) {
        return damaged(member.name + " is too short");
    }
    const std::span<const std::byte> all(member.content);
    auto header = decode_record(all.first<RecordHeader::kBytes>());
    const wire::Bytes payload = all.subspan(RecordHeader::kBytes);
    // The object is a part of what the seal protects.
    if (!header || !header->encrypted || header->object != partition.object() ||
        header->payload_bytes() != payload.size()) {
        return damaged(member.name + " is damaged");
    }
    return partition.append(*header, payload.first(header->extra_bytes),
                            payload.subspan(header->extra_bytes));
}

Result<> import_object(Partition& partition, BlockCodec& codec, const TarMember& member,
                       std::string_view ending) {
    if (ending == ".filemark" && member.content.empty()) {
        return partition.append({.type = ObjectType::filemark}, {}, {});
    }
    if (ending == ".block" && !member.content.empty() && member.content.size() <= kMaxBlockBytes) {
        return codec.write(partition, member.content, {.compress = true});
    }
    if (ending == ".damaged" && member.content.empty()) {
        // A frame of nothing, which nobody can expand to a byte.
        return partition.append({.type = ObjectType::block, .compressed = true, .logical_bytes = 1}, {}, {});
    }
    return ending == ".sealed" ? import_sealed(partition, member)
                               : damaged(member.name + " is no object of a tape");
}

}  // namespace

Result<std::vector<Unreadable>> export_tar(Cartridge& cartridge, std::ostream& out) {
    const Label& label = cartridge.label();
    const std::string text = encode(label);
    write_member(out, label.barcode + "/label.json", std::as_bytes(std::span{text}), {});
    std::vector<Unreadable> unreadable;
    for (std::size_t number = 0; number < cartridge.partitions(); ++number) {
        Exporter exporter(cartridge, number, out, unreadable);
        for (bool more = true; more;) {
            const auto one = exporter.one();
            if (!one) {
                return std::unexpected(one.error());
            }
            if (!out) {
                return host("the archive could not be written");
            }
            more = *one;
        }
    }
    write_end(out);
    out.flush();
    return out ? Result<std::vector<Unreadable>>(std::move(unreadable))
               : host("the archive could not be written");
}

std::string text_of(const std::vector<Unreadable>& unreadable) {
    constexpr std::size_t kMost = 20;
    std::string text;
    for (std::size_t i = 0; i < unreadable.size() && i < kMost; ++i) {
        const Unreadable& each = unreadable[i];
        text += i == 0 ? "" : ", ";
        text += each.count == 1 ? fmt::format("object {}", each.object)
                                : fmt::format("objects {} to {}", each.object, each.object + each.count - 1);
        text += each.partition == 0 ? "" : fmt::format(" of partition {}", each.partition);
    }
    return unreadable.size() > kMost
               ? fmt::format("{} and {} more such places", text, unreadable.size() - kMost)
               : text;
}

Result<Label> import_label(std::istream& in) {
    const auto member = read_member(in, kMostMember);
    if (!member) {
        return std::unexpected(member.error());
    }
    if (!*member || !(*member)->name.ends_with("/label.json")) {
        return damaged("the archive does not begin with the label of a cartridge");
    }
    std::string text;
    for (const std::byte byte : (*member)->content) {
        text.push_back(static_cast<char>(byte));
    }
    return decode_label(text);
}

Result<> import_objects(std::istream& in, Cartridge& cartridge) {
    BlockCodec codec;
    for (std::size_t number = 0;;) {
        const auto member = read_member(in, kMostMember);
        if (!member) {
            return std::unexpected(member.error());
        }
        if (!*member) {
            return cartridge.sync();
        }
        // Its place in the archive must be its place on the tape; the barcode may be another one.
        const std::string& name = (*member)->name;
        const std::string_view place = std::string_view(name).substr(std::min(name.find('/'), name.size()));
        const std::size_t dot = place.rfind('.');
        const auto expected = [&] {
            const Partition& tape = cartridge.partition(number);
            return name_of("", number, tape.filemarks(), tape.object());
        };
        while (place.substr(0, dot) != expected()) {
            if (++number >= cartridge.partitions()) {
                return damaged(name + " is not where it should be");
            }
        }
        if (const auto done = import_object(cartridge.partition(number), codec, **member,
                                            dot == std::string_view::npos ? "" : place.substr(dot));
            !done) {
            return done;
        }
    }
}

}  // namespace targe::vtl
