// A configuration file, with the daemon's own answer to each secret_file.
#include "admin/config_file.h"
#include "base/assert.h"
#include "fuzz/input.h"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace targe;
    const std::string text = fuzz::text_of(fuzz::Input(data, size).rest());
    const admin::ReadText read_secret =
        [](const std::string& path) -> std::expected<std::string, std::string> {
        if (path == "/missing") {
            return std::unexpected("No such file or directory");
        }
        return "a secret of some length\n";
    };
    const auto loaded = admin::parse_config(text, "targe.toml", read_secret);
    const auto& said = loaded ? loaded->warnings : loaded.error();
    TARGE_ASSERT(loaded || !said.empty());
    (void)admin::to_string(said);
    return 0;
}
