// The Third-Party Copy VPD page: what it announces is what is there.
#include "scsi/command_table.h"
#include "scsi/inquiry.h"
#include "scsi/testing_bytes.h"
#include "scsi/third_party_copy.h"

#include <gtest/gtest.h>

#include <map>

namespace targe::scsi {
namespace {

using testing::bytes;
using testing::ByteVector;
using testing::thin_disk;
using testing::operator+;

using Descriptors = std::map<unsigned, ByteVector>;

unsigned u16(const ByteVector& from, std::size_t at) {
    return std::to_integer<unsigned>(from.at(at)) << 8U | std::to_integer<unsigned>(from.at(at + 1));
}

/// The descriptors of the page by their types, each without its header of four bytes.
Descriptors descriptors() {
    const ByteVector page = testing::written([](ParameterWriter& out) {
        EXPECT_EQ(
            inquiry({.vital_product_data = true, .page_code = 0x8f}, thin_disk(), PortDescription{}, out),
            std::nullopt);
    });
    EXPECT_EQ(ByteVector(page.begin(), page.begin() + 2), bytes({0, 0x8f}));
    EXPECT_EQ(page.size(), 4U + u16(page, 2));
    Descriptors found;
    for (std::size_t at = 4; at < page.size();) {
        const unsigned length = u16(page, at + 2);
        EXPECT_EQ(length % 4, 0U);
        const auto begin = page.begin() + static_cast<std::ptrdiff_t>(at) + 4;
        EXPECT_TRUE(found.emplace(u16(page, at), ByteVector(begin, begin + length)).second) << "twice";
        at += 4 + length;
    }
    return found;
}

TEST(ThirdPartyCopyPage, HasTheDescriptorsThatItMustHaveAndThoseOfTokens) {
    std::vector<unsigned> types;
    for (const auto& [type, content] : descriptors()) {
        types.push_back(type);
    }
    EXPECT_EQ(types, (std::vector<unsigned>{0x0000, 0x0001, 0x0004, 0x0008, 0x000c, 0x0106, 0x0108, 0x8001}));
}

TEST(ThirdPartyCopyPage, TellsTheLimitsOfTokensInBlocks) {
    EXPECT_EQ(descriptors().at(0x0000), ByteVector(6) + bytes({0, 128}) + bytes({0, 0, 0x01, 0x2c}) +
                                            bytes({0, 0, 0, 30}) + bytes({0, 0, 0, 0, 0, 0x08, 0, 0}) +
                                            bytes({0, 0, 0, 0, 0, 0x02, 0, 0}));
}

TEST(ThirdPartyCopyPage, ListsEveryServiceActionOfTheCommandTable) {
    ByteVector expected;
    for (const unsigned opcode : {0x83U, 0x84U}) {
        ByteVector actions;
        for (const CommandInfo& row : command_table()) {
            if (row.opcode == opcode) {
                actions.push_back(std::byte{row.service_action.value_or(0)});
            }
        }
        EXPECT_FALSE(actions.empty());
        expected = expected + bytes({opcode, static_cast<unsigned>(actions.size())}) + actions;
    }
    ByteVector found = descriptors().at(0x0001);
    ASSERT_EQ(std::to_integer<std::size_t>(found.at(0)), expected.size());
    EXPECT_EQ(ByteVector(found.begin() + 1, found.begin() + 1 + static_cast<std::ptrdiff_t>(expected.size())),
              expected);
}

TEST(ThirdPartyCopyPage, TellsWhatOneCopyMayAskFor) {
    const Descriptors all = descriptors();
    EXPECT_EQ(all.at(0x0004),
              ByteVector(4) + bytes({0, 16, 0, 64, 0, 0, 0x09, 0}) + ByteVector(4) + ByteVector(12));
    EXPECT_EQ(all.at(0x0008), bytes({3, 0x02, 0x0a, 0xe4}));
    EXPECT_EQ(ByteVector(all.at(0x8001).begin(), all.at(0x8001).begin() + 13),
              bytes({0, 0, 0, 16, 0, 0, 0, 16, 0xff, 0xff, 0xff, 0xff, 9}));
}

TEST(ThirdPartyCopyPage, NamesTheTokensThatAreMadeAndTaken) {
    const ByteVector types = descriptors().at(0x0108);
    ASSERT_EQ(types.size(), 4U + 2U * 64);
    EXPECT_EQ(ByteVector(types.begin() + 4, types.begin() + 9), bytes({0, 0x80, 0, 1, 3}));
    EXPECT_EQ(ByteVector(types.begin() + 68, types.begin() + 73), bytes({0xff, 0xff, 0, 1, 2}));
}

}  // namespace
}  // namespace targe::scsi
