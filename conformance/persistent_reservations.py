"""kill -9 of targed in the middle of PERSISTENT RESERVE OUT with APTPL: what is found after the restart is what was before
the last command or what was to be after it, never anything else; and what was answered GOOD is there.

    conformance/persistent_reservations.py [--seed N] [--rounds N]
"""
from __future__ import annotations

import argparse
import dataclasses
import pathlib
import random
import shutil
import struct
import tempfile
import threading
import time

import report
from harness import Targed
from iscsi_client import ProtocolError, Session, write16
from report import Result
from setup import Device, Setup, Target

SUITE = "reservations"
NAME = "iqn.2026-11.io.targe:reservations"
INITIATORS = ("iqn.2026-11.io.targe:one", "iqn.2026-11.io.targe:two", "iqn.2026-11.io.targe:three")
TYPES = (1, 3, 5, 6, 7, 8)
REGISTER_AND_IGNORE, RESERVE, RELEASE, CLEAR, PREEMPT = 6, 1, 2, 3, 4
CONFLICT = 0x18


@dataclasses.dataclass(frozen=True)
class State:
    """What a unit must know of its registrations. `kept`: APTPL."""
    keys: tuple[tuple[int, int], ...] = ()  # initiator, key
    type: int = 0
    holder: int | None = None
    kept: bool = False

    def after_power_loss(self) -> "State":
        return self if self.kept else State()

    def register(self, who: int, key: int, kept: bool) -> "State":
        keys = dict(self.keys)
        if not key and who not in keys:
            return self
        if key:
            keys[who] = key
        else:
            del keys[who]
        gone = self.type and (who == self.holder and not key or not keys)
        return State(tuple(sorted(keys.items())), 0 if gone else self.type, None if gone else self.holder, kept)

    def reserve(self, who: int, kind: int) -> "State":
        return dataclasses.replace(self, type=kind, holder=None if kind >= 7 else who)

    def release(self) -> "State":
        return dataclasses.replace(self, type=0, holder=None)

    def preempt(self, who: int, key: int, kind: int) -> "State":
        keys = dict(self.keys)
        left = tuple((each, its) for each, its in self.keys if its != key or each == who)
        if self.type and self.type < 7 and self.holder is not None and keys[self.holder] == key:
            return State(left, 0, None, self.kept).reserve(who, kind)
        left = tuple((each, its) for each, its in self.keys if its != key)
        return dataclasses.replace(self, keys=left) if left else State(kept=self.kept)


def out(session: Session, action: int, kind: int, key: int, new_key: int, kept: bool, *, lun: int = 0) -> int | None:
    """The status of one PERSISTENT RESERVE OUT."""
    data = struct.pack(">QQ4xB3x", key, new_key, 1 if kept else 0)
    return session.command(struct.pack(">BBBHIB", 0x5F, action, kind, 0, len(data), 0), data=data, lun=lun).status


def read(session: Session, action: int, lun: int) -> bytes:
    return bytes(session.command(struct.pack(">BB5xHB", 0x5E, action, 8192, 0), read=8192, lun=lun).data_in)


def found(session: Session, lun: int = 0) -> State:
    """From READ FULL STATUS, READ RESERVATION and REPORT CAPABILITIES."""
    full, at, keys, holders, kind = read(session, 3, lun), 8, [], [], 0
    while at < len(full):
        key, flags, held, length = struct.unpack_from(">Q4xBB6xI", full, at)
        name = full[at + 28:at + 24 + length].partition(b",i,0x")[0].decode()
        keys.append((INITIATORS.index(name), key))
        if flags & 1:
            holders.append(keys[-1][0])
            kind = held
        at += 24 + length
    reserved = read(session, 1, lun)
    if (reserved[21] if len(reserved) >= 24 else 0) != kind:
        raise ProtocolError("READ RESERVATION and READ FULL STATUS differ")
    one = holders[0] if kind and kind < 7 else None
    return State(tuple(sorted(keys)), kind, one, bool(read(session, 2, lun)[3] & 1))


def draw(state: State, dice: random.Random) -> tuple[int, int, int, int, int, bool, State]:
    """Who asks for what (action, type, key, service action key, APTPL), and the state after it."""
    keys, who, kind = dict(state.keys), dice.randrange(3), dice.choice(TYPES)
    holders = list(keys) if state.type >= 7 else [state.holder]
    choices = [REGISTER_AND_IGNORE]
    if who in keys:
        choices += [PREEMPT, CLEAR] if dice.random() < 0.5 else [PREEMPT]
        choices += [RELEASE] * 2 if state.type and who in holders else []
        choices += [] if state.type else [RESERVE] * 3
    action, key = dice.choice(choices), keys.get(who, 0)
    if action == REGISTER_AND_IGNORE:
        new, kept = dice.choice((0, 1, 2, 3, 4)), dice.random() < 0.9
        return who, action, 0, key, new, kept, state.register(who, new, kept)
    if action == RESERVE:
        return who, action, kind, key, 0, False, state.reserve(who, kind)
    if action == RELEASE:
        return who, action, state.type, key, 0, False, state.release()
    if action == CLEAR:
        return who, action, 0, key, 0, False, State(kept=state.kept)
    new = dice.choice(list(keys.values()))
    return who, action, kind, key, new, False, state.preempt(who, new, kind)


class Round:
    """Asks at random until the daemon is killed; knows the states that may be found then."""

    def __init__(self, daemon: Targed, state: State, dice: random.Random) -> None:
        self.daemon, self.dice, self.sure, self.maybe, self.answers = daemon, dice, state, state, 0
        self.lived = False

    def run(self) -> list[str]:
        port, wrong = self.daemon.target().port, []
        sessions = [Session(port, NAME, initiator=name, timeout=10) for name in INITIATORS]
        killer = threading.Timer(self.dice.uniform(0.05, 0.4), self._kill)
        killer.start()
        try:
            while True:
                who, action, kind, key, new, kept, self.maybe = draw(self.sure, self.dice)
                status = out(sessions[who], action, kind, key, new, kept)
                if status != 0:
                    wrong.append(f"action {action} of {who} in {self.sure} ended with status {status}")
                    self.maybe = self.sure
                self.sure, self.answers = self.maybe, self.answers + 1
        except (ProtocolError, OSError) as error:
            killer.join()
            if not self.lived:
                wrong.append(f"it had ended before it was killed: {error}")
        finally:
            killer.join()
            for session in sessions:
                session.close()
            self.daemon.kill()
        return wrong

    def _kill(self) -> None:
        assert self.daemon.process
        self.lived = self.daemon.alive
        self.daemon.process.kill()


def verify(daemon: Targed, states: list[State]) -> tuple[State, list[str]]:
    port = daemon.target().port
    with Session(port, NAME, initiator=INITIATORS[0]) as session:
        state = found(session)
    if state not in states:
        return state, [f"found {state}", *(f"may be {each}" for each in states)]
    wrong: list[str] = []
    for who, name in enumerate(INITIATORS):
        with Session(port, NAME, initiator=name) as session:
            status = session.command(write16(0, 1), data=bytes(512)).status
        registered = who in dict(state.keys)
        may_write = not state.type or (registered if state.type >= 5 else who == state.holder)
        if status != (0 if may_write else CONFLICT):
            wrong.append(f"a write of {who} in {state} ended with status {status}")
    return state, wrong


def run(seed: int | None = None, rounds: int = 20) -> list[Result]:
    seed = seed if seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"reservations: seed {seed}", flush=True)
    dice, state, results = random.Random(seed), State(), []
    folder = pathlib.Path(tempfile.mkdtemp(prefix="targe-reservations-"))
    daemon = Targed(Setup((Device("disk", size="1MiB"),), (Target(NAME, {0: "disk"}),)), folder)
    answers, begin = 0, time.monotonic()
    try:
        for number in range(rounds):
            daemon.start()
            this = Round(daemon, state, dice)
            wrong = this.run()
            answers += this.answers
            daemon.start()
            state, more = verify(daemon, [this.sure.after_power_loss(), this.maybe.after_power_loss()])
            daemon.stop()
            if wrong or more:
                results.append(report.failed(SUITE, f"round{number} (seed {seed})", "\n".join((wrong + more)[:8])))
                break
        else:
            note = f"{rounds} kills, {answers} commands answered, {time.monotonic() - begin:.0f} s"
            results.append(report.passed(SUITE, f"kill9 (seed {seed})", note) if answers else report.failed(SUITE, f"kill9 (seed {seed})", note))
    finally:
        daemon.kill()
    shutil.rmtree(folder)
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    report.finish(run(options.seed, options.rounds))
