"""Evil handlers of three units, under load, beside a unit with which nothing is wrong; best with the daemon of the asan build.

    conformance/evil_handler.py [--seed N] [--lives N]

fuzz/evil_handler.cc writes what it likes into what it shares with targed, at any time, completes what it was not asked for, or twice, hangs,
stops, and comes back, also as what no version of it would say; it is killed besides. One session has commands under way at all units, another one at the good unit alone, and a third
comes and goes. The daemon lives, no session is lost, no command waits for longer than its deadline and half of it, and the good unit does not notice.
"""
from __future__ import annotations

import argparse
import collections
import random
import struct
import subprocess
import threading
import time

import report
from handlers import LIMIT_S, Handler, settled, socket_of
from harness import Targed
from iscsi_client import NO_TAG, SYNCHRONIZE_CACHE, TASK_REQUEST, TASK_RESPONSE, TEST_UNIT_READY, Session, Task, inquiry, random_isid, read16, write16
from kill9 import BLOCKS_A_WRITE, pattern
from report import Result
from sanitized import judged, programs
from setup import Device, Setup, Target

SUITE = "evil-handler"
NAME = "iqn.2026-11.io.targe:evil"
BLOCKS, TAPE, GOOD, DISK = 0, 1, 2, 3  # LUNs
DEADLINE_S = 1.0  # of the evil units
SIZE_MIB = 8
LIVES = 60
SLOTS = SIZE_MIB * 2048 // BLOCKS_A_WRITE
_SANITIZER = ("env", "ASAN_OPTIONS=detect_leaks=1", "UBSAN_OPTIONS=print_stacktrace=1")
_LUN_RESET = 5
LUNS_CHANGED = (6, 0x3F, 0x0E)


def setup() -> Setup:
    impatient = {"deadline": f"{DEADLINE_S:.0f}s", "hold": f"{DEADLINE_S:.0f}s"}
    devices = (Device("blocks", handler="user", size=f"{SIZE_MIB}MiB", thin=True, **impatient), Device("tape", handler="user", size="", type="tape", **impatient),
               Device("disk", handler="user", size="", type="disk", **impatient),
               Device("good", handler="user", size=f"{SIZE_MIB}MiB", deadline="120s"))  # however long the machine stands still
    # Its pings wake whoever waits for what a reset of another session has ended without an answer.
    return Setup(devices, (Target(NAME, {BLOCKS: "blocks", TAPE: "tape", GOOD: "good", DISK: "disk"}, limits={"nop_interval": "1s"}),))


class Ledger:
    """What the good unit holds, of the slots of one session."""

    def __init__(self, slots: range) -> None:
        self.slots = slots
        self.generation = dict.fromkeys(slots, 0)
        self.busy: set[int] = set()

    def holds(self, slot: int) -> bytes:
        return pattern(slot, self.generation[slot]) if self.generation[slot] else bytes(BLOCKS_A_WRITE * 512)


class Load(threading.Thread):
    """DEPTH commands at each of some units, until stop(). Those of the good unit must be right, the others must end; `slowest` tells when, by LUN."""
    DEPTH = 6

    def __init__(self, port: int, seed: str, luns: tuple[int, ...], slots: range) -> None:
        super().__init__()
        self.dice, self.luns, self.ledger = random.Random(seed), luns, Ledger(slots)
        self.session = Session(port, NAME, isid=random_isid(), timeout=LIMIT_S)
        settled(self.session, TEST_UNIT_READY, lun=GOOD)
        self.under_way: dict[int, tuple[Task, float, int | None, bool]] = {}  # task, since when, slot of the good unit, whether it writes
        self.slowest = dict.fromkeys(luns, 0.0)
        self.ended = {(lun, good): 0 for lun in luns for good in (False, True)}
        self.resets_begun, self.resets = dict.fromkeys(luns, 0), dict.fromkeys(luns, 0)
        self.last_reset = "none"
        self.wrong = ""
        self.stopping = threading.Event()

    def _submit_good(self) -> None:
        ledger = self.ledger
        slot = self.dice.choice(ledger.slots)
        while slot in ledger.busy:
            slot = self.dice.choice(ledger.slots)
        ledger.busy.add(slot)
        writes = self.dice.random() < 0.6
        at = slot * BLOCKS_A_WRITE
        if writes:
            ledger.generation[slot] += 1
            task = self.session.submit(write16(at, BLOCKS_A_WRITE), data=ledger.holds(slot), lun=GOOD)
        else:
            task = self.session.submit(read16(at, BLOCKS_A_WRITE), read=BLOCKS_A_WRITE * 512, lun=GOOD)
        self.under_way[task.tag] = (task, time.monotonic(), slot, writes)

    def _submit_to(self, lun: int) -> None:
        """Each of them is one request to the handler, so that the deadline is that of the command. But what it has remapped: those end with it."""
        dice = self.dice
        at, blocks = dice.randrange(SIZE_MIB * 2048 - 512), dice.choice((1, 8, 64, 512))
        disk: tuple[tuple[bytes, int, int], ...] = (  # CDB, bytes out, bytes in
            (read16(at, blocks), 0, blocks * 512), (write16(at, blocks), blocks * 512, 0), (write16(at, blocks, fua=True), blocks * 512, 0),
            (SYNCHRONIZE_CACHE, 0, 0), (struct.pack(">B6xHB", 0x42, 24, 0), 24, 0))
        tape = ((TEST_UNIT_READY, 0, 0), (bytes([0x08, 0, 0, 64, 0, 0]), 0, 16384), (bytes([0x0A, 0, 0, 64, 0, 0]), 16384, 0),
                (bytes([0x10, 1, 0, 0, 1, 0]), 0, 0), (bytes([0x01, 0, 0, 0, 0, 0]), 0, 0), (inquiry(0xB0), 0, 255),
                (bytes([0xC0 + dice.randrange(32), dice.randrange(256)]) + bytes(8), 0, 4096))
        remapped = ((struct.pack(">BxQI2x", 0x93, at, blocks), 512, 0), (bytes([0x83]) + bytes(15), 0, 0), (write16(at, 8), 4096, 0), (read16(at, 8), 0, 4096))
        cdb, out, into = dice.choice({BLOCKS: disk, TAPE: tape, DISK: remapped}[lun])
        data = struct.pack(">HH4xQI4x", 22, 16, at, blocks) if cdb[0] == 0x42 else dice.randbytes(out)
        task = self.session.submit(cdb, data=data, read=into, lun=lun)
        self.under_way[task.tag] = (task, time.monotonic(), None, False)

    def _fill(self) -> None:
        for lun in self.luns:
            for _ in range(self.DEPTH - sum(task.lun == lun for task, *_ in self.under_way.values())):
                if lun == GOOD:
                    self._submit_good()
                else:
                    self._submit_to(lun)

    def _take(self, task: Task | None) -> None:
        if task is None:
            return
        _, since, slot, writes = self.under_way.pop(task.tag)
        self.slowest[task.lun] = max(self.slowest[task.lun], time.monotonic() - since)
        self.ended[task.lun, task.good] += 1
        if slot is None:
            return
        self.ledger.busy.discard(slot)
        if task.sense_triple == LUNS_CHANGED:  # a nexus was refused elsewhere, and this command was not executed
            self.ledger.generation[slot] -= int(writes)
        elif not task.good:
            self.wrong = self.wrong or f"the good unit: status {task.status}, sense {task.sense_triple}"
        elif not writes and bytes(task.data_in) != self.ledger.holds(slot):
            self.wrong = self.wrong or f"the good unit, slot {slot}: generation {self.ledger.generation[slot]} was written, {bytes(task.data_in[:40])!r} was read"

    def _reset(self, lun: int) -> None:
        """Ends the unit's commands without an answer; but where it is refused, as by a unit that has just refused this nexus, they are answered."""
        header = self.session.header(TASK_REQUEST, 0x80 | _LUN_RESET, immediate=True, lun=lun)
        struct.pack_into(">I", header, 20, NO_TAG)
        struct.pack_into(">I", header, 32, self.session.cmd_sn)
        begin = time.monotonic()
        self.resets_begun[lun] += 1
        self.session.send(header)
        while not any(pdu.opcode == TASK_RESPONSE for pdu in self.session.others):
            if time.monotonic() - begin > LIMIT_S:
                raise TimeoutError(f"the reset of LUN {lun} is not answered")
            self._take(self.session.collect())
        self.slowest[lun] = max(self.slowest[lun], time.monotonic() - begin)
        response = next(pdu.header[2] for pdu in self.session.others if pdu.opcode == TASK_RESPONSE)
        self.session.others.clear()
        self.resets[lun] += 1
        ended = [tag for tag, (task, *_) in self.under_way.items() if task.lun == lun]
        self.last_reset = f"LUN {lun}, response {response}, under way then: {ended}"
        if response != 0:
            return
        for tag in ended:
            del self.under_way[tag], self.session.tasks[tag]

    def run(self) -> None:
        try:
            while not self.wrong and (self.under_way or not self.stopping.is_set()):
                if not self.stopping.is_set():
                    self._fill()
                    if BLOCKS in self.luns and self.dice.random() < 0.002:
                        self._reset(self.dice.choice((BLOCKS, TAPE, DISK)))
                        continue
                self._take(self.session.collect())
                oldest = min((since for _, since, *_ in self.under_way.values()), default=time.monotonic())
                if time.monotonic() - oldest > LIMIT_S:  # pings of the target come all the same
                    raise TimeoutError("a command is not answered")
        except Exception as error:  # noqa: BLE001 - told by whoever started the load
            waits = [f"LUN {task.lun} for {time.monotonic() - since:.1f} s" for task, since, *_ in self.under_way.values()]
            self.wrong = f"{type(error).__name__}: {error}; the last reset: {self.last_reset}; under way: {waits}"

    def stop(self) -> None:
        self.stopping.set()
        self.join()
        if not self.wrong:
            self.session.close()


class Visitor(threading.Thread):
    """Sessions that come and go, and ask what the engine answers by itself, or the good unit."""
    RESET_S = 10 * DEADLINE_S  # what is not answered by then will not be: no unit keeps a command waiting for so long

    def __init__(self, port: int, resetting: Load) -> None:
        super().__init__()
        self.port, self.resetting, self.wrong, self.stopping = port, resetting, "", threading.Event()
        self.visits = self.ended = 0

    def _asks(self, session: Session, cdb: bytes, lun: int) -> bool:
        """Whether it went well. A reset of the unit ends everybody's commands, and tells others only when they ask again, [SAM-5 r21]."""
        resets, begin = self.resetting.resets[lun], time.monotonic()
        task = session.submit(cdb, read=256, lun=lun)
        while task.status is None:
            session.collect()
            waited = time.monotonic() - begin
            if waited > LIMIT_S:
                raise TimeoutError(f"{cdb.hex()} at LUN {lun} is not answered")
            if waited > self.RESET_S and self.resetting.resets_begun[lun] > resets:
                del session.tasks[task.tag]
                self.ended += 1
                return True
        return task.good

    def run(self) -> None:
        try:
            while not self.wrong and not self.stopping.wait(0.05):
                with Session(self.port, NAME, isid=random_isid(), timeout=LIMIT_S) as session:
                    luns = self._asks(session, bytes([0xA0]) + bytes(5) + struct.pack(">I2x", 256), 0)
                    asked = [self._asks(session, inquiry(), lun) for lun in (BLOCKS, TAPE, GOOD, DISK)]
                    ready = settled(session, TEST_UNIT_READY, lun=GOOD)
                if not (luns and ready.good and all(asked)):
                    self.wrong = f"REPORT LUNS went well {luns}, INQUIRY went well {asked}, TEST UNIT READY {ready.status} {ready.sense_triple}"
                self.visits += 1
        except Exception as error:  # noqa: BLE001
            self.wrong = f"{type(error).__name__}: {error}"

    def stop(self) -> None:
        self.stopping.set()
        self.join()


def haunt(daemon: Targed, device: str, level: str, seed: str, lives: int) -> None:
    """One evil handler after the other, each killed when it has lived for a while, or after it ended by itself."""
    dice = random.Random(seed)
    with (daemon.folder / "evil.log").open("ab") as log:
        for _ in range(lives):
            process = subprocess.Popen([programs() / "evil_handler", socket_of(daemon, device), str(dice.getrandbits(64)), level],
                                       stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            try:
                process.wait(dice.uniform(0.02, 0.8))
            except subprocess.TimeoutExpired:
                pass
            process.kill()
            process.wait()


def good_handler(daemon: Targed, device: str) -> Handler:
    return Handler(daemon, device, str(programs() / "gzdisk"), socket_of(daemon, device), str(daemon.folder / f"{device}.gz"), str(SIZE_MIB))


def _verdict(name: str, fault: str, note: str) -> Result:
    return report.failed(SUITE, name, f"{fault}; {note}") if fault else report.passed(SUITE, name, note)


def judge(loads: list[Load], visitor: Visitor) -> list[Result]:
    both, bystander = loads
    slowest_good = max(load.slowest[GOOD] for load in loads)
    # What the machine takes shows in the good unit's commands, which wait for nobody.
    limit = 1.5 * DEADLINE_S + 2 * slowest_good + 2  # one that ends other commands has half as long again
    results = []
    for lun, name in ((BLOCKS, "blocks"), (TAPE, "tape"), (DISK, "disk")):
        note = f"{both.ended[lun, True]} commands ended well, {both.ended[lun, False]} did not, the slowest after {both.slowest[lun]:.2f} s"
        fault = "" if both.slowest[lun] <= limit else f"the deadline is {DEADLINE_S} s, and on this machine {limit:.1f} s would be late"
        if not both.ended[lun, True] or not both.ended[lun, False]:
            fault = "nothing was shown"
        results.append(_verdict(f"commands to the evil {name}", fault, note))
    well = sum(load.ended[GOOD, True] for load in loads)
    fault = both.wrong or bystander.wrong or ("" if all(load.ended[GOOD, True] for load in loads) else "nothing was shown")
    results.append(_verdict("the unit beside them", fault, f"{well} commands, the slowest after {slowest_good:.2f} s; {sum(both.resets.values())} resets of others"))
    results.append(_verdict("sessions that come and go", visitor.wrong or ("" if visitor.visits else "there was none"), f"{visitor.visits} of them, {visitor.ended} commands of which were ended by resets"))
    return results


def under(daemon: Targed, seed: int, lives: int) -> list[Result]:
    port = daemon.target().port
    with good_handler(daemon, "good"):
        await_ready(daemon, GOOD)
        loads = [Load(port, f"{seed} all", (BLOCKS, TAPE, GOOD, DISK), range(0, SLOTS, 2)), Load(port, f"{seed} good", (GOOD,), range(1, SLOTS, 2))]
        visitor = Visitor(port, loads[0])
        evil = [threading.Thread(target=haunt, args=(daemon, device, level, f"{seed} {device}", lives))
                for device, level in (("blocks", "blocks"), ("tape", "commands"), ("disk", "disk"))]
        everybody = [*loads, visitor, *evil]
        for one in everybody:
            one.start()
        for one in evil:
            one.join()
        for one in (*loads, visitor):
            one.stop()
        results = judge(loads, visitor)
        results.append(afterwards(daemon, random.Random(seed).randbytes(4096)))
    did = collections.Counter((daemon.folder / "evil.log").read_text().split())
    note = ", ".join(f"{what} {times}" for what, times in did.most_common())
    return [*results, _verdict("evil handlers", "" if did["attached"] > lives and did["shut-out"] > lives // 2 and did["remaps"] else "too little happened", note)]


def await_ready(daemon: Targed, lun: int) -> None:
    with Session(daemon.target().port, NAME, timeout=LIMIT_S) as session:
        end = time.monotonic() + LIMIT_S
        while not settled(session, TEST_UNIT_READY, lun=lun).good:
            if time.monotonic() > end:
                raise TimeoutError(f"LUN {lun} does not become ready")
            time.sleep(0.02)


def afterwards(daemon: Targed, data: bytes) -> Result:
    """The unit serves as ever when a handler attaches that is none of them."""
    with good_handler(daemon, "blocks"), Session(daemon.target().port, NAME, isid=random_isid(), timeout=LIMIT_S) as session:
        await_ready(daemon, BLOCKS)
        wrote = settled(session, write16(0, 8), data=data)
        read = settled(session, read16(0, 8), read=4096)
    right = wrote.good and read.good and bytes(read.data_in) == data
    return report.passed(SUITE, "afterwards") if right else report.failed(SUITE, "afterwards", f"write {wrote.status}, read {read.status} {read.sense_triple}")


def run(seed: int | None = None, lives: int = LIVES) -> list[Result]:
    seed = random.SystemRandom().randrange(1 << 32) if seed is None else seed
    print(f"   evil-handler: seed={seed}", flush=True)
    return judged(SUITE, Targed(setup(), programs=programs(), prefix=_SANITIZER), lambda daemon: under(daemon, seed, lives))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--lives", type=int, default=LIVES)
    options = parser.parse_args()
    report.finish(run(options.seed, options.lives))
