#include "vtl/device_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace targe::vtl {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;

TEST(DeviceNames, AreMadeOfTheFolderOfALibrary) {
    EXPECT_EQ(library_name("/srv/vtl/Backup_1.a"), "Backup_1.a");
    EXPECT_EQ(library_name("tapes/"), "tapes");
    EXPECT_EQ(library_name("/srv/my tapes"), "my-tapes");
    EXPECT_EQ(library_name("/"), "vtl");
    EXPECT_EQ(library_name("."), "vtl");
    EXPECT_EQ(library_name(std::string(100, 'x')).size(), 48U);
    EXPECT_EQ(device_name("tapes", {}), "tapes-changer");
    EXPECT_EQ(device_name("tapes", 3), "tapes-drive3");
}

TEST(DeviceNames, HaveAConfigurationWhateverASerialNumberIs) {
    const LibraryDescription library = standard_library(*find_generation("LTO-6"), 1, 8, 1, "a\"b\\c1");
    EXPECT_THAT(configuration("tapes", library), HasSubstr(R"(serial   = "a\"b\\c1L0")"));
}

TEST(DeviceNames, HaveAConfigurationWithTheSerialNumbersOfTheLibrary) {
    const LibraryDescription library = standard_library(*find_generation("LTO-6"), 2, 8, 1, "ABC123");
    const std::string text = configuration("Tape_s", library);
    EXPECT_THAT(text, StartsWith("[[device]]\nname     = \"Tape_s-changer\"\nhandler  = \"user\"\n"
                                 "type     = \"changer\"\nserial   = \"" +
                                 library.changer.serial + "\"\n"));
    EXPECT_THAT(text, HasSubstr("name     = \"Tape_s-drive1\"\nhandler  = \"user\"\ntype     = \"tape\"\n"
                                "serial   = \"" +
                                library.drives[1].name.serial + "\"\n"));
    EXPECT_THAT(text, EndsWith("name     = \"iqn.2026-11.io.targe:tape-s\"\n"
                               "luns     = [{ lun = 0, device = \"Tape_s-changer\" },\n"
                               "            { lun = 1, device = \"Tape_s-drive0\" },\n"
                               "            { lun = 2, device = \"Tape_s-drive1\" }]\n"));
}

}  // namespace
}  // namespace targe::vtl
