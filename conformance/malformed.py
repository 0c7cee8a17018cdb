"""Damaged PDUs over TCP: thousands of recorded sessions, each hurt in its own way, against the sanitized daemon.

    conformance/malformed.py [--seed N] [--cases N] [--case N]   # --case: that one alone

Half of the cases are hurt before or in the login, half after a login that went well. Meanwhile a session of another target writes
and reads. Afterwards the daemon must live, serve, hold nothing that it lent, have kept its memory and leave without a leak.
"""
from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import os
import pathlib
import random
import select
import socket
import struct
import threading
import time

import report
from harness import Targed
from iscsi_client import (LOGIN, NO_TAG, NOP_IN, NOP_OUT, TASK_REQUEST, TASK_RESPONSE, TEST_UNIT_READY, Pdu, ProtocolError, Session, inquiry,
                          random_isid, read16, write16)
from mutation import copy_of, damaged, encode
from report import Result
from sanitized import judged, programs
from setup import ChapUser, Device, Setup, Target

SUITE = "malformed"
CASES = 10_000
SOCKETS = 8  # at once
OPEN, CHAP, ASIDE = (f"iqn.2026-11.io.targe:malformed-{name}" for name in ("open", "chap", "aside"))
USER = ("alice", "a secret of alice")
ENDED_S = 60.0  # the daemon gives up a silent peer after 2 or 3 s; the rest is for slow machines
# The daemon may grow by its buffers, the RAM disks, the quarantine of the address sanitizer, and by what
# allocators keep for themselves, of which the sanitizer's redzones are the most.
BUFFERS_MIB, DISKS_MIB, QUARANTINE_MIB, SLACK_MIB = 64, 24, 16, 64
GROWTH_LIMIT_MIB = BUFFERS_MIB + DISKS_MIB + QUARANTINE_MIB + SLACK_MIB
_SANITIZER = ("env", f"ASAN_OPTIONS=detect_leaks=1:quarantine_size_mb={QUARANTINE_MIB}", "UBSAN_OPTIONS=print_stacktrace=1")


def setup() -> Setup:
    hasty = {"nop_interval": "1s", "nop_timeout": "1s"}
    devices = tuple(Device(name, handler="ram", size="8MiB", thin=True) for name in ("open", "chap", "aside"))
    return Setup(devices, (Target(OPEN, {0: "open"}, limits=hasty), Target(CHAP, {0: "chap"}, users=(ChapUser(*USER),), limits=hasty),
                           Target(ASIDE, {0: "aside"})),
                 daemon={"login_timeout": "2s", "buffer_memory": f"{BUFFERS_MIB}MiB", "half_open_logins_per_address": 64, "max_connections": 64})


@dataclasses.dataclass(frozen=True)
class Kind:
    """How a session logs in."""
    name: str
    target: str | None
    user: tuple[str, str] | None = None
    digests: bool = False
    keys: dict[str, str] = dataclasses.field(default_factory=dict)

    def options(self) -> dict[str, object]:
        return {"user": self.user, "digests": self.digests, "keys": self.keys}


_SMALL = {"MaxBurstLength": "2048", "FirstBurstLength": "1024"}
KINDS = (
    Kind("plain", OPEN),
    Kind("solicited", OPEN, keys={**_SMALL, "ImmediateData": "No"}),
    Kind("bursts", OPEN, keys={**_SMALL, "InitialR2T": "No"}),
    Kind("digests", OPEN, digests=True, keys=_SMALL),
    Kind("chap", CHAP, user=USER, keys=_SMALL),
    Kind("discovery", None),
)


class Recorder(Session):
    """Keeps what it sends."""

    def __init__(self, port: int, kind: Kind) -> None:
        self.sent: list[Pdu] = []
        super().__init__(port, kind.target, isid=random_isid(), **kind.options())  # type: ignore[arg-type]

    def send(self, header: bytearray, data: bytes = b"") -> None:
        header[5:8] = len(data).to_bytes(3, "big")
        self.sent.append(Pdu(bytearray(header), data))
        super().send(header, data)

    def await_answer(self, opcode: int) -> None:
        while self.receive().opcode != opcode:
            pass


@dataclasses.dataclass(frozen=True)
class Recording:
    kind: Kind
    login: list[Pdu]
    rest: list[Pdu]
    exp_stat_sn: int  # with which `rest` begins


def record(port: int, kind: Kind) -> Recording:
    session = Recorder(port, kind)
    exp_stat_sn = session.exp_stat_sn
    if kind.target:
        _do_something_of_each(session)
    else:
        session.text("SendTargets=All")
    session.logout()
    session.close()
    login = [pdu for pdu in session.sent if pdu.opcode == LOGIN]
    return Recording(kind, login, session.sent[len(login):], exp_stat_sn)


def _do_something_of_each(session: Recorder) -> None:
    session.command(TEST_UNIT_READY)
    session.command(inquiry(), read=255)
    session.command(inquiry(0x83), read=255)
    session.command(write16(0, 8), data=os.urandom(4096))
    session.command(write16(64, 1, fua=True), data=os.urandom(512))
    for lba in (0, 8):
        session.submit(read16(lba, 8), read=4096)
    while session.tasks:
        session.collect()
    ping = session.header(NOP_OUT, 0x80)
    struct.pack_into(">I", ping, 20, NO_TAG)
    session.send(ping, b"ping")
    session.await_answer(NOP_IN)
    for function in (1, 2, 5):  # ABORT TASK, ABORT TASK SET, LOGICAL UNIT RESET
        request = session.header(TASK_REQUEST, 0x80 | function, immediate=function == 1)
        struct.pack_into(">I", request, 20, 1 if function == 1 else NO_TAG)
        session.send(request)
        session.await_answer(TASK_RESPONSE)
    session.text("MaxRecvDataSegmentLength=65536")
    session.command(TEST_UNIT_READY)


def with_stat_sn(pdus: list[Pdu], delta: int) -> list[Pdu]:
    moved = copy_of(pdus)
    for pdu in moved:
        struct.pack_into(">I", pdu.header, 28, (pdu.word(28) + delta) & 0xFFFFFFFF)
    return moved


def exchange(connection: socket.socket, stream: bytes, *, half_close: bool) -> tuple[bytes, bool]:
    """Sends while it reads, until the target closes. What came, and whether the target closed in time."""
    connection.setblocking(False)
    received, left, deadline = bytearray(), memoryview(stream), time.monotonic() + ENDED_S
    poll = select.poll()
    poll.register(connection, select.POLLIN | select.POLLOUT)
    try:
        while (remaining := deadline - time.monotonic()) > 0:
            events = poll.poll(remaining * 1000)
            if any(event & ~select.POLLOUT for _, event in events):
                piece = connection.recv(1 << 18)
                if not piece:
                    return bytes(received), True
                received += piece
            elif events and left:
                left = left[connection.send(left):]
            if not left:
                poll.modify(connection, select.POLLIN)
                if half_close:
                    connection.shutdown(socket.SHUT_WR)
                    half_close = False
    except BlockingIOError:
        pass
    except OSError:
        return bytes(received), True  # reset: as good an end as any
    return bytes(received), False


@dataclasses.dataclass(frozen=True)
class Outcome:
    logged_in: bool = False
    answered: bool = False
    fault: str = ""


class Run:
    """One daemon, all recordings, any case."""

    def __init__(self, port: int, seed: int) -> None:
        self.port, self.seed = port, seed
        self.recordings = [record(port, kind) for kind in KINDS]

    def case(self, number: int) -> Outcome:
        dice = random.Random(f"{self.seed}:{number}")
        recording = dice.choice(self.recordings)
        try:
            if number % 2:
                return self._after_login(recording, dice)
            return self._at_login(recording, dice)
        except (ProtocolError, OSError) as error:
            return Outcome(fault="" if isinstance(error, (ConnectionResetError, BrokenPipeError, ProtocolError)) else f"case {number}: {error}")

    def _at_login(self, recording: Recording, dice: random.Random) -> Outcome:
        pdus = copy_of(recording.login)
        if dice.random() < 0.75:  # the others take the identity from whoever has it
            isid = dice.randbytes(5)
            for pdu in pdus:
                pdu.header[9:14] = isid
        if dice.random() < 0.25:
            pdus += copy_of(recording.rest)
        with socket.create_connection(("127.0.0.1", self.port), ENDED_S) as connection:
            return self._end(connection, damaged(pdus, dice), dice)

    def _after_login(self, recording: Recording, dice: random.Random) -> Outcome:
        kind = recording.kind
        session = Session(self.port, kind.target, isid=dice.getrandbits(40), timeout=ENDED_S, **kind.options())  # type: ignore[arg-type]
        try:
            pdus = with_stat_sn(recording.rest, session.exp_stat_sn - recording.exp_stat_sn)
            stream = damaged(pdus, dice, header_digest=session.header_digest, data_digest=session.data_digest)
            return dataclasses.replace(self._end(session.socket, stream, dice), logged_in=True)
        finally:
            session.close()

    def _end(self, connection: socket.socket, stream: bytes, dice: random.Random) -> Outcome:
        how = dice.random()
        if how < 0.1:  # reset in the middle of whatever is going on
            connection.settimeout(ENDED_S)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.send(stream or b"\0")
            return Outcome()
        silent = how > 0.998  # and then the daemon's timers have to end it
        received, ended = exchange(connection, stream, half_close=not silent)
        fault = "" if ended else f"not closed within {ENDED_S:.0f} s of {len(stream)} bytes, {len(received)} came"
        return Outcome(answered=bool(received), fault=fault)

    def undamaged(self, recording: Recording) -> str:
        """Empty, or what is wrong with a recording that is replayed as it is: then the damage would not be what stops it."""
        kind = recording.kind
        session = Session(self.port, kind.target, isid=random_isid(), **kind.options())  # type: ignore[arg-type]
        pdus = with_stat_sn(recording.rest, session.exp_stat_sn - recording.exp_stat_sn)
        stream = b"".join(encode(pdu, header_digest=session.header_digest, data_digest=session.data_digest) for pdu in pdus)
        received, ended = exchange(session.socket, stream, half_close=False)
        session.close()
        tail = received[-52 if session.header_digest else -48:][:1]
        return "" if ended and tail == b"\x26" else f"{kind.name}: closed {ended}, last PDU {tail.hex()}, {len(received)} bytes"


class Bystander(threading.Thread):
    """A session with which nothing is wrong."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.port, self.fault, self.rounds, self.stopping = port, "", 0, threading.Event()

    def run(self) -> None:
        try:
            with Session(self.port, ASIDE, isid=random_isid(), timeout=ENDED_S) as session:
                while not self.stopping.wait(0.05):
                    self.fault = self.fault or write_and_read(session, self.rounds % 1000 * 8)
                    self.rounds += 1
        except (ProtocolError, OSError) as error:
            self.fault = self.fault or str(error)

    def stop(self) -> str:
        self.stopping.set()
        self.join()
        return self.fault or ("" if self.rounds else "no round was made")


def write_and_read(session: Session, lba: int) -> str:
    data = os.urandom(4096)
    wrote, read = session.command(write16(lba, 8), data=data), session.command(read16(lba, 8), read=4096)
    return "" if wrote.good and read.good and bytes(read.data_in) == data else f"block {lba}: status {wrote.status}, {read.status}, or other data"


def served(port: int) -> str:
    for target, user in ((OPEN, None), (CHAP, USER), (ASIDE, None)):
        with Session(port, target, isid=random_isid(), user=user, digests=True) as session:
            if fault := write_and_read(session, 16):
                return f"{target}: {fault}"
    with Session(port, None, isid=random_isid()) as session:
        return "" if OPEN in session.text("SendTargets=All") else "discovery does not list the target"


def resident_mib(pid: int) -> float:
    lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) / 1024


def nothing_held(daemon: Targed) -> str:
    """Sessions and buffers go when their connections do, which may take as long as the timers."""
    deadline = time.monotonic() + ENDED_S
    while True:
        status = daemon.targe_json("status")
        assert isinstance(status, dict)
        held = {"connections": status["connections"], "sessions": status["sessions"], "on_loan_bytes": status["buffers"]["on_loan_bytes"]}
        if not any(held.values()) or time.monotonic() > deadline:
            return str(held) if any(held.values()) else ""
        time.sleep(0.1)


def _verdict(name: str, fault: str, note: str = "") -> Result:
    return report.failed(SUITE, name, fault) if fault else report.passed(SUITE, name, note)


def damage(daemon: Targed, seed: int, numbers: range) -> list[Result]:
    port = daemon.target().port
    run = Run(port, seed)
    results = [_verdict("undamaged", "\n".join(filter(None, (run.undamaged(recording) for recording in run.recordings))))]
    before, begin = resident_mib(daemon.pid), time.monotonic()
    bystander = Bystander(port)
    bystander.start()
    with concurrent.futures.ThreadPoolExecutor(SOCKETS) as pool:
        outcomes = list(pool.map(run.case, numbers))
    results.append(_verdict("bystander", bystander.stop(), f"{bystander.rounds} rounds"))
    faults = [outcome.fault for outcome in outcomes if outcome.fault]
    logged_in = sum(outcome.logged_in for outcome in outcomes)
    if logged_in < len(numbers) // 4:
        faults.append(f"only {logged_in} of {len(numbers)} cases got through the login that they should")
    seconds = time.monotonic() - begin
    note = f"{len(numbers)} cases in {seconds:.0f} s, {logged_in} logged in, {sum(outcome.answered for outcome in outcomes)} were answered"
    results.append(_verdict(f"cases (seed {seed})", "\n".join(faults[:10]), note))
    if not daemon.alive:
        return results + [report.failed(SUITE, "lives", daemon.log()[-4000:])]
    results += [_verdict("serves", served(port)), _verdict("holds nothing", nothing_held(daemon))]
    after = resident_mib(daemon.pid)
    note = f"resident {before:.0f} MiB before, {after:.0f} MiB after; it may grow by {GROWTH_LIMIT_MIB} MiB"
    return results + [_verdict("memory", note if after - before > GROWTH_LIMIT_MIB else "", note)]


def run(seed: int | None = None, numbers: range = range(CASES)) -> list[Result]:
    seed = seed if seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"malformed: seed {seed}", flush=True)
    return judged(SUITE, Targed(setup(), programs=programs(), prefix=_SANITIZER), lambda daemon: damage(daemon, seed, numbers))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--cases", type=int, default=CASES)
    parser.add_argument("--case", type=int)
    options = parser.parse_args()
    report.finish(run(options.seed, range(options.cases) if options.case is None else range(options.case, options.case + 1)))
