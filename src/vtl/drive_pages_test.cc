// Mode pages, log pages, VPD pages and what else a drive tells of itself.
#include "vtl/drive.h"
#include "vtl/testing_drive.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

namespace targe::vtl {
namespace {

using scsi::Asc;
using testing::Answer;
using testing::append;
using testing::Bytes;
using testing::bytes_of;
using testing::DriveTest;
using testing::number_at;
using testing::text;

class DrivePages : public DriveTest {
protected:
    Answer mode(unsigned page, unsigned subpage = 0, unsigned control = 0) {
        return run({0x1a, 0x08, control << 6U | page, subpage, 255, 0});
    }
    /// MODE SELECT(6) of one page, which begins with its header.
    Answer select(const Bytes& page, std::uint64_t session = 1) {
        Bytes list = bytes_of({0, 0, 0x10, 0});
        append(list, page);
        return run({0x15, 0x10, 0, 0, static_cast<unsigned>(list.size()), 0}, list, 1U << 16U, session);
    }
    /// The parameters of a log page.
    std::map<unsigned, std::uint64_t> log(unsigned page) {
        const Answer answer = run({0x4d, 0, 0x40 | page, 0, 0, 0, 0, 0xff, 0xff, 0});
        EXPECT_TRUE(answer.good());
        EXPECT_EQ(number_at(answer.data, 2, 2), answer.data.size() - 4);
        std::map<unsigned, std::uint64_t> found;
        for (std::size_t at = 4; at + 4 <= answer.data.size();) {
            const std::size_t size = number_at(answer.data, at + 3, 1);
            EXPECT_TRUE(found.empty() || found.rbegin()->first < number_at(answer.data, at, 2))
                << "ascending";
            found[static_cast<unsigned>(number_at(answer.data, at, 2))] =
                number_at(answer.data, at + 4, std::min<std::size_t>(size, 8));
            at += 4 + size;
        }
        return found;
    }
};

TEST_F(DrivePages, HaveTheBlockDescriptorOfTheCartridge) {
    const Answer answer = run({0x1a, 0, 0, 0, 12, 0});  // as st does at every open
    EXPECT_EQ(answer.data, bytes_of({11, 0x68, 0x10, 8, 0x5a, 0, 0, 0, 0, 0, 0, 0}));
    ASSERT_TRUE(set_block_length(0x010203).good());
    EXPECT_EQ(run({0x5a, 0, 0, 0, 0, 0, 0, 0, 16, 0}).data,
              bytes_of({0, 14, 0x68, 0x10, 0, 0, 0, 8, 0x5a, 0, 0, 0, 0, 1, 2, 3}));
    EXPECT_EQ(run({0x1a, 0x08, 0, 0, 12, 0}).data.size(), 4U);
}

TEST_F(DrivePages, AreAllListedAndTheirMasksAreAsLong) {
    for (const unsigned page : {0x01U, 0x02U, 0x0aU, 0x0fU, 0x10U, 0x11U, 0x1aU, 0x1cU, 0x1dU}) {
        const Answer current = mode(page);
        ASSERT_TRUE(current.good()) << page;
        EXPECT_EQ(number_at(current.data, 4, 1), page);
        EXPECT_EQ(mode(page, 0, 1).data.size(), current.data.size());
        EXPECT_EQ(mode(page, 0, 2).data.size(), current.data.size());
    }
    EXPECT_EQ(text(mode(0x0f, 0, 3)), "5/3900");
    EXPECT_EQ(text(mode(0x08)), "5/2400");
    EXPECT_EQ(number_at(mode(0x10, 1).data, 4, 2), 0x5001U);
    const std::size_t pages = run({0x5a, 0x08, 0x3f, 0, 0, 0, 0, 0x10, 0, 0}).data.size();
    EXPECT_EQ(run({0x5a, 0x08, 0x3f, 0xff, 0, 0, 0, 0x10, 0, 0}).data.size(), pages + 32);
}

TEST_F(DrivePages, TurnCompressionOnAndOff) {
    const auto write_text = [&] {
        EXPECT_TRUE(rewind().good());
        EXPECT_TRUE(write(Bytes(100'000, std::byte{'a'})).good());
        return log(0x0c)[1];
    };
    EXPECT_LT(write_text(), 1000U);
    Bytes page = mode(0x0f).data;
    page.erase(page.begin(), page.begin() + 4);
    page[2] &= std::byte{0x7f};
    const Answer selected = select(page);
    ASSERT_TRUE(selected.good());
    EXPECT_EQ(selected.attentions,
              (std::vector<Attention>{{Attention::To::others, Asc::mode_parameters_changed}}));
    EXPECT_EQ(mode(0x10).data[4 + 14], std::byte{0});  // the other page says the same
    EXPECT_GT(write_text(), 100'000U);
    EXPECT_TRUE(select(page).attentions.empty());  // nothing has changed
    Bytes configuration = mode(0x10).data;
    configuration.erase(configuration.begin(), configuration.begin() + 4);
    configuration[14] = std::byte{1};
    ASSERT_TRUE(select(configuration).good());
    EXPECT_EQ(mode(0x0f).data[4 + 2], std::byte{0xc0});
}

TEST_F(DrivePages, RefuseWhatCannotBeSelected) {
    EXPECT_EQ(text(select(bytes_of({0x08, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}))), "5/2600");
    EXPECT_EQ(text(select(bytes_of({0x0f, 0x02, 0, 0}))), "5/2600");
    EXPECT_EQ(text(select(bytes_of({0x0f, 0x0e, 0xc0, 0x80}))), "5/1a00");
    const Answer fixed = select(bytes_of({0x1a, 0x0a, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0}));
    EXPECT_EQ(text(fixed), "5/2600");
    EXPECT_EQ(fixed.sense->field->byte, 4 + 3);
    EXPECT_EQ(fixed.sense->field->bit, 0);
    EXPECT_EQ(text(run({0x15, 0x10, 0, 0, 12, 0}, bytes_of({0, 0, 0x10, 8, 0x44, 0, 0, 0, 0, 0, 0, 0}))),
              "5/2600");
    EXPECT_EQ(text(set_block_length(0xff'ffff)), "5/2600");
    Bytes page = mode(0x10, 1).data;
    page.erase(page.begin(), page.begin() + 4);
    page[5] = std::byte{0x20};  // WRITE MODE
    EXPECT_EQ(text(select(page)), "5/2602");
    EXPECT_EQ(mode(0x10, 1).data[4 + 5], std::byte{0}) << "it is as before";
    // Others are told of what is another afterwards.
    EXPECT_EQ(set_block_length(512).attentions,
              (std::vector<Attention>{{Attention::To::others, Asc::mode_parameters_changed}}));
    EXPECT_TRUE(set_block_length(512).attentions.empty());
    EXPECT_EQ(text(run({0x15, 0x10, 0, 0, 12, 0}, bytes_of({0, 0}))), "5/1a00");
    EXPECT_EQ(text(run({0x15, 0x11, 0, 0, 0, 0})), "5/2400");  // SP: nothing is saved
    EXPECT_TRUE(run({0x15, 0x10, 0, 0, 0, 0}).good());
}

// PEWS: so many megabytes before early warning begins a zone of which whoever writes into it is told.
TEST_F(DrivePages, SetAnEarlyWarningOfTheInitiatorsOwn) {
    Bytes page = mode(0x10, 1).data;
    page.erase(page.begin(), page.begin() + 4);
    ASSERT_EQ(number_at(page, 6, 2), 0U);
    page[7] = std::byte{2};
    ASSERT_TRUE(select(page).good());
    EXPECT_EQ(number_at(mode(0x10, 1).data, 4 + 6, 2), 2U);
    EXPECT_EQ(number_at(mode(0x10, 1, 1).data, 4 + 6, 2), 0xffffU);
    ASSERT_TRUE(select(bytes_of({0x0f, 0x0e, 0x40, 0x80, 0, 0, 0, 0xff, 0, 0, 0, 0xff, 0, 0, 0, 0})).good());
    const auto flags = [&] {
        const Answer told = run({0x34, 0, 0, 0, 0, 0, 0, 0, 0, 0});
        EXPECT_EQ(run({0x34, 6, 0, 0, 0, 0, 0, 0, 0, 0}).data[0], told.data[0]);
        EXPECT_EQ(run({0x34, 8, 0, 0, 0, 0, 0, 0, 28, 0}).data[0], told.data[0]);
        return std::to_integer<unsigned>(told.data[0]) & 0x41U;
    };
    // Of 10,000,000 bytes the last 1,250,000 are early warning.
    std::string said;
    for (int i = 0; i < 17; ++i) {
        said += text(write(Bytes(500'000))) + (flags() == 0x41 ? "E " : flags() == 0x01 ? "P " : " ");
    }
    EXPECT_EQ(said,
              "GOOD GOOD GOOD GOOD GOOD GOOD GOOD GOOD GOOD GOOD GOOD GOOD GOOD "
              "0/0007P GOODP GOODP GOODP ");
    EXPECT_EQ(text(write(Bytes(300'000))), "0/0002");
    EXPECT_EQ(flags(), 0x41U);
    ASSERT_TRUE(locate(12).good());
    EXPECT_EQ(flags(), 0U);
    const Answer again = write(Bytes(1'000'000));
    EXPECT_EQ(text(again), "0/0007");
    EXPECT_TRUE(again.sense->end_of_medium);
    EXPECT_EQ(again.residue(), 0);
    EXPECT_EQ(text(filemarks(1)), "GOOD");
}

TEST_F(DrivePages, ProtectTheTapeByTheSoftwareBit) {
    Bytes page = mode(0x10).data;
    page.erase(page.begin(), page.begin() + 4);
    page[10] |= std::byte{0x04};
    ASSERT_TRUE(select(page).good());
    EXPECT_EQ(text(write(bytes_of("x"))), "7/2700");
    drive_.reset();
    EXPECT_TRUE(write(bytes_of("x")).good());
}

TEST_F(DrivePages, CountWhatWasMoved) {
    ASSERT_TRUE(write(Bytes(5000, std::byte{'a'})).good());
    ASSERT_TRUE(rewind().good());
    ASSERT_TRUE(read(5000).good());
    auto sequential = log(0x0c);
    EXPECT_EQ(sequential[0], 5000U);
    EXPECT_EQ(sequential[3], 5000U);
    EXPECT_EQ(sequential[1], sequential[2]);
    EXPECT_EQ(log(0x02)[5], 5000U);
    EXPECT_EQ(log(0x03)[5], 5000U);
    EXPECT_GT(log(0x32)[1], 1000U);  // more than ten to one
    EXPECT_EQ(log(0x31)[3], 9U);     // MiB of ten million bytes
    EXPECT_EQ(log(0x17)[0x10], 0U);
    EXPECT_GT(log(0x17)[0x12], 1000U);
    EXPECT_EQ(log(0x30)[1], 1U);
    EXPECT_EQ(log(0x11)[0] >> 16U, 0x1117U);
    EXPECT_EQ(run({0x4d, 0, 0x40, 0, 0, 0, 0, 0, 255, 0}).data,
              bytes_of({0, 0, 0, 11, 0, 2, 3, 0x0c, 0x11, 0x12, 0x17, 0x2e, 0x30, 0x31, 0x32}));
    EXPECT_EQ(text(run({0x4d, 0, 0x48, 0, 0, 0, 0, 0, 255, 0})), "5/2400");
    EXPECT_EQ(text(run({0x4d, 0, 0x4c, 0, 0, 0x20, 0, 0, 255, 0})), "5/2400");
    EXPECT_TRUE(run({0x4c, 0x00, 0x40, 0, 0, 0, 0, 0, 0, 0}).attentions.empty());
    EXPECT_TRUE(run({0x4c, 0x02, 0x52, 0, 0, 0, 0, 0, 0, 0}).good());
    EXPECT_EQ(log(0x0c)[0], 5000U) << "which is not of that page, nor to begin anew without PCR";
    const Answer cleared = run({0x4c, 0x02, 0x40, 0, 0, 0, 0, 0, 0, 0});
    EXPECT_EQ(cleared.attentions,
              (std::vector<Attention>{{Attention::To::others, Asc::log_parameters_changed}}));
    EXPECT_EQ(log(0x0c)[0], 0U);
}

TEST_F(DrivePages, CountTheLifeOfACartridgeWhateverAnInitiatorHasBeginAnew) {
    ASSERT_TRUE(write(Bytes(3'000'000, std::byte{'a'})).good());
    ASSERT_TRUE(rewind().good());
    ASSERT_TRUE(read(3'000'000).good());
    ASSERT_TRUE(run({0x4c, 0x02, 0x40, 0, 0, 0, 0, 0, 0, 0}).good());
    ASSERT_TRUE(write(Bytes(2'000'000, std::byte{'a'})).good());
    EXPECT_EQ(log(0x17)[0x0e], 2U);
    EXPECT_EQ(log(0x17)[0x10], 5U);
    ASSERT_TRUE(run({0x1b, 0, 0, 0, 0, 0}).good());
    EXPECT_EQ(log(0x11)[0] >> 16U, 0x1130U);
    ASSERT_TRUE(run({0x1b, 0, 0, 0, 1, 0}).good());
    EXPECT_EQ(log(0x17)[0x0e], 0U);
    EXPECT_EQ(log(0x17)[0x10], 5U);
    EXPECT_EQ(log(0x17)[0x11], 3U);
}

TEST_F(DrivePages, TellOfAlertsOnce) {
    Label protected_label = label();
    protected_label.write_protected = true;
    insert(protected_label);
    EXPECT_EQ(text(write(bytes_of("x"))), "7/2700");
    EXPECT_EQ(log(0x12)[0], std::uint64_t{1} << (64 - 9));
    // The header first, as sg_logs(8) does, then a part that does not reach the flag, then all.
    EXPECT_TRUE(run({0x4d, 0, 0x6e, 0, 0, 0, 0, 0, 4, 0}).good());
    EXPECT_TRUE(run({0x4d, 0, 0x6e, 0, 0, 0, 0, 0, 4 + 8 * 5, 0}).good());
    EXPECT_TRUE(run({0x4d, 0, 0x6e, 0, 0, 0, 10, 1, 0, 0}).good());
    EXPECT_EQ(log(0x2e)[9], 1U);
    EXPECT_EQ(log(0x2e)[9], 0U);
    EXPECT_EQ(log(0x2e).size(), 64U);
    EXPECT_EQ(text(write(bytes_of("x"))), "7/2700");
    EXPECT_TRUE(run({0x4c, 0x02, 0x52, 0, 0, 0, 0, 0, 0, 0}).good());
    EXPECT_EQ(log(0x12)[0], 0U);
}

TEST_F(DrivePages, OfVitalProductData) {
    EXPECT_EQ(run({0x12, 1, 0xb0, 0, 255, 0}).data, bytes_of({1, 0xb0, 0, 2, 1, 0}));
    EXPECT_EQ(run({0x12, 1, 0xb1, 0, 255, 0}).data.size(), 4 + 10U);
    EXPECT_EQ(run({0x12, 1, 0xb2, 0, 255, 0}).data.size(), 12U);
    EXPECT_EQ(run({0x12, 1, 0x86, 0, 255, 0}).data.size(), 64U);
    EXPECT_EQ(text(run({0x12, 1, 0x84, 0, 255, 0})), "5/2400");
    EXPECT_EQ(text(run({0x12, 0, 0, 0, 36, 0})), "5/2400");  // targed's
}

TEST_F(DrivePages, TellDensitiesLimitsAndTheSerialNumber) {
    EXPECT_EQ(run({0x05, 0, 0, 0, 0, 0}).data, bytes_of({0, 0x80, 0, 0, 0, 1}));
    EXPECT_EQ(run({0x05, 1, 0, 0, 0, 0}).data.size(), 20U);
    const Answer densities = run({0x44, 0, 0, 0, 0, 0, 0, 1, 0, 0});
    ASSERT_EQ(densities.data.size(), 4 + 2 * 52U);  // LTO-5 and LTO-6: there is no LTO-4 here
    EXPECT_EQ(number_at(densities.data, 4, 1), 0x58U);
    EXPECT_EQ(number_at(densities.data, 6, 1), 0x80U);
    EXPECT_EQ(number_at(densities.data, 56, 1), 0x5aU);
    EXPECT_EQ(number_at(densities.data, 58, 1), 0xa0U);
    EXPECT_EQ(number_at(densities.data, 68, 4), 2'500'000U);
    EXPECT_EQ(run({0x44, 1, 0, 0, 0, 0, 0, 1, 0, 0}).data.size(), 56U);
    EXPECT_EQ(run({0x44, 2, 0, 0, 0, 0, 0, 2, 0, 0}).data.size(), 4 + 4 * 56U);
    EXPECT_EQ(run({0xab, 1, 0, 0, 0, 0, 0, 0, 0, 255, 0, 0}).data, bytes_of(std::string("\0\0\0\x08"
                                                                                        "B00001L6",
                                                                                        12)));
}

TEST_F(DrivePages, KeepTheClockAndTestThemselves) {
    Bytes set(12);
    set[9] = std::byte{42};
    const Answer changed = run({0xa4, 0x0f, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0}, set);
    EXPECT_EQ(changed.attentions, (std::vector<Attention>{{Attention::To::others, Asc::timestamp_changed}}));
    EXPECT_EQ(number_at(run({0xa3, 0x0f, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0}).data, 4, 6), 42U);
    EXPECT_TRUE(run({0x1d, 0x04, 0, 0, 0, 0}).good());
    EXPECT_TRUE(run({0x1d, 0x10, 0, 0, 4, 0}, Bytes(4)).good());  // asks for the list of pages
    EXPECT_EQ(text(run({0x1d, 0x10, 0, 0, 4, 0}, bytes_of({0x40, 0, 0, 0}))), "5/2600");
    EXPECT_EQ(run({0x1c, 1, 0, 0, 255, 0}).data, bytes_of({0, 0, 0, 1, 0}));
    EXPECT_EQ(run({0x3c, 3, 0, 0, 0, 0, 0, 0, 4, 0}).data, bytes_of({0, 0, 0, 0}));
    EXPECT_EQ(text(run({0x3c, 2, 0, 0, 0, 0, 0, 0, 4, 0})), "5/2400");
}

class DriveAttributes : public DriveTest {
protected:
    Answer read_values(unsigned first, unsigned partition = 0) {
        return run({0x8c, 0, 0, 0, 0, 0, 0, partition, first >> 8U, first & 0xffU, 0, 0, 0x10, 0, 0, 0});
    }
    Answer write_values(const Bytes& attributes, unsigned partition = 0) {
        Bytes list = bytes_of({0, 0, static_cast<unsigned>(attributes.size()) >> 8U,
                               static_cast<unsigned>(attributes.size()) & 0xffU});
        append(list, attributes);
        const auto size = static_cast<unsigned>(list.size());
        return run({0x8d, 0, 0, 0, 0, 0, 0, partition, 0, 0, 0, 0, size >> 8U, size & 0xffU, 0, 0}, list);
    }
};

TEST_F(DriveAttributes, OfHostsAreKeptWithTheCartridge) {
    const Bytes coherency = bytes_of({0x08, 0x0c, 0, 0, 4, 1, 2, 3, 4});
    ASSERT_TRUE(write_values(coherency).good());
    Bytes name = bytes_of({0x08, 0x01, 1, 0, 32});
    append(name, bytes_of("an application                  "));
    ASSERT_TRUE(write_values(name).good());
    std::string trouble;
    drive_.insert(drive_.remove(trouble));
    const Answer found = read_values(0x080c);
    ASSERT_TRUE(found.good());
    EXPECT_EQ(number_at(found.data, 0, 4), 9U);
    EXPECT_EQ(Bytes(found.data.begin() + 4, found.data.end()), coherency);
    EXPECT_EQ(number_at(read_values(0x0801).data, 4, 2), 0x0801U);
    ASSERT_TRUE(write_values(bytes_of({0x08, 0x0c, 0, 0, 0})).good());
    EXPECT_EQ(text(read_values(0x080c)), "5/2400");
}

TEST_F(DriveAttributes, OfDriveAndMediumAreRead) {
    ASSERT_TRUE(write(Bytes(3'000'000, std::byte{1})).good());
    const Answer all = read_values(0);
    ASSERT_TRUE(all.good());
    std::map<unsigned, Bytes> found;
    for (std::size_t at = 4; at + 5 <= all.data.size();) {
        const std::size_t size = number_at(all.data, at + 3, 2);
        EXPECT_NE(all.data[at + 2] & std::byte{0x80}, std::byte{0});  // no host has written yet
        found[static_cast<unsigned>(number_at(all.data, at, 2))] =
            Bytes(all.data.begin() + static_cast<std::ptrdiff_t>(at + 5),
                  all.data.begin() + static_cast<std::ptrdiff_t>(at + 5 + size));
        at += 5 + size;
    }
    EXPECT_EQ(number_at(found[0x0001], 0, 8), 10U);
    EXPECT_EQ(number_at(found[0x0003], 0, 8), 1U);
    EXPECT_EQ(found[0x0401], bytes_of("B00001L6                        "));
    EXPECT_EQ(found[0x0005], bytes_of("LTO-CVE "));
    EXPECT_EQ(number_at(found[0x0222], 0, 8), 3U);
    EXPECT_EQ(run({0x8c, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0}).data, bytes_of({0, 2, 0, 1}));
    EXPECT_EQ(run({0x8c, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0}).data, bytes_of({0, 2, 0, 1}));
    EXPECT_EQ(number_at(run({0x8c, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}).data, 0, 4),
              2 * found.size());
    EXPECT_GT(number_at(run({0x8c, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0}).data, 0, 4),
              2 * found.size());
    EXPECT_EQ(text(read_values(0, 1)), "5/2400");
    EXPECT_EQ(text(run({0x8c, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0})), "5/2400");
}

// Applications take the volume to be as they left it while its change reference is the one that they have
// read.
TEST_F(DriveAttributes, HaveAChangeReferenceThatNoTwoStatesOfTheVolumeShare) {
    const auto reference = [&] { return number_at(read_values(0x0009).data, 9, 4); };
    std::uint64_t last = reference();
    const auto changes = [&](const Answer& answer) {
        EXPECT_TRUE(answer.good());
        const std::uint64_t before = std::exchange(last, reference());
        return last > before;
    };
    EXPECT_FALSE(changes(rewind()));
    EXPECT_TRUE(changes(write(bytes_of("one"))));
    EXPECT_FALSE(changes(filemarks(0)));
    EXPECT_TRUE(changes(filemarks(1)));
    EXPECT_FALSE(changes(rewind()));
    EXPECT_FALSE(changes(read(3)));
    EXPECT_TRUE(changes(run({0x19, 0, 0, 0, 0, 0})));
    EXPECT_FALSE(changes(rewind()));
    EXPECT_TRUE(changes(run({0x04, 0, 0, 0, 0, 0})));
    // Also when the power goes before the application has written down the new one.
    ASSERT_TRUE(write(bytes_of("two")).good());
    ASSERT_TRUE(filemarks(1).good());
    auto again = Cartridge::open(store_->copy());
    ASSERT_TRUE(again);
    EXPECT_GT((*again)->label().changes, last);
    EXPECT_EQ((*again)->label().changes, reference());
    // And not because it was loaded.
    std::string trouble;
    drive_.insert(drive_.remove(trouble));
    last = reference();
    EXPECT_EQ((*again)->label().changes, last);
    EXPECT_TRUE(changes(write(bytes_of("three"))));
}

TEST_F(DriveAttributes, AreWrittenAllOrNone) {
    Bytes two = bytes_of({0x14, 0x01, 0, 0, 1, 7});
    append(two, bytes_of({0x00, 0x03, 0, 0, 1, 7}));  // the drive's own
    EXPECT_EQ(text(write_values(two)), "5/2600");
    EXPECT_EQ(text(read_values(0x1401)), "5/2400");
    EXPECT_EQ(text(write_values(bytes_of({0x08, 0x01, 0, 0, 32}))), "5/1a00");
    EXPECT_EQ(text(write_values(bytes_of({0x08, 0x05, 1, 0, 1, 7}))), "5/2600");  // not binary
    EXPECT_EQ(text(write_values(bytes_of({0x08, 0x05, 0, 0, 2, 7, 7}))), "5/2600");
    Bytes large = bytes_of({0x14, 0x02, 0, 0x40, 0});
    large.resize(5 + 0x4000);
    EXPECT_EQ(text(write_values(large)), "5/5506");
    EXPECT_EQ(text(write_values(bytes_of({0x00, 0x03, 0, 0, 0}))), "5/2600");     // nor can it be erased
    EXPECT_EQ(text(write_values(bytes_of({0x14, 0x03, 3, 0, 1, 7}))), "5/2600");  // a format that is none
}

// What initiators may write must be a label that is read again.
TEST_F(DriveAttributes, LeaveTheCartridgeReadableHoweverManyThereAre) {
    ASSERT_TRUE(write(bytes_of("data")).good());
    Bytes many;
    for (unsigned identifier = 0x1400; identifier <= 0x17ff; ++identifier) {
        testing::append(many, bytes_of({identifier >> 8U, identifier & 0xffU, identifier % 3, 0, 1, 7}));
    }
    ASSERT_TRUE(write_values(many).good());
    ASSERT_TRUE(filemarks(1).good());
    EXPECT_EQ(text(write_values(bytes_of({0x17, 0xff, 3, 0, 1, 7}))), "5/2600");
    const auto again = Cartridge::open(store_->copy());
    ASSERT_TRUE(again) << again.error().what;
    EXPECT_EQ((*again)->label().attributes.size(), 1024U);
    EXPECT_EQ((*again)->partition(0).end_object(), 2U);
}

}  // namespace
}  // namespace targe::vtl
