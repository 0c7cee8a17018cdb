# Amanda against a virtual tape library of two drives, server and client in this guest. Slots 1 to 4 have cartridges of 8 MiB for dumps, 5 and
# 6 those of the vault, 7 one of 4 MiB that is measured; 9 and 10 are ports.
. /host/lib.sh
. /host/library.sh

by_backup() { setpriv --reuid=backup --regid=backup --init-groups --reset-env env LC_ALL=C PATH="$PATH" "$@"; }

# With what maintainer scripts do otherwise.
configure() {
  local part
  mkdir /dev/shm
  mount -t tmpfs -o mode=1777 shm /dev/shm
  printf 'backup:x:34:34:backup:/var/backups:/bin/sh\n' >>/etc/passwd
  printf 'backup:x:34:\n' >>/etc/group
  mkdir -p /etc/amanda/targe /var/lib/amanda/{log,index,curinfo,gnutar-lists} /var/log/amanda /var/backups
  sed "s|@CHANGER@|$CHANGER|; s|@TAPE@|$TAPE|; s|@OTHER@|$OTHER|" /host/amanda.conf >/etc/amanda/targe/amanda.conf
  cp /host/disklist /etc/amanda/targe
  printf 'localhost backup amdump amindexd amidxtaped\nlocalhost root amindexd amidxtaped\n' >/etc/amandahosts
  ln -sf /etc/amandahosts /var/backups/.amandahosts
  touch /var/lib/amanda/{tapelist,amandates}
  for part in ambind runtar calcsize killpgrp rundump application/amgtar; do
    chown root:backup "/usr/lib/amanda/$part"
    chmod 4750 "/usr/lib/amanda/$part"
  done
  chown -R backup:backup /etc/amanda /etc/amandahosts /var/lib/amanda /var/log/amanda /var/backups
  chmod 600 /etc/amandahosts
  chown backup "$CHANGER" "$TAPE" "$OTHER"
}

make_tree() {
  mkdir -p /tmp/tree/deep/er
  for i in 1 2 3 4 5; do head -c 2200000 /dev/urandom >/tmp/tree/deep/$i; done
  cp /usr/sbin/am* /tmp/tree/deep/er
}

# Of a cartridge nearly as small as can be: between early warning and its end there is room for what is under way.
measure() {
  step 'mtx load' mtx -f "$CHANGER" load 7 1
  says 'amdevcheck, properties' 'BLOCK_SIZE=65536.*LEOM=1' by_backup amdevcheck targe alone --properties
  says 'amtapetype' 'length 3[0-9]* kbytes.*LEOM is supported' by_backup amtapetype -f -b 32k targe alone
  step 'mtx unload' mtx -f "$CHANGER" unload 7 1
}

label() {
  says 'amdevcheck of an empty drive' 'VOLUME_MISSING' by_backup amdevcheck targe alone
  says 'amlabel' 'Found an empty tape.*Success!' by_backup amlabel targe B00001L6 slot 1
}

changer() {
  says 'amtape reset' 'changer is reset' by_backup amtape targe reset
  says 'amtape inventory' 'slot 1: label B00001L6.*barcode B00001L6.*slot 4: unknown state.*barcode B00004L6' by_backup amtape targe inventory
  says 'amtape slot' 'slot 2: .* changed to slot 2' by_backup amtape targe slot 2
  says 'amtape label' 'label B00001L6 is now loaded from slot 1' by_backup amtape targe label B00001L6
  step 'amtape eject' by_backup amtape targe eject 0
  says 'amtape taper' "Will write to volume 'B00001L6' in slot 1" by_backup amtape targe taper
  says 'amcheck' 'is writeable.*0 problems found' by_backup amcheck -w targe
}

# dumped NAME PATTERN: a dump, and where its parts are
dumped() {
  step "amdump, $1" by_backup amdump targe
  says "amadmin find, $1" "$2" by_backup amadmin targe find
}

dumps() {
  dumped 'all' 'tree 0 targe targe B00001L6 1 1/5 OK.* B0000[234]L6 1 [34]/5 OK'
  says 'amcheckdump' 'All image .1. successfully validated' by_backup amcheckdump targe
  rm /tmp/tree/deep/3
  head -c 1000000 /dev/urandom >/tmp/tree/deep/6
  dumped 'what has changed' 'tree 1 targe targe B0000.L6 1 1/1 OK'
}

vault() {
  says 'amvault' 'Wrote V00001L6:1.*Wrote V00002L6:1' by_backup amvault targe --dest-storage vault --latest-fulls --export --no-interactivity
  says 'what was vaulted is in the ports' '9 IMPORT/EXPORT:Full :VolumeTag=V0000[12]L6.*10 IMPORT/EXPORT:Full :VolumeTag=V0000[12]L6' mtx -f "$CHANGER" status
}

restore() {
  local want got
  mkdir /tmp/restored
  printf '%s\n' 'setdisk tree' 'lcd /tmp/restored' 'add *' extract y y y y y y exit |
    amrecover targe -s localhost -t localhost -o auth=local -d library >/tmp/recover 2>&1
  want=$(tree_hash /tmp/tree) got=$(tree_hash /tmp/restored)
  same 'the tree is as it was' "$want" "$got"
  [ "$want" = "$got" ] || cat /tmp/recover
}

cd /tmp
find_units
configure
make_tree
measure
label
changer
dumps
vault
restore
echo finished
