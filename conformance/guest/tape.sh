# mt, mtx, tar, dump, cpio, stenc and sg3_utils against a virtual tape library: LUN 0 is the changer, 1 and 2 are drives of LTO-6. Cartridges of
# 8 MiB are in slots 1 to 3, a WORM one is in slot 4; slot 9 is a port.
. /host/lib.sh
. /host/library.sh

# announces NAME DEVICE OPERATION_CODE...: it says that it has each of them
announces() {
  local name=$1 said missing=
  said=" $(sg_opcodes --no-inquiry "$2" 2>/dev/null | sed -nE 's/^ ?([0-9a-f]{2}) .*/\1/p' | xargs) "
  shift 2
  for code; do [[ $said == *" $code "* ]] || missing+=" $code"; done
  same "$name" '' "$missing"
}

# What Linux, mt, mtx, stenc, Bacula and LTFS send.
commands() {
  announces 'the commands of a drive' "$SG" 00 01 03 04 05 08 0a 0b 0f 10 11 12 13 15 16 17 19 1a 1b 1c 1d 1e 2b 34 3c 44 4c 4d 55 \
    5a 5e 5f 82 8c 8d 91 92 a0 a2 a3 a4 ab b5
  announces 'the commands of a changer' "$CHANGER" 00 03 07 12 15 16 17 1a 1b 1d 1e 2b 37 4d 55 5a 5e 5f a0 a3 a5 a6 b5 b6 b8 e7
  says 'a command that a drive has not' 'NOT supported' sg_opcodes --no-inquiry --opcode=0x28 "$SG"
}

changer() {
  says 'mtx inquiry' "Product Type: Medium Changer Vendor ID: 'IBM '" mtx -f "$CHANGER" inquiry
  says 'mtx status' 'Drives, 10 Slots .* 2 Import/Export.*Data Transfer Element 0:Empty.*Storage Element 1:Full :VolumeTag=A00001L6.*Storage Element 9 IMPORT/EXPORT:Empty' mtx -f "$CHANGER" status
  same 'mtx altres status, of all types by and by' "$(squeezed "$(mtx -f "$CHANGER" status)")" \
    "$(squeezed "$(mtx -f "$CHANGER" altres status 2>&1)")"
  step 'mtx inventory' mtx -f "$CHANGER" inventory
  step 'mtx load' mtx -f "$CHANGER" load 1 0
  says 'mtx status, loaded' 'Data Transfer Element 0:Full .Storage Element 1 Loaded.:VolumeTag = A00001L6.*Storage Element 1:Empty' mtx -f "$CHANGER" status
  refused 'mtx load into a full drive' mtx -f "$CHANGER" load 2 0
  step 'mtx transfer to a port' mtx -f "$CHANGER" transfer 2 9
  step 'mtx transfer back' mtx -f "$CHANGER" transfer 9 2
  step 'mtx exchange' mtx -f "$CHANGER" exchange 3 2 7
  step 'mtx exchange back' mtx -f "$CHANGER" exchange 7 2 3
  step 'mtx first' mtx -f "$CHANGER" first 0
  step 'mtx next' mtx -f "$CHANGER" next 0
  says 'mtx status, the next' 'Data Transfer Element 0:Full .Storage Element 2 Loaded' mtx -f "$CHANGER" status
  step 'mtx previous' mtx -f "$CHANGER" previous 0
  step 'mtx position' mtx -f "$CHANGER" position 4
  says 'loaderinfo' 'Number of Storage Elements: 8.*Number of Data Transfer Elements: 2' loaderinfo -f "$CHANGER"
  says 'sg_opcodes of the changer' 'Move medium.*Read element status' sg_opcodes --no-inquiry "$CHANGER"
  ends 'a read of a changer is refused' 9 sg_raw "$CHANGER" 08 00 00 00 01 00
}

positions() {
  step 'mt rewind' mt -f "$TAPE" rewind
  says 'mt status at the beginning' 'BOT' mt -f "$TAPE" status
  step 'mt setblk variable' mt -f "$TAPE" setblk 0
  for i in 1 2 3; do
    head -c $((i * 30000)) /dev/urandom >"/tmp/file$i"
    step "a file of several blocks, $i" dd if="/tmp/file$i" of="$TAPE" bs=10000 status=none
  done
  step 'mt weof' mt -f "$TAPE" weof 2
  says 'mt tell' 'At block 2[0-9]' mt -f "$TAPE" tell
  step 'mt rewind for fsf' mt -f "$TAPE" rewind
  step 'mt fsf' mt -f "$TAPE" fsf 1
  dd if="$TAPE" of=/tmp/back bs=10000 status=none
  step 'the second file is as it was' cmp /tmp/file2 /tmp/back
  step 'mt asf' mt -f "$TAPE" asf 2
  dd if="$TAPE" of=/tmp/back bs=10000 status=none
  step 'the third file is as it was' cmp /tmp/file3 /tmp/back
  step 'mt bsf' mt -f "$TAPE" bsf 2
  says 'mt status in the middle' 'File number=1' mt -f "$TAPE" status
  step 'mt fsr' mt -f "$TAPE" rewind
  step 'mt fsr' mt -f "$TAPE" fsr 2
  step 'mt bsr' mt -f "$TAPE" bsr 1
  says 'mt tell after fsr and bsr' 'At block 1\.' mt -f "$TAPE" tell
  step 'mt seek' mt -f "$TAPE" seek 5
  says 'mt tell after seek' 'At block 5\.' mt -f "$TAPE" tell
  step 'mt eod' mt -f "$TAPE" eod
  says 'mt status at the end' 'EOD' mt -f "$TAPE" status
  refused 'mt fsf past the end' mt -f "$TAPE" fsf 3
  refused 'mt fss, setmarks' mt -f "$TAPE" fss 1
  refused 'mt wset, setmarks' mt -f "$TAPE" wset 1
  step 'mt seek for erase' mt -f "$TAPE" seek 4
  step 'mt erase' mt -f "$TAPE" erase
  step 'mt retension' mt -f "$TAPE" retension
}

settings() {
  step 'mt setblk fixed' mt -f "$TAPE" setblk 1024
  step 'mt rewind, fixed' mt -f "$TAPE" rewind
  head -c 40960 /dev/urandom >/tmp/fixed
  step 'fixed blocks are written' dd if=/tmp/fixed of="$TAPE" bs=8192 status=none
  step 'mt rewind, fixed, again' mt -f "$TAPE" rewind
  dd if="$TAPE" of=/tmp/back bs=8192 status=none
  step 'fixed blocks are as they were' cmp /tmp/fixed /tmp/back
  step 'mt setblk variable again' mt -f "$TAPE" setblk 0
  step 'mt compression off' mt -f "$TAPE" compression 0
  says 'sg_modes, no compression' '0f 0e 40 80' sg_modes --page=0x0f -H "$SG"
  step 'mt compression on' mt -f "$TAPE" compression 1
  says 'sg_modes, compression' '0f 0e c0 80' sg_modes --page=0x0f -H "$SG"
  step 'mt setdensity' mt -f "$TAPE" setdensity 0x5a
  step 'mt drvbuffer' mt -f "$TAPE" drvbuffer 1
  step 'mt lock' mt -f "$TAPE" lock
  refused 'mtx unload of a locked drive' mtx -f "$CHANGER" unload 1 0
  step 'mt unlock' mt -f "$TAPE" unlock
  says 'tapeinfo' "Product ID: 'ULT3580-TD6.*MaxBlock: 8388608.*DataCompEnabled: yes.*Partition 0 Size in Kbytes: 8 " tapeinfo -f "$SG"
}

# Tools of mtx that send commands by sg, without st.
by_sg() {
  step 'scsitape setblk' scsitape -f "$SG" setblk 512
  step 'scsitape rewind' scsitape -f "$SG" rewind
  step 'scsitape write' sh -c "scsitape -f $SG write 512 </tmp/fixed"
  step 'scsitape mark' scsitape -f "$SG" mark 1
  step 'scsitape bsf' scsitape -f "$SG" bsf 1
  says 'tapeinfo, after bsf' 'BlockSize: 512 .*Block Position: 80 ' tapeinfo -f "$SG"
  step 'scsitape fsf' scsitape -f "$SG" fsf 1
  refused 'scsitape fsf past the end' scsitape -f "$SG" fsf 1
  step 'scsitape eod' scsitape -f "$SG" eod
  step 'scsitape seek' scsitape -f "$SG" seek 0
  step 'scsitape read' sh -c "scsitape -f $SG read 512 | cmp - /tmp/fixed"
  step 'scsitape setblk variable' scsitape -f "$SG" setblk 0
  step 'scsieject lock' scsieject -f "$SG" lock
  refused 'mtx unload of what scsieject locked' mtx -f "$CHANGER" unload 1 0
  step 'scsieject unlock' scsieject -f "$SG" unlock
  step 'scsieject unload' scsieject -f "$SG" unload
  says 'tapeinfo, unloaded' 'Ready: no' tapeinfo -f "$SG"
  step 'scsieject load' scsieject -f "$SG" load
}

several_tapes() {
  mkdir -p /tmp/tree
  for i in 1 2 3; do head -c 4500000 /dev/urandom >/tmp/tree/$i; done
  echo 3 >/tmp/next
  cat >/tmp/change <<CHANGE
#!/bin/sh
# tar runs it at the end of a tape: the next cartridge, please.
slot=\$(cat /tmp/slot)
mtx -f $CHANGER unload \$slot 0 >/dev/null && mtx -f $CHANGER load \$((slot + 1)) 0 >/dev/null && echo \$((slot + 1)) >/tmp/slot
mt-st -f $TAPE rewind
CHANGE
  chmod +x /tmp/change
  step 'mt rewind for tar' mt -f "$TAPE" rewind
  echo 1 >/tmp/slot
  step 'tar over two tapes' tar -C /tmp -b 128 -cM -F /tmp/change -f "$TAPE" tree
  same 'tar has taken two tapes' 2 "$(cat /tmp/slot)"
  mtx -f "$CHANGER" unload 2 0 >/dev/null; mtx -f "$CHANGER" load 1 0 >/dev/null
  step 'mt rewind for reading' mt -f "$TAPE" rewind
  echo 1 >/tmp/slot
  mkdir -p /tmp/restored
  step 'tar reads two tapes' tar -C /tmp/restored -b 128 -xM -F /tmp/change -f "$TAPE"
  step 'the tree is as it was' diff -r /tmp/tree /tmp/restored/tree
  mtx -f "$CHANGER" unload 2 0 >/dev/null; mtx -f "$CHANGER" load 1 0 >/dev/null
}

# dump finds the end of a tape in its own way: several processes write in turn.
archivers() {
  local hash i
  truncate -s 20M /tmp/image
  mkfs.ext4 -q -F /tmp/image
  losetup /dev/loop0 /tmp/image
  mkdir /tmp/mounted /tmp/dumped /tmp/unpacked
  mount /dev/loop0 /tmp/mounted
  cp /tmp/tree/1 /tmp/tree/2 /tmp/mounted
  hash=$(tree_hash /tmp/mounted)
  umount /tmp/mounted
  cat >/tmp/volume <<CHANGE
#!/bin/sh
# dump runs it at the end of a volume, restore before each, with its number.
slot=\$(cat /tmp/slot) next=\$((\$2 + \${AHEAD:-0}))
[ \$slot = \$next ] || { mtx -f $CHANGER unload \$slot 0 && mtx -f $CHANGER load \$next 0 && echo \$next >/tmp/slot; } >/dev/null
mt-st -f $TAPE rewind
CHANGE
  chmod +x /tmp/volume
  echo 1 >/tmp/slot
  step 'mt rewind for dump' mt -f "$TAPE" rewind
  AHEAD=1 step 'dump over two tapes' dump -0 -a -b 64 -f "$TAPE" -F /tmp/volume /dev/loop0
  same 'dump has taken two tapes' 2 "$(cat /tmp/slot)"
  step 'restore reads two tapes' bash -c "cd /tmp/dumped && restore -r -b 64 -f $TAPE -F /tmp/volume"
  rm /tmp/dumped/restoresymtable
  same 'what was dumped is as it was' "$hash" "$(tree_hash /tmp/dumped)"
  /tmp/volume "$TAPE" 1
  step 'cpio' bash -c "cd /tmp && ls file[123] | cpio -o -H newc -C 32768 -O $TAPE"
  step 'mt rewind for cpio' mt -f "$TAPE" rewind
  step 'cpio reads' bash -c "cd /tmp/unpacked && cpio -i -C 32768 -I $TAPE"
  for i in 1 2 3; do step "what cpio took is as it was, $i" cmp "/tmp/file$i" "/tmp/unpacked/file$i"; done
}

pages() {
  sg_turs "$SG" >/dev/null 2>&1 # the cartridge is another one
  for page in 02 03 0c 11 12 17 2e 30 31 32; do
    says "sg_logs 0x$page" '[a-zA-Z]' sg_logs --page="0x$page" "$SG"
  done
  for page in b0 b1 b2; do says "sg_vpd 0x$page" '[a-zA-Z]' sg_vpd --page="0x$page" "$SG"; done
  says 'sg_read_attr' 'Remaining capacity in partition.*Load count.*Medium serial number: A00001L6' sg_read_attr "$SG"
  says 'sg_read_block_limits' 'Maximum block size: 8388608' sg_read_block_limits "$SG"
  says 'sg_opcodes of the drive' 'Read\(6\).*Write\(6\).*Report density support.*Security protocol in' sg_opcodes --no-inquiry "$SG"
  says 'sg_logs, DT device status' 'CMPR=1 .*RAA=0 MPRSNT=1 MSTD=1 MTHRD=1 MOUNTED=1 ' sg_logs --page=0x11 "$SG"
  says 'sg_logs, volume statistics' 'Lifetime megabytes written: .*Volume barcode: A00001L6 .*Volume manufacturer: TARGE ' sg_logs --page=0x17 "$SG"
  says 'sg_senddiag, diagnostic pages' '0x00 Supported diagnostic pages' sg_senddiag --list "$SG"
  ends 'READ(10) of a tape is refused' 9 sg_raw "$SG" 28 00 00 00 00 00 00 00 01 00
  ends 'a setmark is refused' 5 sg_raw "$SG" 10 02 00 00 01 00
}

encryption() {
  printf '%064d\n\n' 7 >/tmp/key
  step 'mt rewind for stenc' mt -f "$TAPE" rewind
  step 'stenc on' stenc -f "$SG" -e on -a 1 -k /tmp/key
  says 'stenc detail' 'Drive Encryption: *on' stenc -f "$SG" --detail
  step 'a block is written with the key' dd if=/tmp/file1 of="$TAPE" bs=10000 status=none
  step 'stenc off' stenc -f "$SG" -e off -a 1
  step 'mt rewind without the key' mt -f "$TAPE" rewind
  refused 'a block is not read without the key' dd if="$TAPE" of=/tmp/back bs=10000
  step 'stenc on again' stenc -f "$SG" -e on -a 1 -k /tmp/key
  step 'mt rewind with the key' mt -f "$TAPE" rewind
  dd if="$TAPE" of=/tmp/back bs=10000 status=none
  step 'the data are as they were' cmp /tmp/file1 /tmp/back
  step 'stenc off at last' stenc -f "$SG" -e off -a 1
}

partitions() {
  step 'mt stsetoptions' mt -f "$TAPE" stsetoptions can-partitions scsi2logical
  step 'mt mkpartition' mt -f "$TAPE" mkpartition 3
  says 'two partitions' '11 0e 03 01' sg_modes --page=0x11 -H "$SG"
  step 'a file in partition 0' dd if=/tmp/file1 of="$TAPE" bs=10000 status=none
  step 'mt setpartition' mt -f "$TAPE" setpartition 1
  step 'a file in partition 1' dd if=/tmp/file2 of="$TAPE" bs=10000 status=none
  step 'mt partseek' mt -f "$TAPE" partseek 0 0
  dd if="$TAPE" of=/tmp/back bs=10000 status=none
  step 'partition 0 is as it was' cmp /tmp/file1 /tmp/back
  step 'mt partseek, the other' mt -f "$TAPE" partseek 1 0
  dd if="$TAPE" of=/tmp/back bs=10000 status=none
  step 'partition 1 is as it was' cmp /tmp/file2 /tmp/back
  step 'mt setpartition 0' mt -f "$TAPE" setpartition 0
  step 'mt mkpartition, one' mt -f "$TAPE" mkpartition 0
}

worm() {
  step 'mtx load of a WORM cartridge' mtx -f "$CHANGER" load 4 1
  step 'WORM is written' dd if=/tmp/file1 of="$OTHER" bs=10000 status=none
  step 'mt rewind WORM' mt -f "$OTHER" rewind
  refused 'WORM is not overwritten' dd if=/tmp/file2 of="$OTHER" bs=10000
  step 'mt eod WORM' mt -f "$OTHER" eod
  step 'WORM is appended to' dd if=/tmp/file2 of="$OTHER" bs=10000 status=none
  step 'mt offline' mt -f "$OTHER" offline
  step 'mt load' mt -f "$OTHER" load
  dd if="$OTHER" of=/tmp/back bs=10000 status=none
  step 'WORM is as it was' cmp /tmp/file1 /tmp/back
  step 'mt offline at last' mt -f "$OTHER" offline
  step 'mtx unload' mtx -f "$CHANGER" unload 4 1
}

# targe-vtl is killed in the middle of a file: the tape is as it was, and nothing goes where st takes it to be.
survives() {
  step 'mt rewind before a kill' mt -f "$TAPE" rewind
  step 'a file before a kill' dd if=/tmp/file1 of="$TAPE" bs=10000 status=none
  exec 7>"$TAPE"
  step 'a block of another file' sh -c 'dd if=/tmp/file2 bs=10000 count=1 status=none >&7'
  host kill
  refused 'a block after a kill' sh -c 'dd if=/tmp/file2 bs=10000 count=1 >&7'
  exec 7>&-
  refused 'a file where nobody has positioned the tape' dd if=/tmp/file3 of="$TAPE" bs=10000
  step 'mt rewind after a kill' mt -f "$TAPE" rewind
  dd if="$TAPE" of=/tmp/back bs=10000 status=none
  step 'the file is as it was' cmp /tmp/file1 /tmp/back
  step 'mt fsf after a kill' mt -f "$TAPE" asf 1
  step 'a file after a kill' dd if=/tmp/file3 of="$TAPE" bs=10000 status=none
  step 'mt asf after a kill' mt -f "$TAPE" asf 1
  dd if="$TAPE" of=/tmp/back bs=10000 status=none
  step 'the file after a kill is as it was' cmp /tmp/file3 /tmp/back
}

# What no other function has used. The tape in drive 0 has two files.
other_verbs() {
  local verb
  step 'mt rewind for fsfm' mt -f "$TAPE" rewind
  step 'mt fsfm' mt -f "$TAPE" fsfm 1
  says 'mt status after fsfm' 'File number=0' mt -f "$TAPE" status
  step 'mt asf for bsfm' mt -f "$TAPE" asf 1
  step 'mt bsfm' mt -f "$TAPE" bsfm 1
  says 'mt status after bsfm' 'File number=1' mt -f "$TAPE" status
  step 'mt seod' mt -f "$TAPE" seod
  step 'mt eof' mt -f "$TAPE" eof 1
  refused 'mt bss, setmarks' mt -f "$TAPE" bss 1
  says 'mt densities' 'LTO' mt -f "$TAPE" densities
  for verb in stshowopt 'stclearoptions read-ahead' 'stsetoptions read-ahead' 'stwrthreshold 32' 'sttimeout 800' 'stlongtimeout 10000' \
    'defblksize 0' 'defdensity 0x5a' 'defdrvbuffer 1' 'defcompression 1' 'stsetcln 0'; do
    step "mt $verb" mt -f "$TAPE" $verb
  done
  step 'mt rewoffl' mt -f "$TAPE" rewoffl
  step 'mt load after rewoffl' mt -f "$TAPE" load
  step 'mt eject' mt -f "$TAPE" eject
  step 'mtx unload after eject' mtx -f "$CHANGER" unload 1 0
  step 'mtx transfer to the last slot' mtx -f "$CHANGER" transfer 3 8
  step 'mtx last' mtx -f "$CHANGER" last 0
  says 'mtx status, the last' 'Data Transfer Element 0:Full .Storage Element 8 Loaded' mtx -f "$CHANGER" status
  step 'mtx unload from the last slot' mtx -f "$CHANGER" unload 8 0
  step 'mtx eject' mtx -f "$CHANGER" eject
}

# What somebody does in the library while Linux uses it.
administered() {
  sg_raw "$CHANGER" 00 00 00 00 00 00 >/dev/null 2>&1
  host vtl add NEW001L6 --capacity 8MiB --at port:1
  told 'a cartridge in a port' 'Import or export element accessed' "$CHANGER"
  says 'mtx status, inserted' 'Storage Element 9 IMPORT/EXPORT:Full :VolumeTag=NEW001L6' mtx -f "$CHANGER" status
  step 'mtx load of what was inserted' mtx -f "$CHANGER" load 9 0
  step 'a file on what was inserted' dd if=/tmp/file1 of="$TAPE" bs=10000 status=none
  host vtl move NEW001L6 slot:7
  told 'a cartridge in a slot' 'Not ready to ready change, medium may have changed' "$CHANGER"
  says 'mtx status, moved' 'Data Transfer Element 0:Empty.*Storage Element 7:Full :VolumeTag=NEW001L6' mtx -f "$CHANGER" status
  host vtl protect NEW001L6 on
  step 'mtx load of a protected cartridge' mtx -f "$CHANGER" load 7 0
  step 'mt rewind, protected' mt -f "$TAPE" rewind
  says 'mt status, protected' 'WR_PROT' mt -f "$TAPE" status
  refused 'a file on a protected cartridge' dd if=/tmp/file2 of="$TAPE" bs=10000
  dd if="$TAPE" of=/tmp/back bs=10000 status=none
  step 'the file of the protected cartridge' cmp /tmp/file1 /tmp/back
  step 'mtx unload of a protected cartridge' mtx -f "$CHANGER" unload 7 0
  host vtl remove NEW001L6 --destroy-data
  told 'a cartridge that was removed' 'Not ready to ready change, medium may have changed' "$CHANGER"
  says 'mtx status, removed' 'Storage Element 7:Empty' mtx -f "$CHANGER" status
}

find_units
commands
changer
positions
settings
by_sg
several_tapes
archivers
pages
encryption
partitions
worm
survives
other_verbs
administered
echo finished
