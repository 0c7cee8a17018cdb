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
from cells import BARE_ASLEEP, BUILT_IN, STORES, UNIT_BYTES  # noqa: E402
from counter import Counter  # noqa: E402
from handler_beside import handler  # noqa: E402
from istgt import Istgt  # noqa: E402
from loops import loop_device  # noqa: E402
from harness import PROGRAMS, Targed  # noqa: E402
from setup import Device, Setup, Target, device_path  # noqa: E402
from tgtd import Tgtd  # noqa: E402

NAME = "iqn.2026-11.io.targe:bench"
TARGET_CPU, INITIATOR_CPU = "0", "1"
HANDLER_CPU = os.environ.get("TARGE_BENCH_HANDLER_CPU", TARGET_CPU)  # the other one is the initiator's
PIN_TARGET = ("taskset", "-c", TARGET_CPU)


class Place:
    """Where a daemon lives, how large its unit is, and whether it is counted."""

    def __init__(self, root: pathlib.Path, name: str, unit_bytes: int, counted: bool) -> None:
        self.folder = root / name
        self.folder.mkdir(parents=True, exist_ok=True)
        self.unit_bytes = unit_bytes
        self.counter = Counter(root, f"counts-{name}") if counted else None
        self.prefix = (*PIN_TARGET, *(self.counter.prefix if self.counter else ()))


class Peer:
    """One daemon with one kind of store in one place."""

    def __init__(self, label: str, daemon: Targed | Tgtd | Istgt | Bare, lun: int, place: Place, file: pathlib.Path | None = None) -> None:
        self.label, self.daemon, self.lun = label, daemon, lun
        self.counter = place.counter
        self.file = file  # that it serves, on a disk or in memory
        self.handler: subprocess.Popen[str] | None = None  # a program that keeps its unit
        self.handler_counter: Counter | None = None

    @property
    def port(self) -> int:
        return self.daemon.target().port

    @property
    def pid(self) -> int:
        return self.daemon.pid

    @property
    def pids(self) -> tuple[int, ...]:
        return (self.pid, self.handler.pid) if self.handler else (self.pid,)

    def stop(self) -> None:
        for pid in self.pids:
            os.kill(pid, signal.SIGSTOP)

    def go_on(self) -> None:
        for pid in reversed(self.pids):
            os.kill(pid, signal.SIGCONT)


def fill(path: pathlib.Path, piece_bytes: int = 1 << 20, unit_bytes: int = UNIT_BYTES) -> None:
    """Real data in every block, in the page cache, where they come anew and in pieces of this length.

    ext4 keeps what one call writes in one folio, of up to 2 MiB, and later looks at every block of a folio for each write to it: 4 KiB in a
    large one cost ten times as much as in a small one, whoever writes them.
    """
    data = os.urandom(1 << 20)
    with path.open("r+b" if path.exists() else "wb", buffering=0) as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        for _ in range(unit_bytes >> 20):
            for at in range(0, len(data), piece_bytes):
                file.write(data[at:at + piece_bytes])
        os.fsync(file.fileno())


def fill_over_the_wire(daemon: Targed, place: Place) -> None:
    """A unit in memory, too, is measured with data in it: blocks that were never written may cost less to read."""
    image = place.folder / "image"
    fill(image, unit_bytes=place.unit_bytes)
    subprocess.run([PROGRAMS / "image_copy", "--port", str(daemon.target().port), "--target", NAME, "--image", image, "--way", "to"],
                   check=True, capture_output=True, timeout=300)
    image.unlink()


def _setup(handler: str, place: Place, path: pathlib.Path | None = None) -> Setup:
    device = Device("unit", handler=handler, size=f"{place.unit_bytes >> 20}MiB", path=None if path is None else str(path))
    return Setup((device,), (Target(NAME, {0: "unit"}),), reactors=1)


def _loop(stack: contextlib.ExitStack, store: str, place: Place) -> pathlib.Path:
    """A loop device over a file that is full of data."""
    backing = place.folder / "backing"
    fill(backing, unit_bytes=place.unit_bytes)
    return stack.enter_context(loop_device(backing, past_its_cache=STORES[store].place == "disk"))


def _targe(stack: contextlib.ExitStack, store: str, place: Place) -> Peer:
    handler = STORES[store].handler
    setup = _setup(handler, place, _loop(stack, store, place) if handler == "block" else None)
    file = device_path(place.folder, setup.devices[0]) if handler == "file" else None
    if file:
        fill(file, unit_bytes=place.unit_bytes)
    targed = stack.enter_context(Targed(setup, place.folder, prefix=place.prefix))
    if handler == "ram":
        fill_over_the_wire(targed, place)
    return Peer("targe", targed, 0, place, file)


def _in_another_program(stack: contextlib.ExitStack, store: str, place: Place, beside: Place) -> list[Peer]:
    """And the same within targed."""
    kind = STORES[store].built_in
    targed = stack.enter_context(Targed(_setup("user", place), place.folder, prefix=place.prefix))
    peer = Peer("targe", targed, 0, place)
    if place.counter:
        peer.handler_counter = Counter(place.folder, "handler-counts")
    peer.handler = stack.enter_context(handler(targed, kind, place.unit_bytes, HANDLER_CPU, peer.handler_counter))
    built_in = Peer(BUILT_IN, stack.enter_context(Targed(_setup(kind, beside), beside.folder, prefix=beside.prefix)), 0, beside)
    if kind == "ram":
        fill_over_the_wire(targed, place)
        fill_over_the_wire(built_in.daemon, beside)
    return [peer, built_in]


def _tgt(stack: contextlib.ExitStack, store: str, tgt_store: str, place: Place) -> Peer:
    if STORES[store].handler == "block":
        setup = _setup("block", place, _loop(stack, store, place))
    else:
        setup = _setup("null" if tgt_store == "null" else "file", place)
    file = device_path(place.folder, setup.devices[0]) if setup.devices[0].handler == "file" else None
    if file:
        fill(file, unit_bytes=place.unit_bytes)
    return Peer(f"tgt {tgt_store}", stack.enter_context(Tgtd(setup, place.folder, tgt_store, prefix=place.prefix)), 1, place, file)


def _istgt(stack: contextlib.ExitStack, place: Place) -> Peer:
    setup = _setup("file", place)
    file = device_path(place.folder, setup.devices[0])
    fill(file, unit_bytes=place.unit_bytes)
    return Peer("istgt", stack.enter_context(Istgt(setup, place.folder, prefix=place.prefix)), 0, place, file)


def _bare(stack: contextlib.ExitStack, store: str, place: Place) -> Peer:
    file = None
    memory = place.unit_bytes if STORES[store].handler == "ram" else 0
    if STORES[store].handler == "file":
        file = place.folder / "bare.img"
        fill(file, unit_bytes=place.unit_bytes)
    return Peer("bare", stack.enter_context(Bare(NAME, file, memory, prefix=place.prefix)), 0, place, file)


@contextlib.contextmanager
def peers(store: str, folders: dict[str, pathlib.Path], wanted: tuple[str, ...], unit_bytes: int = UNIT_BYTES,
          counted: bool = False) -> Iterator[list[Peer]]:
    """Starts what one store needs, stopped; ends it afterwards."""
    root = folders[STORES[store].place or "disk"]

    def place(name: str) -> Place:
        return Place(root, name, unit_bytes, counted)

    with contextlib.ExitStack() as stack:
        found: list[Peer] = []
        another = STORES[store].handler == "user"
        if another and "targe" in wanted:
            found += _in_another_program(stack, store, place("targe"), place("built-in"))
        elif "targe" in wanted:
            found.append(_targe(stack, store, place("targe")))
        if "tgt" in wanted:
            found += [_tgt(stack, store, tgt_store, place(f"tgt-{tgt_store}")) for tgt_store in STORES[store].tgt_stores]
        # istgt and the bare socket go through the page cache, even of a block device: another kind of work.
        block = STORES[store].handler == "block"
        if "istgt" in wanted and store != "null" and not block and not another:
            found.append(_istgt(stack, place("istgt")))
        if "bare" in wanted and not block and not another:
            found.append(_bare(stack, store, place("bare")))
        if "bare" in wanted and store == "null":
            asleep = place("bare-asleep")
            found.append(Peer(BARE_ASLEEP, stack.enter_context(Bare(NAME, wait="sleep", prefix=asleep.prefix)), 0, asleep))
        for peer in found:
            peer.stop()
        try:
            yield found
        finally:
            for peer in found:
                peer.go_on()
    subprocess.run(["rm", "-rf", *(str(path) for path in root.iterdir())], check=True)
