# CMake generated Testfile for 
# Source directory: /tmp/w/core/src/wire
# Build directory: /tmp/w/core/b/src/wire
# 
# This file includes the relevant testing commands required for 
# testing this directory and lists subdirectories to be tested as well.
include("/tmp/w/core/b/src/wire/wire_test[1]_include.cmake")
