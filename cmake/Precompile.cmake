# precompile(<target>) has a target take the libraries' headers from one that was read before: they are more than a third of what a
# source of ours costs the compiler. Not in the dev build, by whose commands clang-tidy looks, too: there every file must name the headers
# that it uses.
option(TARGE_PRECOMPILE "Read the headers of the libraries once instead of for every source" OFF)

set(library_headers <algorithm> <array> <atomic> <chrono> <coroutine> <cstdint> <cstring> <expected> <filesystem> <fstream> <functional> <map>
  <memory> <mutex> <optional> <random> <set> <span> <string> <string_view> <utility> <variant> <vector> <fmt/format.h>)

# unoptimised(<target>), for tests: each is built once and runs for milliseconds. What they test is optimised all the same.
function(unoptimised target)
  target_compile_options(${target} PRIVATE -O0 $<$<BOOL:${TARGE_LTO}>:-fno-lto>)
endfunction()

if(TARGE_PRECOMPILE)
  add_compile_options(-Xclang -fno-pch-timestamp)  # so that ccache sees two builds of one header as the same
  set(nothing ${CMAKE_BINARY_DIR}/nothing.cc)
  file(GENERATE OUTPUT ${nothing} CONTENT "")
  add_library(precompiled OBJECT ${nothing})
  target_precompile_headers(precompiled PRIVATE ${library_headers})
  target_link_libraries(precompiled PRIVATE fmt::fmt)
  add_library(precompiled_test OBJECT ${nothing})
  target_precompile_headers(precompiled_test PRIVATE ${library_headers} <gmock/gmock.h> <gtest/gtest.h>)
  target_link_libraries(precompiled_test PRIVATE fmt::fmt GTest::gmock)
  unoptimised(precompiled_test)
endif()

function(precompile target)
  if(TARGE_PRECOMPILE)
    target_precompile_headers(${target} REUSE_FROM precompiled)
  endif()
endfunction()

# test_program(<target>): unoptimised, and with the headers of GoogleTest among those that were read before.
function(test_program target)
  unoptimised(${target})
  if(TARGE_PRECOMPILE)
    target_precompile_headers(${target} REUSE_FROM precompiled_test)
  endif()
endfunction()
