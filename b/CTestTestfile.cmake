# CMake generated Testfile for 
# Source directory: /tmp/w/core
# Build directory: /tmp/w/core/b
# 
# This file includes the relevant testing commands required for 
# testing this directory and lists subdirectories to be tested as well.
subdirs("src/base")
subdirs("src/wire")
subdirs("src/scsi")
subdirs("src/iscsi")
subdirs("src/reactor")
subdirs("src/device")
subdirs("src/engine")
subdirs("src/transport")
subdirs("src/admin")
subdirs("src/daemon")
subdirs("src/cli")
subdirs("bench")
subdirs("fuzz")
subdirs("man")
subdirs("tools")
