# Linux's own initiator against disks: LUN 0 is thin and 1 GiB, LUN 1 thin and 512 MiB with 4096-byte blocks.
. /host/lib.sh
USER_NAME=$3 SECRET=$4
TREE=/usr/lib/x86_64-linux-gnu

log_in() {
  start_initiator
  step discovery iscsiadm -m discovery -t sendtargets -p "$PORTAL"
  same 'discovery tells the advertised address' "$PORTAL,1 $TARGET" "$(iscsiadm -m node 2>&1)"
  iscsiadm -m node -T "$TARGET" -p "$PORTAL" >/dev/null 2>&1 || iscsiadm -m node -o new -T "$TARGET" -p "$PORTAL" >/dev/null
  set_node() { iscsiadm -m node -T "$TARGET" -p "$PORTAL" -o update -n "$1" -v "$2"; }
  refused 'login without CHAP' iscsiadm -m node -T "$TARGET" -p "$PORTAL" --login
  set_node node.session.auth.authmethod CHAP
  set_node node.session.auth.username "$USER_NAME"
  set_node node.session.auth.password "wrong-$SECRET"
  refused 'login with a wrong secret' iscsiadm -m node -T "$TARGET" -p "$PORTAL" --login
  set_node node.session.auth.password "$SECRET"
  set_node 'node.conn[0].iscsi.HeaderDigest' CRC32C
  set_node 'node.conn[0].iscsi.DataDigest' CRC32C
  step 'login with CHAP' iscsiadm -m node -T "$TARGET" -p "$PORTAL" --login || exit 1
  same 'both digests are on' 'CRC32C CRC32C' "$(iscsiadm -m session -P 2 | sed -nE 's/.*(Header|Data)Digest: //p' | xargs)"
  step 'disk 0 appears' eventually 30 have_disk 0
  step 'disk 1 appears' eventually 30 have_disk 1
  note=$(lsscsi | tr -s ' ' | tr '\n' ';')
  echo "note $note"
}

sg_tools() {
  local d=/dev/$1 page vpd
  step sg_inq sg_inq "$d"
  # The page of supported pages itself, without its header, is the list of all.
  vpd=$(sg_inq --vpd --page=0 --raw "$d" | od -An -v -tx1 | xargs | cut -d' ' -f5-)
  step 'sg_inq lists VPD pages' test -n "$vpd"
  for page in $vpd; do
    step "sg_vpd 0x$page" sg_vpd --page="0x$page" "$d"
  done
  step 'sg_vpd names the unit' sh -c "sg_vpd --page=di $d | grep -qi naa"
  step sg_modes sg_modes --all "$d"
  step 'sg_modes of 10 bytes, page control 1' sg_modes --page=0x3f,0xff --control=1 "$d"
  step sg_readcap sg_readcap "$d"
  step 'sg_readcap 16' sg_readcap --long "$d"
  step sg_opcodes sg_opcodes "$d"
  step 'sg_opcodes with timeouts' sg_opcodes --rctd "$d"
  step 'sg_opcodes of task management' sg_opcodes --tmf "$d"
  step sg_luns sg_luns "$d"
  step sg_turs sg_turs --number=20 "$d"
  step sg_requests sg_requests "$d"
  step sg_sync sg_sync "$d"
  step sg_verify sg_verify --lba=0 --count=64 "$d"
  step sg_read sg_dd if="$d" of=/dev/null bs=512 count=2048 bpt=128
  step sg_reset sg_reset --device "$d"
  step 'sg_turs after the reset' sg_turs --number=2 "$d"
}

sg_writers() { # a disk of 512-byte blocks whose contents nobody needs
  local d=/dev/$1
  head -c 512 /dev/zero >/tmp/zero; head -c 512 /dev/urandom >/tmp/noise; cat /tmp/zero /tmp/noise >/tmp/swap
  step 'sg_write_same of zeroes' sg_write_same --16 --lba=0 --num=64 --xferlen=512 --in=/tmp/zero "$d"
  step sg_compare_and_write sg_compare_and_write --in=/tmp/swap --lba=7 --num=1 --xferlen=1024 "$d"
  same 'the block was swapped' "$(md5sum </tmp/noise)" "$(dd if="$d" bs=512 skip=7 count=1 iflag=direct 2>/dev/null | md5sum)"
  refused 'sg_compare_and_write of what is not there' sg_compare_and_write --in=/tmp/swap --lba=7 --num=1 --xferlen=1024 "$d"
  dd if=/dev/urandom of="$d" bs=1M count=4 oflag=direct 2>/dev/null
  step sg_unmap sg_unmap --lba=0 --num=4096 --force "$d"
  step sg_get_lba_status sg_get_lba_status --lba=0 "$d"
  same 'what was unmapped reads as zeroes' "$(head -c 2097152 /dev/zero | md5sum)" "$(dd if="$d" bs=1M count=2 iflag=direct 2>/dev/null | md5sum)"
  step 'sg_write_same with unmap' sg_write_same --16 --unmap --lba=4096 --num=2048 --xferlen=512 --in=/tmp/zero "$d"
}

ext4_through_a_restart() {
  local d=/dev/$1 want copy
  step mkfs.ext4 mkfs.ext4 -q -F "$d" && step 'mount ext4' mount "$d" /mnt || return
  want=$(tree_hash $TREE)
  # Twice the tree, so that the copy is still under way when the target goes.
  (mkdir /mnt/a /mnt/b && cp -r $TREE/. /mnt/a && sync && cp -r $TREE/. /mnt/b && sync) 2>/tmp/copy.err &
  copy=$!
  sleep 1.5
  step 'the copy is under way' kill -0 $copy
  host restart
  if wait $copy; then echo 'ok the copy rides through a restart of the target'; else
    echo "not ok the copy rides through a restart of the target: $(tail -n 3 /tmp/copy.err | tr '\n' '|') $(dmesg | tail -n 5 | tr '\n' '|')"
  fi
  step 'umount ext4' umount /mnt
  drop_caches
  step 'fsck.ext4' e2fsck -f -n "$d"
  step 'mount ext4 again' mount "$d" /mnt
  same 'the first tree is whole' "$want" "$(tree_hash /mnt/a)"
  same 'the second tree is whole' "$want" "$(tree_hash /mnt/b)"
}

growth() { # with ext4 mounted
  local d=$1 before after
  before=$(blockdev --getsize64 "/dev/$d")
  host grow
  echo 1 >"/sys/block/$d/device/rescan"
  after=$(blockdev --getsize64 "/dev/$d")
  same 'the guest sees the growth' $((before + 268435456)) "$after"
  step 'resize2fs while mounted' resize2fs "/dev/$d"
  step 'umount after growth' umount /mnt
  step 'fsck.ext4 after growth' e2fsck -f -n "/dev/$d"
}

xfs_and_discard() {
  local d=/dev/$1 want
  step mkfs.xfs mkfs.xfs -q -f "$d" && step 'mount xfs' mount "$d" /mnt || return
  mkdir /mnt/a; cp -r $TREE/. /mnt/a
  want=$(tree_hash $TREE)
  step 'umount xfs' umount /mnt
  drop_caches
  step xfs_repair xfs_repair -n "$d"
  step 'mount xfs again' mount "$d" /mnt
  same 'the tree on xfs is whole' "$want" "$(tree_hash /mnt/a)"
  step 'umount xfs again' umount /mnt
  host allocated
  step blkdiscard blkdiscard "$d"
  sync
  host holes
}

luns_by_reload() {
  local d
  host add_lun
  step 'a rescan finds a LUN that a reload has added' iscsiadm -m session --rescan
  step 'the new disk appears' eventually 30 have_disk 2 || return
  d=/dev/$(disk 2)
  head -c 1048576 /dev/urandom >/tmp/noise
  step 'the new disk is written' dd if=/tmp/noise of="$d" bs=1M oflag=direct
  same 'the new disk is read' "$(md5sum </tmp/noise)" "$(dd if="$d" bs=1M count=1 iflag=direct 2>/dev/null | md5sum)"
  host remove_lun
  refused 'a disk that a reload has removed is read' dd if="$d" of=/dev/null bs=1M count=1 iflag=direct
  echo 1 >"/sys/block/${d#/dev/}/device/delete"
  step 'the other disks are as they were' dd if="/dev/$(disk 0)" of=/dev/null bs=1M count=4 iflag=direct
  same 'the session went on' 1 "$(iscsiadm -m session | wc -l)"
}

log_in
sg_tools "$(disk 0)"
sg_writers "$(disk 0)"
ext4_through_a_restart "$(disk 0)"
growth "$(disk 0)"
xfs_and_discard "$(disk 1)"
luns_by_reload
step logout iscsiadm -m node -T "$TARGET" -p "$PORTAL" --logout
echo finished
