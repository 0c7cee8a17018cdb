# CMake generated Testfile for 
# Source directory: /tmp/w/core/tools
# Build directory: /tmp/w/core/b/tools
# 
# This file includes the relevant testing commands required for 
# testing this directory and lists subdirectories to be tested as well.
