"""A virtual tape library served by targe-vtl: what initiators see of it over iSCSI, and what is left when it is killed.

    conformance/tape_library.py [--seed N] [--kills N]
"""
from __future__ import annotations

import argparse
import pathlib
import random
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable

import report
from handler_commands import Wrong, expect
from handlers import Handler, settled
from harness import PROGRAMS, Targed
from iscsi_client import Session, Task, inquiry
from report import Result
from setup import Setup
from tape_administration import administered
from tape_initiator import (DRIVE, END_OF_DATA, END_OF_MEDIUM, FILEMARK, ILI, LUN, MODES_CHANGED, NEW_MEDIUM, RESET, SLOT, TEST_UNIT_READY, cdb6,
                            collected, marked, move_cdb, moved, once_at, read, rewound, wrote)
from tapes import NAME, Tapes

SUITE = "tape-library"
LIMIT_S = 60.0
FIXED_512 = bytes([0, 0, 0x10, 8]) + bytes(5) + (512).to_bytes(3, "big")  # a parameter list of MODE SELECT(6)


def identity(session: Session, other: Session, tapes: Tapes) -> None:
    for lun, unit in enumerate([tapes.description["changer"], *tapes.description["drives"]]):
        standard = bytes(settled(session, inquiry(), read=255, lun=lun).data_in)
        expect((standard[0], standard[1] & 0x80), (1 if lun else 8, 0x80), f"type and RMB of LUN {lun}")
        expect(standard[8:36], f"{unit['vendor']:8}{unit['product']:16}{unit['revision']:4}".encode(), f"names of LUN {lun}")
        serial = bytes(session.command(inquiry(0x80), read=255, lun=lun).data_in)[4:]
        expect(serial.decode().strip(), unit["serial"], f"serial number of LUN {lun}")
    expect(bytes(session.command(inquiry(0), read=255, lun=1).data_in)[4:].hex(), "0080838688b0b1b2", "VPD pages of a drive")
    expect(session.command(bytes([0xD7]) + bytes(9), lun=1).sense_triple, (5, 0x20, 0), "an operation code that no drive has")


def load(session: Session, other: Session, tapes: Tapes) -> None:
    for each in (session, other):
        settled(each, TEST_UNIT_READY, lun=LUN)
        settled(each, TEST_UNIT_READY)
    expect(once_at(session, TEST_UNIT_READY, LUN).sense_triple, (2, 0x3A, 0), "a drive without a cartridge")
    moved(session, SLOT, DRIVE)
    for each in (session, other):
        expect(once_at(each, TEST_UNIT_READY, LUN).sense_triple, NEW_MEDIUM, "the next command for the drive")
        expect(once_at(each, TEST_UNIT_READY, LUN).good, True, "the one after it")
    status = bytes(session.command(bytes([0xB8, 0x10]) + bytes(2) + b"\xff\xff\x00\x00\xff\xff" + bytes(2), read=65535).data_in)
    expect(b"A00001L6" in status and b"A00003L6" in status, True, "volume tags in the element status")
    expect(session.command(move_cdb(SLOT, DRIVE + 1)).sense_triple, (5, 0x3B, 0x0E), "a move from an empty slot")
    expect(session.command(move_cdb(SLOT + 1, DRIVE)).sense_triple, (5, 0x3B, 0x0D), "a move into a full drive")


def blocks(session: Session, other: Session, tapes: Tapes) -> None:
    dice = random.Random(3)
    records = [dice.randbytes(size) for size in (1, 511, 512, 4096, 65_537, 262_144, 1 << 20, 8 << 20)]
    rewound(session)
    wrote(session, *records)
    marked(session)
    rewound(session)
    for record in records:
        task = read(session, len(record))
        expect((task.good, bytes(task.data_in) == record), (True, True), f"a block of {len(record)} bytes")
    mark = read(session, 100)
    expect((mark.sense_triple, mark.sense[2] & FILEMARK), ((0, 0, 1), FILEMARK), "a filemark")
    expect(read(session, 100).sense_triple, END_OF_DATA, "the end of data")
    rewound(session)
    expect(read(session, 1).good, True, "the first block")
    short = read(session, 1000)
    expect((bytes(short.data_in), short.residual, short.sense[2], int.from_bytes(short.sense[3:7], "big")), (records[1], 489, ILI, 489), "a read that asks for too much")


def others_are_told(session: Session, other: Session, tapes: Tapes) -> None:
    settled(other, TEST_UNIT_READY, lun=LUN)
    expect(settled(session, bytes([0x15, 0x10, 0, 0, len(FIXED_512), 0]), data=FIXED_512, lun=LUN).good, True, "MODE SELECT(6)")
    expect(once_at(session, TEST_UNIT_READY, LUN).good, True, "its own next command")
    expect(once_at(other, TEST_UNIT_READY, LUN).sense_triple, MODES_CHANGED, "that of another nexus")
    expect(block_length(session), 512, "the block length that was set")
    expect(session.manage(5, lun=LUN), 0, "LOGICAL UNIT RESET")
    expect(block_length(session), 0, "the block length after a reset")


def block_length(session: Session) -> int:
    sensed = bytes(settled(session, bytes([0x1A, 0, 0x10, 0, 255, 0]), read=255, lun=LUN).data_in)
    return int.from_bytes(sensed[9:12], "big")


def prevented(session: Session, other: Session, tapes: Tapes) -> None:
    with Session(other.socket.getpeername()[1], NAME, initiator="iqn.2026-11.io.targe:third", timeout=LIMIT_S) as third:
        expect(settled(third, bytes([0x1E, 0, 0, 0, 1, 0]), lun=LUN).good, True, "PREVENT MEDIUM REMOVAL")
        expect(settled(session, move_cdb(DRIVE, SLOT)).sense_triple[:2], (5, 0x53), "a move out of a drive that prevents it")
    # The drive hears that its nexus has gone, of which the changer knows nothing.
    end = time.monotonic() + LIMIT_S
    while settled(session, move_cdb(DRIVE, SLOT)).sense_triple[:2] == (5, 0x53) and time.monotonic() < end:
        time.sleep(0.01)
    moved(session, SLOT, DRIVE)
    settled(session, TEST_UNIT_READY, lun=LUN)


def both_drives(session: Session, other: Session, tapes: Tapes) -> None:
    """Each has what was written to it, and they were written at once."""
    moved(session, SLOT + 1, DRIVE + 1)
    data = {LUN: b"a" * 100_000, LUN + 1: b"b" * 70_000}
    for each, lun in ((session, LUN), (other, LUN + 1)):
        rewound(each, lun)
    wrong: list[str] = []

    def fill(each: Session, lun: int) -> None:
        try:
            for _ in range(50):
                wrote(each, data[lun], lun=lun)
            marked(each, lun)
        except Exception as error:  # noqa: BLE001 - told below
            wrong.append(f"LUN {lun}: {error}")

    threads = [threading.Thread(target=fill, args=each) for each in ((session, LUN), (other, LUN + 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect(wrong, [], "two writers")
    for each, lun in ((session, LUN), (other, LUN + 1)):
        rewound(each, lun)
        for _ in range(50):
            expect(bytes(read(each, 1 << 20, lun).data_in) == data[lun], True, f"a block of LUN {lun}")
    expect(settled(session, move_cdb(DRIVE + 1, SLOT + 1)).good, True, "the other cartridge goes back")


def end_of_medium(session: Session, other: Session, tapes: Tapes) -> None:
    """Early warning comes before the end, and what was acknowledged is there."""
    moved(session, DRIVE, SLOT)
    moved(session, SLOT + 2, DRIVE)
    rewound(session)
    dice = random.Random(4)
    record, count = dice.randbytes(100_000), 0
    for _ in range(200):
        task = session.command(cdb6(0x0A, len(record)), data=record, lun=LUN)
        count += 1
        if not task.good:
            break
    expect((task.sense_triple, task.sense[2] & END_OF_MEDIUM), ((0, 0, 2), END_OF_MEDIUM), "the early warning")
    marked_at_end = session.command(cdb6(0x10, 1), lun=LUN)
    expect(marked_at_end.good or marked_at_end.sense_triple == (0, 0, 2), True, "a filemark behind it")
    rewound(session)
    found = 0
    while bytes(read(session, len(record)).data_in) == record:
        found += 1
    expect(found, count, "blocks that were written up to it")
    moved(session, DRIVE, SLOT + 2)
    moved(session, SLOT, DRIVE)
    settled(session, TEST_UNIT_READY, lun=LUN)


CHECKS: tuple[Callable[[Session, Session, Tapes], None], ...] = (
    identity, load, blocks, others_are_told, prevented, both_drives, end_of_medium, administered)


def checked(daemon: Targed, tapes: Tapes) -> list[Result]:
    results = []
    port = daemon.target().port
    for check in CHECKS:
        name = check.__name__.replace("_", " ")
        with Session(port, NAME, timeout=LIMIT_S) as session, Session(port, NAME, initiator="iqn.2026-11.io.targe:other", timeout=LIMIT_S) as other:
            try:
                check(session, other, tapes)
                results.append(report.passed(SUITE, name))
            except Wrong as wrong:
                results.append(report.failed(SUITE, name, str(wrong)))
    return results


def held_write(session: Session, handler: Handler, tapes: Tapes, daemon: Targed) -> None:
    """A WRITE that comes while nobody serves must not be done at the beginning of a tape that was elsewhere before."""
    rewound(session)
    wrote(session, b"first", b"second")
    marked(session)
    handler.kill()
    late = session.submit(cdb6(0x0A, 5), data=b"third", lun=LUN)
    handler.restart()
    while late.status is None:
        session.collect()
    expect(late.sense_triple in (RESET, (0xB, 0x44, 0)), True, f"{late.sense_triple} is what it ends with")
    tapes.await_serving(handler)
    rewound(session)
    expect([bytes(read(session, 100).data_in) for _ in range(2)], [b"first", b"second"], "the tape")
    expect(read(session, 100).sense_triple, (0, 0, 1), "its filemark")
    expect(read(session, 100).sense_triple, END_OF_DATA, "its end")


def killed(session: Session, handler: Handler, dice: random.Random, kills: int) -> str:
    """Files of blocks, each with a filemark that was answered before the next begins; kill -9 at any time. Returns what was done."""
    # Never empty: what comes after a reset is refused at the beginning of a tape only where it would overwrite something.
    files: list[list[bytes]] = [[b"the first file"]]
    lost = 0
    rewound(session)
    wrote(session, *files[0])
    marked(session)
    for _ in range(kills):
        timer = threading.Timer(dice.uniform(0.0, 0.5), handler.restart)
        timer.start()
        under_way: list[bytes] = []
        while True:
            under_way = [dice.randbytes(dice.choice((100, 5_000, 70_000))) for _ in range(dice.randrange(1, 6))]
            tasks = [once_with(session, block) for block in under_way]
            mark = once_at(session, cdb6(0x10, 1), LUN)
            if not mark.good or not all(task.good for task in tasks):
                break
            files.append(under_way)
        timer.join()
        told = [task.sense_triple for task in (*tasks, mark) if not task.good]
        while RESET not in told:
            told.append(once_at(session, TEST_UNIT_READY, LUN).sense_triple)
            expect(told[-1][0] in (0, 6, 0xB), True, f"{told} after a kill")
            expect(len(told) < 20, True, f"no reset is told of: {told}")
        # What came after the reset was told of is at the beginning of the tape: nothing may have been written there.
        lost += appended_at_the_end(session, files, under_way)
    return f"{kills} kills, {len(files)} files, {lost} that were not complete"


def once_with(session: Session, block: bytes) -> Task:
    session.submit(cdb6(0x0A, len(block)), data=block, lun=LUN)
    return collected(session)


def appended_at_the_end(session: Session, files: list[list[bytes]], begun: list[bytes]) -> int:
    """Reads the whole tape, and leaves it where the next file begins. Whether the last one was not complete."""
    rewound(session)
    for number, blocks_ in enumerate(files):
        for block in blocks_:
            expect(bytes(read(session, 100_000).data_in) == block, True, f"a block of file {number} of {len(files)}")
        expect(read(session, 100_000).sense_triple, (0, 0, 1), f"the filemark of file {number}")
    rest: list[bytes] = []
    while True:
        task = read(session, 100_000)
        if task.sense_triple in (END_OF_DATA, (0, 0, 1)):
            break
        rest.append(bytes(task.data_in))
    expect(rest == begun[:len(rest)], True, f"{sizes(rest)} behind the last filemark is the beginning of {sizes(begun)}")
    if task.sense_triple == (0, 0, 1):
        expect(len(rest), len(begun), "blocks of a file whose filemark was written and not answered")
        files.append(begun)
        return 0
    # The next file begins behind the last filemark.
    rewound(session)
    expect(session.command(cdb6(0x11, len(files), 1), lun=LUN).good, True, "SPACE over all filemarks")
    expect(session.command(cdb6(0x19), lun=LUN).good, True, "ERASE of what is not complete")
    return 1


def sizes(blocks_: list[bytes]) -> list[int]:
    return [len(block) for block in blocks_]


def survived(daemon: Targed, tapes: Tapes, handler: Handler, seed: int, kills: int) -> list[Result]:
    results = []
    with Session(daemon.target().port, NAME, timeout=LIMIT_S) as session:
        settled(session, TEST_UNIT_READY)
        for name, check in (("held write", lambda: held_write(session, handler, tapes, daemon)),
                            ("kill -9", lambda: killed(session, handler, random.Random(seed), kills))):
            try:
                results.append(report.passed(SUITE, name, f"{check() or ''} seed={seed}"))
            except Wrong as wrong:
                results.append(report.failed(SUITE, name, f"{wrong} seed={seed}"))
    return results


def restarted(daemon: Targed, tapes: Tapes, handler: Handler) -> list[Result]:
    """A new targed finds the targe-vtl that served the last one, and its drives as after the reset that initiators are told of."""
    with Session(daemon.target().port, NAME, timeout=LIMIT_S) as session:
        rewound(session)
        wrote(session, b"before")
        marked(session)
        session.command(bytes([0x15, 0x10, 0, 0, len(FIXED_512), 0]), data=FIXED_512, lun=LUN)
        lengths = [block_length(session)]
    daemon.restart()
    with Session(daemon.target().port, NAME, timeout=LIMIT_S) as session:
        first = once_at(session, TEST_UNIT_READY, LUN)
        lengths.append(block_length(session))
        rewound(session)
        found = bytes(read(session, 100).data_in)
    good = first.sense_triple[:2] == (6, 0x29) and found == b"before" and lengths == [512, 0] and handler.process.poll() is None
    return [report.passed(SUITE, "a new targed") if good else report.failed(SUITE, "a new targed", f"{first.sense_triple}, {found!r}, {lengths}")]


def said(tapes: Tapes, daemon: Targed, *more: str, library: pathlib.Path | None = None) -> tuple[int, str]:
    done = subprocess.run([PROGRAMS / "targe-vtl", library or tapes.folder, "--socket-dir", daemon.folder, "--wait", "0", *more],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT_S)
    return done.returncode, done.stderr


def refusals(tapes: Tapes, daemon: Targed, serving: bool) -> list[Result]:
    empty = daemon.folder / "empty"
    empty.mkdir(exist_ok=True)
    damaged = daemon.folder / "damaged"
    (damaged / "cartridges").mkdir(parents=True, exist_ok=True)
    (damaged / "library.json").write_text("x")
    cases = {"another process": (said(tapes, daemon), "is in use by another process")} if serving else {
        "no library": (said(tapes, daemon, library=daemon.folder / "nothing"), "nothing"),
        "a folder that is none": (said(tapes, daemon, library=empty), "is no library"),
        "a damaged library": (said(tapes, daemon, library=damaged), "try: restore that file from a copy"),
        "no device": (said(tapes, daemon, "--name", "elsewhere"), "elsewhere-changer.handler.sock"),
    }
    return [report.passed(SUITE, name) if status == 1 and wanted in text and "try:" in text else report.failed(SUITE, name, f"{status}: {text}")
            for name, ((status, text), wanted) in cases.items()]


def stopped_while_waiting(tapes: Tapes, daemon: Targed) -> Result:
    """Whoever waits for a targed that does not come can be told to stop."""
    waiting = subprocess.Popen([PROGRAMS / "targe-vtl", tapes.folder, "--name", "elsewhere", "--socket-dir", daemon.folder, "--wait", "3600"],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    end = time.monotonic() + LIMIT_S
    while (tapes.folder / "lock").read_text().strip() != str(waiting.pid) and time.monotonic() < end:
        time.sleep(0.02)
    waiting.terminate()
    try:
        text, _ = waiting.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        waiting.kill()
        text = "it goes on waiting"
    good = (waiting.wait(), text) == (0, "")
    return report.passed(SUITE, "SIGTERM while it waits") if good else report.failed(SUITE, "SIGTERM while it waits", f"status {waiting.returncode}: {text}")


def far_down(tapes: Tapes, daemon: Targed) -> list[Result]:
    """A folder that is too far down for a socket in it is served as the message says."""
    home, far, short = tapes.folder, tapes.folder.parent / ("d" * 100) / tapes.folder.name, tapes.folder.parent / "short"
    far.parent.mkdir()
    tapes.folder = home.rename(far)
    advice = f"try: ln -s {far} SHORT, then targe-vtl SHORT --name {far.name}; also name it SHORT to targe vtl"
    status, text = said(tapes, daemon)
    seen = [device.name for device in tapes.devices if f"{device.name}: handler targe-vtl" in daemon.log()]
    refused = status == 1 and "the system takes 107 for a socket" in text and advice in text and not seen
    results = [report.passed(SUITE, "far down") if refused else report.failed(SUITE, "far down", f"{status}: {text}; {seen} were served")]
    short.symlink_to(far)
    tapes.folder = short
    with tapes.serve(daemon, "--name", far.name) as handler:
        listed = tapes.vtl("list")
        tapes.folder = far
        by_far = tapes.refused("list")
    good = "A00001L6" in listed and "by a shorter name" in by_far and handler.status == 0
    results.append(report.passed(SUITE, "far down, as advised") if good else report.failed(SUITE, "far down, as advised", f"{listed} {by_far} {handler.status}"))
    tapes.folder = far.rename(home)
    return results


def fragment(tapes: Tapes, daemon: Targed) -> Result:
    """What `targe vtl config` prints is a configuration."""
    path = daemon.folder / "fragment.toml"
    path.write_text(tapes.vtl("config"))
    done = subprocess.run([PROGRAMS / "targed", "--check", "--config", path], capture_output=True, text=True, timeout=LIMIT_S)
    good = done.returncode == 0 and "3 devices and 1 targets" in done.stdout
    return report.passed(SUITE, "configuration") if good else report.failed(SUITE, "configuration", done.stdout + done.stderr)


def run(seed: int | None = None, kills: int = 25) -> list[Result]:
    seed = random.SystemRandom().randrange(1 << 32) if seed is None else seed
    print(f"   tape-library: seed={seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="targe-tapes-") as folder:
        tapes = Tapes(pathlib.Path(folder) / "tapes")
        with Targed(Setup(tapes.devices, (tapes.target(),))) as daemon:
            results = [fragment(tapes, daemon), *refusals(tapes, daemon, serving=False), stopped_while_waiting(tapes, daemon),
                       *far_down(tapes, daemon)]
            with tapes.serve(daemon) as handler:
                results += refusals(tapes, daemon, serving=True)
                results += checked(daemon, tapes)
                results += survived(daemon, tapes, handler, seed, kills)
                results += restarted(daemon, tapes, handler)
            results.append(report.passed(SUITE, "SIGTERM") if handler.status == 0 else report.failed(SUITE, "SIGTERM", f"status {handler.status}"))
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--kills", type=int, default=25)
    options = parser.parse_args()
    report.finish(run(options.seed, options.kills))
