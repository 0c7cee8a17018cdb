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
        return damaged(fmt::format("{}: the block cannot be read", name));
    }
    write_member(out, name + ".block", *block, {});
    return {};
}

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
    return ending == ".sealed" ? import_sealed(partition, member)
                               : damaged(member.name + " is no object of a tape");
}

}  // namespace

Result<> export_tar(Cartridge& cartridge, std::ostream& out) {
    const Label& label = cartridge.label();
    const std::string text = encode(label);
    write_member(out, label.barcode + "/label.json", std::as_bytes(std::span{text}), {});
    BlockCodec codec;
    for (std::size_t number = 0; number < cartridge.partitions(); ++number) {
        Partition& partition = cartridge.partition(number);
        partition.rewind();
        for (;;) {
            const auto header = partition.peek();
            if (!header) {
                return std::unexpected(header.error());
            }
            if (!*header) {
                break;
            }
            const std::string name = name_of(label.barcode, number, (*header)->filemarks, (*header)->object);
            if (const auto done = export_object(partition, codec, **header, name, out); !done) {
                return done;
            }
            partition.step(**header);
            if (!out) {
                return host("the archive could not be written");
            }
        }
    }
    write_end(out);
    out.flush();
    return out ? Result<>{} : host("the archive could not be written");
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
