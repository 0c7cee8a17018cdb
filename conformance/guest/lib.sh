# What every guest script begins with: . /host/lib.sh
# Protocol with the host, one line each: "ok STEP", "not ok STEP: why", "skipped STEP: why", "note TEXT",
# "figure NAME NUMBER", "@host ACTION", and "finished". No STEP has a colon and a blank in it.
set -u
TARGET=$1 PORT=$2
PORTAL=10.0.2.2:$PORT
ACTIONS=0

# step NAME COMMAND...: the command must succeed.
step() {
  local name=$1 output
  shift
  if output=$("$@" 2>&1 </dev/null); then
    echo "ok $name"
  else
    echo "not ok $name: status $?: $(echo "$output" | tail -n 6 | tr '\n' '|')"
    return 1
  fi
}

# refused NAME COMMAND...: the command must fail.
refused() {
  local name=$1
  shift
  if "$@" >/dev/null 2>&1 </dev/null; then echo "not ok $name: it was let through"; else echo "ok $name"; fi
}

# ends NAME STATUS COMMAND...: the command must end with just that exit status. Those of sg3_utils tell how the SCSI command ended:
# 5 ILLEGAL REQUEST, 6 UNIT ATTENTION, 9 INVALID COMMAND OPERATION CODE, 14 MISCOMPARE, 24 RESERVATION CONFLICT.
ends() {
  local name=$1 want=$2 output status
  shift 2
  output=$("$@" 2>&1 </dev/null)
  status=$?
  if [ $status -eq "$want" ]; then echo "ok $name"; else echo "not ok $name: status $status, not $want: $(squeezed "$output")"; fi
}

# says NAME PATTERN COMMAND...: the command must succeed, and print what the extended regular expression finds when all white space
# is one blank.
says() {
  local name=$1 pattern=$2 output status
  shift 2
  output=$("$@" 2>&1 </dev/null)
  status=$?
  output=$(squeezed "$output")
  if [ $status -eq 0 ] && [[ $output =~ $pattern ]]; then
    echo "ok $name"
  else
    echo "not ok $name: status $status, no '$pattern' in: ${output:0:1500}"
  fi
}

# told NAME WHAT DEVICE: a unit attention waits there, once
told() {
  says "$1" "Unit Attention Additional sense: $2" sh -c "sg_raw $3 00 00 00 00 00 00 2>&1; true"
  ends "$1, once" 0 sg_raw "$3" 00 00 00 00 00 00
}

squeezed() { # by the shell alone: under emulation a program costs more than what it does here
  local text=${1//[[:space:]]/ }
  while [[ $text == *'  '* ]]; do text=${text//  / }; done
  echo "$text "
}

# same NAME WANT GOT
same() { if [ "$2" = "$3" ]; then echo "ok $1"; else echo "not ok $1: wanted '$2', got '$3'"; fi; }

# host ACTION: has the host do something, and waits until it has.
host() {
  ACTIONS=$((ACTIONS + 1))
  echo "@host $*"
  until [ -e "/host/done-$ACTIONS" ]; do sleep 0.1; done
}

# eventually SECONDS COMMAND...: true as soon as the command succeeds.
eventually() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.3
  done
}

# Without it nobody but the script sends commands that take unit attentions away, once it has written to a disk.
stop_udev() { kill "$(pidof systemd-udevd)" && eventually 10 eval '! pidof systemd-udevd'; }

# start_initiator [NAME]: the initiator is iqn.2026-11.io.targe:NAME, "guest" where none is given
start_initiator() {
  mkdir -p /run/lock/iscsi /etc/iscsi
  echo "InitiatorName=iqn.2026-11.io.targe:${1:-guest}" >/etc/iscsi/initiatorname.iscsi
  iscsid
}

# initiator NAME: makes the interface NAME, whose sessions are of the initiator $TARGET-NAME
initiator() {
  iscsiadm -m iface -I "$1" -o new >/dev/null
  iscsiadm -m iface -I "$1" -o update -n iface.initiatorname -v "$TARGET-$1" >/dev/null
  iscsiadm -m iface -I "$1" -o update -n iface.transport_name -v tcp >/dev/null
}

# log_in_by NAME PORT: a session of that interface at a portal of the host
log_in_by() {
  iscsiadm -m node -T "$TARGET" -p "10.0.2.2:$2" -I "$1" -o new >/dev/null
  iscsiadm -m node -T "$TARGET" -p "10.0.2.2:$2" -I "$1" --login >/dev/null
}

# device_of KIND NAME PORT LUN: the device node, of KIND block or scsi_generic, through which that session reaches the LUN
device_of() {
  local session number node
  for session in /sys/class/iscsi_session/session*; do
    number=${session##*session}
    [ "$(cat "$session/initiatorname")" = "$TARGET-$2" ] || continue
    [ "$(cat "/sys/class/iscsi_connection/connection$number:0/persistent_port")" = "$3" ] || continue
    for node in "$session"/device/target*/*:"$4"/"$1"/*; do [ ! -d "$node" ] || echo "/dev/${node##*/}"; done
  done
}
have_device() { [ -e "$(device_of "$@")" ]; }

# disk LUN: the block device of a LUN, such as sda
disk() { lsscsi 2>/dev/null | sed -nE "s/^\[[0-9]+:0:0:$1\] .*\/dev\/(sd[a-z]+).*/\1/p"; }
have_disk() { [ -n "$(disk "$1")" ] && [ -b "/dev/$(disk "$1")" ]; }

tree_hash() { (cd "$1" && find . -type f -print0 | sort -z | xargs -0 md5sum | md5sum | cut -d' ' -f1); }
drop_caches() { sync; echo 3 >/proc/sys/vm/drop_caches; }
