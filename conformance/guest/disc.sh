# Linux's sr against drives: LUN 0 has a CD, LUN 1 a DVD, each with a file data.bin; a BD comes later, and has end.bin.
. /host/lib.sh
FIRST=$3 SECOND=$4 LARGE=$5 BLOCKS=$6 END=$7

drive() { lsscsi 2>/dev/null | sed -nE "s/^\[[0-9]+:0:0:$1\] .*\/dev\/(sr[0-9]+).*/\1/p"; }
have_drive() { [ -n "$(drive "$1")" ] && [ -b "/dev/$(drive "$1")" ]; }
hash_of() { sha256sum "$1" | cut -d' ' -f1; }

log_in() {
  start_initiator
  step discovery iscsiadm -m discovery -t sendtargets -p "$PORTAL"
  step login iscsiadm -m node -T "$TARGET" -p "$PORTAL" --login || exit 1
  step 'sr binds to both drives' eventually 60 eval 'have_drive 0 && have_drive 1' || { cat /proc/scsi/scsi; exit 1; }
  stop_udev
  CD=/dev/$(drive 0) DVD=/dev/$(drive 1)
  SG=/dev/$(basename /sys/class/block/"$(drive 0)"/device/scsi_generic/*)
}

mounted() {
  step 'a CD is mounted' mount -t iso9660 -o ro "$CD" /mnt
  same 'its file is as it was' "$FIRST" "$(hash_of /mnt/data.bin)"
  refused 'a write to the file system' touch /mnt/new
  ends 'sg_raw START STOP UNIT ejects nothing that is mounted' 5 sg_raw "$SG" 1b 00 00 00 02 00
  host eject-locked
  same 'its file is as it was, after an administrator wanted it' "$FIRST" "$(drop_caches; hash_of /mnt/data.bin)"
  step 'umount' umount /mnt
}

answers() {
  says 'wodim -toc' "first: 1 last 1 track: 1 lba: 0 .* control: 4 .*track:lout lba: $BLOCKS " wodim dev="$CD" -toc
  says 'wodim -prcap reads DVDs' 'Does read DVD-ROM media' wodim dev="$CD" -prcap
  says 'wodim -prcap can eject' 'Does support ejection of CD via START/STOP' wodim dev="$CD" -prcap
  says 'cd-info' 'Disc mode is listed as: CD-DATA.*1: 00:02:00 000000 data.*170: .*ISO 9660.*FIRST' cd-info --no-cddb --no-device-info -C "$CD"
  says 'dvd+rw-mediainfo of the DVD' 'Mounted Media: 10h, DVD-ROM.*Legacy lead-out' dvd+rw-mediainfo "$DVD"
  says 'sg_get_config, the profile' 'Current profile: CD-ROM' sg_get_config --current "$SG"
  says 'sg_get_config of the DVD' 'Current profile: DVD-ROM' sg_get_config --current "$DVD"
  says 'sg_inq' 'Peripheral device type: cd/dvd' sg_inq "$SG"
  says 'sg_inq, its standards' 'MMC-6' sg_inq --descriptors "$SG"
  says 'sg_modes' 'MM capabilities' sg_modes --all "$SG"
  says 'sg_opcodes' 'Read TOC.*Get configuration' sg_opcodes --no-inquiry "$SG"
  ends 'sg_raw WRITE(10)' 9 sg_raw -s 2048 -i /bin/busybox "$SG" 2a 00 00 00 00 00 00 00 01 00
  says 'sg_raw READ beyond the end' 'Illegal Request Additional sense: Logical block address out of range' sh -c "sg_raw -r 2048 $SG 28 00 00 ff ff ff 00 00 01 00 2>&1; true"
  refused 'blank' wodim dev="$CD" blank=fast
  same 'the kernel knows its size' "$((BLOCKS * 4))" "$(blockdev --getsz "$CD")"
  refused 'it cannot be opened to be written' dd if=/etc/passwd of="$CD" bs=2048 count=1 conv=notrunc
}

ejected() {
  step 'eject' eject "$CD"
  host state tray-open
  says 'sg_raw TEST UNIT READY, tray open' 'Not Ready.*tray open' sh -c "sg_raw $SG 00 00 00 00 00 00 2>&1; true"
  step 'eject -t' eject -t "$CD"
  host state ready
  step 'the same CD is mounted again' mount -t iso9660 -o ro "$CD" /mnt
  same 'its file is as it was, once more' "$FIRST" "$(hash_of /mnt/data.bin)"
  step 'umount once more' umount /mnt
}

changed() {
  sg_raw "$SG" 00 00 00 00 00 00 >/dev/null 2>&1
  host insert second
  told 'another CD' 'Not ready to ready change, medium may have changed' "$SG"
  step 'another CD is mounted' mount -t iso9660 -o ro "$CD" /mnt
  same 'it has another file' "$SECOND" "$(hash_of /mnt/data.bin)"
  step 'umount the other CD' umount /mnt
  host eject
  refused 'nothing to mount without a CD' mount -t iso9660 -o ro "$CD" /mnt
  host insert first
  step 'the first CD is back' mount -t iso9660 -o ro "$CD" /mnt
  same 'the first CD has its file' "$FIRST" "$(hash_of /mnt/data.bin)"
  step 'umount the first CD' umount /mnt
  step 'the DVD is mounted' mount -t iso9660 -o ro "$DVD" /mnt
  same 'the DVD has its file' "$LARGE" "$(hash_of /mnt/data.bin)"
  step 'umount the DVD' umount /mnt
}

asked() { # who prevents removal persistently hears of what an administrator wants, and may eject
  echo 0 >"/sys/block/$(drive 0)/events_poll_msecs"  # sr tells udev of events that it takes
  step 'sg_prevent, persistently' sg_prevent --prevent=3 "$SG"
  host eject-locked
  says 'EjectRequest' '00 06 04 56 01 02 00 00' sg_raw -r 8 "$SG" 4a 01 00 00 10 00 00 00 08 00
  step 'it may eject the disc itself' sg_raw "$SG" 1b 00 00 00 02 00
  host state tray-open
  step 'sg_prevent, allowed again' sg_prevent --prevent=2 "$SG"
}

huge() {
  host insert huge
  told 'a BD' 'Not ready to ready change, medium may have changed' "$SG"
  says 'sg_get_config of the BD' 'Current profile: BD-ROM' sg_get_config --current "$SG"
  says 'dvd+rw-mediainfo of the BD' 'Mounted Media: 40h, BD-ROM' dvd+rw-mediainfo "$CD"
  step 'the BD is mounted' mount -t iso9660 -o ro "$CD" /mnt
  same 'a file at the end of the BD' "$END" "$(hash_of /mnt/end.bin)"
  same 'a file at its beginning' 'HUGE' "$(cat /mnt/readme.txt)"
  step 'umount the BD' umount /mnt
}

log_in
mounted
answers
ejected
changed
asked
huge
step logout iscsiadm -m node -T "$TARGET" -p "$PORTAL" --logout
echo finished
