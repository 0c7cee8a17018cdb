# CMake generated Testfile for 
# Source directory: /tmp/w/core/src/device
# Build directory: /tmp/w/core/b/src/device
# 
# This file includes the relevant testing commands required for 
# testing this directory and lists subdirectories to be tested as well.
include("/tmp/w/core/b/src/device/device_test[1]_include.cmake")
