# Bacula against a virtual tape library of two drives and four cartridges of 16 MiB: the director with its catalog, the storage daemon and
# the client, all in this guest.
. /host/lib.sh
. /host/library.sh

# ask FILE: gives the director the commands on standard input; what it says goes to FILE
ask() { { cat; echo quit; } | bconsole -c /etc/bacula/bconsole.conf >"$1" 2>&1; }
listens() { bash -c "echo >/dev/tcp/127.0.0.1/$1"; }

configure() {
  mkdir -p /etc/bacula /var/lib/bacula /run /var/log
  ln -sf mt-st /bin/mt
  for part in dir sd fd bconsole; do sed "s|@CHANGER@|$CHANGER|; s|@TAPE@|$TAPE|; s|@OTHER@|$OTHER|" "/host/$part.conf" >"/etc/bacula/$part.conf"; done
  step 'the catalog is made' sh -c 'sqlite3 /var/lib/bacula/bacula.db </usr/share/dbconfig-common/data/bacula-director-sqlite3/install/sqlite3'
}

start_daemons() {
  local part
  for part in sd fd dir; do
    step "bacula-$part takes its configuration" "bacula-$part" -t -c "/etc/bacula/$part.conf" || exit 1
    "bacula-$part" -f -c "/etc/bacula/$part.conf" >"/tmp/$part.out" 2>&1 &
  done
  step 'the daemons listen' eventually 60 eval 'listens 9101 && listens 9102 && listens 9103' || { cat /tmp/*.out; exit 1; }
}

make_tree() {
  mkdir -p /tmp/tree/deep/er
  for i in 1 2 3 4 5; do head -c 4000000 /dev/urandom >/tmp/tree/deep/$i; done
  cp -r /usr/lib/bacula /etc/bacula/scripts /tmp/tree/deep/er
  ln -s deep/1 /tmp/tree/link
  HASH=$(tree_hash /tmp/tree)
}

label() {
  ask /tmp/label <<'COMMANDS'
label storage=Library pool=Tapes slots=1-4 drive=0 barcodes
yes
list volumes
COMMANDS
  same 'four cartridges are labelled by their barcodes' 4 "$(grep -c '3000 OK label. .*Volume="B0000[1-4]L6"' /tmp/label)"
}

# once N: a backup, and its restore into a folder of its own
once() {
  ask "/tmp/backup$1" <<'COMMANDS'
run job=Backup yes
wait
messages
COMMANDS
  same "backup $1 ends well" 1 "$(grep -c 'Termination: *Backup OK' "/tmp/backup$1")"
  says "backup $1 takes more than one cartridge" 'Volume name.s.: *B0000.L6.B0000' grep 'Volume name(s)' "/tmp/backup$1"
  echo "note backup $1 $(squeezed "$(grep -E 'Volume name|SD Bytes|Elapsed|Rate:' "/tmp/backup$1")")"
  ask "/tmp/restore$1" <<COMMANDS
restore client=guest-fd where=/tmp/restored$1 storage=Library select current
unmark *
mark *
done
yes
wait
messages
COMMANDS
  same "restore $1 ends well" 1 "$(grep -c 'Termination: *Restore OK' "/tmp/restore$1")"
  same "the tree is as it was, $1" "$HASH" "$(tree_hash "/tmp/restored$1/tmp/tree")"
  same "the link, $1" deep/1 "$(readlink "/tmp/restored$1/tmp/tree/link")"
}

find_units
configure
start_daemons
make_tree
label
once 1
once 2
ask /tmp/status <<'COMMANDS'
status storage=Library
list volumes
COMMANDS
if ! grep -q 'Restore OK' /tmp/restore2; then cat /tmp/label /tmp/backup* /tmp/restore* /tmp/status /tmp/*.out; fi
echo finished
