"""Unit tests of what rests on the host's kernel, in a guest: on the kernel of Debian 12, where Targe is at home, whatever this machine runs."""
from __future__ import annotations

import argparse
import pathlib
import tempfile

import report
from guest_linux import Guest
from harness import PROGRAMS
from report import Result

SUITE = "guest-units"
PACKAGES = "e2fsprogs,xfsprogs,util-linux,iproute2,kmod,libssl3,liburing2,libfmt9,libstdc++6"
MODULES = "virtio_blk,ext4,xfs,loop,fuse,crc32c_generic"
TESTS = ("reactor_test", "transport_test", "device_test")
# What takes longest under emulation and asks the kernel for nothing that the others do not.
FILTER = "-UserArenaOwners.*:StoredDevice/ReplacedStore.*:*DoesAnyMixtureAsIfEachWereAlone*"
DISK_BYTES = 4 << 30  # sparse
CPUS = 3  # with one alone, what waits for a thread of the kernel is not seen to wait


def run() -> list[Result]:
    with tempfile.NamedTemporaryFile(prefix="targe-units-", dir="/var/tmp") as disk:
        disk.truncate(DISK_BYTES)
        share: dict[str, pathlib.Path | str] = {test: PROGRAMS / test for test in TESTS}
        return Guest("units.sh", ["none", "0", FILTER, *TESTS], {}, suite=SUITE, packages=PACKAGES, modules=MODULES,
                     options=("-c", str(CPUS), "-d", disk.name), share=share).run()


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    report.finish(run())
