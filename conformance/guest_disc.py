"""Linux's sr, with eject, wodim, cd-info, dvd+rw-mediainfo and sg3_utils, against drives of CDs, DVDs and BDs over iSCSI: file systems
on discs that are mounted, locked, ejected and changed."""
from __future__ import annotations

import argparse
import hashlib
import os
import random

import report
from disc_images import make_bd, make_iso
from guest_linux import Guest
from harness import DaemonError, Targed
from report import Result
from setup import Device, Setup, Target

SUITE = "guest-disc"
NAME = "iqn.2026-11.io.targe:guest"
PACKAGES = "open-iscsi,sg3-utils,lsscsi,util-linux,iproute2,kmod,eject,wodim,libcdio-utils,dvd+rw-tools"
MODULES = "iscsi_tcp,sr_mod,cdrom,sg,isofs,crc32c_generic"
SEED = 20261128


def run() -> list[Result]:
    with Targed(Setup((Device("cd0", type="cdrom"), Device("dvd0", type="cdrom")), (Target(NAME, {0: "cd0", 1: "dvd0"}, advertise="10.0.2.2"),))) as daemon:
        dice = random.Random(SEED)
        images = {name: daemon.folder / f"{name}.iso" for name in ("first", "second", "large")}
        hashes = {name: hashlib.sha256(make_iso(path, name.upper(), dice)["data.bin"]).hexdigest() for name, path in images.items()}
        os.truncate(images["large"], 900 << 20)  # more than a CD holds
        images["huge"] = daemon.folder / "huge.iso"
        end = make_bd(images["huge"], "HUGE", dice)
        daemon.targe("cdrom", "insert", "cd0", str(images["first"]))
        daemon.targe("cdrom", "insert", "dvd0", str(images["large"]))

        def insert(name: str) -> str:
            daemon.targe("cdrom", "insert", "cd0", str(images[name]))
            return ""

        def eject() -> str:
            daemon.targe("cdrom", "eject", "cd0")
            return ""

        def eject_locked() -> str:
            try:
                daemon.targe("cdrom", "eject", "cd0")
            except DaemonError as error:
                return "" if "an initiator prevents the removal" in str(error) else str(error)
            return "it was ejected although it is mounted"

        def state(wanted: str) -> str:
            drive = next(device for device in daemon.targe_json("device", "list") if device["name"] == "cd0")  # type: ignore[attr-defined]
            return "" if drive["state"].replace(" ", "-") == wanted else f"it is {drive['state']}"

        arguments = [NAME, str(daemon.target().port), *hashes.values(), str(images["first"].stat().st_size // 2048), hashlib.sha256(end).hexdigest()]
        actions = {"insert": insert, "eject": eject, "eject-locked": eject_locked, "state": state}
        return Guest("disc.sh", arguments, actions, suite=SUITE, packages=PACKAGES, modules=MODULES).run()


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    report.finish(run())
