"""The daemons that are compared: Targe and Debian's tgt, each with all the units, pinned, stopped while others are measured."""
from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Iterator

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "conformance"))

from cells import STORES, UNIT_BYTES  # noqa: E402
from harness import PROGRAMS, Targed  # noqa: E402
from setup import Device, Setup, Target, device_path  # noqa: E402
from tgtd import Tgtd  # noqa: E402

NAME = "iqn.2026-11.io.targe:bench"
TARGET_CPU, INITIATOR_CPU = "0", "1"
PIN_TARGET = ("taskset", "-c", TARGET_CPU)


class Peer:
    """One daemon with one kind of store in one place."""

    def __init__(self, label: str, daemon: Targed | Tgtd, lun: int) -> None:
        self.label, self.daemon, self.lun = label, daemon, lun

    @property
    def port(self) -> int:
        return self.daemon.target().port

    @property
    def pid(self) -> int:
        return self.daemon.pid

    def stop(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        os.kill(self.pid, signal.SIGCONT)


def fill(path: pathlib.Path) -> None:
    """Real data in every block, in the page cache."""
    piece = os.urandom(1 << 20)
    with path.open("wb") as file:
        for _ in range(UNIT_BYTES >> 20):
            file.write(piece)
        os.fsync(file.fileno())


def fill_over_the_wire(daemon: Targed, folder: pathlib.Path) -> None:
    """A unit in memory, too, is measured with data in it: blocks that were never written may cost less to read."""
    image = folder / "image"
    fill(image)
    subprocess.run([PROGRAMS / "image_copy", "--port", str(daemon.target().port), "--target", NAME, "--image", image, "--way", "to"],
                   check=True, capture_output=True, timeout=300)
    image.unlink()


def _setup(handler: str) -> Setup:
    device = Device("unit", handler=handler, size="1GiB")
    return Setup((device,), (Target(NAME, {0: "unit"}),), reactors=1)


@contextlib.contextmanager
def peers(store: str, folders: dict[str, pathlib.Path], wanted: tuple[str, ...]) -> Iterator[list[Peer]]:
    """Starts what one store needs, stopped; ends it afterwards."""
    handler, place, tgt_stores = STORES[store]
    root = folders[place or "disk"]
    with contextlib.ExitStack() as stack:
        found: list[Peer] = []
        if "targe" in wanted:
            folder = root / "targe"
            folder.mkdir(parents=True, exist_ok=True)
            setup = _setup(handler)
            if handler == "file":
                fill(device_path(folder, setup.devices[0]))
            targed = stack.enter_context(Targed(setup, folder, prefix=PIN_TARGET))
            if handler == "ram":
                fill_over_the_wire(targed, folder)
            found.append(Peer("targe", targed, 0))
        if "tgt" in wanted:
            for tgt_store in tgt_stores:
                folder = root / f"tgt-{tgt_store}"
                folder.mkdir(parents=True, exist_ok=True)
                setup = _setup("null" if tgt_store == "null" else "file")
                if tgt_store != "null":
                    fill(device_path(folder, setup.devices[0]))
                found.append(Peer(f"tgt {tgt_store}", stack.enter_context(Tgtd(setup, folder, tgt_store, prefix=PIN_TARGET)), 1))
        for peer in found:
            peer.stop()
        try:
            yield found
        finally:
            for peer in found:
                peer.go_on()
    subprocess.run(["rm", "-rf", *(str(path) for path in root.iterdir())], check=True)
