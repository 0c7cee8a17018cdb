"""A disk at command level that leaves WRITE SAME and copies to targed, which writes and copies by commands to the same handler.

    conformance/handler_remaps.py
"""
from __future__ import annotations

import random
import struct
import sys
import threading
import time
from collections.abc import Callable

import report
from handler_commands import LIMIT_S, Wrong, await_attached, expect, once
from handlers import Handler, settled, socket_of
from harness import ROOT, Targed
from iscsi_client import TEST_UNIT_READY, Session, Task, read16, write16
from report import Result
from setup import Device, Setup, Target

SUITE = "handler remaps"
NAME = "iqn.2026-11.io.targe:remaps"
BLOCK = 512
PIECE = 256  # blocks, of what targed asks the handler for
RESET = 5


def write_same(lba: int, blocks: int, flags: int = 0) -> bytes:
    return struct.pack(">BBQI2x", 0x93, flags, lba, blocks)


def toy_copy(opcode: int, source: int, lba: int, blocks: int) -> bytes:
    return bytes([opcode, 0]) + source.to_bytes(3, "big") + lba.to_bytes(3, "big") + blocks.to_bytes(2, "big")


def extended_copy(*segments: tuple[int, int, int]) -> tuple[bytes, bytes]:
    """CDB and parameter list (LID1) of segments from block to block: LBA, blocks, LBA of the source. The toy asks for no CSCD descriptors."""
    each = b"".join(struct.pack(">BxH4x2xHQQ", 0x02, 24, blocks, source, lba) for lba, blocks, source in segments)
    parameters = bytes(8) + struct.pack(">I", len(each)) + bytes(4) + each
    return bytes([0x83]) + bytes(9) + struct.pack(">I", len(parameters)) + bytes(2), parameters


def read(session: Session, lba: int, blocks: int) -> bytes:
    """In pieces, as much as one command may move."""
    return b"".join(bytes(session.command(read16(at, min(PIECE, lba + blocks - at)), read=min(PIECE, lba + blocks - at) * BLOCK).data_in)
                    for at in range(lba, lba + blocks, PIECE))


def generated(session: Session) -> tuple[int, int]:
    """Of targed's commands since this was asked last: how many there were, and how many the handler found aborted."""
    all_, aborted = bytes(session.command(bytes([0xC1]) + bytes(9), read=64).data_in).split()
    return int(all_), int(aborted)


def slow(session: Session, hundredths: int) -> None:
    expect(session.command(bytes([0xC0, 0, hundredths, 0, 0, 0])).good, True, "a command that makes the disk slow")


def writing_same(session: Session, other: Session) -> None:
    block = random.Random(1).randbytes(BLOCK)
    expect(session.command(write16(0, 1), data=b"x" * BLOCK).good, True, "WRITE(16)")
    expect(generated(session)[0], 0, "commands of targed's own")
    expect(session.command(write_same(1, 3000), data=block).good, True, "WRITE SAME(16)")
    expect(generated(session), (12, 0), "commands of targed's own, of two ranges")
    expect(read(session, 0, 3002) == b"x" * BLOCK + block * 3000 + bytes(BLOCK), True, "what was written, and nothing beside it")
    expect(session.command(write_same(100, 50, flags=1)).good, True, "WRITE SAME(16) without data-out")
    expect(read(session, 99, 52) == block + bytes(50 * BLOCK) + block, True, "zeroes in its place")


def copying(session: Session, other: Session) -> None:
    data = random.Random(2).randbytes(PIECE * BLOCK)
    for at in (0, PIECE):
        expect(session.command(write16(at, PIECE), data=data[at:] + data[:at]).good, True, "WRITE(16)")
    content = read(session, 0, 2 * PIECE)
    cdb, parameters = extended_copy((10_000, 300, 0), (20_000, 200, 10_100), (30_000, 1, 511))
    generated(session)
    expect(session.command(cdb, data=parameters).good, True, "EXTENDED COPY")
    expect(generated(session), (8, 0), "commands of targed's own")
    expect(read(session, 10_000, 300) == content[:300 * BLOCK], True, "the first segment")
    expect(read(session, 20_000, 200) == content[100 * BLOCK:300 * BLOCK], True, "the second, from what the first had written")
    expect(read(session, 30_000, 1) == content[511 * BLOCK:], True, "the third")
    expect(session.command(toy_copy(0xC5, 0, 40_000, 500)).good, True, "a copy of the handler's own")
    expect(read(session, 40_000, 500) == content[:500 * BLOCK], True, "what it has copied")


def failing(session: Session, other: Session) -> None:
    expect(session.command(write_same(65_536 - 100, 200), data=bytes(BLOCK)).sense_triple, (5, 0x21, 0), "WRITE SAME(16) beyond the end")
    expect(session.command(toy_copy(0xC6, 0, 100, 5)).sense_triple, (4, 0x44, 0), "a copy by a command that does not say that it writes")
    expect(session.command(toy_copy(0xC5, 0, 100, 101)).sense_triple, (4, 0x44, 0), "a copy onto its own source")
    expect(session.command(write_same(0, 0), data=bytes(BLOCK)).sense_triple, (4, 0x44, 0), "WRITE SAME(16) of no blocks at all")


def reserved(session: Session, other: Session) -> None:
    settled(other, TEST_UNIT_READY)
    expect(session.command(bytes([0x16]) + bytes(5)).good, True, "RESERVE(6)")
    expect(other.command(write_same(0, 8), data=bytes(BLOCK)).status, 0x18, "WRITE SAME(16) of another nexus")
    expect(session.command(write_same(0, 8), data=bytes(BLOCK)).good, True, "WRITE SAME(16) of the one that holds the reservation")
    expect(session.command(bytes([0x17]) + bytes(5)).good, True, "RELEASE(6)")


def aborting(session: Session, other: Session) -> None:
    settled(other, TEST_UNIT_READY)
    generated(session)
    slow(session, 200)
    session.submit(write_same(0, 20_000), data=b"a" * BLOCK)
    while settled(other, TEST_UNIT_READY).good and (begun := generated(other)[0]) == 0:
        time.sleep(0.02)
    expect(other.manage(RESET), 0, "LOGICAL UNIT RESET")
    settled(other, TEST_UNIT_READY)
    more, aborted = generated(other)
    expect((begun + more, aborted), (8, 8), "commands of targed's own, and those of them that were aborted")
    time.sleep(1)
    expect(generated(other), (0, 0), "commands afterwards")
    slow(other, 0)


def killed(session: Session, handler: Handler) -> None:
    settled(session, TEST_UNIT_READY)
    slow(session, 200)
    begun = session.submit(write_same(0, 20_000), data=b"k" * BLOCK)
    timer = threading.Timer(0.25, handler.restart)
    timer.start()
    while begun.status is None:
        session.collect()
    timer.join()
    expect(begun.sense_triple, (0xB, 0x44, 0), "the command that was under way")
    expect(once(session, TEST_UNIT_READY).sense_triple, (6, 0x29, 0x04), "the next")
    expect(settled(session, TEST_UNIT_READY).good, True, "the one after it")
    expect(generated(session), (0, 0), "commands of targed's own to the next handler")


def in_turn(daemon: Targed, check: Callable[[Session, Session], None]) -> Result:
    name, port = check.__name__, daemon.target().port
    with Session(port, NAME, timeout=LIMIT_S) as session, Session(port, NAME, initiator="iqn.2026-11.io.targe:other", timeout=LIMIT_S) as other:
        try:
            settled(session, TEST_UNIT_READY)
            check(session, other)
        except Wrong as wrong:
            return report.failed(SUITE, name, str(wrong))
    return report.passed(SUITE, name)


def read_only(daemon: Targed) -> Result:
    """A unit that is write protected: none of them reaches the handler."""
    with Session(daemon.target().port, NAME, timeout=LIMIT_S) as session:
        settled(session, TEST_UNIT_READY, lun=1)
        tasks: list[Task] = [session.command(write_same(0, 8), data=bytes(BLOCK), lun=1), session.command(write16(0, 1), data=bytes(BLOCK), lun=1),
                             session.command(toy_copy(0xC5, 0, 100, 5), lun=1)]
    found = [task.sense_triple for task in tasks]
    return report.passed(SUITE, "read only") if found == [(7, 0x27, 0)] * 3 else report.failed(SUITE, "read only", str(found))


def run() -> list[Result]:
    devices = tuple(Device(name, handler="user", size="", type="disk", deadline="300s", read_only=name == "locked") for name in ("disk", "locked"))
    with Targed(Setup(devices, (Target(NAME, {0: "disk", 1: "locked"}),))) as daemon:
        disk, locked = ((sys.executable, str(ROOT / "conformance" / "toy_disk.py"), socket_of(daemon, device.name)) for device in devices)
        with Handler(daemon, "disk", *disk) as handler, Handler(daemon, "locked", *locked):
            await_attached(daemon, 2)
            results = [in_turn(daemon, check) for check in (writing_same, copying, failing, reserved, aborting)]
            results.append(read_only(daemon))

            def killing(session: Session, _other: Session) -> None:
                killed(session, handler)

            results.append(in_turn(daemon, killing))
    return results


if __name__ == "__main__":
    found = run()
    print(*found, sep="\n")
    raise SystemExit(1 if report.count(found, report.Verdict.FAILED) else 0)
