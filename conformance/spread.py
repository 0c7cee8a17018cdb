"""Busy sessions that are all on one reactor spread over both, while they write and verify: no error, no wrong byte, nothing forgotten."""
from __future__ import annotations

import random
import struct
import sys
import threading
import time

import report
from harness import Targed
from iscsi_client import Session, Task, read16
from report import Result
from setup import Device, Setup, Target

SUITE = "spread"
SESSIONS = 4
SPREAD_LIMIT_S = 60.0  # some 4 s where the machine has nothing else to do
GOES_ON_S = 1.0  # after the last move
BLOCK = 512
BLOCKS = 8192  # of one WRITE SAME, which makes the target work much for little of ours
DEPTHS = (1, 1, 4, 16)
KEY = 0x5eed
GOOD, CONFLICT = 0, 0x18


def write_same16(lba: int, blocks: int) -> bytes:
    return bytes([0x93, 0]) + lba.to_bytes(8, "big") + blocks.to_bytes(4, "big") + bytes(2)


def reserve_out(action: int, kind: int = 0) -> bytes:
    return bytes([0x5F, action, kind, 0, 0, 0, 0, 0, 24, 0])


class Worker(threading.Thread):
    """Fills its own part of the unit with one pattern after the other, several commands at a time, and reads back what it wrote."""

    def __init__(self, port: int, target: str, number: int, seed: int) -> None:
        super().__init__(name=f"worker {number}")
        self.number = number
        self.depth = DEPTHS[number % len(DEPTHS)]
        self.random = random.Random(seed * 1000 + number)
        self.session = Session(port, target, initiator=f"iqn.2026-11.io.targe:worker{number}", isid=number + 1)
        self.session.command(bytes(6))
        self.first = number * self.depth_max() * BLOCKS
        self.done = threading.Event()
        self.operations = 0
        self.wrong: list[str] = []

    @staticmethod
    def depth_max() -> int:
        return max(DEPTHS)

    def run(self) -> None:
        try:
            while not self.done.is_set() and not self.wrong:
                self.round()
        except Exception as error:  # noqa: BLE001 - whatever it is, the test has failed by it
            self.wrong.append(repr(error))

    def round(self) -> None:
        patterns = [struct.pack(">QII", self.operations + i, self.number, i) * (BLOCK // 16) for i in range(self.depth)]
        self.all_good([(write_same16(self.first + i * BLOCKS, BLOCKS), patterns[i], 0) for i in range(self.depth)])
        places = [(i, self.random.randrange(BLOCKS - 8)) for i in range(self.depth)]
        tasks = self.all_good([(read16(self.first + i * BLOCKS + at, 8), b"", 8 * BLOCK) for i, at in places])
        for task, (i, at) in zip(tasks, places):
            if bytes(task.data_in) != patterns[i] * 8:
                self.wrong.append(f"session {self.number}: block {self.first + i * BLOCKS + at} is not as it was written")
        self.operations += self.depth

    def all_good(self, commands: list[tuple[bytes, bytes, int]]) -> list[Task]:
        session = self.session
        tasks: list[Task] = []
        for cdb, data, read in commands:
            while ((session.max_cmd_sn - session.cmd_sn) & 0xFFFFFFFF) >= 1 << 31:
                session.collect()  # the window is closed
            tasks.append(session.submit(cdb, data=data, read=read))
        while session.tasks:
            session.collect()
        for task in tasks:
            if not task.good:
                self.wrong.append(f"session {self.number}: status {task.status:#x}, sense {task.sense_triple}")
        return tasks


def reactors(daemon: Targed) -> dict[str, int]:
    return {session["initiator"].rsplit(":", 1)[1]: session["connections"][0]["reactor"] for session in daemon.targe_json("session", "list")}


def log_in_to_one_reactor(daemon: Targed, target: str, seed: int) -> list[Worker]:
    """Others take the places on the second reactor, and are gone when the work begins."""
    workers: list[Worker] = []
    others: list[Session] = []
    port = daemon.target().port
    while len(workers) < SESSIONS:
        workers.append(Worker(port, target, len(workers), seed))
        others.append(Session(port, target, initiator=f"iqn.2026-11.io.targe:other{len(others)}", isid=100 + len(others)))
    for other in others:
        other.logout()
        other.close()
    return workers


def reserve(workers: list[Worker], wrong: list[str]) -> None:
    """Write exclusive, registrants only: all of the workers may write, and nobody else."""
    for worker in workers:
        task = worker.session.command(reserve_out(0), data=bytes(8) + KEY.to_bytes(8, "big") + bytes(8))
        if not task.good:
            wrong.append("cannot register")
    if not workers[0].session.command(reserve_out(1, 5), data=KEY.to_bytes(8, "big") + bytes(16)).good:
        wrong.append("cannot reserve")


def spread(daemon: Targed, target: str, seed: int) -> tuple[list[str], dict[str, int], float]:
    wrong: list[str] = []
    workers = log_in_to_one_reactor(daemon, target, seed)
    reserve(workers, wrong)
    before = reactors(daemon)
    if len(set(before.values())) != 1:
        wrong.append(f"not all on one reactor: {before}")
    begin = time.monotonic()
    for worker in workers:
        worker.start()
    after, took = before, SPREAD_LIMIT_S
    while time.monotonic() - begin < SPREAD_LIMIT_S and not any(worker.wrong for worker in workers):
        time.sleep(0.2)
        after = reactors(daemon)
        if sorted(after.values()).count(0) == SESSIONS // 2:
            took = time.monotonic() - begin
            break
    moved_at = [worker.operations for worker in workers]
    time.sleep(GOES_ON_S)
    for worker, operations in zip(workers, moved_at):
        if worker.operations == operations and not worker.wrong:
            time.sleep(10.0)  # a slow machine
            if worker.operations == operations:
                wrong.append(f"session {worker.number} does nothing any more")
    for worker in workers:
        worker.done.set()
    for worker in workers:
        worker.join(60.0)
        wrong += worker.wrong
    with Session(daemon.target().port, target, initiator="iqn.2026-11.io.targe:stranger", isid=999) as stranger:
        stranger.command(bytes(6))
        if stranger.command(write_same16(0, 8), data=bytes(BLOCK)).status != CONFLICT:
            wrong.append("the reservation does not hold any more")
    for worker in workers:
        worker.session.logout()
        worker.session.close()
    return wrong, after, took


def run(seed: int) -> list[Result]:
    devices = (Device("disk0", handler="ram", size="256MiB"),)
    target = Target("iqn.2026-11.io.targe:spread", {0: "disk0"})
    with Targed(Setup(devices, (target,), reactors=2)) as daemon:
        wrong, after, took = spread(daemon, target.name, seed)
        status = daemon.targe_json("status")
    note = f"seed {seed}; {took:.1f} s until the sessions were on {sorted(after.values())}; {status['sessions_moved']} moves"
    print(f"spread: {note}", flush=True)
    results = [report.failed(SUITE, "right", note + "\n" + "\n".join(wrong[:10])) if wrong else report.passed(SUITE, "right", note)]
    evenly = sorted(after.values()) == [0] * (SESSIONS // 2) + [1] * (SESSIONS // 2) and status["sessions_moved"] >= SESSIONS // 2
    results.append(report.passed(SUITE, "spread", note) if evenly else report.failed(SUITE, "spread", note))
    return results


if __name__ == "__main__":
    report.finish(run(int(sys.argv[sys.argv.index("--seed") + 1]) if "--seed" in sys.argv else random.randrange(1 << 32)))
