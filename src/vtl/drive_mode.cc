#include "vtl/drive.h"
#include "vtl/limits.h"
#include "vtl/partition_plan.h"
#include "vtl/unit_cdbs.h"

#include <algorithm>
#include <vector>

namespace targe::vtl {
namespace {

using scsi::Asc;
using scsi::SenseKey;

constexpr std::size_t kHeader6 = 4;
constexpr std::size_t kHeader10 = 8;
constexpr std::size_t kDescriptorBytes = 8;

constexpr std::uint8_t kCompressionPage = 0x0f;
constexpr std::uint8_t kConfigurationPage = 0x10;
constexpr std::uint8_t kPartitionPage = 0x11;
constexpr std::uint8_t kMediumConfigurationPage = 0x1d;

constexpr std::uint8_t kDce = 0x80;

}  // namespace

/// The pages as after power on. Those that tell of the cartridge are brought up to date before each answer.
void Drive::fill_mode_pages(ModePages& pages) const {
    const std::uint8_t more = description_.generation->max_partitions - 1;
    const std::vector<std::uint8_t> fixed10(10, 0);
    const std::vector<std::uint8_t> fixed14(14, 0);
    pages.add(0x01, 0, {0, 3, 0, 0, 0, 0, 3, 0, 0, 0}, {0x21, 0xff, 0, 0, 0, 0, 0xff, 0, 0, 0});
    pages.add(0x02, 0, fixed14, fixed14);
    pages.add(0x0a, 0, fixed10, fixed10);
    // DCE and DCC, DDE; "unregistered" stands for zstd, which has no number.
    pages.add(kCompressionPage, 0, {0xc0, 0x80, 0, 0, 0, 0xff, 0, 0, 0, 0xff, 0, 0, 0, 0},
              {0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
    // LOIS; EEG, SEW and, changeable, SWP; compression.
    pages.add(kConfigurationPage, 0, {0, 0, 0, 0, 0, 0, 0x40, 0, 0x18, 0, 0, 0, 1, 0},
              {0, 0, 0, 0, 0, 0, 0, 0, 0x04, 0, 0, 0, 0xff, 0});
    const std::vector<std::uint8_t> extension(28, 0);
    std::vector<std::uint8_t> extension_mask(28, 0);
    extension_mask[1] = 0xf0;                      // WRITE MODE
    extension_mask[2] = extension_mask[3] = 0xff;  // PEWS
    pages.add(kConfigurationPage, 1, extension, extension_mask);
    std::vector<std::uint8_t> partition(6 + 2 * (std::size_t{more} + 1), 0);
    std::vector<std::uint8_t> partition_mask(partition.size(), 0xff);
    partition[0] = more;
    partition[2] = 0x3c;  // IDP, PSUM by units, POFM
    partition[3] = 0x03;  // the medium's format and partitioning are recognised
    partition_mask[0] = partition_mask[3] = partition_mask[5] = 0;
    partition_mask[2] = 0xf8;
    pages.add(kPartitionPage, 0, partition, partition_mask);
    pages.find(kPartitionPage)->may_be_short = true;
    pages.add(0x1a, 0, fixed10, fixed10);
    pages.add(0x1c, 0, fixed10, fixed10);
    const std::vector<std::uint8_t> medium(30, 0);
    pages.add(kMediumConfigurationPage, 0, medium, medium);
}

std::uint8_t Drive::medium_type() const {
    if (cartridge_ == nullptr || insertion_ != Insertion::ready) {
        return 0;
    }
    const Generation* const generation = find_generation(cartridge_->label().generation);
    return cartridge_->label().worm ? generation->worm_medium_type : generation->medium_type;
}

std::uint8_t Drive::density() const {
    const bool known = cartridge_ != nullptr && insertion_ == Insertion::ready;
    return known ? find_generation(cartridge_->label().generation)->density
                 : description_.generation->density;
}

/// What pages tell of the cartridge that is in.
void Drive::bring_pages_up_to_date() {
    const bool loaded = loaded_;
    mode_.set_byte(kConfigurationPage, 3, static_cast<std::uint8_t>(loaded ? partition_ : 0));
    const bool worm = loaded && cartridge_->label().worm;
    mode_.set_byte(kMediumConfigurationPage, 2, worm ? 1 : 0);
    mode_.set_byte(kMediumConfigurationPage, 5, worm ? 2 : 0);  // see Drive::may_write()
}

/// The Medium Partition page after a cartridge was formatted or loaded.
void Drive::note_partitions() {
    const std::uint64_t capacity = cartridge_->label().capacity_bytes;
    const std::uint8_t units = partition_units(capacity);
    mode_.set_byte(kPartitionPage, 3, static_cast<std::uint8_t>(cartridge_->partitions() - 1));
    mode_.set_byte(kPartitionPage, 4, 0x3c);
    mode_.set_byte(kPartitionPage, 6, units);
    std::uint64_t unit = 1;
    for (unsigned i = 0; i < units; ++i) {
        unit *= 10;
    }
    for (std::size_t i = 0; i < description_.generation->max_partitions; ++i) {
        const std::uint64_t size = i < cartridge_->partitions() ? cartridge_->capacity(i) / unit : 0;
        mode_.set_byte(kPartitionPage, 8 + 2 * i, static_cast<std::uint8_t>(size >> 8U));
        mode_.set_byte(kPartitionPage, 9 + 2 * i, static_cast<std::uint8_t>(size));
    }
}

void Drive::write_mode_header(scsi::ParameterWriter& out, std::size_t header_bytes, bool descriptor) const {
    const auto specific =
        static_cast<std::uint8_t>((write_protected() ? 0x80U : 0U) | (buffered_ ? 0x10U : 0U));
    const std::uint8_t length = descriptor ? kDescriptorBytes : 0;
    if (header_bytes == kHeader6) {
        out.u8(0);
        out.u8(medium_type());
        out.u8(specific);
        out.u8(length);
    } else {
        out.u16(0);
        out.u8(medium_type());
        out.u8(specific);
        out.u16(0);
        out.u16(length);
    }
    if (descriptor) {
        out.u32(static_cast<std::uint32_t>(density()) << 24U);
        out.u32(block_length_);
    }
}

Drive::Ending Drive::sense_pages(Call& call, const ModeSenseRequest& request) {
    if (request.control == PageControl::saved) {
        return refusal(Asc::saving_parameters_not_supported);
    }
    bring_pages_up_to_date();
    bool any = true;
    call.reply(request.allocation_length, [&](scsi::ParameterWriter& out) {
        write_mode_header(out, request.header_bytes, request.descriptor);
        // Page 00h without subpages is the header alone.
        any = request.page == 0 || mode_.write(request.page, request.subpage, request.control, out);
        if (request.header_bytes == kHeader6) {
            out.patch(0, static_cast<std::uint8_t>(out.size() - 1));
        } else {
            out.patch(0, static_cast<std::uint16_t>(out.size() - 2));
        }
    });
    if (!any || (request.page == 0 && request.subpage != 0)) {
        call.out().data_in_length = 0;
        call.out().wanted = 0;
        return invalid_field(any ? ModeSense6Cdb::kSubpage : ModeSense6Cdb::kPage);
    }
    return std::nullopt;
}

Drive::Ending Drive::mode_sense_6(Call& call) {
    using L = ModeSense6Cdb;
    return sense_pages(call, {.header_bytes = kHeader6,
                              .descriptor = !call.flag(L::kDbd),
                              .control = static_cast<PageControl>(call.get(L::kControl)),
                              .page = static_cast<std::uint8_t>(call.get(L::kPage)),
                              .subpage = static_cast<std::uint8_t>(call.get(L::kSubpage)),
                              .allocation_length = call.get(L::kAllocationLength)});
}

Drive::Ending Drive::mode_sense_10(Call& call) {
    using L = ModeSense10Cdb;
    return sense_pages(call, {.header_bytes = kHeader10,
                              .descriptor = !call.flag(L::kDbd),
                              .control = static_cast<PageControl>(call.get(L::kControl)),
                              .page = static_cast<std::uint8_t>(call.get(L::kPage)),
                              .subpage = static_cast<std::uint8_t>(call.get(L::kSubpage)),
                              .allocation_length = call.get(L::kAllocationLength)});
}

/// The block descriptor at byte `offset` of the list, or why not.
std::expected<std::uint32_t, Sense> Drive::selected_block_length(wire::Bytes descriptor,
                                                                 std::size_t offset) const {
    constexpr std::uint8_t kNoChange = 0x7f;
    const auto code = std::to_integer<std::uint8_t>(descriptor[0]);
    if (code != 0 && code != kNoChange && code != density()) {
        return std::unexpected(invalid_parameter(offset));
    }
    const auto length = static_cast<std::uint32_t>(scsi::field_value(descriptor, wire::bytes(5, 7)));
    if (length > kMaxBlockBytes) {
        return std::unexpected(invalid_parameter(offset + 5));
    }
    return length;
}

Drive::Ending Drive::select(Call& call, wire::Bytes list, std::size_t header_bytes) {
    if (list.empty()) {
        return std::nullopt;
    }
    const bool six = header_bytes == kHeader6;
    if (list.size() < header_bytes) {
        return parameter_list_length_error();
    }
    const std::size_t specific_at = six ? 2 : 3;
    const auto specific = std::to_integer<unsigned>(list[specific_at]);
    const std::size_t descriptor_bytes =
        six ? std::to_integer<std::size_t>(list[3])
            : std::to_integer<std::size_t>(list[6]) * 256 + std::to_integer<std::size_t>(list[7]);
    if ((specific & 0x0fU) != 0 || (specific & 0x60U) == 0x60U) {
        return invalid_parameter(specific_at);
    }
    if (descriptor_bytes != 0 && descriptor_bytes != kDescriptorBytes) {
        return invalid_parameter(six ? 3 : 6);
    }
    if (list.size() < header_bytes + descriptor_bytes) {
        return parameter_list_length_error();
    }
    std::uint32_t block_length = block_length_;
    if (descriptor_bytes != 0) {
        const auto selected =
            selected_block_length(list.subspan(header_bytes, kDescriptorBytes), header_bytes);
        if (!selected) {
            return selected.error();
        }
        block_length = *selected;
    }
    bring_pages_up_to_date();
    const ModePages before = mode_;
    const std::size_t pages_at = header_bytes + descriptor_bytes;
    bool changed = block_length != block_length_ || buffered_ != ((specific & 0x70U) != 0);
    if (auto refused = mode_.select(list.subspan(pages_at), pages_at, changed)) {
        return refused;
    }
    if (auto refused = settle_pages(before)) {
        mode_ = before;
        return refused;
    }
    block_length_ = block_length;
    buffered_ = (specific & 0x70U) != 0;
    if (changed) {
        call.attention(Attention::To::others, Asc::mode_parameters_changed);
    }
    return std::nullopt;
}

/// What pages say together: two of them turn compression on, and partitions must fit.
Drive::Ending Drive::settle_pages(const ModePages& before) {
    const bool by_configuration = mode_.byte(kConfigurationPage, 14) != before.byte(kConfigurationPage, 14);
    const bool on = by_configuration ? mode_.byte(kConfigurationPage, 14) != 0
                                     : (mode_.byte(kCompressionPage, 2) & kDce) != 0;
    mode_.set_byte(kConfigurationPage, 14, on ? 1 : 0);
    const auto others = static_cast<std::uint8_t>(mode_.byte(kCompressionPage, 2) & ~kDce);
    mode_.set_byte(kCompressionPage, 2, static_cast<std::uint8_t>(others | (on ? kDce : 0U)));
    if (mode_.byte(kConfigurationPage, 5, 1) >> 4U > 1) {
        return Sense{.key = SenseKey::illegal_request, .asc = Asc::parameter_value_invalid};
    }
    const std::vector<std::byte>& page = mode_.find(kPartitionPage)->current;
    if (page == before.find(kPartitionPage)->current) {
        return std::nullopt;
    }
    const bool too_many = std::to_integer<unsigned>(page[3]) >= description_.generation->max_partitions;
    if (too_many || (loaded_ && !plan_partitions(page, cartridge_->label().capacity_bytes))) {
        return Sense{.key = SenseKey::illegal_request, .asc = Asc::parameter_value_invalid};
    }
    return std::nullopt;
}

Drive::Ending Drive::mode_select_6(Call& call) {
    const auto list = call.parameter_list(call.get(ModeSelect6Cdb::kParameterListLength));
    return list ? select(call, *list, kHeader6) : parameter_list_length_error();
}

Drive::Ending Drive::mode_select_10(Call& call) {
    const auto list = call.parameter_list(call.get(ModeSelect10Cdb::kParameterListLength));
    return list ? select(call, *list, kHeader10) : parameter_list_length_error();
}

}  // namespace targe::vtl
