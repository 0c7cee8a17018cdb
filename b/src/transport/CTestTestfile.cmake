# CMake generated Testfile for 
# Source directory: /tmp/w/core/src/transport
# Build directory: /tmp/w/core/b/src/transport
# 
# This file includes the relevant testing commands required for 
# testing this directory and lists subdirectories to be tested as well.
include("/tmp/w/core/b/src/transport/transport_test[1]_include.cmake")
