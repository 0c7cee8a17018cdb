# sg3_utils, sdparm and ddpt against four units: 0 "source" and 1 "sink" are thin, 2 "scrap" is thick, 3 "large" is thin and has blocks
# of 4096 bytes. 0 and 1 are of a device group: port group 11 is the first portal, 12 the second.
# What was written is compared in the files of the host.
. /host/lib.sh
OTHER_PORT=$3 NAA=$4 SERIAL=$5

reach_units() {
  stop_udev
  start_initiator
  initiator one
  step 'log in at the first portal' log_in_by one "$PORT" || exit 1
  step 'log in at the second portal' log_in_by one "$OTHER_PORT" || exit 1
  step 'the units appear' eventually 30 have_device scsi_generic one "$OTHER_PORT" 3 || exit 1
  SOURCE=$(device_of scsi_generic one "$PORT" 0) SINK=$(device_of scsi_generic one "$PORT" 1)
  SCRAP=$(device_of scsi_generic one "$PORT" 2) LARGE=$(device_of scsi_generic one "$PORT" 3)
  OTHER_SOURCE=$(device_of scsi_generic one "$OTHER_PORT" 0) OTHER_SINK=$(device_of scsi_generic one "$OTHER_PORT" 1)
  head -c 4194304 /dev/urandom >/tmp/noise
  head -c 512 /dev/zero >/tmp/zero
}

# fill DEVICE BLOCKS [LBA]: with noise, 512 bytes a block
fill() { sg_dd if=/tmp/noise of="$1" bs=512 count="$2" seek="${3:-0}" bpt=256 >/dev/null 2>&1 || echo "not ok fill $*: sg_dd failed"; }

pages() {
  local page command vpd logs commands
  says 'sg_inq, what kind of unit it is' 'version=0x06.*TPGS=3 3PC=1.*CmdQue=1.*TARGE.*serial number: '"$SERIAL" sg_inq "$SOURCE"
  says 'sg_inq, no group, no port groups' 'TPGS=0 3PC=1' sg_inq "$SCRAP"
  vpd=$(sg_inq --vpd --page=0 --raw "$SOURCE" | od -An -v -tx1 | xargs | cut -d' ' -f5-)
  step 'sg_inq lists VPD pages' test -n "$vpd"
  for page in $vpd; do
    says "sg_vpd 0x$page is decoded" 'VPD page' sg_vpd --page="0x$page" "$SOURCE"
  done
  step 'sg_vpd of all pages' sg_vpd --all "$SOURCE"
  says 'sg_vpd di, names, port and group' "0x$NAA.*Relative target port: 0x1 .*Target port group: 0xb .*$TARGET,t,0x0001" sg_vpd --page=di "$SOURCE"
  says 'sg_vpd di, by the other portal' "0x$NAA.*Relative target port: 0x2 .*Target port group: 0xc .*$TARGET,t,0x0002" sg_vpd --page=di "$OTHER_SOURCE"
  says 'sg_vpd sn' "serial number: $SERIAL " sg_vpd --page=sn "$SOURCE"
  says 'sg_vpd lbpv, thin' 'LBPU\): 1 .*LBPWS\): 1 .*LBPWS10\): 1 .*LBPRZ\): 1 .*Provisioning type: 2' sg_vpd --page=lbpv "$SOURCE"
  says 'sg_vpd bl, blocks at a time' 'Maximum compare and write length: [1-9].*Maximum transfer length: [1-9].*Maximum unmap LBA count: [1-9]' sg_vpd --page=bl "$SOURCE"
  says 'sg_vpd tpc, third-party copy' 'Populate token.*Copy from block|Populate token.*block -> block' sg_vpd --page=tpc "$SOURCE"
  logs=$(sg_logs --page=0,0 --raw "$SOURCE" | od -An -v -tx1 | xargs | cut -d' ' -f5-)
  step 'sg_logs lists log pages' test -n "$logs"
  for page in $logs; do
    says "sg_logs 0x$page is read" '[a-z]' sg_logs --page="0x$page" "$SOURCE"
  done
  says 'sg_logs names its pages' 'Supported log pages .0x0.: 0x00 ' sg_logs --page=0 "$SOURCE"
  says 'sg_modes, control page' 'Control' sg_modes --page=0x0a "$SOURCE"
  says 'sg_modes, all pages with subpages' '>> Caching.*>> Control, page.*>> Control extension.*>> Informational' sg_modes --page=0x3f,0xff --control=2 "$SOURCE"
  says 'sg_opcodes, what is there' 'Extended copy.*Read\(16\).*Compare and write.*Write\(16\).*Report target port groups' sg_opcodes --no-inquiry --pdt=0 "$SOURCE"
  says 'sg_opcodes, usage of one CDB' 'supported .conforming.*Usage data: 89 f8' sg_opcodes --op=0x89 "$SOURCE"
  says 'sg_opcodes, one service action' 'Populate token Command is supported' sg_opcodes --op=0x83,0x10 "$SOURCE"
  says 'sg_opcodes, what is not there' 'NOT supported' sg_opcodes --op=0x48,3 "$SOURCE"
  says 'sg_opcodes, task management' 'Abort task .*Logical unit reset .*I_T nexus reset' sg_opcodes --tmf "$SOURCE"
  commands=$(sg_opcodes --no-inquiry --pdt=0 "$SOURCE" |
    sed -nE 's/^ ([0-9a-f]{2}) +([0-9a-f]{1,4}) +[0-9]+ +0,0 .*/0x\1,0x\2/p; s/^ ([0-9a-f]{2}) {10,}[0-9]+ +0,0 .*/0x\1/p')
  step 'sg_opcodes lists commands' test -n "$commands"
  for command in $commands; do
    says "sg_opcodes, $command alone" "is supported.*Usage data: ${command:2:2} " sg_opcodes --op="$command" "$SOURCE"
  done
}

mode_parameters() {
  same 'sdparm reads WCE' 1 "$(sdparm --quiet --get=WCE=1 "$SCRAP" | awk '{print $2}')"
  step 'sdparm clears WCE, and saves that' sdparm --clear=WCE --save "$SCRAP"
  says 'sdparm reads WCE, current, changeable, default, saved' 'WCE 0 \[cha: y, def: 1, sav: 0\]' sdparm --get=WCE "$SCRAP"
  told 'the other nexus is told MODE PARAMETERS CHANGED' 'Mode parameters changed' "$(device_of scsi_generic one "$OTHER_PORT" 2)"
  step 'sdparm sets WCE' sdparm --set=WCE --save "$SCRAP"
  step 'sdparm, write protection by SWP' sdparm --set=SWP "$SCRAP"
  ends 'a write to a write-protected unit is DATA PROTECT' 7 sg_raw -s 512 -i /tmp/zero "$SCRAP" 2a 00 00 00 00 00 00 00 01 00
  step 'sdparm, no write protection' sdparm --clear=SWP "$SCRAP"
  ends 'a write without it' 0 sg_raw -s 512 -i /tmp/zero "$SCRAP" 2a 00 00 00 00 00 00 00 01 00
  ends 'sdparm may not change what is fixed' 5 sdparm --set=ATO "$SCRAP"
}

writers() {
  fill "$SOURCE" 8192
  head -c 512 /tmp/noise >/tmp/first
  tail -c 512 /tmp/noise >/tmp/last
  cat /tmp/first /tmp/last >/tmp/swap
  step sg_compare_and_write sg_compare_and_write --in=/tmp/swap --lba=0 --num=1 --xferlen=1024 "$SOURCE"
  host same-data source 8191 source 0 1
  ends 'sg_compare_and_write of what is not there is MISCOMPARE' 14 sg_compare_and_write --in=/tmp/swap --lba=0 --num=1 --xferlen=1024 "$SOURCE"
  step 'sg_write_same of a block' sg_write_same --16 --lba=100 --num=64 --xferlen=512 --in=/tmp/first "$SOURCE"
  fill "$SOURCE" 1 9000
  for block in 100 131 163; do host same-data source 9000 source $block 1; done
  step 'sg_write_same without data' sg_write_x --same=1 --lba=200 --num=64 "$SOURCE"
  host zeroes source 200 64
  step 'sg_write_same of 10 bytes with UNMAP' sg_write_same --10 --unmap --lba=1024 --num=1024 --xferlen=512 --in=/tmp/zero "$SOURCE"
  host hole source 1024 1024
  step 'sg_unmap of two ranges' sg_unmap --lba=3072,5120 --num=1024,512 --force "$SOURCE"
  host hole source 3072 1024
  host hole source 5120 512
  says 'sg_get_lba_status, mapped and not' 'LBA: 0x0+400 blocks: 1024 deallocated.*LBA: 0x0+800 blocks: 1024 mapped.*LBA: 0x0+c00 blocks: 1024 deallocated' \
    sg_get_lba_status --lba=1024 --maxlen=512 "$SOURCE"
  ends 'sg_unmap of a thick unit is refused' 9 sg_unmap --lba=0 --num=8 --force "$SCRAP"
  step 'ORWRITE' sg_write_x --or --lba=300 --num=1 --in=/tmp/first "$SOURCE"
  step 'WRITE AND VERIFY' sg_write_verify --16 --lba=310 --num=1 --in=/tmp/first "$SOURCE"
  host same-data source 310 source 9000 1
  step 'sg_verify with the data' sg_verify --lba=310 --count=1 --ndo=512 --ebytchk=1 --in=/tmp/first "$SOURCE"
  ends 'sg_verify with other data is MISCOMPARE' 14 sg_verify --lba=310 --count=1 --ndo=512 --ebytchk=1 --in=/tmp/last "$SOURCE"
}

extended_copy() {
  fill "$SOURCE" 4096
  says 'sg_copy_results, operating parameters' 'Maximum segment descriptor count: [1-9].*Segment descriptor 0x02.*Target descriptor 0xe4' sg_copy_results --params "$SOURCE"
  says 'sg_xcopy from unit to unit' '2048 blocks, ' sg_xcopy if="$SOURCE" of="$SINK" bs=512 count=2048 skip=16 seek=1000
  host same-data source 16 sink 1000 2048
  says 'sg_xcopy within a unit' '64 blocks, ' sg_xcopy if="$SOURCE" of="$SOURCE" bs=512 count=64 skip=16 seek=16384 list_id=7 id_usage=hold
  host same-data source 16 source 16384 64
  says 'sg_copy_results, status of that copy' 'completed without errors Segments processed: 1 .*Transfer count: 32768' sg_copy_results --status --list_id=7 "$SOURCE"
  says 'sg_copy_results, no failed segment' 'no segment details' sg_copy_results --failed --list_id=7 "$SOURCE"
  ends 'sg_copy_results of a list that nobody named' 5 sg_copy_results --status --list_id=9 "$SOURCE"
  refused 'sg_xcopy beyond the medium' sg_xcopy if="$SOURCE" of="$SINK" bs=512 count=64 seek=32760
  says 'ddpt with EXTENDED COPY' '1 xcopy command done' ddpt --xcopy if="$SOURCE" of="$SINK" bs=512 count=4096 seek=8192
  host same-data source 0 sink 8192 4096
}

# ddpt 0.97 puts its range descriptors one byte too early, so that LBA and length count 256 blocks; and what its copies print
# of lengths is not initialized. One that is mended counts blocks. Here a token of four stands for $FOUR blocks.
tokens() {
  local count
  fill "$SOURCE" 4096
  says 'ddptctl, what the copy manager can' '3PC.*Maximum Range Descriptors: [1-9].*Populate token.*change vulnerable .0x800001.*block device zero' ddptctl --info "$SOURCE"
  count=$(ddptctl --pt=0,4 --rtf=/tmp/token "$SOURCE" | sed -nE 's/^PT completes with a transfer count of ([0-9]+).*/\1/p')
  case $count in 4 | 1024) echo 'ok ddptctl, POPULATE TOKEN' ;; *) echo "not ok ddptctl, POPULATE TOKEN: counted '$count'"; return ;; esac
  UNIT=$((count / 4))
  says 'ddptctl, what the token says of itself' "change vulnerable.*0x$NAA Number of bytes represented: $((count * 512)) .*block size: 512 .*$TARGET" ddptctl --info --rtf=/tmp/token
  says 'ddptctl, WRITE USING TOKEN' "transfer count of $count " ddptctl --wut=16,4 --rtf=/tmp/token --list_id=300 "$SINK"
  host same-data source 0 sink $((16 * UNIT)) "$count"
  says 'ddptctl, RECEIVE ROD TOKEN INFORMATION' "Write using token: Operation completed without errors transfer count of $count " ddptctl --receive --list_id=300 "$SINK"
  says 'ddptctl, RECEIVE COPY STATUS' "Operation completed without errors transfer count of $count " ddptctl --receive --prefer_rcs --list_id=300 "$SINK"
  ends 'ddptctl, a list that nobody named' 5 ddptctl --receive --list_id=301 "$SINK"
  says 'ddptctl, part of a token' "transfer count of $((2 * UNIT)) " ddptctl --wut=24,2 --oir=$((2 * UNIT)) --rtf=/tmp/token "$SINK"
  host same-data source $((2 * UNIT)) sink $((24 * UNIT)) $((2 * UNIT))
  says 'ddptctl, POPULATE TOKEN with IMMED' 'Started ODX' ddptctl --pt=0,4 --immed --list_id=5 "$SOURCE"
  says 'ddptctl, its end' "Operation completed without errors transfer count of $count " ddptctl --poll --list_id=5 --rtf=/tmp/token5 "$SOURCE"
  fill "$SOURCE" 1
  ends 'ddptctl, a token of data that were overwritten is worth nothing' 114 ddptctl --wut=32,4 --rtf=/tmp/token5 "$SINK"
  ends 'ddptctl, COPY OPERATION ABORT of what is done' 0 ddptctl --abort --list_id=5 "$SOURCE"
  ddpt if="$SOURCE" iflag=odx of="$SINK" bs=512 skip=0,4 seek=40,4 >/tmp/ddpt.out 2>&1
  same 'ddpt, iflag=odx' 0 $?
  host same-data source 0 sink $((40 * UNIT)) "$count"
  ddpt --odx if="$SOURCE" rtf=/tmp/token.file bs=512 skip=0,4 >/tmp/ddpt.out 2>&1
  same 'ddpt, a file of tokens' 512 "$(stat -c %s /tmp/token.file)"
  ddpt --odx if=/dev/null of="$SINK" rtype=zero bs=512 seek=16,4 >/tmp/ddpt.out 2>&1
  same 'ddpt, the zero token' 0 $?
  host zeroes sink $((16 * UNIT)) "$count"
}

erasure() { # of the thick unit, and of the thin one at the end
  local percent last=-1 seen=0 back=0
  printf 'ab' >/tmp/pattern
  step 'sg_sanitize, overwrite starts' sg_sanitize --overwrite --pattern=/tmp/pattern --ipl=2 --count=4 --quick --early "$SCRAP"
  while percent=$(sg_requests --progress "$SCRAP" 2>&1 | sed -nE 's/^Progress indication: ([0-9]+)\.?([0-9]*).*/\1\2/p'); [ -n "$percent" ]; do
    seen=$((seen + 1))
    [ "$percent" -ge "$last" ] || back=$((back + 1))
    last=$percent
    [ $seen -ne 1 ] || ends 'meanwhile a write is NOT READY' 2 sg_raw -s 512 -i /tmp/zero "$SCRAP" 2a 00 00 00 00 00 00 00 01 00
  done
  if [ $seen -gt 0 ] && [ $back -eq 0 ]; then echo "ok sg_requests, progress of sanitizing"; else echo "not ok sg_requests, progress of sanitizing: seen $seen, back $back"; fi
  step 'sg_turs after sanitizing' sg_turs "$SCRAP"
  host pattern scrap 6162
  ends 'sg_sanitize, block erase of a thick unit is refused' 5 sg_sanitize --block --quick --wait "$SCRAP"
  ends 'sg_sanitize, cryptographic erase is refused' 5 sg_sanitize --crypto --quick --wait "$SCRAP"
  step 'sg_format with IMMED' sg_format --format --quick --early "$SCRAP"
  step 'sg_turs after formatting' eventually 60 sg_turs "$SCRAP"
  host zeroes scrap 0 524288
  fill "$SINK" 4096
  step 'sg_sanitize, block erase of a thin unit' sg_sanitize --block --quick --wait "$SINK"
  host hole sink 0 32768
  fill "$SINK" 64
  step 'sg_format waits' sg_format --format --quick --wait "$SINK"
  host zeroes sink 0 32768
  sg_dd if=/tmp/noise of="$LARGE" bs=4096 count=16 >/dev/null 2>&1
  step 'sg_sanitize, block erase with blocks of 4096 bytes' sg_sanitize --block --quick --wait "$LARGE"
  host hole large 0 32768
}

device_server() {
  local now
  now=$(date +%s)
  same 'sg_timestamp is the time of day' 1 $(($(sg_timestamp --srep "$SOURCE") - now < 60))
  step 'sg_timestamp sets' sg_timestamp --milliseconds=1000000 "$SOURCE"
  same 'sg_timestamp counts from there' 100 "$(sg_timestamp "$SOURCE" | sed -E 's/^(100).{4}$/\1/')"
  says 'sg_timestamp, where it comes from' 'SET TIMESTAMP|TIMESTAMP_ORIGIN=2|initialized' sg_timestamp --origin "$SOURCE"
  told 'the other nexus is told TIMESTAMP CHANGED' 'Timestamp changed' "$OTHER_SOURCE"
  step 'sg_ident, sets' sh -c "printf 'of the guest' | sg_ident --set $SOURCE"
  same 'sg_ident reads' 'of the guest' "$(sg_ident --ascii "$SOURCE")"
  told 'the other nexus is told DEVICE IDENTIFIER CHANGED' 'Device identifier changed' "$OTHER_SOURCE"
  same 'sg_ident, by the other port' 'of the guest' "$(sg_ident --ascii "$OTHER_SOURCE")"
  step 'sg_ident clears' sg_ident --clear "$SOURCE"
  told 'it is told again' 'Device identifier changed' "$OTHER_SOURCE"
  same 'sg_ident reads nothing' '' "$(sg_ident --ascii "$SOURCE")"
  says 'sg_senddiag, default self-test' 'GOOD' sg_senddiag --test "$SOURCE"
  step 'sg_senddiag, background short self-test' sg_senddiag --selftest=1 "$SOURCE"
  step 'sg_logs, result of the self-test' eventually 20 eval 'sg_logs --page=0x10 "$SOURCE" | grep -q "without error"'
  says 'sg_senddiag, diagnostic pages' '0x00 Supported diagnostic pages' sg_senddiag --list "$SOURCE"
  head -c 256 /tmp/noise >/tmp/echo
  step 'sg_write_buffer, echo' sg_write_buffer --mode=echo --length=256 --in=/tmp/echo "$SOURCE"
  step 'READ BUFFER, echo' sg_raw -r 256 -o /tmp/echoed "$SOURCE" 3c 0a 00 00 00 00 00 01 00 00
  same 'the echo is the same' "$(md5sum </tmp/echo)" "$(md5sum </tmp/echoed)"
  says 'READ BUFFER, echo descriptor' '00 00 00 02 00 ' sg_raw -r 4 "$SOURCE" 3c 0b 00 00 00 00 00 00 04 00
  step 'sg_read_buffer' sg_read_buffer --mode=desc "$SOURCE" # 1.46 asks for nothing: its allocation length is 0
  says 'READ BUFFER, error history' '54 41 52 47 45' sg_raw -r 64 "$SOURCE" 3c 1c 00 00 00 00 00 00 40 00
  says 'sg_reassign, grown defects' 'defect list: 0' sg_reassign --grown "$SOURCE"
  if sg_opcodes --op=7 "$SOURCE" 2>/dev/null | grep -q 'NOT supported'; then
    ends 'sg_reassign, which is not offered' 9 sg_reassign --address=1 "$SOURCE"
  else
    step 'sg_reassign' sg_reassign --address=1 "$SOURCE"
  fi
  for command in '3e READ LONG' '3f WRITE LONG'; do
    ends "${command#* } is not there" 9 sg_raw "$SOURCE" "${command%% *}" 00 00 00 00 00 00 00 00 00
  done
}

port_groups() {
  says 'sg_rtpg' 'group id : 0xb .*: 0x00 \(active/opt.*Relative target port ids: 0x01 .*group id : 0xc .*: 0x01 \(active/non.*Relative target port ids: 0x02' \
    sg_rtpg --decode "$SOURCE"
  says 'sg_rtpg with the extended header' 'Implicit transition time.*group id : 0xb' sg_rtpg --decode --extended "$SOURCE"
  ends 'sg_rtpg where there are no groups' 5 sg_rtpg "$SCRAP"
  step 'sg_stpg exchanges the states' sg_stpg --tp=11,12 --state=an,ao "$SOURCE"
  says 'sg_rtpg, by the command' 'group id : 0xb .*: 0x01 \(active/non.*status code : 0x01.*group id : 0xc .*: 0x00 \(active/opt.*status code : 0x01' sg_rtpg --decode "$SOURCE"
  told 'the other nexus is told ASYMMETRIC ACCESS STATE CHANGED' 'Asymmetric access state changed' "$OTHER_SOURCE"
  step 'sg_stpg, standby' sg_stpg --tp=11 --state=s "$OTHER_SOURCE"
  ends 'a read in standby is NOT READY' 2 sg_raw -r 512 -o /dev/null "$SOURCE" 28 00 00 00 00 00 00 00 01 00
  ends 'sg_inq in standby' 0 sg_inq "$SOURCE"
  ends 'a read by the other port' 0 sg_raw -r 512 -o /dev/null "$OTHER_SOURCE" 28 00 00 00 00 00 00 00 01 00
  step 'sg_stpg, unavailable' sg_stpg --tp=11 --state=u "$OTHER_SOURCE"
  says 'sg_rtpg, unavailable' 'group id : 0xb .*: 0x03 ' sg_rtpg --decode "$OTHER_SOURCE"
  step 'sg_stpg, both optimized' sg_stpg --tp=11,12 --state=ao,ao "$OTHER_SOURCE"
  told 'who was refused is told too' 'Asymmetric access state changed' "$SOURCE"
  step 'sg_stpg, optimized again' sg_stpg --tp=11,12 --state=ao,an "$SOURCE"
  says 'sg_stpg of a group that is not there' 'Illegal request' sg_stpg --tp=99 --state=ao "$SOURCE" # and status 0, as of all that it cannot do
  told 'the other unit of the group' 'Asymmetric access state changed' "$SINK"
}

reach_units
pages
mode_parameters
writers
extended_copy
tokens
device_server
port_groups
erasure
echo finished
