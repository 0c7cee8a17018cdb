"""kill -9 of targed in the middle of writes: everything that was acknowledged with FUA, or before a flush, is there.

    conformance/kill9.py [--seed N] [--rounds N]
"""
from __future__ import annotations

import argparse
import dataclasses
import pathlib
import random
import shutil
import tempfile
import time

import report
from harness import Targed
from iscsi_client import SYNCHRONIZE_CACHE, ProtocolError, Session, Task, inquiry, read16, write16
from report import Result
from setup import Device, Setup, Target

SUITE = "kill9"
BLOCK = 512
BLOCKS_A_WRITE = 8
SLOTS = 512  # places written to, each of BLOCKS_A_WRITE blocks
DEPTH = 16
NAME = "iqn.2026-11.io.targe:kill9"


def pattern(slot: int, generation: int) -> bytes:
    """What generation `generation` of a slot holds: each block says whose it is, so that a torn write shows."""
    return b"".join(f"slot {slot} block {block} generation {generation:010d}\n".encode().ljust(BLOCK, b".") for block in range(BLOCKS_A_WRITE))


@dataclasses.dataclass
class Slot:
    durable: int = 0  # the newest generation that must be there
    written: int = 0  # acknowledged, but not yet flushed
    issued: int = 0  # sent


class Ledger:
    """What the target has promised so far."""

    def __init__(self) -> None:
        self.slots = [Slot() for _ in range(SLOTS)]

    def check(self, number: int, data: bytes) -> str:
        """Empty, or what is wrong with what a slot holds now. Each block must be no older than what was promised."""
        slot = self.slots[number]
        for block in range(BLOCKS_A_WRITE):
            found = data[block * BLOCK:(block + 1) * BLOCK]
            good = [generation for generation in range(slot.durable, slot.issued + 1)
                    if found == (pattern(number, generation)[block * BLOCK:(block + 1) * BLOCK] if generation else bytes(BLOCK))]
            if not good:
                return (f"slot {number} block {block}: generation {slot.durable} was promised and {slot.issued} was the last sent; "
                        f"found {found[:48]!r}")
        return ""

    def settle(self, number: int, data: bytes) -> None:
        """After a crash: what is there now is what must stay. A slot whose last write was torn stays as uncertain
        as it was."""
        slot = self.slots[number]
        whole = [g for g in range(slot.durable, slot.issued + 1) if data == (pattern(number, g) if g else bytes(BLOCK * BLOCKS_A_WRITE))]
        if whole:
            slot.durable = slot.written = whole[-1]


def write_until_killed(daemon: Targed, ledger: Ledger, dice: random.Random, wrong: list[str]) -> int:
    """Writes at random, with FUA or with a flush now and then, until the daemon is killed. The number of promises."""
    session = Session(daemon.target().port, NAME, timeout=10)
    end = time.monotonic() + dice.uniform(0.2, 0.8)
    under_way: dict[int, tuple[int, int, bool]] = {}  # tag -> slot, generation, FUA
    promises, killed = 0, False

    def send() -> None:
        busy = {slot for slot, _, _ in under_way.values()}
        number = dice.choice([n for n in dice.sample(range(SLOTS), DEPTH + 1) if n not in busy])
        slot, fua = ledger.slots[number], dice.random() < 0.5
        slot.issued += 1
        task = session.submit(write16(number * BLOCKS_A_WRITE, BLOCKS_A_WRITE, fua=fua), data=pattern(number, slot.issued))
        under_way[task.tag] = (number, slot.issued, fua)

    def take(task: Task | None) -> int:
        if task is None or task.tag not in under_way:
            return 0
        number, generation, fua = under_way.pop(task.tag)
        if not task.good:
            wrong.append(f"a write to slot {number} ended with status {task.status}, sense {task.sense_triple}")
            return 0
        ledger.slots[number].written = generation
        if fua:
            ledger.slots[number].durable = generation
        return int(fua)

    try:
        session.command(bytes(6))  # takes the unit attentions of a new session
        while True:
            while len(under_way) < DEPTH:
                send()
            promises += take(session.collect())
            if dice.random() < 0.01:
                written = [slot.written for slot in ledger.slots]
                flush = session.submit(SYNCHRONIZE_CACHE)
                while flush.status is None:
                    promises += take(session.collect())
                if flush.good:
                    for slot, generation in zip(ledger.slots, written):
                        slot.durable = max(slot.durable, generation)
                    promises += 1
                else:
                    wrong.append(f"a flush ended with status {flush.status}, sense {flush.sense_triple}")
            if time.monotonic() > end and daemon.alive:
                assert daemon.process
                killed = True
                daemon.process.kill()  # while answers are still on their way
    except (ProtocolError, OSError) as error:
        if not killed:
            wrong.append(f"before it was killed: {error}")
    finally:
        session.close()
        daemon.kill()
    return promises


def verify(daemon: Targed, ledger: Ledger) -> list[str]:
    wrong: list[str] = []
    with Session(daemon.target().port, NAME) as session:
        for number in range(SLOTS):
            task = session.command(read16(number * BLOCKS_A_WRITE, BLOCKS_A_WRITE), read=BLOCK * BLOCKS_A_WRITE)
            if not task.good:
                wrong.append(f"slot {number} cannot be read: status {task.status}")
                continue
            wrong += filter(None, [ledger.check(number, bytes(task.data_in))])
            ledger.settle(number, bytes(task.data_in))
    return wrong


def identity(daemon: Targed) -> bytes:
    with Session(daemon.target().port, NAME) as session:
        return bytes(session.command(inquiry(0x80), read=255).data_in) + bytes(session.command(inquiry(0x83), read=255).data_in)


def run(seed: int | None = None, rounds: int = 6) -> list[Result]:
    seed = seed if seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"kill9: seed {seed}", flush=True)
    dice, ledger, results, kept = random.Random(seed), Ledger(), [], 0
    folder = pathlib.Path(tempfile.mkdtemp(prefix="targe-kill9-"))
    daemon = Targed(Setup((Device("disk", size="16MiB", thin=True),), (Target(NAME, {0: "disk"}),)), folder)
    try:
        daemon.start()
        before = identity(daemon)
        for number in range(rounds):
            wrong: list[str] = []
            promises = write_until_killed(daemon, ledger, dice, wrong)
            daemon.start()
            wrong += verify(daemon, ledger)
            if identity(daemon) != before:
                wrong.append("the unit has another serial number or designator than before the kill")
            name = f"round{number} (seed {seed})"
            note = "\n".join(wrong[:5])
            results.append(report.failed(SUITE, name, note) if wrong else report.passed(SUITE, name, f"{promises} promises kept"))
            kept += promises
        daemon.stop()
    finally:
        daemon.kill()
    if not kept:
        results.append(report.failed(SUITE, f"promises (seed {seed})", "nothing was promised"))
    shutil.rmtree(folder)
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--rounds", type=int, default=6)
    options = parser.parse_args()
    report.finish(run(options.seed, options.rounds))
