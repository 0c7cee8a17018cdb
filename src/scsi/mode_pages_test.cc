#include "scsi/mode_pages.h"

#include "scsi/testing_bytes.h"

#include <gtest/gtest.h>

namespace targe::scsi {
namespace {

using testing::bytes;
using testing::ByteVector;
using testing::thin_disk;
using testing::written;
using testing::operator+;

constexpr ModePages kCached{.write_cache_enabled = true};

ByteVector sensed(const ModeSenseRequest& request, const ModePages& current = kCached,
                  Access access = Access::read_write, const UnitDescription& unit = thin_disk()) {
    return written([&](ParameterWriter& out) {
        const ModeValues values{.current = current, .defaults = default_mode_pages(unit), .saved = {}};
        EXPECT_EQ(mode_sense(request, unit, values, access, out), std::nullopt);
    });
}

std::optional<Sense> refused(const ModeSenseRequest& request) {
    ParameterWriter out{{}};
    return mode_sense(request, thin_disk(), {.current = kCached, .defaults = kCached, .saved = {}},
                      Access::read_write, out);
}

const ByteVector kErrorRecovery = bytes({0x01, 0x0a, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0});
const ByteVector kDisconnect = bytes({0x02, 0x0e}) + ByteVector(14);
const ByteVector kCaching = bytes({0x08, 0x12, 0x04}) + ByteVector(17);
const ByteVector kControl = bytes({0x0a, 0x0a, 0x20, 0x10, 0, 0, 0, 0, 0, 0, 0, 0});
const ByteVector kControlExtension = bytes({0x4a, 0x01, 0, 0x1c, 6, 0, 252}) + ByteVector(25);
const ByteVector kPowerCondition = bytes({0x1a, 0x26}) + ByteVector(0x26);
const ByteVector kInformational = bytes({0x1c, 0x0a, 0x08, 0, 0, 0, 0, 0, 0, 0, 0, 0});

UnitDescription counting_disk() {
    UnitDescription unit = thin_disk();
    unit.provisioning.threshold_exponent = 11;
    return unit;
}

const ByteVector kProvisioning = bytes({0x5c, 0x02, 0, 44, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}) +  //
                                 bytes({0, 1, 0, 0, 0, 0, 0, 0}) + bytes({0, 1, 0, 0, 0, 0, 0, 0}) +
                                 bytes({1, 2, 0, 0, 0, 0, 0, 0}) + bytes({1, 2, 0, 0, 0, 0, 0, 0});

TEST(ModeSense, ReportsThresholdsWhereResourcesAreCounted) {
    const UnitDescription unit = counting_disk();
    const auto page = [&](std::uint8_t code, std::uint8_t subpage, PageControl control,
                          const ModePages& now) {
        const ByteVector all = sensed({.form = ModeForm::six,
                                       .disable_block_descriptors = true,
                                       .control = control,
                                       .page = code,
                                       .subpage = subpage},
                                      now, Access::read_write, unit);
        return ByteVector(all.begin() + 4, all.end());
    };
    ModePages now;
    EXPECT_EQ(page(0x1c, 2, PageControl::current, now), kProvisioning);
    now.threshold_reports = true;
    now.thresholds[1] = {.enabled = true, .count = 0x01020304};
    ByteVector expected = kProvisioning;
    expected[24] = std::byte{0x80};
    for (unsigned i = 0; i < 4; ++i) {
        expected[28 + i] = static_cast<std::byte>(i + 1);
    }
    EXPECT_EQ(page(0x1c, 2, PageControl::current, now), expected);
    EXPECT_EQ(page(0x01, 0, PageControl::current, now)[7], std::byte{0x80}) << "LBPERE";
    EXPECT_EQ(page(0x01, 0, PageControl::defaults, {})[7], std::byte{0x80});
    EXPECT_EQ(page(0x01, 0, PageControl::changeable, {})[7], std::byte{0x80});
    const ByteVector mask = page(0x1c, 2, PageControl::changeable, {});
    EXPECT_EQ(ByteVector(mask.begin() + 40, mask.end()), bytes({0x80, 0, 0, 0, 0xff, 0xff, 0xff, 0xff}));
    const ByteVector both = page(0x1c, 0xff, PageControl::current, {});
    EXPECT_EQ(both.size(), 12U + 48U);
    EXPECT_EQ(kept_mode_pages(keep(now, {}), {}), now);
}

TEST(ModeSense, HasNoThresholdsWhereResourcesAreNotCounted) {
    EXPECT_EQ(refused({.form = ModeForm::six, .page = 0x1c, .subpage = 2}), invalid_field(wire::bytes(3, 3)));
    EXPECT_EQ(mode_select({.form = ModeForm::six}, thin_disk(), kCached, bytes({0, 0, 0, 0}) + kProvisioning),
              std::unexpected(invalid_parameter(4, 5)));
    ByteVector recovery = kErrorRecovery;
    recovery[7] = std::byte{0x80};
    EXPECT_EQ(mode_select({.form = ModeForm::six}, thin_disk(), kCached, bytes({0, 0, 0, 0}) + recovery),
              std::unexpected(invalid_parameter(4 + 7, 7)));
}

TEST(ModeSelect, SetsThresholds) {
    ByteVector page = kProvisioning;
    page[32] = std::byte{0x81};
    page[39] = std::byte{200};
    const auto select = [&] {
        return mode_select({.form = ModeForm::six}, counting_disk(), kCached, bytes({0, 0, 0, 0}) + page);
    };
    ModePages expected = kCached;
    expected.thresholds[2] = {.enabled = true, .count = 200};
    EXPECT_EQ(select(), (ModeSelected{.pages = expected, .changed = true}));
    page[33] = std::byte{1};
    EXPECT_EQ(select().error(), invalid_parameter(4 + 33, 1)) << "what it looks at cannot be changed";
}

TEST(ModeSelect, StartsNoTimerOfPowerConditions) {
    ByteVector page = kPowerCondition;
    EXPECT_TRUE(mode_select({.form = ModeForm::six}, thin_disk(), kCached, bytes({0, 0, 0, 0}) + page));
    page[3] = std::byte{0x01};  // STANDBY_Z
    EXPECT_EQ(mode_select({.form = ModeForm::six}, thin_disk(), kCached, bytes({0, 0, 0, 0}) + page),
              std::unexpected(invalid_parameter(4 + 3, 0)));
}

TEST(ModeSense, Of6BytesReportsEveryPage) {
    EXPECT_EQ(sensed({.form = ModeForm::six, .page = 0x3f}),
              bytes({11 + 72 + 40, 0, 0x10, 8, 0x00, 0x1f, 0x40, 0x00, 0, 0, 2, 0}) + kErrorRecovery +
                  kDisconnect + kCaching + kControl + kPowerCondition + kInformational);
}

TEST(ModeSense, Of10BytesReportsEverySubpage) {
    EXPECT_EQ(sensed({.form = ModeForm::ten, .page = 0x3f, .subpage = 0xff}),
              bytes({0, 14 + 72 + 32 + 40, 0, 0x10, 0, 0, 0, 8, 0x00, 0x1f, 0x40, 0x00, 0, 0, 2, 0}) +
                  kErrorRecovery + kDisconnect + kCaching + kControl + kControlExtension + kPowerCondition +
                  kInformational);
}

TEST(ModeSense, GivesTheLongBlockDescriptorOnlyWhenItIsAccepted) {
    EXPECT_EQ(sensed({.form = ModeForm::ten, .long_lba_accepted = true, .page = 0x08}),
              bytes({0,    22 + 20, 0,    0x10, 1, 0, 0, 16, 0, 0, 0, 0,
                     0x00, 0x1f,    0x40, 0x00, 0, 0, 0, 0,  0, 0, 2, 0}) +
                  kCaching);
    UnitDescription large = thin_disk();
    large.blocks = 0x1'0000'0000;
    EXPECT_EQ(sensed({.form = ModeForm::six, .page = 0x08}, kCached, Access::read_write, large),
              bytes({31, 0, 0x10, 8, 0xff, 0xff, 0xff, 0xff, 0, 0, 2, 0}) + kCaching);
}

TEST(ModeSense, LeavesBlockDescriptorsOutWhenAsked) {
    EXPECT_EQ(sensed({.form = ModeForm::six, .disable_block_descriptors = true, .page = 0x0a}),
              bytes({15, 0, 0x10, 0}) + kControl);
    EXPECT_EQ(sensed({.form = ModeForm::ten, .disable_block_descriptors = true, .page = 0x0a, .subpage = 1}),
              bytes({0, 38, 0, 0x10, 0, 0, 0, 0}) + kControlExtension);
}

TEST(ModeSense, ReportsCurrentChangeableAndDefaultValues) {
    const ModePages now{
        .write_cache_enabled = false, .descriptor_sense = true, .software_write_protect = true};
    const auto page = [&](PageControl control, std::uint8_t code, const UnitDescription& unit) {
        const ByteVector all = sensed(
            {.form = ModeForm::six, .disable_block_descriptors = true, .control = control, .page = code}, now,
            Access::read_write, unit);
        return ByteVector(all.begin() + 4, all.end());
    };
    const UnitDescription unit = thin_disk();
    EXPECT_EQ(page(PageControl::current, 0x08, unit), bytes({0x08, 0x12}) + ByteVector(18));
    EXPECT_EQ(page(PageControl::defaults, 0x08, unit), kCaching);
    EXPECT_EQ(page(PageControl::changeable, 0x08, unit), kCaching);
    EXPECT_EQ(page(PageControl::current, 0x0a, unit), bytes({0x0a, 0x0a, 0x24, 0x10, 8}) + ByteVector(7));
    EXPECT_EQ(page(PageControl::defaults, 0x0a, unit), kControl);
    EXPECT_EQ(page(PageControl::changeable, 0x0a, unit),
              bytes({0x0a, 0x0a, 0x14, 0xf6, 0x38, 0x40}) + ByteVector(6));
    UnitDescription durable = unit;
    durable.volatile_cache = false;
    EXPECT_EQ(page(PageControl::changeable, 0x08, durable), bytes({0x08, 0x12}) + ByteVector(18));
    EXPECT_EQ(page(PageControl::defaults, 0x08, durable), bytes({0x08, 0x12}) + ByteVector(18));
}

TEST(ModeSense, SaysWriteProtected) {
    const ModeSenseRequest request{.form = ModeForm::six, .page = 0x08};
    EXPECT_EQ(sensed(request, kCached, Access::read_only)[2], std::byte{0x90});
    EXPECT_EQ(sensed(request, {.software_write_protect = true})[2], std::byte{0x90});
}

TEST(ModeSense, RefusesWhatIsNotThere) {
    EXPECT_EQ(refused({.form = ModeForm::six, .control = PageControl::saved, .page = 0x3f}),
              illegal_request(Asc::saving_parameters_not_supported));
    EXPECT_EQ(refused({.form = ModeForm::six, .page = 0x03}), invalid_field(wire::bits(2, 5, 0)));
    EXPECT_EQ(refused({.form = ModeForm::six, .page = 0x00}), invalid_field(wire::bits(2, 5, 0)));
    EXPECT_EQ(refused({.form = ModeForm::six, .page = 0x08, .subpage = 1}), invalid_field(wire::bytes(3, 3)));
    EXPECT_EQ(refused({.form = ModeForm::six, .page = 0x3f, .subpage = 1}), invalid_field(wire::bytes(3, 3)));
}

std::expected<ModeSelected, Sense> selected(const ByteVector& list, ModeForm form = ModeForm::six,
                                            const ModePages& current = kCached,
                                            const UnitDescription& unit = thin_disk()) {
    return mode_select({.form = form}, unit, current, list);
}

const ByteVector kHeader6 = bytes({0, 0, 0, 0});

TEST(ModeSelect, TakesBackWhatModeSenseGave) {
    for (const ModeForm form : {ModeForm::six, ModeForm::ten}) {
        for (const bool long_lba : {false, true}) {
            const ByteVector all =
                sensed({.form = form, .long_lba_accepted = long_lba, .page = 0x3f, .subpage = 0xff}, kCached,
                       Access::read_only);
            EXPECT_EQ(selected(all, form), (ModeSelected{.pages = kCached, .changed = false}));
        }
    }
}

TEST(ModeSelect, ChangesWhatIsChangeable) {
    ByteVector caching = kCaching;
    caching[2] = std::byte{0};
    ByteVector control = kControl;
    control[2] = std::byte{0x24};
    control[4] = std::byte{0x08};
    const ModePages expected{
        .write_cache_enabled = false, .descriptor_sense = true, .software_write_protect = true};
    EXPECT_EQ(selected(kHeader6 + caching + control), (ModeSelected{.pages = expected, .changed = true}));
}

TEST(ModeSelect, OfNothingChangesNothing) {
    EXPECT_EQ(selected({}), (ModeSelected{.pages = kCached, .changed = false}));
    EXPECT_EQ(selected(kHeader6), (ModeSelected{.pages = kCached, .changed = false}));
}

TEST(ModeSelect, RefusesSavingAndVendorFormat) {
    EXPECT_EQ(mode_select({.form = ModeForm::six, .save_pages = true}, thin_disk(), kCached, {}).error(),
              invalid_field(wire::bit(1, 0)));
    EXPECT_EQ(mode_select({.form = ModeForm::six, .page_format = false}, thin_disk(), kCached, {}).error(),
              invalid_field(wire::bit(1, 4)));
}

TEST(ModeSelect, PointsAtEveryBitThatCannotBeChanged) {
    const ByteVector pages[] = {kErrorRecovery, kDisconnect,       kCaching,
                                kControl,       kControlExtension, kInformational};
    for (const ByteVector& page : pages) {
        const std::size_t header = page == kControlExtension ? 4 : 2;
        const ByteVector mask =
            sensed({.form = ModeForm::six,
                    .disable_block_descriptors = true,
                    .control = PageControl::changeable,
                    .page = std::to_integer<std::uint8_t>(page[0] & std::byte{0x3f}),
                    .subpage = header == 4 ? std::to_integer<std::uint8_t>(page[1]) : std::uint8_t{0}});
        for (std::size_t i = header; i < page.size(); ++i) {
            for (unsigned bit = 0; bit < 8; ++bit) {
                const std::byte one = std::byte{1} << bit;
                ByteVector changed = page;
                changed[i] ^= one;
                const auto result = selected(kHeader6 + changed);
                if ((mask[4 + i] & one) != std::byte{0}) {
                    // Or the field has no such value.
                    EXPECT_TRUE(result ? result->changed : result.error().field->byte == 4 + i);
                } else {
                    EXPECT_EQ(result,
                              std::unexpected(invalid_parameter(4 + i, static_cast<std::uint8_t>(bit))));
                }
            }
        }
    }
}

TEST(ModeSelect, CannotEnableACacheThatIsNotThere) {
    UnitDescription durable = thin_disk();
    durable.volatile_cache = false;
    EXPECT_EQ(selected(kHeader6 + kCaching, ModeForm::six, {}, durable),
              std::unexpected(invalid_parameter(4 + 2, 2)));
}

TEST(ModeSelect, RefusesAListThatIsCutAnywhere) {
    const ByteVector whole = sensed({.form = ModeForm::six, .page = 0x0a, .subpage = 0xff});
    for (std::size_t size = 1; size < whole.size(); ++size) {
        const ByteVector cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size));
        const auto result = selected(cut);
        if (size == 4 + 8 || size == 4 + 8 + 12) {
            EXPECT_TRUE(result) << size;  // ends between two pages
        } else {
            EXPECT_EQ(result, std::unexpected(illegal_request(Asc::parameter_list_length_error))) << size;
        }
    }
}

TEST(ModeSelect, RefusesUnknownPagesAndWrongPageLengths) {
    EXPECT_EQ(selected(kHeader6 + bytes({0x03, 0x16}) + ByteVector(22)),
              std::unexpected(invalid_parameter(4, 5)));
    EXPECT_EQ(selected(kHeader6 + bytes({0x08, 0x0a}) + ByteVector(10)),
              std::unexpected(invalid_parameter(5)));
    ByteVector extension = kControlExtension;
    extension[3] = std::byte{0x1d};
    EXPECT_EQ(selected(kHeader6 + extension), std::unexpected(invalid_parameter(4 + 2)));
}

TEST(ModeSelect, RefusesAnotherMediumOrBlockSizeOrCapacity) {
    EXPECT_EQ(selected(bytes({0, 1, 0, 0})), std::unexpected(invalid_parameter(1)));
    EXPECT_EQ(selected(bytes({0, 0, 1, 0, 0, 0, 0, 0}), ModeForm::ten),
              std::unexpected(invalid_parameter(2)));
    const ByteVector with_descriptor = bytes({0, 0, 0, 8});
    EXPECT_TRUE(selected(with_descriptor + bytes({0, 0, 0, 0, 0, 0, 2, 0})));
    EXPECT_TRUE(selected(with_descriptor + bytes({0xff, 0xff, 0xff, 0xff, 0, 0, 2, 0})));
    EXPECT_EQ(selected(with_descriptor + bytes({0, 0, 0, 1, 0, 0, 2, 0})),
              std::unexpected(invalid_parameter(4)));
    EXPECT_EQ(selected(with_descriptor + bytes({0, 0, 0, 0, 0, 0, 0x10, 0})),
              std::unexpected(invalid_parameter(9)));
    EXPECT_EQ(selected(bytes({0, 0, 0, 16}) + ByteVector(16)), std::unexpected(invalid_parameter(3)));
}

TEST(ModeSelect, ChangesNothingWhenALaterPageIsWrong) {
    ByteVector caching = kCaching;
    caching[2] = std::byte{0};
    EXPECT_EQ(selected(kHeader6 + caching + bytes({0x03, 0x00})),
              std::unexpected(invalid_parameter(4 + 20, 5)));
}

ByteVector control(unsigned byte, unsigned value) {
    ByteVector page = kControl;
    page.at(byte) = static_cast<std::byte>(value);
    return kHeader6 + page;
}

TEST(ModeSelect, TakesTheValuesThatFieldsHave) {
    EXPECT_EQ(selected(control(3, 0x12))->pages.queue_error_management, QueueErrorManagement::every_task);
    EXPECT_EQ(selected(control(3, 0x16))->pages.queue_error_management,
              QueueErrorManagement::tasks_of_this_nexus);
    EXPECT_EQ(selected(control(3, 0x00))->pages.queue_algorithm, QueueAlgorithm::restricted_reordering);
    EXPECT_EQ(selected(control(4, 0x20))->pages.unit_attention_interlock, UnitAttentionInterlock::keep);
    EXPECT_EQ(selected(control(4, 0x30))->pages.unit_attention_interlock,
              UnitAttentionInterlock::keep_and_establish);
    EXPECT_TRUE(selected(control(5, 0x40))->pages.task_aborted_status);
    EXPECT_TRUE(selected(control(2, 0x30))->pages.task_management_functions_only);
}

TEST(ModeSelect, RefusesValuesThatFieldsDoNotHave) {
    EXPECT_EQ(selected(control(3, 0x14)), std::unexpected(invalid_parameter(4 + 3, 2))) << "QERR 10b";
    EXPECT_EQ(selected(control(3, 0x20)), std::unexpected(invalid_parameter(4 + 3, 7)));
    EXPECT_EQ(selected(control(4, 0x10)), std::unexpected(invalid_parameter(4 + 4, 5)))
        << "UA_INTLCK_CTRL 01b";
}

TEST(ModeSense, TellsWhatIsSavedWhereItCanBe) {
    const ModeValues values{
        .current = kCached, .defaults = kCached, .saved = {.task_aborted_status = true}, .can_save = true};
    const ByteVector saved = written([&](ParameterWriter& out) {
        EXPECT_EQ(mode_sense({.form = ModeForm::six,
                              .disable_block_descriptors = true,
                              .control = PageControl::saved,
                              .page = 0x0a},
                             thin_disk(), values, Access::read_write, out),
                  std::nullopt);
    });
    EXPECT_EQ(saved, bytes({15, 0, 0x10, 0, 0x8a, 0x0a, 0x20, 0x10, 0, 0x40, 0, 0, 0, 0, 0, 0}));
}

TEST(ModePages, AreKeptWhole) {
    const ModePages pages{.descriptor_sense = true,
                          .queue_algorithm = QueueAlgorithm::restricted_reordering,
                          .queue_error_management = QueueErrorManagement::tasks_of_this_nexus,
                          .task_aborted_status = true,
                          .unit_attention_interlock = UnitAttentionInterlock::keep};
    EXPECT_EQ(kept_mode_pages(keep(pages, {}), {}), pages);
    EXPECT_EQ(kept_mode_pages(keep(pages, {}) + "60.1.2.3=9\n", {}), pages) << "a field of another release";
    EXPECT_EQ(kept_mode_pages("10.0.3.2=2\n", {}), std::nullopt) << "no such value";
    EXPECT_EQ(kept_mode_pages("10.0.3.2=1", {}), std::nullopt) << "cut off";
}

TEST(ModePages, AreKeptAsFarAsTheyAreNotAsConfigured) {
    ModePages configured{.write_cache_enabled = true, .threshold_reports = true};
    configured.thresholds[0] = {.enabled = true, .count = 0x0400};
    configured.thresholds[2] = {.enabled = true, .count = 0x0400};
    ModePages saved = configured;
    saved.descriptor_sense = true;
    saved.thresholds[2].count = 0x0404;
    ModePages later{.thresholds = {}};
    later.thresholds[0] = {.enabled = true, .count = 0x0800};
    later.thresholds[2] = {.enabled = false, .count = 0x0800};
    ModePages expected = later;
    expected.descriptor_sense = true;
    expected.thresholds[2] = saved.thresholds[2];
    EXPECT_EQ(kept_mode_pages(keep(saved, configured), later), expected);
    EXPECT_EQ(keep(configured, configured), "");
}

TEST(ModePages, LeaveTheTaskSetTypeToTheAdministrator) {
    const ModePages shared{.task_set_type = TaskSetType::shared};
    EXPECT_EQ(kept_mode_pages(keep(shared, {}), {}), ModePages{}) << "what is configured now counts";
    EXPECT_EQ(kept_mode_pages(keep(ModePages{}, {}), shared), shared);
    EXPECT_EQ(kept_mode_pages("10.0.2.7=0\n", {}), ModePages{});
    EXPECT_EQ(selected(control(2, 0x00)), std::unexpected(invalid_parameter(4 + 2, 5))) << "TST 000b";
    EXPECT_EQ(selected(control(2, 0x28)), std::unexpected(invalid_parameter(4 + 2, 3))) << "DPICZ";
}

}  // namespace
}  // namespace targe::scsi
