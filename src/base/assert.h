// Checks of what cannot happen. On in every build: a target that has lost track of itself must stop.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace targe::base {

[[noreturn]] inline void assertion_failed(const char* what, const char* file, int line) {
    std::fprintf(stderr, "%s:%d: this cannot happen: %s\n", file, line, what);
    std::abort();
}

}  // namespace targe::base

/// Aborts with the text of `condition` when it is false. Never used on what a peer, a file or a person said.
#define TARGE_ASSERT(condition) \
    ((condition) ? static_cast<void>(0) : ::targe::base::assertion_failed(#condition, __FILE__, __LINE__))
