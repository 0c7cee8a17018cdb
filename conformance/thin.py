"""A file system that runs full under a thin unit: initiators are told before (38/07), refused when there is no space (27/07) while
reads go on, and served again, without a reset, when there is; and blocks that are anchored, on a file system that can.

    conformance/thin.py
"""
from __future__ import annotations

import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable

import report
from harness import Targed
from iscsi_client import CHECK_CONDITION, TEST_UNIT_READY, Session, Task, inquiry, read16, write16
from report import Result
from setup import Device, Setup, Target

SUITE = "thin"
NAME = "iqn.2026-11.io.targe:thin"
MIB = 1 << 20
BLOCKS = MIB // 512  # of a piece
STORE_MIB, BALLAST_MIB, LEAST_MIB = 48, 8, 16
THRESHOLD, NO_SPACE = (6, 0x38, 7), (7, 0x27, 7)
LIMIT_S = 60.0  # for what takes a second


def once(session: Session, cdb: bytes, *, data: bytes = b"", read: int = 0, lun: int = 0) -> Task:
    """As it is answered, unit attentions and all."""
    task = session.submit(cdb, data=data, read=read, lun=lun)
    while task.status is None:
        session.collect()
    return task


def content(piece: int, generation: int) -> bytes:
    return struct.pack(">QQ", piece, generation) * (MIB // 16)


def quiet(session: Session, lun: int = 0) -> None:
    while once(session, TEST_UNIT_READY, lun=lun).status == CHECK_CONDITION:
        pass


def told(session: Session) -> None:
    """Asks until it is told of the threshold, and sees that it is told once."""
    end = time.monotonic() + LIMIT_S
    while (task := once(session, TEST_UNIT_READY)).status != CHECK_CONDITION:
        assert time.monotonic() < end, "nobody told of the threshold"
        time.sleep(0.1)
    assert task.sense_triple == THRESHOLD, task.sense_triple
    assert once(session, TEST_UNIT_READY).good, "told twice"


def log_page(session: Session) -> tuple[int, int]:
    """Available and used, in MiB: the size of a threshold set here."""
    task = once(session, bytes([0x4D, 0, 0x4C, 0, 0, 0, 0, 0, 64, 0]), read=64)
    assert task.good and len(task.data_in) == 28, task
    return struct.unpack_from(">I", task.data_in, 8)[0], struct.unpack_from(">I", task.data_in, 20)[0]


class Pieces:
    """What was acknowledged, of pieces of a MiB each."""

    def __init__(self) -> None:
        self.written: dict[int, int] = {}

    def write(self, session: Session, piece: int, generation: int) -> Task:
        task = once(session, write16(piece * BLOCKS, BLOCKS), data=content(piece, generation))
        if task.good:
            self.written[piece] = generation
        return task

    def check(self, session: Session) -> None:
        for piece, generation in self.written.items():
            task = once(session, read16(piece * BLOCKS, BLOCKS), read=MIB)
            assert task.good and bytes(task.data_in) == content(piece, generation), f"piece {piece}"


def fill_to_threshold(first: Session, second: Session, pieces: Pieces, generation: int) -> None:
    for piece in range(STORE_MIB - BALLAST_MIB - LEAST_MIB + 1):
        task = pieces.write(first, piece, generation)
        if not task.good:
            assert task.sense_triple == THRESHOLD, task.sense_triple  # the last of them may be told already
            assert pieces.write(first, piece, generation).good
            told(second)
            return
    told(first)
    told(second)


def run_full(first: Session, second: Session, ballast: pathlib.Path) -> None:
    pieces = Pieces()
    page = once(first, inquiry(0xB2), read=255).data_in
    assert page[4] == 11 and page[5] & 0xE0 == 0xE0 and page[6] & 7 == 2, page.hex()
    fill_to_threshold(first, second, pieces, 1)
    available, used = log_page(first)
    assert LEAST_MIB - 2 <= available < LEAST_MIB and used >= len(pieces.written), (available, used)
    piece = len(pieces.written)
    while (task := pieces.write(first, piece, 1)).good:
        piece += 1
    assert task.sense_triple == NO_SPACE, task.sense_triple
    for _ in range(3):
        assert pieces.write(second, piece, 2).sense_triple == NO_SPACE
        pieces.check(second)  # reads go on
    # Overwriting what has its space needs none.
    assert pieces.write(first, 3, 2).good
    ballast.unlink()
    assert pieces.write(first, piece, 3).good, "there is space again, and nothing was reset"
    assert pieces.write(second, piece + 1, 3).good
    pieces.check(first)


def logged_once(targed: Targed, text: str) -> None:
    assert targed.log().count(text) == 1, targed.log()[-2000:]


def be_told_again(first: Session, second: Session) -> None:
    ranges = struct.pack(">HHIQII", 22, 16, 0, 0, STORE_MIB * BLOCKS, 0)
    assert once(first, bytes([0x42, 0, 0, 0, 0, 0, 0, 0, len(ranges), 0]), data=ranges).good
    assert log_page(first)[0] == STORE_MIB, "what was unmapped is there again"
    time.sleep(1.1)  # a look a second: this one finds space
    assert once(first, TEST_UNIT_READY).good and once(second, TEST_UNIT_READY).good
    time.sleep(1.1)
    pieces = Pieces()
    for piece in range(STORE_MIB - LEAST_MIB + 1):
        while not pieces.write(first, piece, 4).good:
            pass
    told(second)


def anchor(session: Session) -> str | None:
    """Why it was not tested, or nothing."""
    if not once(session, inquiry(0xB2), read=255, lun=1).data_in[5] & 2:
        return "the file system here cannot allocate without writing, or does not tell"
    quiet(session, 1)
    # Much, and all of it on the disk first: file systems fill small gaps with zeroes that they write.
    for piece in range(4):
        assert once(session, write16(piece * BLOCKS, BLOCKS), data=b"x" * MIB, lun=1).good
    assert once(session, bytes([0x91]) + bytes(15), lun=1).good
    assert once(session, struct.pack(">BBQIBB", 0x93, 0x19, BLOCKS, 2 * BLOCKS, 0, 0), lun=1).good
    assert once(session, bytes([0x91]) + bytes(15), lun=1).good
    status = once(session, struct.pack(">BBQIBB", 0x9E, 0x12, BLOCKS, 24, 0, 0), read=24, lun=1).data_in
    assert struct.unpack_from(">QIB", status, 8) == (BLOCKS, 2 * BLOCKS, 2), status.hex()
    assert bytes(once(session, read16(BLOCKS, BLOCKS), read=MIB, lun=1).data_in) == bytes(MIB)
    return None


def _result(name: str, work: Callable[[], str | None]) -> Result:
    try:
        skipped = work()
    except AssertionError as error:
        return report.failed(SUITE, name, str(error) or repr(error))
    return report.skipped(SUITE, name, skipped) if skipped else report.passed(SUITE, name)


def _serve(folder: pathlib.Path, store: pathlib.Path) -> list[Result]:
    ballast = store / "ballast"
    ballast.write_bytes(os.urandom(BALLAST_MIB * MIB))
    devices = (Device("full", path=str(store / "full.img"), size="128MiB", thin=True, threshold_available=f"{LEAST_MIB}MiB"),
               Device("anchored", size="64MiB", thin=True))
    setup = Setup(devices, (Target(NAME, {0: "full", 1: "anchored"}),), reactors=2)
    with Targed(setup, folder) as targed:
        port = targed.target().port
        with Session(port, NAME, isid=1) as first, Session(port, NAME, isid=2) as second:
            quiet(first)
            quiet(second)
            return [_result("runs full, and goes on", lambda: run_full(first, second, ballast)),
                    _result("the log says so, once", lambda: logged_once(targed, f"{store / 'full.img'} finds no room")),
                    _result("is told again", lambda: be_told_again(first, second)),
                    _result("anchors", lambda: anchor(first))]


def run() -> list[Result]:
    folder = pathlib.Path(tempfile.mkdtemp(prefix="targe-test-"))
    store = folder / "store"
    store.mkdir()
    try:
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={STORE_MIB}m", "none", str(store)], capture_output=True, text=True)
        if mounted.returncode != 0:
            return [report.skipped(SUITE, "runs full, and goes on", f"no small file system: {mounted.stderr.strip()}")]
        try:
            return _serve(folder, store)
        finally:
            subprocess.run(["umount", "-l", str(store)], check=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    report.finish(run())
