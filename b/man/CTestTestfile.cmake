# CMake generated Testfile for 
# Source directory: /tmp/w/core/man
# Build directory: /tmp/w/core/b/man
# 
# This file includes the relevant testing commands required for 
# testing this directory and lists subdirectories to be tested as well.
