"""Linux's st and ch, with mt, mtx, tar, dump, cpio, stenc and sg3_utils, over iSCSI against a virtual tape library that targe-vtl serves."""
from __future__ import annotations

import argparse
import pathlib
import tempfile

import report
from guest_linux import Action, Guest
from handlers import Handler
from harness import Targed
from report import Result
from setup import Setup
from tapes import Tapes

SUITE = "guest-library"
PACKAGES = "open-iscsi,mtx,mt-st,sg3-utils,lsscsi,tar,dump,cpio,stenc,e2fsprogs,util-linux,diffutils,iproute2,kmod"
MODULES = "iscsi_tcp,st,ch,sg,loop,ext4,crc32c_generic"
LIMIT_S = 600
CARTRIDGES = {"A00001L6": "8MiB", "A00002L6": "8MiB", "A00003L6": "8MiB", "W00001LW": "8MiB"}


def actions(tapes: Tapes, daemon: Targed, handler: Handler) -> dict[str, Action]:
    def kill() -> str:
        """kill -9 of targe-vtl, and a new one."""
        handler.restart()
        tapes.await_serving(handler)
        return ""

    def vtl(verb: str, *arguments: str) -> str:
        """An administrator's command, while targe-vtl serves the library."""
        return tapes.refused(verb, *arguments)

    return {"kill": kill, "vtl": vtl}


def run() -> list[Result]:
    with tempfile.TemporaryDirectory(prefix="targe-tapes-") as folder:
        tapes = Tapes(pathlib.Path(folder) / "tapes", serial="GUEST1", cartridges=CARTRIDGES)
        with Targed(Setup(tapes.devices, (tapes.target(),))) as daemon, tapes.serve(daemon) as handler:
            target = daemon.target()
            results = Guest("tape.sh", [target.name, str(target.port)], actions(tapes, daemon, handler), suite=SUITE, packages=PACKAGES,
                            modules=MODULES, limit_s=LIMIT_S).run()
        if handler.status != 0:
            results.append(report.failed(SUITE, "SIGTERM", f"status {handler.status}"))
    return results


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    report.finish(run())
