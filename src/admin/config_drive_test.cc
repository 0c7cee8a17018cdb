#include "admin/config_file.h"

#include <gtest/gtest.h>

#include <span>
#include <string>

namespace targe::admin {
namespace {

std::expected<LoadedConfig, std::vector<ConfigProblem>> read(const std::string& keys) {
    const std::string text =
        "[[device]]\nname = \"cd0\"\n" + keys +
        "\n[[target]]\nname = \"iqn.2026-11.com.example:a\"\nportals = [\"127.0.0.1:3260\"]\n"
        "luns = [{ lun = 0, device = \"cd0\" }]\nauth = { method = \"none\" }\n";
    return parse_config(text, "test.toml", [](const std::string& path) {
        return std::expected<std::string, std::string>(std::unexpected(path));
    });
}

std::string refusal(const std::string& keys) {
    const auto loaded = read(keys);
    return loaded ? std::string() : to_string(std::span<const ConfigProblem>(loaded.error()));
}

TEST(ConfigOfADrive, IsAFileThatIsADisc) {
    const auto loaded = read("handler = \"file\"\ntype = \"cdrom\"\npath = \"/srv/debian.iso\"");
    ASSERT_TRUE(loaded);
    const DeviceConfig& drive = loaded->config.devices.at(0);
    EXPECT_TRUE(drive.drive);
    EXPECT_TRUE(drive.read_only);
    EXPECT_TRUE(drive.removable);
    EXPECT_EQ(drive.path, "/srv/debian.iso");
    EXPECT_EQ(drive.block_size, 2048U);
    EXPECT_EQ(drive.size_bytes, std::nullopt);
}

TEST(ConfigOfADrive, MayBeEmpty) {
    const auto loaded = read("handler = \"file\"\ntype = \"cdrom\"");
    ASSERT_TRUE(loaded);
    EXPECT_TRUE(loaded->config.devices.at(0).drive);
    EXPECT_EQ(loaded->config.devices.at(0).path, "");
}

TEST(ConfigOfADrive, LeavesDisksAsTheyAre) {
    const auto loaded =
        read("handler = \"file\"\ntype = \"disk\"\npath = \"/srv/disk.img\"\nsize = \"1MiB\"");
    ASSERT_TRUE(loaded);
    EXPECT_FALSE(loaded->config.devices.at(0).drive);
    EXPECT_NE(refusal("handler = \"file\"\ntype = \"disk\"").find("'path'"), std::string::npos);
}

TEST(ConfigOfADrive, RefusesWhatMeansNothing) {
    for (const std::string key :
         {"size = \"1GiB\"", "block_size = 512", "thin = true", "read_only = false", "removable = false",
          "direct = true", "write_cache = \"write-through\"", "rotational = true",
          "threshold_used = \"1GiB\"", "physical_block_size = 4096", "hold = \"1s\""}) {
        const std::string said =
            refusal("handler = \"file\"\ntype = \"cdrom\"\npath = \"/srv/debian.iso\"\n" + key);
        EXPECT_NE(said.find("means nothing"), std::string::npos) << key << ": " << said;
    }
    EXPECT_NE(refusal("handler = \"ram\"\nsize = \"1MiB\"\ntype = \"cdrom\"").find("'type' means nothing"),
              std::string::npos);
    EXPECT_NE(refusal("handler = \"file\"\ntype = \"tape\"\npath = \"/srv/x\"").find("'type'"),
              std::string::npos);
}

}  // namespace
}  // namespace targe::admin
