"""Bacula in a guest, director, storage daemon and client, with the drives and the changer of a virtual tape library over iSCSI: a tree is
backed up over several cartridges that the changer brings, and restored, twice."""
from __future__ import annotations

import argparse
import pathlib
import tempfile

import report
from guest_linux import SCRIPTS, Guest
from harness import Targed
from report import Result
from setup import Setup
from tapes import Tapes

SUITE = "guest-bacula"
PACKAGES = ("open-iscsi,mtx,mt-st,lsscsi,util-linux,diffutils,iproute2,kmod,sed,grep,gawk,sqlite3,"
            "bacula-director-sqlite3,bacula-director,bacula-sd,bacula-fd,bacula-console")
MODULES = "iscsi_tcp,st,ch,sg,crc32c_generic"
LIMIT_S = 1800
CARTRIDGES = {f"B0000{n}L6": "16MiB" for n in range(1, 5)}


def run() -> list[Result]:
    with tempfile.TemporaryDirectory(prefix="targe-tapes-") as folder:
        tapes = Tapes(pathlib.Path(folder) / "tapes", serial="GUEST2", cartridges=CARTRIDGES)
        with Targed(Setup(tapes.devices, (tapes.target(),))) as daemon, tapes.serve(daemon) as handler:
            target = daemon.target()
            results = Guest("bacula.sh", [target.name, str(target.port)], {}, suite=SUITE, packages=PACKAGES, modules=MODULES, limit_s=LIMIT_S,
                            share={path.name: path for path in sorted((SCRIPTS / "bacula").iterdir())}).run()
        if handler.status != 0:
            results.append(report.failed(SUITE, "SIGTERM", f"status {handler.status}"))
    return results


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    report.finish(run())
