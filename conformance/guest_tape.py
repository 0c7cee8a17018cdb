"""Linux's st and ch, with mt, mtx, tar, stenc and sg3_utils, against the units of a virtual tape library.

The library is reached by vhost-user-scsi (vhost_scsi.py), and executes what comes in vtl_pipe.
"""
from __future__ import annotations

import argparse
import functools
import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile

import report
from guest_linux import Guest
from harness import PROGRAMS
from report import Result
from vhost_scsi import CHECK_CONDITION, Answer, Backend, Unit

SUITE = "guest-tape"
PACKAGES = "mtx,mt-st,sg3-utils,lsscsi,tar,stenc,util-linux,diffutils,kmod"
MODULES = "virtio_scsi,st,ch,sg"
LIMIT_S = 600
CHANGER, TAPE = 8, 1
SESSION = 1


class Library:
    """vtl_pipe with a library in `folder`."""

    def __init__(self, folder: pathlib.Path) -> None:
        self.folder = folder
        self.vtl("create", "--drives", "2", "--slots", "8", "--ports", "2", "--serial", "GUEST1")
        for barcode in ("A00001L6", "A00002L6", "A00003L6", "W00001LW"):
            self.vtl("add", barcode, "--capacity", "8MiB")
        self.process = subprocess.Popen([PROGRAMS / "vtl_pipe", folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.description = json.loads((folder / "library.json").read_text())
        names = [self.description["changer"], *self.description["drives"]]
        self.units = {lun: self.unit(lun, name) for lun, name in enumerate(names)}

    def vtl(self, verb: str, *arguments: str) -> None:
        subprocess.run([PROGRAMS / "targe", "vtl", verb, self.folder, *arguments], check=True, stdout=subprocess.DEVNULL)

    def unit(self, lun: int, name: dict[str, str]) -> Unit:
        tape = lun > 0
        return Unit(TAPE if tape else CHANGER, name["vendor"], name["product"], name["revision"], name["serial"],
                    (0x86, 0xB0, 0xB1, 0xB2) if tape else (), functools.partial(self.execute, lun))

    def take(self, size: int) -> bytes:
        assert self.process.stdout
        data = self.process.stdout.read(size)
        if len(data) != size:
            raise OSError(f"vtl_pipe has ended with status {self.process.poll()}")
        return data

    def execute(self, lun: int, cdb: bytes, data_out: bytes, room: int) -> Answer:
        assert self.process.stdin
        self.process.stdin.write(struct.pack("<IIIIQ", lun, len(cdb), len(data_out), room, SESSION) + cdb + data_out)
        self.process.stdin.flush()
        sense, data, attentions = struct.unpack("<III", self.take(12))
        for _ in range(attentions):
            unit, code, others = struct.unpack("<III", self.take(12))
            if not others:  # there are none
                self.units[unit].attentions.append(code)
        told = self.take(sense)
        return Answer(CHECK_CONDITION if told else 0, told, self.take(data))

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(timeout=60)


def trace(lun: int, cdb: bytes, answer: Answer) -> None:
    told = f"{answer.sense[2] & 0xF:x}/{answer.sense[12]:02x}{answer.sense[13]:02x} {answer.sense[2] >> 4:x}" if answer.sense else "good"
    print(f"lun {lun}: {cdb[:16].hex(' ')} -> {told}, {len(answer.data)} bytes", flush=True)


def run() -> list[Result]:
    folder = pathlib.Path(tempfile.mkdtemp(prefix="targe-tape-"))
    library = Library(folder / "library")
    try:
        backend = Backend(folder / "units.sock", library.units, trace if os.environ.get("TARGE_TRACE") else None)
        backend.start()
        results = Guest("tape.sh", ["-", "0"], {}, suite=SUITE, packages=PACKAGES, modules=MODULES, limit_s=LIMIT_S,
                        options=("-u", str(folder / "units.sock"))).run()
        if backend.trouble:
            results.append(report.failed(SUITE, "the back end", str(backend.trouble)))
    finally:
        library.close()
        shutil.rmtree(folder, ignore_errors=True)
    return results


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    report.finish(run())
