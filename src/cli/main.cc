#include "admin/control_client.h"
#include "cli/run.h"

#include <cstddef>
#include <iostream>

int main(int argc, char** argv) {
    return targe::cli::run({argv, static_cast<std::size_t>(argc)}, targe::admin::ask_daemon, std::cout,
                           std::cerr);
}
