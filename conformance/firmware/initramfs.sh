#!/bin/busybox sh
# What Linux starts when iPXE has brought it: logs in to what iPXE was logged in to, as its iBFT says, and goes on from there.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
mount -t tmpfs run /run
mkdir -p /run/lock/iscsi
modprobe -a virtio_pci virtio_net iscsi_ibft iscsi_tcp sd_mod ext4 crc32c_generic
ip link set lo up
iscsistart -N # the network
iscsistart -b
until disk=$(findfs LABEL=targe); do sleep 0.1; done 2>/dev/null # of all that the target has
mount -t ext4 "$disk" /mnt
exec switch_root /mnt /sbin/init
