#!/bin/busybox sh
# The first program of the root file system that is on the unit.
export PATH=/bin
busybox mount -t proc proc /proc
busybox cp /word /written
echo "Targe: $(busybox cat /word) by $(busybox grep ' / ' /proc/mounts)"
busybox mount -o remount,ro /
busybox poweroff -f
