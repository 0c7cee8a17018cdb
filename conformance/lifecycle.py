"""The daemon's own life: how it ends under initiators that do not help, and what it says when it cannot begin.

    conformance/lifecycle.py
"""
from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable

import report
from forbidden import forbid_io_uring
from harness import PROGRAMS, Targed
from iscsi_client import ASYNC_MESSAGE, GOOD, NO_TAG, TEST_UNIT_READY, ProtocolError, Session, Task, lun_bytes, read16, write16
from report import Result
from setup import Device, Setup, Target, configuration, with_ports

SUITE = "lifecycle"
NAME = "iqn.2026-11.io.targe:lifecycle"
STOP_SECONDS = 5.0  # 3 s to log out, and little more
DEPTH = 512


class Failure(Exception):
    """What was found, for people."""


def setup(**limits: object) -> Setup:
    disk = Device("disk", handler="ram", size="64MiB")
    return Setup((disk,), (Target(NAME, {0: "disk"}, limits=limits),), reactors=2)


def expect(good: bool, found: str) -> None:
    if not good:
        raise Failure(found)


def alone(session: Session, cdb: bytes, lun: int = 0) -> Task:
    """One command to its end, whatever that is."""
    task = session.submit(cdb, lun=lun)
    while task.status is None:
        session.collect()
    return task


def fill_output(session: Session, lun: int = 0) -> None:
    """Asks for more than the sockets hold, and reads nothing of it."""
    session.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    for _ in range(24):
        session.submit(read16(0, 2048), read=2048 * 512, lun=lun)
    time.sleep(0.5)


def stop_within(targed: Targed, limit: float) -> None:
    begin = time.monotonic()
    targed.stop()
    took = time.monotonic() - begin
    expect(took < limit, f"the end took {took:.1f} s, and {limit:.1f} s are allowed")
    expect("a device holds" not in targed.log(), "the log blames a device")


def silent_initiator_does_not_hold_up_the_end() -> None:
    with Targed(setup()) as targed:
        session = Session(targed.target().port, NAME)
        stop_within(targed, STOP_SECONDS)
        session.close()


def stalled_reader_does_not_hold_up_the_end() -> None:
    with Targed(setup()) as targed:
        session = Session(targed.target().port, NAME)
        fill_output(session)
        stop_within(targed, STOP_SECONDS)
        session.close()


def new_session_does_not_wait_for_the_old_ones_output() -> None:
    with Targed(setup()) as targed:
        old = Session(targed.target().port, NAME)
        fill_output(old)
        begin = time.monotonic()
        with Session(targed.target().port, NAME) as new:
            took = time.monotonic() - begin
            expect(new.command(TEST_UNIT_READY).good, "the new session is of no use")
        old.close()
        expect(took < 2, f"the login took {took:.1f} s")


def window_may_be_filled() -> None:
    with Targed(setup(queue_depth=DEPTH)) as targed, Session(targed.target().port, NAME) as session:
        session.command(TEST_UNIT_READY)
        tasks = [session.submit(read16(0, 256), read=256 * 512) for _ in range(DEPTH)]
        while session.tasks:
            session.collect()
        bad = {task.status for task in tasks if task.status != GOOD}
        expect(not bad, f"statuses {bad}")


def events_are_told_when_wanted() -> None:
    for wanted in (True, False):
        with Targed(setup(async_events=wanted)) as targed:
            with Session(targed.target().port, NAME) as teller, Session(targed.target().port, NAME, isid=2) as told:
                told.command(TEST_UNIT_READY)
                teller.command(TEST_UNIT_READY)
                # The control page again, with D_SENSE set: MODE PARAMETERS CHANGED for all others.
                page = teller.command(bytes([0x1A, 0x08, 0x0A, 0, 255, 0]), read=255).data_in[4:16]
                page[0] &= 0x3F
                page[2] |= 0x04
                task = teller.command(bytes([0x15, 0x10, 0, 0, 16, 0]), data=bytes(4) + page)
                expect(task.good, f"MODE SELECT: status {task.status}, sense {task.sense_triple}")
                time.sleep(0.2)
                told.submit(TEST_UNIT_READY)
                while told.tasks:
                    told.collect()
                events = [pdu.data for pdu in told.others if pdu.opcode == ASYNC_MESSAGE]
            sense = [struct.pack(">H", 18) == event[:2] and event[2] == 0x70 and event[4] & 0xF == 6 and event[14:16] == b"\x2a\x01"
                     for event in events]
            expect(sense == ([True] if wanted else []), f"async_events {wanted}: {events}")


def event_of_a_new_capacity_is_well_formed() -> None:
    """RFC 7143 11.9: event 0 with sense data. The unit attention waits all the same."""
    disk = Device("disk", size="1MiB")
    target = Target(NAME, {7: "disk"}, limits={"async_events": True})
    with Targed(Setup((disk,), (target,), reactors=2)) as targed, Session(targed.target().port, NAME) as session:
        session.command(TEST_UNIT_READY, lun=7)
        number = session.exp_stat_sn
        os.truncate(targed.image("disk"), 2 << 20)
        targed.targe("device", "refresh", "disk")
        while not session.others:
            session.collect()
        event = session.others[0]
        shape = (event.opcode, event.header[1], event.tag, bytes(event.header[8:16]), event.word(24), bytes(event.header[36:48]))
        expect(shape == (ASYNC_MESSAGE, 0x80, NO_TAG, lun_bytes(7), number, bytes(12)), f"header {shape}")
        sense = event.data[2:]
        expect(event.data[:2] == b"\0\x12" and len(sense) == 18, f"SenseLength and data {event.data.hex()}")
        expect(sense[0] == 0x70 and sense[2] == 6 and sense[12:14] == b"\x2a\x09", f"sense {sense.hex()}")
        task = alone(session, TEST_UNIT_READY, lun=7)
        expect(task.sense_triple == (6, 0x2A, 9), f"the unit attention: {task.sense_triple}")
        expect(len(session.others) == 1, "one event, and one only")


def functions_of_rfc7144_work() -> None:
    level2 = {"iSCSIProtocolLevel": "2"}
    with Targed(setup()) as targed, Session(targed.target().port, NAME, keys=level2) as session:
        expect(session.negotiated["iSCSIProtocolLevel"] == "2", "protocol level 2 is not agreed upon")
        expect(session.manage(12) == 7, "QUERY ASYNCHRONOUS EVENT: a unit attention waits")
        session.command(TEST_UNIT_READY)
        found = {function: session.manage(function) for function in (9, 10, 12, 11)}
        expect(found == {9: 0, 10: 0, 12: 0, 11: 0}, f"QUERY TASK, TASK SET, ASYNCHRONOUS EVENT, I_T NEXUS RESET: {found}")
        task = alone(session, TEST_UNIT_READY)
        expect(task.sense_triple == (6, 0x29, 7), f"after I_T NEXUS RESET: {task.sense_triple}")
        expect(session.manage(10, lun=9) == 2, "QUERY TASK SET of a LUN that is not there")
    with Targed(setup()) as targed, Session(targed.target().port, NAME) as session:
        expect(session.manage(10) == 5, "QUERY TASK SET with protocol level 1 is not supported")


def shared_task_set_is_shared() -> None:
    """TST 000b, ACA and CLEAR TASK SET of two sessions of one device, over iSCSI."""
    disk = Device("disk", handler="ram", size="1MiB", task_set="shared")
    fault = bytes([0x28, 0, 0xFF, 0, 0, 0, 0, 0, 1, 4])  # READ(10) beyond the end, with NACA
    with Targed(Setup((disk,), (Target(NAME, {0: "disk"}),), reactors=2)) as targed:
        with Session(targed.target().port, NAME) as one, Session(targed.target().port, NAME, isid=2) as two:
            page = one.command(bytes([0x1A, 0x08, 0x0A, 0, 255, 0]), read=255).data_in[4:16]
            expect(page[2] >> 5 == 0, f"TST is {page[2] >> 5:03b}b")
            two.command(TEST_UNIT_READY)
            expect(one.command(fault, read=512).sense_triple == (5, 0x21, 0), "the fault")
            statuses = (one.command(TEST_UNIT_READY).status, two.command(TEST_UNIT_READY).status)
            expect(statuses == (0x30, 0x08), f"ACA ACTIVE and BUSY are {statuses}")
            expect(two.manage(3) == 255 and one.manage(3) == 0, "CLEAR ACA is for the faulted nexus")
            expect(one.command(TEST_UNIT_READY).good and two.command(TEST_UNIT_READY).good, "the condition has ended")


def limits_of_commands_hold() -> None:
    """Of a session at a LUN, and of a device: TASK SET FULL, or BUSY for a session that has nothing else there."""
    disk = Device("disk", handler="ram", size="1MiB", max_commands=3)
    target = Target(NAME, {0: "disk"}, limits={"commands_per_lun": 2})
    write = bytes([0x2A]) + bytes(6) + b"\0\x01\0"
    solicited = {"ImmediateData": "No"}  # so that they are under way until their data are sent
    with Targed(Setup((disk,), (target,), reactors=1)) as targed:
        port = targed.target().port
        with (Session(port, NAME, keys=solicited) as one, Session(port, NAME, isid=2, keys=solicited) as two,
              Session(port, NAME, isid=3) as three):
            for session in (one, two, three):
                session.command(TEST_UNIT_READY)
            first = [one.submit(write, data=bytes(512)) for _ in range(3)]
            refused = one.collect_end()
            expect(refused is first[2] and refused.status == 0x28, f"the third of a session: {refused.status}")
            second = [two.submit(write, data=bytes(512)) for _ in range(2)]
            refused = two.collect_end()
            expect(refused is second[1] and refused.status == 0x28, f"the fourth of the device: {refused.status}")
            expect(alone(three, TEST_UNIT_READY).status == 0x08, "BUSY for a session's only command")
            for session in (one, two):
                session.release_data_out()
            expect(first[0].good and first[1].good and second[0].good, "those that were let in")
            expect(alone(three, TEST_UNIT_READY).good, "there is room again")


def discoveries_of_an_address_are_bounded() -> None:
    with Targed(dataclasses.replace(setup(), daemon={"half_open_logins_per_address": 4})) as targed, contextlib.ExitStack() as stack:
        port = targed.target().port
        for isid in range(4):
            stack.enter_context(contextlib.closing(Session(port, None, isid=isid)))
        try:
            Session(port, None, isid=99).close()
        except (ProtocolError, OSError):
            pass
        else:
            raise Failure("a fifth discovery was let in")
        stack.close()
        time.sleep(0.3)
        # Sessions with a target are not counted.
        for isid in range(6):
            stack.enter_context(contextlib.closing(Session(port, NAME, isid=isid)))
        Session(port, None, isid=99).close()


def reinstated_connection_goes_on_as_agreed() -> None:
    with Targed(setup()) as targed, contextlib.ExitStack() as stack:
        port, agreed = targed.target().port, {"MaxBurstLength": "4096", "FirstBurstLength": "512", "ImmediateData": "No"}
        old = stack.enter_context(contextlib.closing(Session(port, NAME, keys=agreed)))
        session = stack.enter_context(contextlib.closing(Session(port, NAME, handle=old.handle)))
        expect(session.handle == old.handle, f"TSIH {session.handle:#x} where it was {old.handle:#x}")
        session.negotiated = old.negotiated | session.negotiated
        session.command(TEST_UNIT_READY)
        session.holds_data_out = True
        write = session.submit(write16(0, 32), data=bytes(16384))
        while not session.asked:
            expect(session.collect() is None, "the write ended before its data came")
        expect(session.asked[0].word(44) == 4096, f"the target asks for {session.asked[0].word(44)} bytes, MaxBurstLength is 4096")
        session.release_data_out()
        expect(write.good, f"the write: {write.status}")


def await_that(true: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + 30
    while not true():
        expect(time.monotonic() < end, f"not within 30 s: {what}")
        time.sleep(0.05)


def status_of(task: pathlib.Path) -> dict[str, str]:
    """What the kernel says of a process or thread, which is a folder of /proc."""
    return dict(line.split(":\t", 1) for line in (task / "status").read_text().splitlines() if ":\t" in line)


def sighup_is_survived() -> None:
    with Targed(setup()) as targed:
        text, said = targed.config_path.read_text(), ["this needs a restart of targed: daemon: max_connections", "is faulty"]
        process = pathlib.Path(f"/proc/{targed.pid}")
        for changed, words in ((text, ""), (text.replace("[daemon]", "[daemon]\nmax_connections = 77"), said[0]), ("nonsense", said[1])):
            whole = targed.config_path.with_suffix(".new")
            whole.write_text(changed)
            whole.rename(targed.config_path)
            os.kill(targed.pid, signal.SIGHUP)
            await_that(lambda words=words: words in targed.log() and int(status_of(process)["ShdPnd"], 16) == 0, f"the log says '{words}'")
        others = [line for line in targed.log().splitlines() if "reload" in line and not any(words in line for words in said)]
        expect(not others, f"it says of a configuration that is the same: {others}")
        expect(targed.alive, "it ended")


def context_switches(pid: int) -> int:
    all_of_it = [status_of(task) for task in pathlib.Path(f"/proc/{pid}/task").iterdir()]
    return sum(int(status["voluntary_ctxt_switches"]) + int(status["nonvoluntary_ctxt_switches"]) for status in all_of_it)


def idle_daemon_sleeps() -> None:
    with Targed(setup()) as targed, Session(targed.target().port, NAME) as session:
        session.command(TEST_UNIT_READY)
        time.sleep(1)
        before = context_switches(targed.pid)
        time.sleep(3)
        woken = context_switches(targed.pid) - before
        expect(woken <= 2, f"it woke {woken} times in 3 s")


def forbidden_io_uring_is_explained() -> None:
    folder = pathlib.Path(tempfile.mkdtemp(prefix="targe-test-"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        config = folder / "targe.toml"
        config.write_text(configuration(with_ports(setup()), folder))
        done = subprocess.run([PROGRAMS / "targed", "--config", config], preexec_fn=forbid_io_uring, capture_output=True,
                              text=True, timeout=60)
        expect(done.returncode == 1, f"status {done.returncode}: {done.stderr}")
        for text in ("seccomp filter", "io_uring_setup", "SystemCallFilter"):
            expect(text in done.stderr, f"no word of {text}: {done.stderr}")


def log_that_nobody_reads_holds_up_nobody() -> None:
    with tempfile.TemporaryDirectory(prefix="targe-test-") as folder:
        path = f"{folder}/log"
        os.mkfifo(path)
        reader = os.open(path, os.O_RDWR | os.O_NONBLOCK)
        with contextlib.suppress(BlockingIOError):
            while True:
                os.write(reader, bytes(4096))
        with Targed(setup(), prefix=("sh", "-c", f'exec "$@" 2<>{path}', "sh")) as targed:
            for _ in range(2):
                with Session(targed.target().port, NAME) as session:
                    expect(session.command(read16(0, 1), read=512).good, "it serves nothing")
            targed.targe("status")
            with contextlib.suppress(BlockingIOError):
                while os.read(reader, 65536):
                    pass
            targed.stop()
        said = os.read(reader, 65536).decode()
        os.close(reader)
        expect("lines were lost, because nobody took them" in said, f"it does not say so: {said}")


def no_privilege_is_needed() -> None:
    """Root has none here, and anybody else had none."""
    without = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs") if os.geteuid() == 0 else ()
    with Targed(setup(), prefix=without) as targed, Session(targed.target().port, NAME) as session:
        expect(int(status_of(pathlib.Path(f"/proc/{targed.pid}"))["CapEff"], 16) == 0, "it has capabilities")
        expect(session.command(read16(0, 1), read=512).good, "it serves nothing")


def open_connections(targed: Targed) -> int:
    status = targed.targe_json("status")
    assert isinstance(status, dict)
    return int(status["connections"])


def is_closed(connection: socket.socket) -> bool:
    try:
        return not connection.recv(1, socket.MSG_DONTWAIT)
    except BlockingIOError:
        return False
    except OSError:
        return True


def connections_leave_descriptors_to_others() -> None:
    with Targed(setup(), prefix=("prlimit", "--nofile=60:60")) as targed:
        port = targed.target().port
        expect("no more than 25 connections are let in; raise LimitNOFILE" in targed.log(), "the log does not tell of it")
        with Session(port, NAME) as session, contextlib.ExitStack() as stack:
            silent = [stack.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(100)]
            await_that(lambda: sum(map(is_closed, silent)) >= 70, "those that are too many are closed")
            expect(open_connections(targed) > 1, "the administrator is told of the others")
            # REGISTER with APTPL: kept in a file that is opened for it.
            register = session.command(bytes([0x5F, *bytes(7), 24, 0]), data=bytes(15) + b"\1" + bytes(4) + b"\1" + bytes(3))
            expect(register.good, f"a registration is not kept: {register.sense_triple}")
        await_that(lambda: open_connections(targed) == 0, "all have gone")
        with Session(port, NAME) as session:
            expect(session.command(read16(0, 1), read=512).good, "it serves nobody any more")


def grown_file_is_served_after_a_restart() -> None:
    """As the manual says it is grown: `size` in the configuration is then less than the file has."""
    with Targed(Setup((Device("disk", size="1MiB"),), (Target(NAME, {0: "disk"}),), reactors=1)) as targed:
        image = targed.image("disk")
        os.truncate(image, 2 << 20)
        targed.targe("device", "refresh", "disk")
        expect("device disk has 4096 blocks now; it had 2048" in targed.log(), "the log does not tell of it")
        targed.restart()
        with Session(targed.target().port, NAME) as session:
            expect(session.command(read16(4095, 1), read=512).good, "its last block is gone")
        expect(f"{image} has 2097152 bytes and is served whole" in targed.log(), "the log does not tell of the configuration")


CASES: tuple[Callable[[], None], ...] = (
    silent_initiator_does_not_hold_up_the_end,
    stalled_reader_does_not_hold_up_the_end,
    new_session_does_not_wait_for_the_old_ones_output,
    window_may_be_filled,
    events_are_told_when_wanted,
    event_of_a_new_capacity_is_well_formed,
    functions_of_rfc7144_work,
    shared_task_set_is_shared,
    limits_of_commands_hold,
    discoveries_of_an_address_are_bounded,
    reinstated_connection_goes_on_as_agreed,
    sighup_is_survived,
    idle_daemon_sleeps,
    forbidden_io_uring_is_explained,
    no_privilege_is_needed,
    log_that_nobody_reads_holds_up_nobody,
    connections_leave_descriptors_to_others,
    grown_file_is_served_after_a_restart,
)


def run() -> list[Result]:
    return report.of_each(SUITE, CASES)


if __name__ == "__main__":
    report.finish(run())
