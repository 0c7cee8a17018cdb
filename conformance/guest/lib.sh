# What every guest script begins with: . /host/lib.sh
# Protocol with the host, one line each: "ok STEP", "not ok STEP: why", "note TEXT", "@host ACTION", and "finished".
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

start_initiator() {
  mkdir -p /run/lock/iscsi /etc/iscsi
  echo 'InitiatorName=iqn.2026-11.io.targe:guest' >/etc/iscsi/initiatorname.iscsi
  iscsid
}

# disk LUN: the block device of a LUN, such as sda
disk() { lsscsi 2>/dev/null | sed -nE "s/^\[[0-9]+:0:0:$1\] .*\/dev\/(sd[a-z]+).*/\1/p"; }
have_disk() { [ -n "$(disk "$1")" ] && [ -b "/dev/$(disk "$1")" ]; }

tree_hash() { (cd "$1" && find . -type f -print0 | sort -z | xargs -0 md5sum | md5sum | cut -d' ' -f1); }
drop_caches() { sync; echo 3 >/proc/sys/vm/drop_caches; }
