#include "scsi/inquiry.h"

#include "scsi/mode_page_table.h"
#include "scsi/testing_bytes.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace targe::scsi {
namespace {

using testing::bytes;
using testing::ByteVector;
using testing::text;
using testing::thin_disk;
using testing::written;
using testing::operator+;

PortDescription port() {
    return {.target_device_name = "iqn.2026-11.io.targe:demo",
            .target_port_name = "iqn.2026-11.io.targe:demo,t,0x0001",
            .relative_target_port = 7};
}

ByteVector page(std::uint8_t code, const UnitDescription& unit, const PortDescription& through = port()) {
    return written([&](ParameterWriter& out) {
        EXPECT_EQ(inquiry({.vital_product_data = true, .page_code = code}, unit, through, out), std::nullopt);
    });
}

ByteVector standard(const UnitDescription& unit, std::size_t room = 4096) {
    return written([&](ParameterWriter& out) { EXPECT_EQ(inquiry({}, unit, port(), out), std::nullopt); },
                   room);
}

TEST(Inquiry, WritesStandardData) {
    const ByteVector expected = bytes({0x00, 0x00, 0x06, 0x32, 0x5b, 0x08, 0x00, 0x02}) + text("TARGE   ") +
                                text("disk0           ") + text("0001") + ByteVector(22) +
                                bytes({0x00, 0xa0, 0x09, 0x60, 0x04, 0x60, 0x04, 0xc0}) + ByteVector(30);
    EXPECT_EQ(standard(thin_disk()), expected);
    EXPECT_EQ(expected.size(), 96U);
}

TEST(Inquiry, CutsStandardDataButNotItsLength) {
    const ByteVector cut = standard(thin_disk(), 5);
    EXPECT_EQ(cut, bytes({0x00, 0x00, 0x06, 0x32, 0x5b}));
    EXPECT_TRUE(standard(thin_disk(), 0).empty());
}

TEST(Inquiry, SaysRemovable) {
    UnitDescription unit = thin_disk();
    unit.removable = true;
    EXPECT_EQ(standard(unit)[1], std::byte{0x80});
}

TEST(Inquiry, KeepsNamesInTheirFields) {
    UnitDescription unit = thin_disk();
    unit.identity.vendor = "MUCHTOOLONG";
    unit.identity.product = "a name of more than sixteen";
    const ByteVector data = standard(unit);
    EXPECT_EQ(ByteVector(data.begin() + 8, data.begin() + 32), text("MUCHTOOLa name of more t"));
}

TEST(Inquiry, RefusesAPageCodeWithoutEvpd) {
    ParameterWriter out{{}};
    const auto sense = inquiry({.vital_product_data = false, .page_code = 0x80}, thin_disk(), port(), out);
    EXPECT_EQ(sense, invalid_field(wire::bytes(2, 2)));
    EXPECT_EQ(out.size(), 0U);
}

TEST(Inquiry, RefusesEveryPageThatItDoesNotList) {
    const ByteVector list = page(0x00, thin_disk());
    for (unsigned code = 0; code < 256; ++code) {
        const bool listed =
            std::find(list.begin() + 4, list.end(), static_cast<std::byte>(code)) != list.end();
        ByteVector memory(4096);
        ParameterWriter out{memory};
        const auto sense = inquiry({.vital_product_data = true, .page_code = static_cast<std::uint8_t>(code)},
                                   thin_disk(), port(), out);
        EXPECT_EQ(sense, listed ? std::nullopt : std::optional{invalid_field(wire::bytes(2, 2))}) << code;
        EXPECT_EQ(out.size() != 0, listed) << code;
    }
}

TEST(Inquiry, ListsPagesInAscendingOrder) {
    EXPECT_EQ(page(0x00, thin_disk()),
              bytes({0, 0, 0, 10, 0x00, 0x80, 0x83, 0x86, 0x87, 0x88, 0x8f, 0xb0, 0xb1, 0xb2}));
    UnitDescription tape = thin_disk();
    tape.type = DeviceType::tape;
    EXPECT_EQ(page(0x00, tape), bytes({1, 0, 0, 6, 0x00, 0x80, 0x83, 0x86, 0x87, 0x88}));
}

TEST(Inquiry, WritesTheSerialNumber) {
    EXPECT_EQ(page(0x80, thin_disk()), bytes({0, 0x80, 0, 16}) + text("0123456789abcdef"));
}

TEST(Inquiry, WritesEveryDesignator) {
    UnitDescription unit = thin_disk();
    unit.identity.eui64 = std::array<std::byte, 8>{std::byte{0xaa}};
    PortDescription through = port();
    through.target_port_group = 3;
    const ByteVector expected =
        bytes({0x00, 0x83, 0x00, 0x8e}) +                                               //
        bytes({0x01, 0x03, 0x00, 0x10, 0x60, 1, 2, 3, 4, 5, 6, 7}) +                    // NAA
        bytes({8, 9, 10, 11, 12, 13, 14, 15}) +                                         //
        bytes({0x01, 0x02, 0x00, 0x08, 0xaa, 0, 0, 0, 0, 0, 0, 0}) +                    // EUI-64
        bytes({0x02, 0x01, 0x00, 0x12}) + text("TARGE   disk0 0123") +                  // T10 vendor
        bytes({0x51, 0x94, 0x00, 0x04, 0, 0, 0, 7}) +                                   // relative port
        bytes({0x51, 0x95, 0x00, 0x04, 0, 0, 0, 3}) +                                   // port group
        bytes({0x53, 0x98, 0x00, 0x24}) + text("iqn.2026-11.io.targe:demo,t,0x0001") +  // port name
        bytes({0, 0}) +                                                                 //
        bytes({0x53, 0xa8, 0x00, 0x1c}) + text("iqn.2026-11.io.targe:demo") + bytes({0, 0, 0});
    EXPECT_EQ(page(0x83, unit, through), expected);
}

TEST(Inquiry, WritesAnNaaDesignatorAsLongAsItsTypeIs) {
    UnitDescription unit = thin_disk();
    unit.identity.naa.front() = std::byte{0x50};
    const ByteVector data = page(0x83, unit, port());
    EXPECT_EQ(ByteVector(data.begin() + 4, data.begin() + 16),
              bytes({0x01, 0x03, 0x00, 0x08, 0x50, 1, 2, 3, 4, 5, 6, 7}));
    EXPECT_EQ(data[17] & std::byte{0x0f}, std::byte{0x01});  // the next designator, T10 vendor
}

TEST(Inquiry, EndsANameOfFullWordsWithANulAsWell) {
    PortDescription through = port();
    through.target_device_name = "iqn.2026-11.io.targe:abc";  // 24 bytes
    const ByteVector data = page(0x83, thin_disk(), through);
    EXPECT_EQ(ByteVector(data.end() - 32, data.end()),
              bytes({0x53, 0xa8, 0x00, 0x1c}) + text("iqn.2026-11.io.targe:abc") + ByteVector(4));
}

TEST(Inquiry, WritesExtendedInquiryData) {
    const ByteVector data = page(0x86, thin_disk());
    EXPECT_EQ(data, bytes({0, 0x86, 0, 0x3c, 0, 0x1f, 0x01, 0x01, 0, 0, 0, 1, 0, 252}) + ByteVector(50));
}

TEST(Inquiry, WritesThePolicyOfEveryModePage) {
    for (const unsigned exponent : {0U, 11U}) {
        UnitDescription unit = thin_disk();
        unit.provisioning.threshold_exponent = static_cast<std::uint8_t>(exponent);
        ByteVector policies;
        for (const ModePage& each : mode_page_table()) {
            if (has_page(unit, each)) {
                const unsigned shared_by_units = each.code == 0x02 ? 0x80 : 0;
                policies = policies + bytes({each.code, each.subpage, shared_by_units, 0});
            }
        }
        const auto length = static_cast<unsigned>(policies.size());
        EXPECT_EQ(page(0x87, unit), bytes({0, 0x87, 0, length}) + policies);
    }
}

TEST(Inquiry, WritesEveryPortOfTheTargetDevice) {
    PortDescription through = port();
    through.all_ports = {{.relative_target_port = 1, .name = "iqn.2026-11.io.targe:demo,t,0x0001"},
                         {.relative_target_port = 0x203, .name = "iqn.2026-11.io.targe:demo,t,0x0102"}};
    EXPECT_EQ(page(0x88, thin_disk(), through),
              bytes({0, 0x88, 0, 104}) +                                             //
                  bytes({0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 40, 0x53, 0x98, 0, 36}) +  //
                  text("iqn.2026-11.io.targe:demo,t,0x0001") + bytes({0, 0}) +       //
                  bytes({0, 0, 2, 3, 0, 0, 0, 0, 0, 0, 0, 40, 0x53, 0x98, 0, 36}) +  //
                  text("iqn.2026-11.io.targe:demo,t,0x0102") + bytes({0, 0}));
}

TEST(Inquiry, WritesBlockLimits) {
    UnitDescription unit = thin_disk();
    unit.limits.optimal_transfer_granularity = 8;
    unit.limits.max_transfer = 0x8000;
    unit.limits.optimal_transfer = 0x400;
    unit.limits.max_prefetch = 0x2000;
    unit.limits.unmap_granularity_alignment = 5;
    unit.limits.max_write_same = 0x1'0000'0000;
    unit.limits.max_atomic_transfer = 0x200;
    EXPECT_EQ(page(0xb0, unit),
              bytes({0, 0xb0, 0, 0x3c, 0, 255, 0, 8, 0, 0, 0x80, 0, 0, 0, 4, 0, 0, 0, 0x20, 0, 0, 0x10,
                     0, 0,    0, 0,    1, 0,   0, 0, 0, 8, 0x80, 0, 0, 5, 0, 0, 0, 1, 0,    0, 0, 0}) +
                  bytes({0, 0, 2, 0}) + ByteVector(16));
    unit.limits.write_same_of_zero_blocks = false;
    EXPECT_EQ(page(0xb0, unit)[4], std::byte{1});
}

TEST(Inquiry, WritesBlockDeviceCharacteristics) {
    UnitDescription unit = thin_disk();
    EXPECT_EQ(page(0xb1, unit), bytes({0, 0xb1, 0, 0x3c, 0, 1, 0, 0x40}) + ByteVector(56));
    unit.rotational = true;
    EXPECT_EQ(page(0xb1, unit), bytes({0, 0xb1, 0, 0x3c, 0, 0, 0, 0x40}) + ByteVector(56));
    unit.provisioning.managed = false;  // BLOCK ERASE is not offered, so WABEREQ does not apply
    EXPECT_EQ(page(0xb1, unit), bytes({0, 0xb1, 0, 0x3c, 0, 0, 0, 0}) + ByteVector(56));
}

TEST(Inquiry, WritesLogicalBlockProvisioning) {
    UnitDescription unit = thin_disk();
    EXPECT_EQ(page(0xb2, unit), bytes({0, 0xb2, 0, 4, 0, 0xe4, 2, 0}));
    unit.provisioning.anchor = true;
    unit.provisioning.threshold_exponent = 11;
    EXPECT_EQ(page(0xb2, unit), bytes({0, 0xb2, 0, 4, 11, 0xe6, 2, 0}));
    unit.provisioning = {};
    EXPECT_EQ(page(0xb2, unit), bytes({0, 0xb2, 0, 4, 0, 0, 0, 0}));
}

TEST(Inquiry, OfAnAbsentUnitSaysThatThereIsNone) {
    const UnitIdentity identity;
    const ByteVector data = written(
        [&](ParameterWriter& out) { EXPECT_EQ(inquiry_without_unit({}, identity, out), std::nullopt); });
    ASSERT_EQ(data.size(), 96U);
    EXPECT_EQ(data[0], std::byte{0x7f});
    const ByteVector list = written([&](ParameterWriter& out) {
        EXPECT_EQ(inquiry_without_unit({.vital_product_data = true}, identity, out), std::nullopt);
    });
    EXPECT_EQ(list, bytes({0x7f, 0, 0, 1, 0}));
    ParameterWriter none{{}};
    EXPECT_EQ(inquiry_without_unit({.vital_product_data = true, .page_code = 0x83}, identity, none),
              invalid_field(wire::bytes(2, 2)));
}

}  // namespace
}  // namespace targe::scsi
