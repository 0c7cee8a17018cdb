#include "scsi/priority.h"

#include "scsi/testing_bytes.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

namespace targe::scsi {
namespace {

using testing::bytes;
using testing::ByteVector;
using testing::operator+;

const ItNexus kAsker{.target_port = 1, .initiator = {.isid = 0x80123456789a, .name = "iqn.a:b"}};
const ItNexus kOther{.target_port = 0x102, .initiator = {.isid = 1, .name = "iqn.c:d"}};

ByteVector transport_id(const ItNexus& nexus) {
    ByteVector id(256);
    ParameterWriter out(id);
    write_transport_id(nexus.initiator, out);
    id.resize(out.size());
    return id;
}

ByteVector descriptor(unsigned priority, const ItNexus& nexus) {
    const ByteVector id = transport_id(nexus);
    return bytes({priority, 0, unsigned{nexus.target_port} >> 8U, nexus.target_port & 0xffU, 0, 0, 0,
                  static_cast<unsigned>(id.size())}) +
           id;
}

ByteVector reported(unsigned what, const NexusPriorities& priorities) {
    const ByteVector cdb = bytes({0xa3, 0x0e, what << 6U, 0, 0, 0, 0, 0, 4, 0, 0, 0});
    ByteVector data(1024);
    ParameterWriter out(data);
    EXPECT_EQ(report_priority(std::span(cdb).first<12>(), kAsker, priorities, out), std::nullopt);
    data.resize(out.size());
    return data;
}

std::expected<PrioritiesSet, Sense> set(unsigned whom, const ByteVector& list,
                                        const NexusPriorities& current = {}) {
    const ByteVector cdb =
        bytes({0xa4, 0x0e, whom << 6U, 0, 0, 0, 0, 0, 0, static_cast<unsigned>(list.size()), 0, 0});
    return set_priority(std::span(cdb).first<12>(), list, kAsker, current);
}

TEST(Priority, OfTheAskerIsReportedAlsoWhenItIsTheInitialOne) {
    const ByteVector own = descriptor(0, kAsker);
    EXPECT_EQ(reported(0, {}), bytes({0, 0, 0, static_cast<unsigned>(own.size())}) + own);
}

TEST(Priority, OfEveryNexusThatWasGivenOneIsReported) {
    EXPECT_EQ(reported(1, {}), bytes({0, 0, 0, 0}));
    NexusPriorities given;
    ASSERT_TRUE(given.set(kOther, 15));
    ASSERT_TRUE(given.set(kAsker, 3));
    const ByteVector both = descriptor(3, kAsker) + descriptor(15, kOther);
    EXPECT_EQ(reported(1, given), bytes({0, 0, 0, static_cast<unsigned>(both.size())}) + both);
}

TEST(Priority, ReportsAndNexusesThatAreReservedAreRefused) {
    const ByteVector report = bytes({0xa3, 0x0e, 0x80, 0, 0, 0, 0, 0, 4, 0, 0, 0});
    ParameterWriter out{{}};
    EXPECT_EQ(report_priority(std::span(report).first<12>(), kAsker, {}, out),
              invalid_field(ReportPriorityCdb::kPriorityReported));
    EXPECT_EQ(set(3, descriptor(1, kOther)), std::unexpected(invalid_field(SetPriorityCdb::kNexusToSet)));
}

TEST(Priority, IsSetForTheAskerWhoeverElseTheListNames) {
    const auto done = set(0, descriptor(5, kOther));
    ASSERT_TRUE(done);
    EXPECT_EQ(done->priorities.of(kAsker), 5);
    EXPECT_EQ(done->priorities.of(kOther), 0);
    EXPECT_EQ(done->told, PrioritiesSet::Told::nobody);
    EXPECT_EQ(set(0, bytes({5}))->priorities.of(kAsker), 5) << "nothing else of the list matters";
    EXPECT_EQ(set(0, {}), std::unexpected(illegal_request(Asc::parameter_list_length_error)));
}

TEST(Priority, IsSetForANamedNexusWhichIsTold) {
    const auto done = set(1, descriptor(7, kOther));
    ASSERT_TRUE(done);
    EXPECT_EQ(done->priorities.of(kOther), 7);
    EXPECT_EQ(done->told, PrioritiesSet::Told::named);
    EXPECT_EQ(done->named, kOther);
    const auto undone = set(1, descriptor(0, kOther), done->priorities);
    ASSERT_TRUE(undone);
    EXPECT_EQ(undone->priorities, NexusPriorities{}) << "zero: the initial one again";
}

TEST(Priority, OfANexusThatIsCutShortIsRefused) {
    const ByteVector whole = descriptor(7, kOther);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        EXPECT_EQ(set(1, ByteVector(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size))),
                  std::unexpected(illegal_request(Asc::parameter_list_length_error)))
            << size;
    }
    ByteVector no_port = whole;
    no_port[2] = no_port[3] = std::byte{0};
    EXPECT_EQ(set(1, no_port), std::unexpected(invalid_parameter(2)));
}

TEST(Priority, GoesBackToTheInitialOneForEverybody) {
    NexusPriorities given;
    ASSERT_TRUE(given.set(kOther, 15));
    const auto done = set(2, {}, given);
    ASSERT_TRUE(done);
    EXPECT_EQ(done->priorities, NexusPriorities{});
    EXPECT_EQ(done->told, PrioritiesSet::Told::every_other);
}

TEST(Priority, IsGivenToABoundedNumberOfNexuses) {
    NexusPriorities given;
    for (std::size_t i = 0; i < NexusPriorities::kMost; ++i) {
        ASSERT_TRUE(given.set({.target_port = 1, .initiator = {.isid = i, .name = "iqn.c:d"}}, 1));
    }
    EXPECT_EQ(set(1, descriptor(7, kOther), given),
              std::unexpected(illegal_request(Asc::insufficient_resources)));
    EXPECT_TRUE(given.set({.target_port = 1, .initiator = {.isid = 3, .name = "iqn.c:d"}}, 2));
}

}  // namespace
}  // namespace targe::scsi
