"""The daemons that are compared: Targe, Debian's tgt and istgt, and the bare socket; pinned, stopped while others are measured."""
from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
from collections.abc import Iterator

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "conformance"))

from bare import Bare  # noqa: E402
from cells import BARE_ASLEEP, STORES, UNIT_BYTES  # noqa: E402
from istgt import Istgt  # noqa: E402
from loops import loop_device  # noqa: E402
from harness import PROGRAMS, Targed  # noqa: E402
from setup import Device, Setup, Target, device_path  # noqa: E402
from tgtd import Tgtd  # noqa: E402

NAME = "iqn.2026-11.io.targe:bench"
TARGET_CPU, INITIATOR_CPU = "0", "1"
PIN_TARGET = ("taskset", "-c", TARGET_CPU)


class Peer:
    """One daemon with one kind of store in one place."""

    def __init__(self, label: str, daemon: Targed | Tgtd | Istgt | Bare, lun: int, file: pathlib.Path | None = None) -> None:
        self.label, self.daemon, self.lun = label, daemon, lun
        self.file = file  # that it serves, on a disk or in memory

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


def fill(path: pathlib.Path, piece_bytes: int = 1 << 20) -> None:
    """Real data in every block, in the page cache, where they come anew and in pieces of this length.

    ext4 keeps what one call writes in one folio, of up to 2 MiB, and later looks at every block of a folio for each write to it: 4 KiB in a
    large one cost ten times as much as in a small one, whoever writes them.
    """
    data = os.urandom(1 << 20)
    with path.open("r+b" if path.exists() else "wb", buffering=0) as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        for _ in range(UNIT_BYTES >> 20):
            for at in range(0, len(data), piece_bytes):
                file.write(data[at:at + piece_bytes])
        os.fsync(file.fileno())


def fill_over_the_wire(daemon: Targed, folder: pathlib.Path) -> None:
    """A unit in memory, too, is measured with data in it: blocks that were never written may cost less to read."""
    image = folder / "image"
    fill(image)
    subprocess.run([PROGRAMS / "image_copy", "--port", str(daemon.target().port), "--target", NAME, "--image", image, "--way", "to"],
                   check=True, capture_output=True, timeout=300)
    image.unlink()


def _setup(handler: str, path: pathlib.Path | None = None) -> Setup:
    device = Device("unit", handler=handler, size="1GiB", path=None if path is None else str(path))
    return Setup((device,), (Target(NAME, {0: "unit"}),), reactors=1)


def _loop(stack: contextlib.ExitStack, store: str, folder: pathlib.Path) -> pathlib.Path:
    """A loop device over a file that is full of data."""
    backing = folder / "backing"
    fill(backing)
    return stack.enter_context(loop_device(backing, past_its_cache=STORES[store].place == "disk"))


def _targe(stack: contextlib.ExitStack, store: str, root: pathlib.Path) -> Peer:
    folder = root / "targe"
    folder.mkdir(parents=True, exist_ok=True)
    handler = STORES[store].handler
    setup = _setup(handler, _loop(stack, store, folder) if handler == "block" else None)
    file = device_path(folder, setup.devices[0]) if handler == "file" else None
    if file:
        fill(file)
    targed = stack.enter_context(Targed(setup, folder, prefix=PIN_TARGET))
    if handler == "ram":
        fill_over_the_wire(targed, folder)
    return Peer("targe", targed, 0, file)


def _tgt(stack: contextlib.ExitStack, store: str, tgt_store: str, root: pathlib.Path) -> Peer:
    folder = root / f"tgt-{tgt_store}"
    folder.mkdir(parents=True, exist_ok=True)
    if STORES[store].handler == "block":
        setup = _setup("block", _loop(stack, store, folder))
    else:
        setup = _setup("null" if tgt_store == "null" else "file")
    file = device_path(folder, setup.devices[0]) if setup.devices[0].handler == "file" else None
    if file:
        fill(file)
    return Peer(f"tgt {tgt_store}", stack.enter_context(Tgtd(setup, folder, tgt_store, prefix=PIN_TARGET)), 1, file)


def _istgt(stack: contextlib.ExitStack, root: pathlib.Path) -> Peer:
    folder = root / "istgt"
    folder.mkdir(parents=True, exist_ok=True)
    setup = _setup("file")
    file = device_path(folder, setup.devices[0])
    fill(file)
    return Peer("istgt", stack.enter_context(Istgt(setup, folder, prefix=PIN_TARGET)), 0, file)


def _bare(stack: contextlib.ExitStack, store: str, root: pathlib.Path) -> Peer:
    file = None
    memory = UNIT_BYTES if STORES[store].handler == "ram" else 0
    if STORES[store].handler == "file":
        file = root / "bare.img"
        fill(file)
    return Peer("bare", stack.enter_context(Bare(NAME, file, memory, prefix=PIN_TARGET)), 0, file)


@contextlib.contextmanager
def peers(store: str, folders: dict[str, pathlib.Path], wanted: tuple[str, ...]) -> Iterator[list[Peer]]:
    """Starts what one store needs, stopped; ends it afterwards."""
    root = folders[STORES[store].place or "disk"]
    with contextlib.ExitStack() as stack:
        found: list[Peer] = []
        if "targe" in wanted:
            found.append(_targe(stack, store, root))
        if "tgt" in wanted:
            found += [_tgt(stack, store, tgt_store, root) for tgt_store in STORES[store].tgt_stores]
        # istgt and the bare socket go through the page cache, even of a block device: another kind of work.
        block = STORES[store].handler == "block"
        if "istgt" in wanted and store != "null" and not block:
            found.append(_istgt(stack, root))
        if "bare" in wanted and not block:
            found.append(_bare(stack, store, root))
        if "bare" in wanted and store == "null":
            found.append(Peer(BARE_ASLEEP, stack.enter_context(Bare(NAME, wait="sleep", prefix=PIN_TARGET)), 0))
        for peer in found:
            peer.stop()
        try:
            yield found
        finally:
            for peer in found:
                peer.go_on()
    subprocess.run(["rm", "-rf", *(str(path) for path in root.iterdir())], check=True)
