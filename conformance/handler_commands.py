"""A handler that gets CDBs, of a device type that targed knows nothing of: what it says comes out as it should, and what targed keeps for
itself does not reach it.

    conformance/handler_commands.py
"""
from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable

import report
from handlers import Handler, settled, socket_of
from harness import PROGRAMS, ROOT, Targed
from iscsi_client import Session, Task, inquiry, lun_bytes, random_isid
from report import Result
from setup import Device, Setup, Target

SUITE = "handler commands"
NAME = "iqn.2026-11.io.targe:toys"
LIMIT_S = 60.0
FILEMARK, ILI = 0x80, 0x20
RESERVATION_CONFLICT = 0x18
REFUSED_LOGINS = 150


class Wrong(Exception):
    """What is not as it should be."""


def expect(found: object, wanted: object, what: str) -> None:
    if found != wanted:
        raise Wrong(f"{what}: {found!r}, and not {wanted!r}")


def cdb6(opcode: int, length: int = 0, second: int = 0) -> bytes:
    return bytes([opcode, second]) + length.to_bytes(3, "big") + b"\0"


def read(session: Session, length: int) -> Task:
    return session.command(cdb6(0x08, length), read=length)


def written(session: Session, *records: bytes) -> None:
    for record in records:
        expect(settled(session, cdb6(0x0A, len(record)), data=record).good, True, "WRITE(6)")
    expect(session.command(cdb6(0x10, 1)).good, True, "WRITE FILEMARKS(6)")
    expect(session.command(cdb6(0x01)).good, True, "REWIND")


def identity(session: Session, other: Session) -> None:
    standard = bytes(settled(session, inquiry(), read=255).data_in)
    expect((standard[0], standard[1] & 0x80), (0x01, 0x80), "type and RMB")
    expect(standard[8:36], b"TOYS    TAPE OF RECORDS 7   ", "vendor, product and revision")
    pages = bytes(session.command(inquiry(0), read=255).data_in)
    expect(pages[4:], bytes([0x00, 0x80, 0x83, 0x88, 0xB0]), "supported VPD pages")
    expect(bytes(session.command(inquiry(0xB0), read=255).data_in), bytes([0x01, 0xB0, 0, 2, 1, 0]), "the handler's page")
    expect(session.command(inquiry(0x80), read=255).good, True, "the serial number, which is targed's")
    expect(session.command(inquiry(0xB1), read=255).sense_triple, (5, 0x24, 0), "a page that nobody has")


def records(session: Session, other: Session) -> None:
    written(session, b"a" * 100, b"b" * 500, b"c" * 40_000)
    short = read(session, 300)
    expect((bytes(short.data_in), short.status, short.residual), (b"a" * 100, 2, 200), "a record that is shorter")
    expect((short.sense_triple, short.sense[2], short.sense[0], int.from_bytes(short.sense[3:7], "big", signed=True)), ((0, 0, 0), ILI, 0xF0, 200), "its sense data")
    long = read(session, 200)
    expect((bytes(long.data_in), long.residual, int.from_bytes(long.sense[3:7], "big", signed=True)), (b"b" * 200, 300, -300), "a record that is longer")
    exact = read(session, 40_000)
    expect((exact.good, bytes(exact.data_in)), (True, b"c" * 40_000), "a record of 40 KB")
    mark = read(session, 100)
    expect((mark.sense_triple, mark.sense[2] & FILEMARK, bytes(mark.data_in)), ((0, 0, 1), FILEMARK, b""), "a filemark")
    expect(read(session, 100).sense_triple, (8, 0, 5), "end of data")


def refusals(session: Session, other: Session) -> None:
    expect(settled(session, bytes([0xD7]) + bytes(9)).sense_triple, (5, 0x20, 0), "an opcode that the handler does not know")
    pointed = session.command(bytes([0xC3]) + bytes(5))
    expect((pointed.sense_triple, pointed.sense[15:18]), ((5, 0x24, 0), bytes([0xCB, 0, 2])), "a field pointer")


def reservations(session: Session, other: Session) -> None:
    settled(session, bytes(6))
    settled(other, bytes(6))
    expect(session.command(cdb6(0x16)).good, True, "RESERVE(6)")
    expect(other.command(cdb6(0x0A, 4), data=b"evil").status, RESERVATION_CONFLICT, "WRITE(6) of another nexus")
    expect(other.command(bytes(6)).good, True, "TEST UNIT READY of another nexus")
    expect(session.command(cdb6(0x17)).good, True, "RELEASE(6)")
    expect(other.command(cdb6(0x01)).good, True, "REWIND of another nexus afterwards")
    key = (1).to_bytes(8, "big")
    register = bytes([0x5F, 0x00]) + bytes(5) + (24).to_bytes(2, "big") + b"\0"
    expect(session.command(register, data=bytes(8) + key + bytes(8)).good, True, "REGISTER")
    reserve = bytes([0x5F, 0x01, 0x03]) + bytes(4) + (24).to_bytes(2, "big") + b"\0"
    expect(session.command(reserve, data=key + bytes(16)).good, True, "RESERVE, exclusive access")
    expect(other.command(cdb6(0x01)).status, RESERVATION_CONFLICT, "REWIND under a persistent reservation")
    clear = bytes([0x5F, 0x03]) + bytes(5) + (24).to_bytes(2, "big") + b"\0"
    expect(session.command(clear, data=key + bytes(16)).good, True, "CLEAR")


def once(session: Session, cdb: bytes, *, read: int = 0, lun: int = 0) -> Task:
    """Session.command() tries again after a unit attention."""
    session.submit(cdb, read=read, lun=lun)
    return session.collect_end()


def attentions(session: Session, other: Session) -> None:
    settled(session, bytes(6))
    settled(other, bytes(6))
    expect(session.command(bytes([0xC0, 0, 0x28, 0x01, 0, 0])).good, True, "a command in which the handler raises 28/01")
    for each in (session, other):
        expect(once(each, bytes(6)).sense_triple, (6, 0x28, 0x01), "the next command")
        expect(once(each, bytes(6)).good, True, "the one after it")
    expect(session.command(bytes([0xC0, 0, 0x29, 0x00, 0, 0])).sense_triple, (4, 0x44, 0), "29/00 is not a handler's to raise")


def management(session: Session, other: Session) -> None:
    settled(session, bytes(6))
    expect(session.manage(5), 0, "LOGICAL UNIT RESET")
    settled(session, bytes(6))
    events = bytes(session.command(bytes([0xC1]) + bytes(9), read=60_000).data_in).decode().splitlines()
    for wanted in ("function 4 received", "function 4 done", "attach 0 iqn.2026-11.io.targe:test"):
        expect(wanted in events, True, f"{wanted!r} among {events}")


def events_of(session: Session) -> list[str]:
    return bytes(session.command(bytes([0xC1]) + bytes(9), read=60_000).data_in).decode().splitlines()


def reservation_news(session: Session, other: Session) -> None:
    for wanted in ("reserved 1 0 by  of 0", "reserved 0 0 by  of 1", "reserved 2 3 by iqn.2026-11.io.targe:test of 1", "reserved 0 0 by  of 0"):
        expect(wanted in events_of(session), True, f"{wanted!r} among what reservations() brought")


def rules(session: Session, other: Session) -> None:
    settled(session, bytes(6))
    settled(other, bytes(6))
    sent = session.command(bytes([0xC5, 2, 0, 0, 3, 0]), data=bytes(100))
    expect((sent.good, sent.residual, "C5 with 30 bytes" in events_of(session)), (True, 70, True), "a command as long as its rule says")
    expect(session.command(cdb6(0x16)).good, True, "RESERVE(6)")
    expect(other.command(bytes([0xC5, 2, 0, 0, 1, 0]), data=bytes(10)).status, RESERVATION_CONFLICT, "one that writes, of another nexus")
    expect(other.command(bytes([0xC5, 3, 0, 0, 0, 0])).good, True, "one that passes reservations")
    expect(session.command(cdb6(0x17)).good, True, "RELEASE(6)")


def going_on(session: Session, other: Session) -> None:
    settled(session, bytes(6))
    settled(other, bytes(6))
    begin = time.monotonic()
    expect(session.command(bytes([0xC4, 0, 1, 0, 0, 0])).good, True, "a command that goes on")
    expect(time.monotonic() - begin < 0.4, True, "that it was answered at once")
    expect(session.command(bytes(6)).good, True, "a command meanwhile")
    time.sleep(1)
    expect(once(other, bytes(6)).good, True, "a command of another nexus")
    late = once(session, bytes(6))
    expect((late.sense_triple, late.sense[0] & 0x7F), ((3, 0x0C, 0), 0x71), "the error that came late")
    expect(once(session, bytes(6)).good, True, "the next")


def delivery(session: Session, other: Session) -> None:
    settled(session, bytes(6))
    expect(session.command(bytes([0xC6, 0, 42, 0, 0, 0])).good, True, "a command whose delivery is reported")
    settled(session, bytes(6))
    expect("delivered 42 True" in events_of(session), True, "the report")


def what_is_known_of_a_command(session: Session, other: Session) -> None:
    settled(session, bytes(6))
    ordered = session.submit(bytes([0xC9]) + bytes(9), read=100, attribute=2)
    while ordered.status is None:
        session.collect()
    expect(bytes(ordered.data_in).decode(), f"1 {ordered.tag} True True", "attribute, tag, a deadline that is to come, and batches that ended")


def in_turn(daemon: Targed, check: Callable[[Session, Session], None]) -> Result:
    name = check.__name__.replace("_", " ")
    port = daemon.target().port
    with Session(port, NAME, timeout=LIMIT_S) as session, Session(port, NAME, initiator="iqn.2026-11.io.targe:other", timeout=LIMIT_S) as other:
        try:
            check(session, other)
        except Wrong as wrong:
            return report.failed(SUITE, name, str(wrong))
    return report.passed(SUITE, name)


def refused_session(daemon: Targed) -> Session:
    return Session(daemon.target().port, NAME, initiator="iqn.2026-11.io.targe:refused", isid=random_isid(), timeout=LIMIT_S)


def luns_of(session: Session) -> bytes:
    return bytes(once(session, bytes([0xA0]) + bytes(7) + bytes([1, 0, 0, 0]), read=256).data_in)[8:]


def refused_nexus(daemon: Targed) -> Result:
    """Whichever command is the first one of its session finds no unit."""
    name = "refused nexus"
    checks: tuple[tuple[str, Callable[[Session], object], object], ...] = (
        ("LUNs", luns_of, lun_bytes(1)), ("INQUIRY", lambda session: bytes(once(session, inquiry(), read=96).data_in)[0], 0x7F),
        ("REWIND", lambda session: once(session, cdb6(0x01)).sense_triple, (5, 0x25, 0)))
    slowest = 0.0
    try:
        for number in range(REFUSED_LOGINS):
            begin = time.monotonic()
            with refused_session(daemon) as session:
                slowest = max(slowest, time.monotonic() - begin)
                for what, asked, wanted in checks[number % 3:] + checks[:number % 3]:
                    expect(asked(session), wanted, f"{what} of login {number}")
    except Wrong as wrong:
        return report.failed(SUITE, name, str(wrong))
    return report.passed(SUITE, name, f"{REFUSED_LOGINS} logins, the slowest after {slowest:.3f} s")


def refused_late(daemon: Targed, handler: Handler) -> Result:
    """A handler that hangs keeps a login for a second, and is believed when it goes on."""
    name = "refused by a handler that hung"
    handler.process.send_signal(signal.SIGSTOP)
    os.waitpid(handler.process.pid, os.WUNTRACED)  # until it has stopped
    begin = time.monotonic()
    try:
        with refused_session(daemon) as session:
            took = time.monotonic() - begin
            expect(0.9 < took < 10, True, f"a login that took {took:.2f} s")
            expect(luns_of(session), lun_bytes(0) + lun_bytes(1), "LUNs while nobody answers")
            settled(session, cdb6(0x01), lun=1)
            handler.process.send_signal(signal.SIGCONT)
            told, end = once(session, bytes(6), lun=1).sense_triple, time.monotonic() + LIMIT_S
            while told == (0, 0, 0) and time.monotonic() < end:
                told = once(session, bytes(6), lun=1).sense_triple
            expect(told, (6, 0x3F, 0x0E), "REPORTED LUNS DATA HAS CHANGED")
            expect(luns_of(session), lun_bytes(1), "LUNs after the refusal")
    except Wrong as wrong:
        return report.failed(SUITE, name, str(wrong))
    finally:
        handler.process.send_signal(signal.SIGCONT)
    return report.passed(SUITE, name)


def killed(daemon: Targed, handler: Handler) -> Result:
    """A command that the handler had begun is not done twice; one that comes meanwhile waits."""
    name = "kill -9 in a command"
    with Session(daemon.target().port, NAME, timeout=LIMIT_S) as session:
        settled(session, bytes(6))
        begun = session.submit(bytes([0xC2, 0, 60, 0, 0, 0]))
        timer = threading.Timer(0.5, handler.restart)
        timer.start()
        while session.collect() is not begun:
            pass
        timer.join()
        told = once(session, cdb6(0x01)).sense_triple
        after = settled(session, cdb6(0x01))
    if begun.sense_triple != (0xB, 0x44, 0) or told != (6, 0x29, 0x04) or not after.good:
        return report.failed(SUITE, name, f"it ended with {begun.sense_triple}, the next with {told}, and the one after it with {after.status} {after.sense_triple}")
    return report.passed(SUITE, name)


def others_are_free(session: Session, other: Session, slow: Task, rewind: int) -> None:
    """Of a command that has not ended, neither its session nor another one notices anything at the next unit."""
    for one in (session, other):
        settled(one, cdb6(0x01), lun=rewind)
        for _ in range(20):
            expect(one.command(bytes(6), lun=rewind).good, True, "TEST UNIT READY of the next unit")
        expect(len(one.command(cdb6(0x08, 1000), read=1000, lun=rewind).data_in), 1000, "a READ of the next unit")
    expect(slow.status, None, "the slow command meanwhile")


def slow_command(daemon: Targed, handler: Handler) -> Result:
    name, port = "a slow command of one unit", daemon.target().port
    with Session(port, NAME, timeout=LIMIT_S) as session, Session(port, NAME, initiator="iqn.2026-11.io.targe:other", timeout=LIMIT_S) as other:
        settled(session, bytes(6))
        settled(other, bytes(6))
        try:
            kept = session.submit(bytes([0xC7]) + bytes(9))
            others_are_free(session, other, kept, 1)
            expect(other.command(bytes(6)).good, True, "a command of another nexus at the unit itself")
            expect(session.command(bytes([0xC8]) + bytes(9)).good, True, "the command that ends it")
            while kept.status is None:
                session.collect()
            expect(kept.good, True, "its end")
            handler.process.send_signal(signal.SIGSTOP)
            os.waitpid(handler.process.pid, os.WUNTRACED)  # until it has stopped
            stopped = session.submit(bytes(6))
            others_are_free(session, other, stopped, 1)
            handler.process.send_signal(signal.SIGCONT)
            while stopped.status is None:
                session.collect()
            expect(stopped.good, True, "the command of a handler that was stopped for a while")
        except Wrong as wrong:
            return report.failed(SUITE, name, str(wrong))
        finally:
            handler.process.send_signal(signal.SIGCONT)
    return report.passed(SUITE, name)


def file_tape(daemon: Targed, content: bytes) -> Result:
    """The example in C++, which reads on threads of its own."""
    name = "filetape"
    with Session(daemon.target().port, NAME, timeout=LIMIT_S) as session:
        try:
            settled(session, cdb6(0x01), lun=1)
            under_way = [session.submit(cdb6(0x08, 10_000), read=10_000, lun=1) for _ in range(2)]
            while session.tasks:
                session.collect()
            expect([bytes(task.data_in) for task in under_way], [content[:10_000], content[10_000:20_000]], "two READs at once")
            short = session.command(cdb6(0x08, 10_000), read=10_000, lun=1)
            expect((bytes(short.data_in), short.residual, short.sense_triple, short.sense[2] & ILI, int.from_bytes(short.sense[3:7], "big")),
                   (content[20_000:], 5_000, (0, 0, 0), ILI, 5_000), "the last block, which is shorter")
            mark = session.command(cdb6(0x08, 100), read=100, lun=1)
            expect((mark.sense_triple, mark.sense[2] & FILEMARK), ((0, 0, 1), FILEMARK), "the end of the file")
            expect(session.command(cdb6(0x08, 100), read=100, lun=1).sense_triple, (8, 0, 5), "the end of data")
            fixed = session.command(cdb6(0x08, 1, second=1), read=512, lun=1)
            expect((fixed.sense_triple, fixed.sense[15:18]), ((5, 0x24, 0), bytes([0xC8, 0, 1])), "a READ of fixed blocks")
            expect(session.command(cdb6(0x0A, 4), data=b"evil", lun=1).sense_triple, (5, 0x20, 0), "WRITE(6)")
            expect(bytes(session.command(bytes([0x1A, 0, 0, 0, 255, 0]), read=255, lun=1).data_in)[2], 0x90, "write protected, in MODE SENSE(6)")
        except Wrong as wrong:
            return report.failed(SUITE, name, str(wrong))
    return report.passed(SUITE, name)


def await_attached(daemon: Targed, count: int) -> None:
    end = time.monotonic() + LIMIT_S
    while daemon.log().count("is attached") < count and time.monotonic() < end:
        time.sleep(0.02)


def run() -> list[Result]:
    devices = tuple(Device(name, handler="user", size="", type="tape", deadline="300s") for name in ("tape", "file"))
    with Targed(Setup(devices, (Target(NAME, {0: "tape", 1: "file"}),))) as daemon:
        command = (sys.executable, str(ROOT / "conformance" / "toy_tape.py"), socket_of(daemon, "tape"))
        content = random.Random(1).randbytes(25_000)
        (daemon.folder / "content").write_bytes(content)
        file_command = (str(PROGRAMS / "filetape"), socket_of(daemon, "file"), str(daemon.folder / "content"))
        with Handler(daemon, "tape", *command) as handler, Handler(daemon, "file", *file_command) as filetape:
            await_attached(daemon, 2)
            results = [in_turn(daemon, check) for check in (identity, records, refusals, reservations, reservation_news, rules, going_on, delivery,
                                                           what_is_known_of_a_command, attentions, management)]
            results += [file_tape(daemon, content), slow_command(daemon, handler), refused_nexus(daemon), refused_late(daemon, handler), killed(daemon, handler)]
        results.append(report.passed(SUITE, "SIGTERM") if filetape.status == 0 else report.failed(SUITE, "SIGTERM", f"filetape left with {filetape.status}"))
        return results


if __name__ == "__main__":
    found = run()
    print(*found, sep="\n")
    raise SystemExit(1 if report.count(found, report.Verdict.FAILED) else 0)
