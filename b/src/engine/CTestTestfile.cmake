# CMake generated Testfile for 
# Source directory: /tmp/w/core/src/engine
# Build directory: /tmp/w/core/b/src/engine
# 
# This file includes the relevant testing commands required for 
# testing this directory and lists subdirectories to be tested as well.
include("/tmp/w/core/b/src/engine/engine_test[1]_include.cmake")
