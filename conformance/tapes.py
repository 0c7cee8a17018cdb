"""A virtual tape library for a test: its folder, the devices of targed that it needs, and targe-vtl."""
from __future__ import annotations

import json
import pathlib
import subprocess
import time

from handlers import Handler
from harness import PROGRAMS, Targed
from setup import Device, Target

NAME = "iqn.2026-11.io.targe:tapes"
LIMIT_S = 60.0


class Tapes:
    """A library with two drives and three cartridges in `folder`, and the devices that it needs."""

    def __init__(self, folder: pathlib.Path, *, drives: int = 2, slots: int = 8, ports: int = 2, serial: str = "TAPES1", vendor: str = "",
                 cartridges: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.vtl("create", "--drives", str(drives), "--slots", str(slots), "--ports", str(ports), "--serial", serial)
        for barcode, capacity in (cartridges or {"A00001L6": "64MiB", "A00002L6": "64MiB", "A00003L6": "8MiB"}).items():
            self.vtl("add", barcode, "--capacity", capacity)
        self.description = json.loads((folder / "library.json").read_text())
        units = [("changer", "changer", self.description["changer"])]
        units += [(f"drive{n}", "tape", drive) for n, drive in enumerate(self.description["drives"])]
        self.devices = tuple(Device(f"{folder.name}-{unit}", handler="user", size="", type=type_, serial=name["serial"], deadline="15min")
                             for unit, type_, name in units)

    def vtl(self, verb: str, *arguments: str) -> str:
        return subprocess.run([PROGRAMS / "targe", "vtl", verb, self.folder, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout

    def refused(self, verb: str, *arguments: str) -> str:
        """What `targe vtl` says that cannot be done; empty when it was done."""
        done = subprocess.run([PROGRAMS / "targe", "vtl", verb, self.folder, *arguments], capture_output=True, text=True)
        if done.returncode == 0:
            return ""
        return done.stderr if done.returncode == 1 and done.stderr else f"status {done.returncode}"

    def target(self, **more: object) -> Target:
        return Target(NAME, {lun: device.name for lun, device in enumerate(self.devices)}, **more)

    def serve(self, daemon: Targed, *more: str) -> Handler:
        """targe-vtl, once it serves all units."""
        handler = Handler(daemon, "targe-vtl", str(PROGRAMS / "targe-vtl"), str(self.folder), "--socket-dir", str(daemon.folder), *more)
        self.await_serving(handler)
        return handler

    def await_serving(self, handler: Handler) -> None:
        """Until it says so itself, of all units: targed leaves out of its log what it says too often."""
        end = time.monotonic() + LIMIT_S
        while "a changer and" not in handler.said():
            if handler.process.poll() is not None or time.monotonic() > end:
                raise TimeoutError(f"targe-vtl does not serve: {handler.said()[-1000:]}")
            time.sleep(0.02)
