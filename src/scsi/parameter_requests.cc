#include "scsi/parameter_requests.h"

#include "base/assert.h"
#include "scsi/cdb.h"
#include "scsi/medium_access.h"
#include "scsi/parameter_cdbs.h"

namespace targe::scsi {
namespace {

template <class L>
ModeSenseRequest mode_sense(ModeForm form, wire::Bytes raw) {
    const auto cdb = layout_of<L::kSize>(raw);
    ModeSenseRequest request{.form = form,
                             .disable_block_descriptors = wire::get<L::kDisableBlockDescriptors>(cdb) != 0,
                             .control = static_cast<PageControl>(wire::get<L::kPageControl>(cdb)),
                             .page = wire::get<L::kPageCode>(cdb),
                             .subpage = wire::get<L::kSubpageCode>(cdb)};
    if constexpr (requires { L::kLongLbaAccepted; }) {
        request.long_lba_accepted = wire::get<L::kLongLbaAccepted>(cdb) != 0;
    }
    return request;
}

template <class L>
ModeSelectRequest mode_select(ModeForm form, wire::Bytes raw) {
    const auto cdb = layout_of<L::kSize>(raw);
    return {.form = form,
            .page_format = wire::get<L::kPageFormat>(cdb) != 0,
            .save_pages = wire::get<L::kSavePages>(cdb) != 0};
}

}  // namespace

InquiryRequest inquiry_request(wire::Bytes raw) {
    using L = InquiryCdb;
    const auto cdb = layout_of<L::kSize>(raw);
    return {.vital_product_data = wire::get<L::kVitalProductData>(cdb) != 0,
            .page_code = wire::get<L::kPageCode>(cdb)};
}

ModeSenseRequest mode_sense_request(CommandId id, wire::Bytes cdb) {
    TARGE_ASSERT(id == CommandId::mode_sense_6 || id == CommandId::mode_sense_10);
    return id == CommandId::mode_sense_6 ? mode_sense<ModeSense6Cdb>(ModeForm::six, cdb)
                                         : mode_sense<ModeSense10Cdb>(ModeForm::ten, cdb);
}

ModeSelectRequest mode_select_request(CommandId id, wire::Bytes cdb) {
    TARGE_ASSERT(id == CommandId::mode_select_6 || id == CommandId::mode_select_10);
    return id == CommandId::mode_select_6 ? mode_select<ModeSelect6Cdb>(ModeForm::six, cdb)
                                          : mode_select<ModeSelect10Cdb>(ModeForm::ten, cdb);
}

SenseFormat request_sense_format(wire::Bytes cdb) {
    using L = RequestSenseCdb;
    return wire::get<L::kDescriptorFormat>(layout_of<L::kSize>(cdb)) != 0 ? SenseFormat::descriptor
                                                                          : SenseFormat::fixed;
}

std::uint8_t select_report(wire::Bytes cdb) {
    using L = ReportLunsCdb;
    return wire::get<L::kSelectReport>(layout_of<L::kSize>(cdb));
}

std::expected<std::uint64_t, Sense> starting_lba(wire::Bytes cdb, const UnitDescription& unit) {
    using L = GetLbaStatusCdb;
    const std::uint64_t lba = wire::get<L::kLba>(layout_of<L::kSize>(cdb));
    // At least one descriptor must be returned, so the address must be that of a block.
    if (lba >= unit.blocks) {
        return std::unexpected{lba_out_of_range(lba)};
    }
    return lba;
}

}  // namespace targe::scsi
