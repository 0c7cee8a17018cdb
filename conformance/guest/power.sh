# targed on a disk under dm-log-writes: /dev/vda is the disk, /dev/vdb takes the log. The host says over TCP what to do:
# "mark NAME", "start", "kill", "end". Each is answered with the same line when it is done.
. /host/lib.sh
FS_SECTORS=$3 KIND=$4 HOST_PORT=$5 STORE=$6
export DM_DISABLE_UDEV=1

mark() { dmsetup message tested 0 mark "$1"; }

start_targed() {
  /root/targed --config /host/targe.toml >>/host/targed.log 2>&1 &
  TARGED=$!
  until (exec 5<>"/dev/tcp/10.0.2.15/$PORT") 2>/dev/null; do
    kill -0 "$TARGED" || { echo "not ok targed starts: $(tail -n 5 /host/targed.log | tr '\n' '|')"; exit 1; }
    sleep 0.1
  done
}

kill_targed() { kill -9 "$TARGED" && wait "$TARGED" 2>/dev/null; }

all=$(blockdev --getsz /dev/vda)
step 'log-writes' dmsetup create tested --table "0 $all log-writes /dev/vda /dev/vdb" || exit 1
step 'the file system'"'"'s part' dmsetup create part --table "0 $FS_SECTORS linear /dev/mapper/tested 0"
step 'the unit'"'"'s part' dmsetup create unit --table "0 $((all - FS_SECTORS)) linear /dev/mapper/tested $FS_SECTORS"
case $KIND in
  ext4) step mkfs.ext4 mkfs.ext4 -q -F -b 4096 -J size=4 -E nodiscard,lazy_itable_init=0,lazy_journal_init=0 /dev/mapper/part ;;
  xfs) step mkfs.xfs mkfs.xfs -q -K -f /dev/mapper/part ;;
esac
mkdir -p "$STORE"
step mount mount -t "$KIND" /dev/mapper/part "$STORE" || exit 1
ln -s /dev/mapper/unit "${STORE%/*}/unit"
sync
cp /host/targed /root/targed
mark mounted
exec 3<>"/dev/tcp/10.0.2.2/$HOST_PORT"
while read -r -u 3 verb name; do
  case $verb in
    mark) mark "$name" ;;
    start) start_targed ;;
    kill) kill_targed ;;
    end) break ;;
  esac && echo "$verb $name" >&3
done
kill_targed
step umount umount "$STORE"
for name in unit part tested; do step "remove $name" dmsetup remove "$name"; done
echo finished
