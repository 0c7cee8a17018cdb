// What an administrator is told to do about too many open files.
#pragma once

#include <cerrno>
#include <string_view>

namespace targe::base {

[[nodiscard]] constexpr bool too_many_open_files(int error) {
    return error == EMFILE || error == ENFILE;
}

/// Of the process (EMFILE), or of the whole machine (ENFILE).
[[nodiscard]] constexpr std::string_view allow_more_open_files(int error = EMFILE) {
    return error == ENFILE ? "raise fs.file-max of the machine (sysctl)"
                           : "raise LimitNOFILE of the service (ulimit -Hn)";
}

}  // namespace targe::base
