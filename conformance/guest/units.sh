# Unit tests on the kernel of the guest, with an ext4 of their own: after the port come programs of GoogleTest, and what
# GoogleTest's filter lets run.
. /host/lib.sh
FILTER=$3
shift 3

# Of what GoogleTest prints, a line for each test.
results() {
  local line name='' output=''
  while IFS= read -r line; do
    case $line in
      '[ RUN      ] '*) name=${line#'[ RUN      ] '} output='' ;;
      '[       OK ] '*' ms)') echo "ok $name" ;;
      '[  FAILED  ] '*' ms)') echo "not ok $name: ${output:0:1500}" ;;
      '[  SKIPPED ] '*' ms)') echo "skipped $name: ${output##*Skipped|}" ;;
      *) output+="$line|" ;;
    esac
  done
}

step mkfs.ext4 mkfs.ext4 -q -F /dev/vda
step mount mount /dev/vda /tmp || exit 1
mkdir -p /dev/shm
step '/dev/shm' mount -t tmpfs shm /dev/shm
cd /tmp
for program in "$@"; do
  cp "/host/$program" /root/
  "/root/$program" --gtest_filter="$FILTER" 2>&1 </dev/null | results
  status=${PIPESTATUS[0]}
  # 1: a test has failed, which says so itself.
  [ "$status" -le 1 ] && echo "ok $program ends" || echo "not ok $program ends: status $status"
done
echo finished
