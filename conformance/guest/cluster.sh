# Two nodes of a cluster on units that they share over two portals each: fence_scsi and fence_mpath on LUN 0, OCFS2 on LUN 1, leases of sanlock
# behind it and, with blocks of 4096 bytes, on LUN 2. Both nodes run this script; the second one dies at its end.
. /host/lib.sh
NODE=$4
shift 4
FENCED=/dev/mapper/3$1 FILES=/dev/mapper/3$2 LARGE=/dev/mapper/3$3
KEYS=([1]=a1 [2]=b2) MPATH_KEYS=([1]=c1 [2]=d2) LETTERS=([1]=A [2]=B)
OTHER=$((3 - NODE)) KEY=${KEYS[NODE]} MPATH_KEY=${MPATH_KEYS[NODE]} LETTER=${LETTERS[NODE]}

first() { [ "$NODE" = 1 ]; }
second() { [ "$NODE" = 2 ]; }

reach_units() {
  local each
  hostname "node$NODE"
  start_initiator "node$NODE"
  cp /host/multipath.conf /etc/multipath.conf
  printf 'defaults {\n    reservation_key 0x%s\n}\n' "$MPATH_KEY" >>/etc/multipath.conf
  # Links of names that nobody here uses take most of the time in which disks appear.
  rm -f /lib/udev/rules.d/5[58]-scsi-sg3_*.rules
  step multipathd multipathd || exit 1
  step discovery iscsiadm -m discovery -t sendtargets -p "$PORTAL" || exit 1
  step login iscsiadm -m node -T "$TARGET" --login || exit 1
  step 'each unit is a map of two paths' eventually 90 all_paths || { multipath -ll; exit 1; }
  for each in A B; do head -c 4194304 /dev/zero | tr '\0' $each >/tmp/of-$each; done
}
all_paths() { [ -b "$FENCED" ] && [ -b "$FILES" ] && [ -b "$LARGE" ] && [ "$(dmsetup status --target multipath | grep -oE ' [0-9]+:[0-9]+ A ' | wc -l)" = 6 ]; }

# Every path works, whatever multipathd thinks of it: what came before a connection was lost has ended.
all_read() {
  local disk
  for disk in /sys/block/dm-*/slaves/*; do dd if="/dev/${disk##*/}" of=/dev/null bs=4096 count=1 iflag=direct || return; done
  all_paths
}
# put MAP MIB: 4 MiB of this node's letter, past the page cache
put() { dd if="/tmp/of-$LETTER" of="$1" bs=1M seek="$2" oflag=direct conv=notrunc; }
put_all() { put "$1" 0 && put "$1" 4; }
# keys MAP, holder MAP: whose registrations there are, one for each path, and who holds the reservation
keys() { eventually 30 tell --read-keys "$1" && sed -nE 's/^ +0x([0-9a-f]+)$/\1/p' /tmp/told | sort | xargs; }
holder() { eventually 30 tell --read-reservation "$1" && squeezed "$(</tmp/told)" | sed -nE 's/.*Key=0x([0-9a-f]+) .*type: (.*[a-z]) *$/\1 by \2/p'; }
tell() { sg_persist --no-inquiry "$1" "$2" >/tmp/told; }
# state NAME MAP KEYS HOLDER
state() { same "$1" "$3; $4 by Write Exclusive, registrants only" "$(keys "$2"); $(holder "$2")"; }

write_on() { # MAP MIB
  while put "$1" "$2" 2>"/tmp/writer-$2"; do touch "/tmp/written-$2"; done
}
start_writers() { # MAP
  local each
  WRITERS=()
  # Nobody tells of a command that fencing aborts: it is asked after when it has taken so long.
  for each in /sys/block/"$(basename "$(readlink -f "$1")")"/slaves/*/device/timeout; do echo 10 >"$each"; done
  rm -f /tmp/written-*
  for each in 0 4; do write_on "$1" $each & WRITERS+=($!); done
  step "the writers of node $NODE are on their way" eventually 60 test -e /tmp/written-0 -a -e /tmp/written-4
}
conflicts() { # NAME MAP
  local output
  output=$(put "$2" 0 2>&1) && { echo "not ok $1: it was let through"; return; }
  says "$1" 'Invalid exchange' echo "$output"
}

scsi() { fence_scsi --action="$1" --key="$2" --devices="$FENCED" --aptpl; }

fencing_by_scsi() {
  local each
  step 'fence_scsi registers' scsi on "$KEY"
  host meet registered
  if first; then state 'both are registered by both paths' "$FENCED" 'a1 a1 b2 b2' "$(holder "$FENCED" | cut -d' ' -f1)"; fi
  step 'who is registered writes' put "$FENCED" $((4 * NODE - 4))
  host meet written
  if first; then host holds fenced A 0 4; host holds fenced B 4 8; fi
  host meet compared
  if second; then start_writers "$FENCED"; fi
  host meet writing
  if first; then host kill9; fi
  host meet killed
  if second; then rm -f /tmp/written-*; fi
  step 'all paths are back' eventually 90 all_read
  if first; then
    step 'the first node writes after kill -9' put "$FENCED" 8
  else
    step 'the writers go on after kill -9' eventually 60 test -e /tmp/written-0 -a -e /tmp/written-4
  fi
  host meet again
  if first; then
    step 'fence_scsi fences the other' scsi off b2
    step 'the first node writes over it' put_all "$FENCED"
    host holds fenced A 0 8
    state 'the other is registered no more' "$FENCED" 'a1 a1' a1
  else
    wait "${WRITERS[@]}"
    for each in 0 4; do says "writer $each has a reservation conflict" 'Invalid exchange' cat "/tmp/writer-$each"; done
    ends 'fence_scsi_check says so' 2 /usr/share/cluster/fence_scsi_check
  fi
  host meet fenced
  if first; then host kill9; fi
  host meet killed-again
  step 'all paths are back again' eventually 90 all_read
  if first; then state 'kill -9 changes nothing' "$FENCED" 'a1 a1' a1; else conflicts 'a write of who is fenced conflicts' "$FENCED"; fi
  host meet tried
  if first; then host holds fenced A 0 8; fi
  host meet unfencing
  if second; then
    step 'fence_scsi brings it back' scsi on b2
    step 'who was fenced writes again' put_all "$FENCED"
    host holds fenced B 0 8
    ends 'fence_scsi_check is content' 0 /usr/share/cluster/fence_scsi_check
  fi
  host meet unfenced
  if first; then step 'fence_scsi sees it' scsi status b2; fi
}

# --- fence_mpath

mpath() { fence_mpath --action="$1" --plug="$2" --devices="$FENCED"; }

fencing_by_mpath() {
  first && step 'CLEAR before fence_mpath' sg_persist --no-inquiry --out --clear --param-rk=a1 "$FENCED"
  host meet cleared
  step 'fence_mpath registers' mpath on "$MPATH_KEY"
  host meet mpath-registered
  first && same 'fence_mpath registers both paths of both' 'c1 c1 d2 d2' "$(keys "$FENCED")"
  step 'who is registered by fence_mpath writes' put "$FENCED" $((4 * NODE - 4))
  host meet mpath-written
  # The second node fences the first one, which may hold the reservation.
  if second; then
    step 'fence_mpath fences the other' mpath off c1
    step 'the second node writes over it' put_all "$FENCED"
    state 'the first node is registered no more' "$FENCED" 'd2 d2' d2
  fi
  host meet mpath-fenced
  if first; then
    conflicts 'a write of who is fenced by fence_mpath conflicts' "$FENCED"
    host holds fenced B 0 8
    step 'fence_mpath brings it back' mpath on c1
    step 'who was fenced by fence_mpath writes again' put_all "$FENCED"
    host holds fenced A 0 8
  fi
  host meet mpath-unfenced
}

# --- sanlock: a lease behind the file system, "small", and one with blocks of 4096 bytes, "large"

BEHIND=$((224 << 20))
declare -A LOCKSPACES=([small]="small:$NODE:$FILES:$BEHIND" [large]="large:$NODE:$LARGE:0")
declare -A RESOURCES=([small]="small:lease:$FILES:$((BEHIND + 1048576))" [large]="large:lease:$LARGE:1048576")
IO_TIMEOUT=6 # seconds: a node that has not renewed for 8 of these and a minute is dead

# Commands of sanlock are tried again where a slow machine has them time out.
lease() { sanlock client command -r "${RESOURCES[$1]}" -c "${@:2}"; }
hold() { # NAME SPACE: for as long as the process in /tmp/holder-SPACE lives
  (until lease "$2" /bin/sh -c "echo \$\$ >/tmp/holder-$2; exec sleep 3600" || [ -e "/tmp/holder-$2" ]; do sleep 1; done) >/dev/null 2>&1 &
  step "$1, $2" eventually 90 holds_lease "$2"
}
holds_lease() { [ -e "/tmp/holder-$1" ] && sanlock client status | grep -q "^r ${RESOURCES[$1]}"; }
lease_is_taken() { step "$1" eventually 90 conflicting "$2"; } # NAME SPACE: by a node that lives, or may live
conflicting() { lease "$1" /bin/touch "/tmp/taken-$1" 2>&1 | grep -q 'acquire done -24[35]'; }
joined() {
  sanlock client status | grep -q "^s ${LOCKSPACES[$1]}$" || sanlock client add_lockspace -s "${LOCKSPACES[$1]}" -o $IO_TIMEOUT
}

start_sanlock() {
  local space
  mkdir -p /run/sanlock
  step 'sanlock starts' sanlock daemon -w 0 -h 0 -U root -G root -e "node$NODE" || exit 1
  if first; then
    step 'a lockspace on blocks of 512 bytes' sanlock direct init -s "small:0:$FILES:$BEHIND" -Z 512 -A 1M -o $IO_TIMEOUT
    step 'a lockspace on blocks of 4096 bytes' sanlock direct init -s "large:0:$LARGE:0" -Z 4096 -A 1M -o $IO_TIMEOUT
    step 'a lease on blocks of 512 bytes' sanlock direct init -r "${RESOURCES[small]}" -Z 512 -A 1M
    step 'a lease on blocks of 4096 bytes' sanlock direct init -r "${RESOURCES[large]}" -Z 4096 -A 1M
  fi
  host meet lockspaces
  for space in small large; do joined $space >/dev/null 2>&1 & done # which takes a while
  wait
  for space in small large; do step "sanlock has joined the lockspace, $space" eventually 90 joined $space; done
  host meet joined
}

leases() {
  local space
  start_sanlock
  for space in small large; do
    if first; then hold 'the first node takes the lease' $space; fi
    host meet "$space-taken"
    if second; then
      lease_is_taken "the second node does not get it, $space" $space
    fi
    host meet "$space-refused"
    if first; then
      kill "$(<"/tmp/holder-$space")"
      step "the first node has let it go, $space" eventually 30 eval "! holds_lease $space"
    fi
    host meet "$space-released"
    if second; then
      hold 'the second node takes it' $space
      # What a node that dies does, as far as its leases are concerned; the other may have them when it has waited long enough.
      [ $space = small ] || killall -9 sanlock
    fi
    host meet "$space-left"
    if first; then lease_is_taken "the first node does not get it at once, $space" $space; fi
  done
  DIED=$SECONDS
}
taken_over() { joined "$1" && lease "$1" /bin/touch "/tmp/over-$1"; }
leases_of_the_dead() {
  local space
  for space in small large; do
    step "the lease of a node that does not renew goes over, $space" eventually $((DIED + 300 - SECONDS)) taken_over $space
    refused "and did not before, $space" test -e /tmp/taken-$space
  done
}

# --- OCFS2

start_files() {
  local each
  mkdir -p /etc/ocfs2 /mnt/files
  {
    printf 'cluster:\n\theartbeat_mode = local\n\tnode_count = 2\n\tname = targe\n\n'
    for each in 1 2; do
      printf 'node:\n\tnumber = %s\n\tcluster = targe\n\tip_port = 7777\n\tip_address = 10.0.4.%s\n\tname = node%s\n\n' $each $each $each
    done
  } >/etc/ocfs2/cluster.conf
  ln -sf /proc/mounts /etc/mtab
  mount -t configfs configfs /sys/kernel/config 2>/dev/null
  echo o2cb >/sys/fs/ocfs2/cluster_stack
  step 'o2cb registers the cluster' o2cb register-cluster targe
  if first; then step 'mkfs.ocfs2' mkfs.ocfs2 -q -N 2 -b 4K -C 4K -J size=4M --force "$FILES" 51200; fi
  host meet mkfs
  step 'OCFS2 is mounted' mount.ocfs2 "$FILES" /mnt/files
  host meet mounted
}

sums() { cd "$1" && find . -type f -print0 | sort -z | xargs -0 sha256sum; }
fill() { # FOLDER
  mkdir -p "$1" && head -c 3000000 /dev/urandom >"$1/large" && cp -r /etc/multipath.conf /usr/share/fence "$1" && sync
}

files() {
  start_files
  step 'a node writes files' fill "/mnt/files/of-$NODE"
  (sums "/mnt/files/of-$NODE") >"/mnt/files/sums-$NODE"
  host meet files-written
  step "files of the other are read" eval "cd /mnt/files/of-$OTHER && sha256sum --quiet -c ../sums-$OTHER"
  step 'a file of the other is written over' eval "echo 'by $NODE' >/mnt/files/of-$OTHER/multipath.conf"
  host meet written-over
  same 'the other has written over it' "by $OTHER" "$(cat "/mnt/files/of-$NODE/multipath.conf")"
  host meet read-over
}

# with what was synced before, and other writes under way
die_writing() {
  (while :; do fill /mnt/files/later; done) &
  step 'the second node syncs' eval 'fill /mnt/files/last && sums /mnt/files/last >/mnt/files/sums-last && sync'
  host meet synced
  echo finished
  echo b >/proc/sysrq-trigger
  sleep 60
}
survive() {
  host meet synced
  step 'the survivor goes on' eval 'echo more >/mnt/files/more && ls -lR /mnt/files'
  says 'it has replayed the journal of the dead' 'Begin replay journal' dmesg
  step 'what the dead had synced is there' eval 'cd /mnt/files/last && sha256sum --quiet -c ../sums-last'
  step 'OCFS2 is unmounted' umount /mnt/files
  step 'fsck.ocfs2' fsck.ocfs2 -fn "$FILES"
}

reach_units
leases
fencing_by_scsi
fencing_by_mpath
files
if second; then die_writing; fi
survive
leases_of_the_dead
echo finished
