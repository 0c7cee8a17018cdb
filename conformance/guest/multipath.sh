# dm-multipath on three units behind two portals, which are target port groups 1 and 2 of each: LUN 0 changes its states only by the
# administrator, LUN 1 by SET TARGET PORT GROUPS too, LUN 2 so that a program of the host is asked first. A writer keeps a file system
# on one of them busy; it reads what it wrote, past the page cache, and must see no error whatever happens to the paths.
. /host/lib.sh
ADDRESSES=("$3" "$4")
MAPS=(/dev/mapper/3"$5" /dev/mapper/3"$6" /dev/mapper/3"$7")

log_in_everywhere() {
  local address
  start_initiator
  cp /host/multipath.conf /etc/multipath.conf
  step multipathd multipathd || exit 1
  step discovery iscsiadm -m discovery -t sendtargets -p "${ADDRESSES[0]}:$PORT"
  same 'discovery tells both portals' "${ADDRESSES[0]}:$PORT,1 ${ADDRESSES[1]}:$PORT,2" "$(iscsiadm -m node | cut -d' ' -f1 | sort | xargs)"
  for setting in conn[0].timeo.noop_out_interval=2 conn[0].timeo.noop_out_timeout=2 session.timeo.replacement_timeout=1; do
    iscsiadm -m node -T "$TARGET" -o update -n "node.${setting%=*}" -v "${setting#*=}"
  done
  step login iscsiadm -m node -T "$TARGET" --login || exit 1
  step 'three maps of two paths each' eventually 60 all_paths || { multipath -ll; exit 1; }
  step 'with the hardware handler for ALUA' test "$(multipath -ll | grep -c 'hwhandler=.1 alua')" = 3
  find_paths
  head -c 4194304 /dev/urandom >/tmp/noise
}
all_paths() { [ -b "${MAPS[2]}" ] && [ "$(dmsetup status --target multipath | grep -oE ' [0-9]+:[0-9]+ A ' | wc -l)" = 6 ]; }

# path LUN GROUP: the disk that is this path to the unit
path() { echo "${DISKS[$1,$2]}"; }
declare -A DISKS
find_paths() { # a session that comes back has its disks again
  local session address group lun node
  for session in /sys/class/iscsi_session/session*; do
    read -r address <"/sys/class/iscsi_connection/connection${session##*session}:0/persistent_address"
    for group in 1 2; do
      [ "$address" = "${ADDRESSES[$group - 1]}" ] || continue
      for lun in 0 1 2; do
        for node in "$session"/device/target*/*:"$lun"/block/*; do DISKS[$lun,$group]=${node##*/}; done
      done
    done
  done
}

start_writer() { # LUN
  MAP=${MAPS[$1]}
  mkdir -p "/mnt/$1"
  [ -e "/made-$1" ] || { step "mkfs on unit $1" mkfs.ext4 -q -F -b 4096 "$MAP" && touch "/made-$1"; }
  step "mount unit $1" mount "$MAP" "/mnt/$1" || return
  rm -f /tmp/stop /tmp/laps /tmp/wrong
  write_laps "/mnt/$1" & WRITER=$!
  step 'the writer is on its way' eventually 30 test -s /tmp/laps
}

write_laps() { # every write waits until it is durable; every lap writes other data
  local lap=0 at file
  while [ ! -e /tmp/stop ]; do
    at=$((lap * 7 % 224)) file=$1/lap-$((lap % 3))
    dd if=/tmp/noise of="$file" bs=16k skip=$at count=32 oflag=dsync conv=notrunc 2>/tmp/dd.err || { echo "lap $lap, write: $(cat /tmp/dd.err)" >>/tmp/wrong; return; }
    dd if="$file" of=/tmp/back bs=256k iflag=direct 2>/tmp/dd.err || { echo "lap $lap, read: $(cat /tmp/dd.err)" >>/tmp/wrong; return; }
    cmp -s -n 524288 -i $((at * 16384)):0 /tmp/noise /tmp/back || { echo "lap $lap: other data" >>/tmp/wrong; return; }
    lap=$((lap + 1))
    echo $lap >/tmp/laps
  done
}

stop_writer() { # LUN
  touch /tmp/stop
  step "the writer ends on unit $1" eventually 60 eval "! kill -0 $WRITER"
  same "no error reached the writer on unit $1" '' "$(cat /tmp/wrong 2>/dev/null)"
  same "unit $1 is still mounted for writing" rw "$(grep " /mnt/$1 " /proc/mounts | cut -d' ' -f4 | cut -d, -f1)"
  echo "note $(cat /tmp/laps) laps on unit $1"
  step "umount unit $1" umount "/mnt/$1"
  step "fsck of unit $1" e2fsck -f -n "${MAPS[$1]}"
  same "no error of the map or of the file system in the log, unit $1" '' \
    "$(dmesg | grep -E 'dev dm-|EXT4-fs (error|warning)|JBD2.*abort|Remounting filesystem' | tail -n 5)"
}

writes() { local -a stat; read -r -a stat <"/sys/block/$1/stat"; echo "${stat[4]}"; } # how many were done
now() { local up; read -r up _ </proc/uptime; echo "${up/./}"; }                       # in hundredths of a second

# stpg NAME LUN GROUP STATES: the states of groups 1 and 2 are set by the path through group 1, and data must go through GROUP.
# How long that took is a figure.
stpg() {
  local disk before begin end device
  disk=$(path "$2" "$3") device=/dev/$(path "$2" 1)
  before=$(writes "$disk") begin=$(now)
  end=$((begin + 6000))
  step "sg_stpg, $1" sg_stpg --tp=1,2 --state="$4" "$device"
  until [ "$(writes "$disk")" -gt "$before" ]; do
    [ "$(now)" -lt $end ] || { echo "not ok data go through group $3, $1: not in 60 s"; return; }
  done
  end=$(($(now) - begin))
  echo "ok data go through group $3, $1"
  echo "figure $1 $((end / 100)).$(printf %02d $((end % 100)))"
}

# Paths that were given up are in use again: what a change costs is measured from there.
settled() { step "all paths are usable, $1" eventually 60 all_paths; }

implicit() {
  start_writer 0
  host switch implicit 2 active/optimized 1 standby 2
  settled 'group 1 in standby'
  host switch implicit 1 active/optimized 2 standby 1
  host set implicit 2 active/optimized
  settled 'both optimized'
  host switch implicit 1 unavailable 2
  host set implicit 1 active/non-optimized
  settled 'group 1 not optimized'
  host switch implicit 2 offline 1
  host set implicit 1 active/optimized 2 active/non-optimized
  settled 'group 2 not optimized'
  # Both in transition: commands wait, and go on where there is a state again.
  host set implicit 2 transitioning 1 transitioning
  sleep 1
  host switch implicit 1 standby 2 active/optimized 2
  host restart
  host used 2 'after a restart of targed'
  says 'the states outlive a restart' 'group id : 0x1 .*: 0x02 \(standby.*group id : 0x2 .*: 0x00 \(active/opt' sg_rtpg --decode "/dev/$(path 0 2)"
  host set implicit 1 active/optimized 2 active/non-optimized
  host used 1 'after it became optimized'
  host drop 1
  host used 1 'after its session was dropped'
  settled 'the dropped session is back'
  host down 1 'both usable'
  host up 1
  host used 1 'after its cable was back'
  stop_writer 0
}

explicit() {
  start_writer 1
  step 'sg_stpg, group 2 in standby' sg_stpg --tp=1,2 --state=ao,s "/dev/$(path 1 1)"
  settled 'explicit'
  stpg 'explicit, to group 2' 1 2 s,ao
  settled 'explicit, group 1 in standby'
  stpg 'explicit, to group 1' 1 1 ao,s
  settled 'explicit, group 2 in standby'
  host used 1 'before its cable is pulled'
  # Nobody but the kernel makes group 2 active when group 1 cannot be reached.
  host down 1 'the other in standby'
  says 'group 2 was made active by the initiator' 'group id : 0x2 .*: 0x00 \(active/opt.*status code : 0x01' sg_rtpg --decode "/dev/$(path 1 2)"
  host up 1
  settled 'the cable is back'
  stop_writer 1
}

hooked() {
  start_writer 2
  step 'sg_stpg with a program, group 2 in standby' sg_stpg --tp=1,2 --state=ao,s "/dev/$(path 2 1)"
  settled 'with a program'
  host asked hooked active/optimized standby
  stpg 'explicit with a program, to group 2' 2 2 s,ao
  host asked hooked 1 active/optimized standby
  settled 'with a program, group 1 in standby'
  stpg 'explicit with a program, to group 1' 2 1 ao,s
  host asked hooked 1 standby active/optimized
  settled 'with a program, group 2 in standby'
  host used 1 'before the program refuses'
  host refuse yes
  says 'a change that the program refuses' 'Set Target Port Groups' sg_stpg --tp=1 --state=s "/dev/$(path 2 1)"
  host asked hooked 1 active/optimized standby
  says 'the state stays' 'group id : 0x1 .*: 0x00 \(active/opt.*group id : 0x2 ' sg_rtpg --decode "/dev/$(path 2 1)"
  host refuse no
  host set hooked 2 active/optimized
  host switch hooked 1 standby 2
  host asked-nothing
  stop_writer 2
}

log_in_everywhere
implicit
explicit
hooked
step logout iscsiadm -m node -T "$TARGET" --logout
echo finished
