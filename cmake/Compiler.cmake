# One compiler, one language level, one set of warnings for the whole tree.
if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang" OR CMAKE_CXX_COMPILER_VERSION VERSION_LESS 19)
  message(FATAL_ERROR
    "Targe is built with clang 19 or newer; this is ${CMAKE_CXX_COMPILER_ID} ${CMAKE_CXX_COMPILER_VERSION}. "
    "g++ 12 miscompiles ordinary coroutines (tools/coroutine_probe.py shows which). "
    "Run tools/setup, then configure with: cmake --preset dev")
endif()

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

set(TARGE_SANITIZE "" CACHE STRING "Sanitizers to build with, as clang spells them: address,undefined or thread")
option(TARGE_FUZZ "Build the programs of fuzz/ as fuzzers, and let them see which branches the libraries take" OFF)

add_compile_options(-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Werror -msse4.2 -mpclmul
                    -fno-omit-frame-pointer)
add_link_options(-fuse-ld=lld)
if(TARGE_SANITIZE)
  add_compile_options(-fsanitize=${TARGE_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${TARGE_SANITIZE})
endif()
# Objects hold machine code and what a link needs to optimise across them: tests link the first, which is quick;
# programs that serve are made of the second.
option(TARGE_LTO "Optimise the programs that serve as a whole when they are linked" OFF)
if(TARGE_LTO)
  add_compile_options(-flto=thin -ffat-lto-objects)
endif()
function(optimise_as_a_whole target)
  if(TARGE_LTO)
    target_link_options(${target} PRIVATE -flto=thin -ffat-lto-objects)
  endif()
endfunction()
# tools/profile records what targed does under load.
set(TARGE_PROFILE "" CACHE FILEPATH "A profile to arrange machine code by")
option(TARGE_RECORD_PROFILE "Have programs record what they do, for tools/profile" OFF)
if(TARGE_RECORD_PROFILE)
  add_compile_options(-fprofile-generate)
  add_link_options(-fprofile-generate)
elseif(TARGE_PROFILE)
  # Sources are newer than their profile more often than not, and some have none. A compiler cache that is shared by several checkouts
  # would take an absolute path for another profile.
  file(RELATIVE_PATH profile ${CMAKE_BINARY_DIR} ${TARGE_PROFILE})
  add_compile_options(-fprofile-use=${profile} -Wno-profile-instr-out-of-date -Wno-profile-instr-unprofiled
                      -Wno-backend-plugin)
endif()
if(TARGE_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
