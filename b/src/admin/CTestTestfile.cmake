# CMake generated Testfile for 
# Source directory: /tmp/w/core/src/admin
# Build directory: /tmp/w/core/b/src/admin
# 
# This file includes the relevant testing commands required for 
# testing this directory and lists subdirectories to be tested as well.
include("/tmp/w/core/b/src/admin/admin_test[1]_include.cmake")
