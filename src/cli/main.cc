#include "admin/control_client.h"
#include "cli/run.h"

#include <chrono>
#include <cstddef>
#include <iostream>
#include <span>
#include <string>
#include <string_view>

namespace {
// A refresh waits for the device, and a device may hang.
constexpr std::chrono::seconds kPatience{30};
}  // namespace

int main(int argc, char** argv) {
    const auto ask = [](const std::string& socket, std::string_view request) {
        return targe::admin::ask_daemon(socket, request, kPatience);
    };
    return targe::cli::run({argv, static_cast<std::size_t>(argc)}, ask, std::cout, std::cerr);
}
