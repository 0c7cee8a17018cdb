# PERSISTENT RESERVE IN and OUT by sg_persist: every service action and type, from four I_T nexuses on one unit. A is initiator "one" at the
# first portal, B "two" there, C "one" at the second portal, D "three" at the first, who never registers by itself.
. /host/lib.sh
OTHER_PORT=$3
TYPES=(1 3 5 6 7 8)
declare -A TYPE_NAMES=([1]='Write Exclusive' [3]='Exclusive Access' [5]='Write Exclusive, registrants only'
  [6]='Exclusive Access, registrants only' [7]='Write Exclusive, all registrants' [8]='Exclusive Access, all registrants')
# Who may read and write: A, who reserves, B, who is registered, and D, who is not.
declare -A ACCESS=([1]='rw r- r-' [3]='rw -- --' [5]='rw rw r-' [6]='rw rw --' [7]='rw rw r-' [8]='rw rw --')
REGISTRANTS=' 5 6 7 8 '

reach_unit() {
  local name
  stop_udev
  start_initiator
  for name in one two three; do initiator $name; step "log in by $name" log_in_by $name "$PORT" || exit 1; done
  step 'log in by one at the second portal' log_in_by one "$OTHER_PORT" || exit 1
  for name in one two three; do step "the unit appears to $name" eventually 30 have_device scsi_generic $name "$PORT" 0 || exit 1; done
  step 'the unit appears at the second portal' eventually 30 have_device scsi_generic one "$OTHER_PORT" 0 || exit 1
  A=$(device_of scsi_generic one "$PORT" 0) B=$(device_of scsi_generic two "$PORT" 0) C=$(device_of scsi_generic one "$OTHER_PORT" 0)
  D=$(device_of scsi_generic three "$PORT" 0) B_DISK=$(device_of block two "$PORT" 0)
  head -c 512 /dev/urandom >/tmp/block
}

out() { sg_persist --no-inquiry --out "$@"; }
keys() { # in order
  local line all=()
  while read -r line; do [[ $line != 0x* ]] || all+=("${line#0x}"); done < <(sg_persist --no-inquiry --read-keys "$D")
  [ ${#all[@]} -lt 2 ] || mapfile -t all < <(printf '%s\n' "${all[@]}" | sort)
  echo "${all[*]}"
}
generation() { echo $(($(sg_persist --no-inquiry --read-keys "$D" | sed -nE 's/.*generation=(0x[0-9a-f]+).*/\1/p'))); }
held() { # "KEY by TYPE", or "free"
  local text
  text=$(squeezed "$(sg_persist --no-inquiry --read-reservation "$D")")
  if [[ $text == *'NO reservation'* ]]; then echo free; elif [[ $text =~ Key=0x([0-9a-f]+)\ .*type:\ (.*[a-z])\ *$ ]]; then
    echo "${BASH_REMATCH[1]} by ${BASH_REMATCH[2]}"
  else echo "'$text'"; fi
}
# state NAME KEYS RESERVATION
state() { same "$1" "keys $2; $3" "keys $(keys); $(held)"; }
# registration KEY: its TransportID, as READ FULL STATUS tells it
registration() { sg_persist --no-inquiry --read-full-status "$D" | awk -v key="Key=0x$1" '$1 == key { mine = 1 } mine && /unique port id/ { print $NF; exit }'; }
read_block() { sg_raw -r 512 -o /dev/null "$1" 28 00 00 00 00 00 00 00 01 00; }
write_block() { sg_raw -s 512 -i /tmp/block "$1" 2a 00 00 00 00 00 00 00 01 00; }
may() { # DEVICE: "rw", "r-", or "--"; and a status where it is another
  local one text='' status
  for one in read_block:r write_block:w; do
    ${one%:*} "$1" >/dev/null 2>&1
    status=$?
    case $status in 0) text+=${one#*:} ;; 24) text+=- ;; *) text+="($status)" ;; esac
  done
  echo "$text"
}
forget_attentions() { local each; for each in $A $B $C $D; do sg_turs --number=4 "$each" >/dev/null 2>&1; done; true; }
# start_again KEY-OF-A [KEY-OF-B]: no registration but these
start_again() {
  forget_attentions
  { out --register-ignore --param-sark=fff "$A" && out --clear --param-rk=fff "$A" && forget_attentions && out --register --param-sark="$1" "$A"; } ||
    echo 'not ok a fresh start: A cannot'
  [ -z "${2:-}" ] || out --register --param-sark="$2" "$B" || echo 'not ok a fresh start: B cannot'
}

registering() {
  local before
  says 'REPORT CAPABILITIES' '\(RLR_C\): 1 .*\(CRH\): 1 .*\(SIP_C\): 1 .*\(ATP_C\): 1 .*\(PTPL_C\): 1 .*\(TMV\): 1 .*\(PTPL_A\): 0 .*: 1 .*: 1 .*: 1 .*: 1 .*: 1 .*: 1' \
    sg_persist --no-inquiry --report-capabilities "$A"
  state 'nobody is registered' '' free
  before=$(generation)
  step 'REGISTER by A' out --register --param-sark=a1 "$A"
  step 'REGISTER by B' out --register --param-sark=b1 "$B"
  state 'READ KEYS' 'a1 b1' free
  same 'the generation counts' $((before + 2)) "$(generation)"
  ends 'REGISTER by somebody registered, without its key, conflicts' 24 out --register --param-sark=a2 "$A"
  ends 'REGISTER by somebody registered, with a wrong key, conflicts' 24 out --register --param-rk=b1 --param-sark=a2 "$A"
  ends 'REGISTER by somebody unregistered, with a key, conflicts' 24 out --register --param-rk=a1 --param-sark=d1 "$D"
  step 'REGISTER changes a key' out --register --param-rk=a1 --param-sark=a2 "$A"
  state 'the key has changed' 'a2 b1' free
  step 'REGISTER of nothing by nobody' out --register --param-sark=0 "$D"
  step 'REGISTER removes a registration' out --register --param-rk=b1 --param-sark=0 "$B"
  state 'it is gone' 'a2' free
  step 'REGISTER AND IGNORE EXISTING KEY changes a key' out --register-ignore --param-rk=77 --param-sark=a1 "$A"
  step 'REGISTER AND IGNORE EXISTING KEY registers' out --register-ignore --param-sark=b1 "$B"
  state 'both have done so' 'a1 b1' free
  same 'READ FULL STATUS names the ports' "$TARGET-one $TARGET-two" "$(echo "$(registration a1 | cut -d, -f1)" "$(registration b1 | cut -d, -f1)")"
}

every_type() {
  local type name holders
  for type in "${TYPES[@]}"; do
    name=${TYPE_NAMES[$type]}
    step "RESERVE, $name" out --reserve --param-rk=a1 --prout-type="$type" "$A"
    case $type in 7 | 8) state "READ RESERVATION, $name" 'a1 b1' "0 by $name" ;; *) state "READ RESERVATION, $name" 'a1 b1' "a1 by $name" ;; esac
    case $type in 7 | 8) holders=2 ;; *) holders=1 ;; esac
    same "READ FULL STATUS counts its holders, $name" $holders "$(sg_persist --no-inquiry --read-full-status "$D" | grep -c 'Reservation holder')"
    same "who may read and write, $name" "${ACCESS[$type]}" "$(may "$A") $(may "$B") $(may "$D")"
    step "RESERVE again, $name" out --reserve --param-rk=a1 --prout-type="$type" "$A"
    ends "RESERVE of another type conflicts, $name" 24 out --reserve --param-rk=a1 --prout-type=$((type == 1 ? 3 : 1)) "$A"
    ends "RESERVE by somebody unregistered conflicts, $name" 24 out --reserve --param-rk=d1 --prout-type="$type" "$D"
    ends "RELEASE with a wrong key conflicts, $name" 24 out --release --param-rk=b1 --prout-type="$type" "$A"
    ends "RELEASE of another type is refused, $name" 5 out --release --param-rk=a1 --prout-type=$((type == 1 ? 3 : 1)) "$A"
    if [ "$holders" = 1 ]; then
      ends "RESERVE by B conflicts, $name" 24 out --reserve --param-rk=b1 --prout-type="$type" "$B"
      step "RELEASE by B does nothing, $name" out --release --param-rk=b1 --prout-type="$type" "$B"
      state "A still holds it, $name" 'a1 b1' "a1 by $name"
    else
      step "RESERVE by B, who holds it too, $name" out --reserve --param-rk=b1 --prout-type="$type" "$B"
    fi
    step "RELEASE, $name" out --release --param-rk=a1 --prout-type="$type" "$A"
    state "free, $name" 'a1 b1' free
    case $REGISTRANTS in
      *" $type "*) told "B is told RESERVATIONS RELEASED, $name" 'Reservations released' "$B" ;;
      *) ends "B is told nothing, $name" 0 sg_turs "$B" ;;
    esac
    same "all may read and write, $name" 'rw rw rw' "$(may "$A") $(may "$B") $(may "$D")"
    step "RESERVE, then the holder leaves, $name" out --reserve --param-rk=a1 --prout-type="$type" "$A"
    step "REGISTER with key 0, $name" out --register --param-rk=a1 --param-sark=0 "$A"
    if [ "$holders" = 1 ]; then state "it is free, $name" 'b1' free; else state "the other holds it, $name" 'b1' "0 by $name"; fi
    start_again a1 b1
  done
}

clearing_and_preempting() {
  step 'RESERVE before CLEAR' out --reserve --param-rk=a1 --prout-type=1 "$A"
  ends 'CLEAR with a wrong key conflicts' 24 out --clear --param-rk=a1 "$B"
  step 'CLEAR by B' out --clear --param-rk=b1 "$B"
  state 'all is cleared' '' free
  told 'A is told RESERVATIONS PREEMPTED' 'Reservations preempted' "$A"
  start_again a1 b1
  step 'RESERVE before PREEMPT' out --reserve --param-rk=a1 --prout-type=5 "$A"
  ends 'PREEMPT of a key that nobody has conflicts' 24 out --preempt --param-rk=b1 --param-sark=77 --prout-type=5 "$B"
  step 'PREEMPT of the holder' out --preempt --param-rk=b1 --param-sark=a1 --prout-type=6 "$B"
  state 'B holds it, by the new type' 'b1' "b1 by ${TYPE_NAMES[6]}"
  told 'A is told REGISTRATIONS PREEMPTED' 'Registrations preempted' "$A"
  same 'A may not read or write' '-- rw' "$(may "$A") $(may "$B")"
  step 'A registers again' out --register --param-sark=a1 "$A"
  step 'C registers' out --register --param-sark=c1 "$C"
  step 'PREEMPT of a registrant' out --preempt --param-rk=b1 --param-sark=c1 --prout-type=1 "$B"
  state 'the reservation stays' 'a1 b1' "b1 by ${TYPE_NAMES[6]}"
  told 'C is told REGISTRATIONS PREEMPTED' 'Registrations preempted' "$C"
  ends 'A is told nothing' 0 sg_turs "$A"
  step 'PREEMPT AND ABORT of the holder' out --preempt-abort --param-rk=a1 --param-sark=b1 --prout-type=3 "$A"
  state 'A holds it' 'a1' "a1 by ${TYPE_NAMES[3]}"
  told 'B is told REGISTRATIONS PREEMPTED' 'Registrations preempted' "$B"
  start_again a1 b1
  step 'RESERVE for all registrants' out --reserve --param-rk=a1 --prout-type=7 "$A"
  step 'PREEMPT of all registrants, key 0' out --preempt --param-rk=b1 --param-sark=0 --prout-type=8 "$B"
  state 'B alone is left' 'b1' "0 by ${TYPE_NAMES[8]}"
  start_again a1 b1
}

moving() {
  local one two other
  out --register --param-sark=c1 "$C"
  one=$(registration a1) two=$(registration b1) other=$(registration c1)
  start_again a1
  ends 'REGISTER AND MOVE without a reservation is refused' 5 \
    out --register-move --param-rk=a1 --param-sark=b1 --prout-type=1 --relative-target-port=1 --transport-id="$two" "$A"
  step 'RESERVE before REGISTER AND MOVE' out --reserve --param-rk=a1 --prout-type=1 "$A"
  ends 'REGISTER AND MOVE to oneself is refused' 5 \
    out --register-move --param-rk=a1 --param-sark=a2 --prout-type=1 --relative-target-port=1 --transport-id="$one" "$A"
  ends 'REGISTER AND MOVE to a port that is not there is refused' 5 \
    out --register-move --param-rk=a1 --param-sark=b1 --prout-type=1 --relative-target-port=99 --transport-id="$two" "$A"
  step 'REGISTER AND MOVE to B' out --register-move --param-rk=a1 --param-sark=b1 --prout-type=1 --relative-target-port=1 --transport-id="$two" "$A"
  state 'B holds it, A is registered' 'a1 b1' "b1 by ${TYPE_NAMES[1]}"
  same 'B may write, A may not' 'r- rw' "$(may "$A") $(may "$B")"
  ends 'REGISTER AND MOVE by who does not hold it conflicts' 24 \
    out --register-move --param-rk=a1 --param-sark=b1 --prout-type=1 --relative-target-port=1 --transport-id="$two" "$A"
  step 'REGISTER AND MOVE to another target port, with UNREG' \
    out --register-move --unreg --param-rk=b1 --param-sark=c1 --prout-type=1 --relative-target-port=2 --transport-id="$other" "$B"
  state 'C holds it, B is not registered' 'a1 c1' "c1 by ${TYPE_NAMES[1]}"
  same 'C may write' 'rw r-' "$(may "$C") $(may "$B")"
  out --clear --param-rk=c1 "$C"
  forget_attentions
  printf '%s\n' "$two" "$TARGET-three,i,${two##*,i,}" >/tmp/ids # "three" has another ISID: a port that is not logged in
  step 'REGISTER with SPEC_I_PT' out --register --param-sark=5a --transport-id=file=/tmp/ids "$A"
  state 'SPEC_I_PT registers all that were named' '5a 5a 5a' free
  step 'RESERVE by one of them' out --reserve --param-rk=5a --prout-type=6 "$B"
  same 'those that were named may write' 'rw rw --' "$(may "$A") $(may "$B") $(may "$D")"
  ends 'SPEC_I_PT with REGISTER AND IGNORE EXISTING KEY is refused' 5 out --register-ignore --param-sark=5b --transport-id="$two" "$D"
  start_again a1
  out --clear --param-rk=a1 "$A"
  step 'REGISTER with ALL_TG_PT' out --register --param-alltgpt --param-sark=a9 "$A"
  state 'ALL_TG_PT registers at both ports' 'a9 a9' free
  says 'READ FULL STATUS has both ports' 'port address: 0x1 .*port address: 0x2|port address: 0x2 .*port address: 0x1' sg_persist --no-inquiry --read-full-status "$D"
  # A session of its own is an initiator port of its own, since its ISID is another: C is not one of the two.
  ends 'the other session of the initiator is not registered' 24 out --reserve --param-rk=a9 --prout-type=1 "$C"
  step 'REGISTER of key 0 with ALL_TG_PT' out --register --param-alltgpt --param-rk=a9 --param-sark=0 "$A"
  state 'it removes both' '' free
  start_again a1 b1
}

all_answer() { local each; for each in $A $B $C $D; do sg_turs --number=4 "$each" >/dev/null 2>&1; sg_turs "$each" || return 1; done; }

through_power_loss() {
  step 'REGISTER with APTPL' out --register --param-rk=a1 --param-sark=a1 --param-aptpl "$A"
  says 'REPORT CAPABILITIES, PTPL_A' 'Active\(PTPL_A\): 1' sg_persist --no-inquiry --report-capabilities "$A"
  step 'RESERVE, to be kept' out --reserve --param-rk=a1 --prout-type=6 "$A"
  host restart
  step 'all come back' eventually 60 all_answer
  state 'with APTPL it is kept' 'a1 b1' "a1 by ${TYPE_NAMES[6]}"
  same 'and holds' 'rw rw --' "$(may "$A") $(may "$B") $(may "$D")"
  ends 'REPLACE LOST RESERVATION of what is not lost is refused' 5 out --replace-lost --param-sark=a1 --prout-type=5 "$A"
  host lose
  step 'all come back, but the unit' eventually 60 sg_inq "$A"
  forget_attentions
  for each in $A $B $D; do ends 'everybody is kept out' 7 write_block "$each"; done
  # The first one meets the unit attention of the restart, which no refused command takes away.
  step 'REPLACE LOST RESERVATION' eventually 10 out --replace-lost --param-sark=b2 --prout-type=5 "$B"
  step 'all may ask again' eventually 30 all_answer
  state 'it is replaced' 'b2' "b2 by ${TYPE_NAMES[5]}"
  same 'and holds again' 'r- rw r-' "$(may "$A") $(may "$B") $(may "$D")"
  step 'REGISTER without APTPL' out --register --param-rk=b2 --param-sark=b1 "$B"
  host restart
  step 'all come back once more' eventually 60 all_answer
  state 'without APTPL it is gone' '' free
  start_again a1 b1
}

reserve_of_old() {
  start_again a1
  out --register --param-rk=a1 --param-sark=0 "$A"
  step 'RESERVE(6)' sg_raw "$A" 16 00 00 00 00 00
  same 'RESERVE(6) keeps the others out' 'rw --' "$(may "$A") $(may "$B")"
  ends 'REGISTER conflicts with the RESERVE(6) of another' 24 out --register --param-sark=b1 "$B"
  step 'RELEASE(6)' sg_raw "$A" 17 00 00 00 00 00
  same 'RELEASE(6) lets them in' 'rw rw' "$(may "$A") $(may "$B")"
  start_again a1 b1
  step 'RESERVE before RESERVE(6)' out --reserve --param-rk=a1 --prout-type=5 "$A"
  step 'RESERVE(6) of a registrant is for nothing, and GOOD' sg_raw "$B" 16 00 00 00 00 00
  ends 'RESERVE(6) of somebody unregistered conflicts' 24 sg_raw "$D" 16 00 00 00 00 00
  state 'the persistent reservation stays' 'a1 b1' "a1 by ${TYPE_NAMES[5]}"
  start_again a1 b1
}

# B writes as fast as it can, several commands at a time; A throws it out and writes in its place. Nothing of B may come after that.
# Without TAS nobody tells B of its aborted commands: its kernel asks after them in vain, when they have timed out, and sends them again.
write_on() { while dd if=/tmp/of-b of="$B_DISK" bs=4M seek="$1" count=1 oflag=direct conv=notrunc 2>/tmp/writer-"$1"; do :; done; }
fence() { # ROUND ACTION
  local round="round $1" action=$2 writer writers=()
  out --reserve --param-rk=a1 --prout-type=5 "$A"
  sg_dd if=/tmp/of-a of="$A" bs=512 bpt=2048 >/dev/null 2>&1
  for writer in 0 1; do write_on $writer & writers+=($!); done
  sleep 0.4
  host holds B
  step "$round, $action" out "--$action" --param-rk=a1 --param-sark=b1 --prout-type=5 "$A"
  sg_dd if=/tmp/of-a of="$A" bs=512 bpt=2048 >/dev/null 2>&1 || echo "not ok $round, A writes: sg_dd failed"
  [ "$action" = preempt ] || host holds A
  wait "${writers[@]}"
  for writer in 0 1; do says "$round, writer $writer of B has a reservation conflict" 'Invalid exchange' cat /tmp/writer-$writer; done
  ends "$round, a write of B is RESERVATION CONFLICT" 24 eval 'sg_turs --number=4 "$B" >/dev/null 2>&1; write_block "$B"'
  [ "$action" = preempt ] || host holds A
}

fencing() {
  local round seen=0 trace=/sys/kernel/tracing
  head -c 8388608 /dev/zero | tr '\0' B >/tmp/of-b
  head -c 8388608 /dev/zero | tr '\0' A >/tmp/of-a
  echo 3 >"/sys/block/${B_DISK##*/}/device/timeout"
  start_again a1 b1
  fence 1 preempt-abort
  # With TAS B is told of what was aborted. A round may find nothing of B under way, but not all of them.
  mount -t tracefs tracefs $trace 2>/dev/null
  echo 'result == 0x40' >$trace/events/scsi/scsi_dispatch_cmd_done/filter
  echo 1 >$trace/events/scsi/scsi_dispatch_cmd_done/enable
  for round in 2 3 4 5 6 7 8 9; do
    start_again a1 b1
    step "round $round, sdparm sets TAS" sdparm --quiet --set=TAS "$A"
    forget_attentions
    fence $round preempt-abort
    seen=$(grep -c 'status=SAM_STAT_TASK_ABORTED' $trace/trace)
    [ "$seen" -eq 0 ] || break
  done
  if [ "$seen" -gt 0 ]; then echo "ok commands of B were aborted"; else echo "not ok commands of B were aborted: none in 8 rounds: $(tail -n 2 $trace/trace)"; fi
  echo "note $seen commands aborted in round $round"
  start_again a1 b1
  fence 10 preempt
}

reach_unit
registering
every_type
clearing_and_preempting
moving
through_power_loss
reserve_of_old
fencing
out --clear --param-rk=a1 "$A"
echo finished
