# The units of a tape library in a guest, over iSCSI: . /host/library.sh
mt() { mt-st "$@"; } # not busybox's

# device_at LUN KIND: the node of a unit, of KIND scsi_tape, scsi_changer or scsi_generic
device_at() {
  local node
  for node in /sys/class/scsi_device/*:0:0:"$1"/device/"$2"/*[0-9]; do
    case ${node##*/} in n* | \*) ;; *) echo "${node##*/}" ;; esac
  done
}
have_units() { [ -n "$(device_at 0 scsi_generic)" ] && [ -n "$(device_at 2 scsi_tape)" ]; }

# LUN 0 is the changer, 1 and 2 are drives.
find_units() {
  start_initiator
  iscsiadm -m node -o new -T "$TARGET" -p "$PORTAL" >/dev/null
  step 'log in' iscsiadm -m node -T "$TARGET" -p "$PORTAL" --login || exit 1
  step 'the library appears' eventually 60 have_units || { cat /proc/scsi/scsi; exit 1; }
  stop_udev
  CHANGER=/dev/$(device_at 0 scsi_generic)
  TAPE=/dev/n$(device_at 1 scsi_tape) SG=/dev/$(device_at 1 scsi_generic)
  OTHER=/dev/n$(device_at 2 scsi_tape)
  step 'ch finds the elements' test -e /sys/class/scsi_changer/sch0
}
