"""Amanda in a guest, server and client, with the drives and the changer of a virtual tape library over iSCSI: a tree is dumped straight to
several cartridges, then what has changed; dumps are verified, copied by both drives and put into ports, and restored."""
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

SUITE = "guest-amanda"
# Without dependencies where they would bring a mail server, inetd or a library of 36 MB that nothing here asks for.
PACKAGES = ("open-iscsi,mtx,mt-st,lsscsi,util-linux,diffutils,iproute2,kmod,sed,grep,tar,gzip,procps,perl,libjson-perl,libencode-locale-perl,"
            "libxml-simple-perl!,libxml-parser-perl!,libexpat1,libglib2.0-0,libcurl4,libreadline8,libtirpc3,"
            "amanda-common!,amanda-server!,amanda-client!")
MODULES = "iscsi_tcp,st,ch,sg,crc32c_generic"
LIMIT_S = 900
CARTRIDGES = {f"B0000{n}L6": "8MiB" for n in range(1, 5)} | {"V00001L6": "8MiB", "V00002L6": "8MiB", "M00001L6": "4MiB"}


def run() -> list[Result]:
    with tempfile.TemporaryDirectory(prefix="targe-tapes-") as folder:
        tapes = Tapes(pathlib.Path(folder) / "tapes", serial="GUEST3", cartridges=CARTRIDGES)
        with Targed(Setup(tapes.devices, (tapes.target(),))) as daemon, tapes.serve(daemon) as handler:
            target = daemon.target()
            results = Guest("amanda.sh", [target.name, str(target.port)], {}, suite=SUITE, packages=PACKAGES, modules=MODULES, limit_s=LIMIT_S,
                            share={path.name: path for path in sorted((SCRIPTS / "amanda").iterdir())}).run()
        if handler.status != 0:
            results.append(report.failed(SUITE, "SIGTERM", f"status {handler.status}"))
    return results


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    report.finish(run())
