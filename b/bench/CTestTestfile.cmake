# CMake generated Testfile for 
# Source directory: /tmp/w/core/bench
# Build directory: /tmp/w/core/b/bench
# 
# This file includes the relevant testing commands required for 
# testing this directory and lists subdirectories to be tested as well.
