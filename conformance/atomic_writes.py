"""kill -9 of targed in the middle of WRITE ATOMIC: each range is found as one write left it, the last that was answered or the one that
was under way, and never as parts of two.

    conformance/atomic_writes.py [--seed N] [--rounds N]
"""
from __future__ import annotations

import argparse
import pathlib
import random
import shutil
import struct
import tempfile
import threading
import time

import report
from harness import Targed
from iscsi_client import ProtocolError, Session, inquiry, read16
from report import Result
from setup import Device, Setup, Target

SUITE = "atomic writes"
NAME = "iqn.2026-11.io.targe:atomic"
RANGES, BLOCKS = 8, 512  # 256 KiB each
LIMIT = 2048  # blocks that the Block Limits page lets one write have: 1 MiB
BYTES = BLOCKS * 512


def write_atomic(lba: int, blocks: int) -> bytes:
    return struct.pack(">BBQHHBB", 0x9C, 0, lba, 0, blocks, 0, 0)


def content(generation: int) -> bytes:
    return struct.pack(">Q", generation) * (BYTES // 8)


class Load:
    """Writes until the daemon is killed. What is known of each range: the last that was answered, and what was under way."""

    def __init__(self, dice: random.Random) -> None:
        self.dice, self.generation, self.answers = dice, 0, 0
        self.sure = [0] * RANGES
        self.maybe: list[set[int]] = [set() for _ in range(RANGES)]
        self.killed = threading.Event()
        self.wrong: list[str] = []

    def run(self, port: int) -> None:
        try:
            with Session(port, NAME) as session:
                while True:
                    self.generation += 1
                    place = self.dice.randrange(RANGES)
                    self.maybe[place].add(self.generation)
                    task = session.command(write_atomic(place * BLOCKS, BLOCKS), data=content(self.generation))
                    if not task.good:
                        self.wrong.append(f"WRITE ATOMIC ended with {task.status} {task.sense_triple}")
                        return
                    self.sure[place], self.maybe[place] = self.generation, set()
                    self.answers += 1
        except (ProtocolError, OSError) as error:
            if not self.killed.is_set():
                self.wrong.append(f"before it was killed: {error}")

    def check(self, session: Session) -> list[str]:
        wrong = []
        for place in range(RANGES):
            task = session.command(read16(place * BLOCKS, BLOCKS), read=BYTES)
            while task.sense_triple == (2, 4, 1):  # becoming ready
                time.sleep(0.05)
                task = session.command(read16(place * BLOCKS, BLOCKS), read=BYTES)
            found = struct.unpack_from(">Q", task.data_in)[0]
            if bytes(task.data_in) != content(found):
                wrong.append(f"range {place} has parts of several writes")
            elif found not in {self.sure[place]} | self.maybe[place]:
                wrong.append(f"range {place} has write {found}, and {self.sure[place]} or {self.maybe[place]} was expected")
            self.sure[place], self.maybe[place] = found, set()
        return wrong


def run(seed: int | None = None, rounds: int = 15) -> list[Result]:
    seed = seed if seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"atomic writes: seed {seed}", flush=True)
    dice = random.Random(seed)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="targe-atomic-"))
    daemon = Targed(Setup((Device("disk", size="4MiB"),), (Target(NAME, {0: "disk"}),), reactors=2), folder)
    load, wrong, begin, replayed = Load(dice), [], time.monotonic(), 0
    try:
        for _ in range(rounds):
            daemon.start()
            load.killed.clear()
            worker = threading.Thread(target=load.run, args=(daemon.target().port,))
            worker.start()
            time.sleep(dice.uniform(0.05, 0.6))
            if not daemon.alive:
                wrong.append("it had ended before it was killed")
            load.killed.set()
            daemon.kill()
            worker.join()
            kept = folder / "state" / "unit.disk.atomic-write"
            replayed += kept.exists() and kept.stat().st_size > BYTES
            daemon.start()
            with Session(daemon.target().port, NAME) as session:
                limit = struct.unpack_from(">I", session.command(inquiry(0xB0), read=255).data_in, 44)[0]
                wrong += [] if limit == LIMIT else [f"MAXIMUM ATOMIC TRANSFER LENGTH is {limit}"]
                wrong += load.wrong + load.check(session)
            daemon.stop()
            if wrong:
                break
    finally:
        daemon.kill()
    if wrong or not load.answers:
        return [report.failed(SUITE, f"kill9 (seed {seed})", "\n".join(wrong[:8]) or "nothing was answered")]
    shutil.rmtree(folder)
    note = f"{rounds} kills, {load.answers} writes answered, {replayed} found under way, {time.monotonic() - begin:.0f} s"
    return [report.passed(SUITE, f"kill9 (seed {seed})", note)]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args()
    report.finish(run(options.seed, options.rounds))
