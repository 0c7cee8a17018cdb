"""Debian's tgt, served like targed: the peer of the benchmarks, and the judge of our own test programs."""
from __future__ import annotations

import itertools
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
from typing import Self

from setup import Setup, Target, device_path, size_bytes, with_ports

_CONTROL_PORTS = itertools.count(int(os.getpid()) % 20000 + 100)


class Tgtd:
    """with Tgtd(setup) as tgtd: … The same LUNs; whatever tgt has no notion of is left out."""

    def __init__(self, setup: Setup, folder: pathlib.Path | None = None, store: str = "rdwr", prefix: tuple[str, ...] = ()) -> None:
        self.setup = with_ports(setup)
        self.own_folder = folder is None
        self.folder = folder or pathlib.Path(tempfile.mkdtemp(prefix="tgtd-test-"))
        self.store = store
        self.prefix = prefix
        self.control_port = str(next(_CONTROL_PORTS))
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self.own_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> None:
        portals = sorted({target.port for target in self.setup.targets})
        with (self.folder / "tgtd.log").open("ab") as log:
            # One --iscsi option: of several, tgtd heeds the last.
            self.process = subprocess.Popen(
                [*self.prefix, "tgtd", "-f", "-C", self.control_port, "--iscsi", f"portal=127.0.0.1:{portals[0]}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while subprocess.run(self._control("sys", "show"), capture_output=True).returncode != 0:
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError(f"tgtd does not answer: {(self.folder / 'tgtd.log').read_text()[-2000:]}")
            time.sleep(0.05)
        for number, target in enumerate(self.setup.targets, 1):
            self._add_target(number, target)

    def _control(self, mode: str, operation: str, *arguments: str) -> list[str]:
        return ["tgtadm", "-C", self.control_port, "--lld", "iscsi", "--mode", mode, "--op", operation, *arguments]

    def _do(self, mode: str, operation: str, *arguments: str) -> None:
        subprocess.run(self._control(mode, operation, *arguments), check=True, capture_output=True)

    def _add_target(self, number: int, target: Target) -> None:
        tid = ("--tid", str(number))
        self._do("target", "new", *tid, "-T", target.name)
        # LUN 0 is tgt's controller: its disks begin at 1.
        for lun, name in target.luns.items():
            device = next(d for d in self.setup.devices if d.name == name)
            path = pathlib.Path(device.path) if device.path else device_path(self.folder, device)
            store = "null" if device.handler == "null" else self.store
            if store != "null" and device.handler != "block":
                with path.open("ab") as file:
                    file.truncate(size_bytes(device.size))
            self._do("logicalunit", "new", *tid, "--lun", str(lun + 1), "-b", str(path) if store != "null" else f"{size_bytes(device.size) >> 20}",
                     "--bstype", store, "--blocksize", str(device.block_size))
            flags = f"thin_provisioning={int(device.thin)},readonly={int(device.read_only)},removable={int(device.removable)}"
            self._do("logicalunit", "update", *tid, "--lun", str(lun + 1), "--params", flags)
        self._do("target", "bind", *tid, "-I", "ALL")
        for user in target.users:
            self._do("account", "new", "--user", user.name, "--password", user.secret)
            self._do("account", "bind", *tid, "--user", user.name)

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()  # it ignores SIGTERM while it has targets
            self.process.wait()
            self.process = None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def target(self, name: str | None = None) -> Target:
        return next(target for target in self.setup.targets if name in (None, target.name))

    def url(self, lun: int = 0, target: str | None = None, credentials: str = "") -> str:
        wanted = self.target(target)
        return f"iscsi://{credentials}127.0.0.1:{wanted.port}/{wanted.name}/{lun + 1}"

    def image(self, device: str) -> pathlib.Path:
        return device_path(self.folder, next(d for d in self.setup.devices if d.name == device))
