"""What becomes of the commands of a LUN that a reload takes away: each has a status in the end, from a store that is quick, slow or hung."""
from __future__ import annotations

import contextlib
import dataclasses
import os
import random
import signal
import threading
import time
from collections.abc import Iterator

from handlers import gzdisk
from harness import DaemonError, Targed
from hung_server import HungServer
from iscsi_client import Session, Task, read16, write16
from lifecycle import expect
from reloading import BESIDE, FIRST, GOOD, LUNS_CHANGED, NAME, NO_LUN, POWER_ON, changes, is_open, load, luns, names, ready, reload, with_disk1, write_config
from setup import Device, Setup, Target

GIVEN_UP, NOT_READY = (0xB, 0x25, 0), (2, 4, 0)


def settle(session: Session) -> None:
    """Until both LUNs have told everything."""
    while (ready(session), ready(session, 1)) != (GOOD, GOOD):
        pass


def await_waiting(server: HungServer) -> None:
    end = time.monotonic() + 30
    while not server.waiting and time.monotonic() < end:
        time.sleep(0.01)


def targed_says(targed: Targed, *arguments: str) -> str:
    try:
        return targed.targe(*arguments)
    except DaemonError as said:
        return str(said)


def answered(session: Session, sent: list[Task]) -> list[Task]:
    while any(task.status is None for task in sent):
        session.collect()
    return sent


def device_goes_under_load(seed: int) -> None:
    """Each of its commands gets a status, and none of them acts any more then."""
    chance = random.Random(seed)
    with Targed(with_disk1(FIRST)) as targed, load(targed, NAME, 2, seed), Session(targed.target(NAME).port, NAME) as session:
        ready(session, 1)
        image = targed.image("disk1")
        for number in range(8):
            sent = [session.submit(write16(chance.randrange(4096), 8), data=bytes([number]) * 4096, lun=1) for _ in range(32)]
            write_config(targed, FIRST)
            os.kill(targed.pid, signal.SIGHUP)
            end = time.monotonic() + 30
            while is_open(targed, image) and time.monotonic() < end:
                time.sleep(0.001)
            expect(not is_open(targed, image), "its file stays open")
            content = image.read_bytes()
            for task in answered(session, sent):
                lba = int.from_bytes(task.cdb[2:10], "big")
                expect(task.good and content[lba * 512:][:4096] == bytes([number]) * 4096 or task.sense_triple == NO_LUN, f"{lba}: {task.status}, {task.sense_triple}")
            ready(session)
            expect(image.read_bytes() == content, "a command acts on the file of a device that was removed")
            reload(targed, with_disk1(FIRST))
            ready(session), ready(session, 1)
            expect(ready(session, 1) == GOOD, "it does not come back")


@contextlib.contextmanager
def served_by_this_process(targed: Targed) -> Iterator[HungServer]:
    server = HungServer(targed.folder / "share", "disk1.img", bytes(4 << 20))
    try:
        yield server
    finally:
        server.close()


def reload_late(targed: Targed, setup: Setup) -> str:
    """What it says of commands that have not ended when it is over; nothing: they have."""
    write_config(targed, setup)
    said = targed_says(targed, "reload")
    return said if "status 1" in said else ""


def begin_at(session: Session, lun: int, value: int, writes: bool = True) -> list[Task]:
    """More of them than a store that hangs can have taken up."""
    return [session.submit(write16(8 * n, 8), data=bytes([value]) * 4096, lun=lun) if n % 2 and writes else session.submit(read16(8 * n, 8), read=4096, lun=lun) for n in range(32)]


def slow_store_goes_under_load(seed: int) -> None:
    """Commands that are under way then may end, for a while, and no longer than that is anybody kept waiting."""
    del seed
    with Targed(FIRST) as targed, served_by_this_process(targed) as server, Session(targed.target(NAME).port, NAME) as session:
        reload(targed, with_disk1(FIRST, str(server.path)))
        settle(session)
        server.hang()
        sent = begin_at(session, 1, 7)
        later = threading.Timer(1, server.go_on)
        later.start()
        said = reload_late(targed, FIRST)
        later.join()
        content = bytes(server.content)
        for task in answered(session, sent):
            lba, expected = int.from_bytes(task.cdb[2:10], "big"), bytes([7 if task.data_out else 0]) * 4096
            expect(task.good or task.sense_triple in (NO_LUN, GIVEN_UP), f"{task.cdb.hex()}: {task.status}, {task.sense_triple}")
            expect(not task.good or content[lba * 512:][:4096] == expected and bytes(task.data_in) == (b"" if task.data_out else expected), f"{task.cdb.hex()}: other data")
        expect(any(task.good for task in sent) or said, "nothing has ended well, and the answer says nothing of it")
        expect(said or not is_open(targed, server.path), "the answer does not say that the store is open")
        expect(ready(session) == LUNS_CHANGED and luns(session) == [0], "the LUN is there")


def others_are_answered_while_a_reload_waits(seed: int) -> None:
    """For a store that does not answer; and a second reload waits for the first. Once is enough: a machine may stand still for as long as a reload waits."""
    del seed
    with Targed(FIRST) as targed, served_by_this_process(targed) as server:
        write_config(targed, with_disk1(FIRST, str(server.path)))
        for _ in range(3):
            said: list[str] = []
            server.hang()
            reloads = [threading.Thread(target=lambda said=said: said.append(targed_says(targed, "reload"))) for _ in range(2)]
            reloads[0].start()
            await_waiting(server)
            reloads[1].start()
            listed, status = names(targed), targed.targe("status")
            in_time = not said
            server.go_on()
            for each in reloads:
                each.join()
            if in_time:
                break
        expect(in_time and listed == ["disk0", "other"] and "devices        2" in status, f"meanwhile: {said}, {listed}, {status}")
        expect("device disk1" in said[0] and "nothing else" in said[1], f"they say {said}")
        expect(names(targed) == ["disk0", "other", "disk1"], f"there are {names(targed)}")


def hung_store_goes_under_load(seed: int) -> None:
    """What it is to read is answered all the same, a write when it has ended, the sessions go on, and the answer says that something may still act."""
    del seed
    with Targed(FIRST) as targed, served_by_this_process(targed) as server:
        port = targed.target(NAME).port
        both = with_disk1(FIRST, str(server.path))
        shared = dataclasses.replace(both, targets=(both.targets[0], Target(BESIDE, {0: "other", 1: "disk1"})))
        here_no_more = dataclasses.replace(shared, targets=(FIRST.targets[0], shared.targets[1]))
        reload(targed, shared)
        session = Session(port, NAME)
        with Session(port, BESIDE, isid=2) as beside:
            settle(session), settle(beside)
            server.hang()
            for one, setup, words in ((session, here_no_more, "may still act"), (beside, FIRST, "its store is still open")):
                sent = begin_at(one, 1, 9, writes=False)
                await_waiting(server)
                written = beside.submit(write16(8, 8), data=bytes([9]) * 4096, lun=1) if one is beside else None
                said = reload_late(targed, setup)
                expect(words in said, f"it does not say that it {words}: {said}")
                senses = {task.sense_triple for task in answered(one, sent)}
                expect(GIVEN_UP in senses and senses <= {GIVEN_UP, NO_LUN}, f"commands of a LUN that is gone: {senses}")
                expect(ready(one) == LUNS_CHANGED and ready(one) == GOOD and ready(one, 1) == NO_LUN, "the session does not go on")
            session.logout()
            session.close()
            with Session(port, NAME) as again:
                expect(ready(again) == POWER_ON and ready(again) == GOOD and luns(again) == [0], "the initiator cannot come back")
            expect(written is not None and written.status is None, "a write is answered that may still be done")
            server.go_on()
            answered(beside, [written])
            expect(written.good and bytes(server.content[4096:8192]) == bytes([9]) * 4096, "a write has not the status that it ended with")
            end = time.monotonic() + 30
            while is_open(targed, server.path) and time.monotonic() < end:
                time.sleep(0.01)
            expect(not is_open(targed, server.path), "its file stays open")
            expect(changes(reload(targed, both)) == ["device disk1: added", f"target {NAME}: luns"], "it does not come back")
            expect(ready(beside) == GOOD, "the session does not go on")


def handlers_come_and_go(seed: int) -> None:
    """With commands in hand, and one of them does nothing any more; the next one of that name is let in by the next reload."""
    del seed
    mine = Device("mine", handler="user", size="8MiB")
    both = dataclasses.replace(FIRST, devices=(*FIRST.devices, mine), targets=(Target(NAME, {0: "disk0", 1: "mine"}), FIRST.targets[1]))
    with Targed(FIRST) as targed, load(targed, BESIDE, 2, 1), Session(targed.target(NAME).port, NAME) as session:
        socket = targed.folder / "mine.handler.sock"
        for hangs in (False, True, False):
            expect(changes(reload(targed, both)) == ["device mine: added", f"target {NAME}: luns"] and socket.is_socket(), "there is no socket for a handler")
            with gzdisk(targed, "mine", 8) as handler:
                settle(session)
                if hangs:
                    handler.process.send_signal(signal.SIGSTOP)
                sent = begin_at(session, 1, 5, writes=not hangs)
                said = reload_late(targed, FIRST)
                ends = {GOOD if task.good else task.sense_triple for task in answered(session, sent)}
                expect(ends <= {GOOD, NO_LUN, GIVEN_UP, NOT_READY}, f"commands of a device that goes ended with {ends}")
                end = time.monotonic() + 30
                while socket.exists() and time.monotonic() < end:
                    targed.targe("reload")
                    time.sleep(0.05)
                expect(not socket.exists() and names(targed) == ["disk0", "other"], f"it is still there: {said}")
                expect(ready(session) == LUNS_CHANGED and luns(session) == [0], "the LUN is there")
