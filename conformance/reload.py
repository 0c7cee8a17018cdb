"""A configuration that changes while initiators work: devices, LUNs and groups come and go, and sessions beside them notice nothing.

    conformance/reload.py [SEED]
"""
from __future__ import annotations

import dataclasses
import fcntl
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import report
from harness import DaemonError, Targed
from iscsi_client import ASYNC_MESSAGE, TEST_UNIT_READY, ProtocolError, Session, inquiry, read16, write16
from lifecycle import alone, expect, fill_output
from reloading import BESIDE, DISK0, FIRST, GOOD, LUNS_CHANGED, NAME, NO_LUN, POWER_ON, changes, is_open, load, luns, names, ready, reload, with_disk1, write_config
from reload_stores import device_goes_under_load, handlers_come_and_go, hung_store_goes_under_load, others_are_answered_while_a_reload_waits, slow_store_goes_under_load
from report import Result
from setup import Device, DeviceGroup, PortGroup, Setup, Target

SUITE = "reload"


def devices_come_and_go_beside_load(seed: int) -> None:
    rounds = 4
    with Targed(FIRST) as targed, load(targed, BESIDE, 2, seed) as beside, load(targed, NAME, 3, seed + 1) as same, \
            Session(targed.target(NAME).port, NAME) as session:
        ready(session)
        naa: set[str] = set()
        for number in range(rounds):
            path = targed.folder / f"another{number % 2}.img"
            done = reload(targed, with_disk1(FIRST, str(path)))
            expect(changes(done) == ["device disk1: added", f"target {NAME}: luns"] and not done["needs_restart"], f"added: {done}")
            expect(ready(session) == LUNS_CHANGED and ready(session) == GOOD, "LUN 1 has come: told once")
            expect(luns(session) == [0, 1], f"LUN 1 has come: there are {luns(session)}")
            expect(ready(session, 1) == POWER_ON and ready(session, 1) == GOOD, "LUN 1 is new")
            mark = bytes([number + 1]) * 512
            expect(session.command(write16(9, 1, fua=True), data=mark, lun=1).good, "LUN 1 cannot be written")
            expect(bytes(session.command(read16(9, 1), read=512, lun=1).data_in) == mark, "LUN 1 has other data")
            expect(names(targed) == ["disk0", "other", "disk1"] and is_open(targed, path), f"there are {names(targed)}")
            listed: Any = targed.targe_json("device", "list")
            naa.add(listed[2]["naa"])
            done = reload(targed, FIRST)
            expect(changes(done) == [f"target {NAME}: luns", "device disk1: removed"] and not done["failed"], f"removed: {done}")
            expect(ready(session) == LUNS_CHANGED and ready(session) == GOOD, "LUN 1 has gone: told once")
            expect(luns(session) == [0] and ready(session, 1) == NO_LUN, f"LUN 1 has gone: there are {luns(session)}")
            expect(not is_open(targed, path), "the file of a device that was removed is open")
            with path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                file.seek(9 * 512)
                expect(file.read(512) == mark, "the file has other data")
            expect(names(targed) == ["disk0", "other"], f"there are {names(targed)}")
        expect(len(naa) == 1, f"disk1 was {naa}")
        expect(not changes(reload(targed, FIRST)), "the same again is a change")
        heard = same.rounds + 2
        while same.rounds < heard and not same.wrong:
            time.sleep(0.01)
    expect(beside.told == [], f"a session of another target was told {beside.told}")
    expect(same.told == [LUNS_CHANGED] * (2 * rounds), f"a session of the target was told {same.told}")


def who_takes_no_answers_is_named(seed: int) -> None:
    """Its commands have not ended, and the store stays open: an administrator has to find out whose they are."""
    del seed
    with Targed(with_disk1(FIRST)) as targed:
        silent = Session(targed.target(NAME).port, NAME)
        ready(silent, 1)
        fill_output(silent, 1)
        for setup, what in (FIRST, "its store is still open"), (with_disk1(FIRST), "cannot be added yet"):
            write_config(targed, setup)
            try:
                targed.targe("reload")
            except DaemonError as told:
                expect(what in str(told) and "targe session drop" in str(told), f"it says {told}")
            else:
                expect(False, f"nothing is said of that {what}")
        sessions: Any = targed.targe_json("session", "list")
        expect(len(sessions) == 1 and sessions[0]["commands_in_flight"] > 0, f"the sessions are {sessions}")
        targed.targe("session", "drop", str(sessions[0]["id"]))
        silent.close()
        end = time.monotonic() + 30
        while is_open(targed, targed.image("disk1")) and time.monotonic() < end:
            time.sleep(0.01)
        expect(changes(reload(targed, with_disk1(FIRST))) != [], "disk1 does not come back")


def fails(targed: Targed, setup: Setup | None, *words: str) -> None:
    """Nothing has changed then."""
    if setup:
        write_config(targed, setup)
    with Session(targed.target(NAME).port, NAME, isid=9) as session:
        ready(session)
        before = (names(targed), luns(session))
        try:
            targed.targe("reload")
        except DaemonError as refused:
            expect(all(word in str(refused) for word in words), f"{words} is not in: {refused}")
        else:
            expect(False, f"it is applied: {words}")
        expect((names(targed), luns(session), ready(session)) == (*before, GOOD), "something has changed")


def what_cannot_be_had_changes_nothing(seed: int) -> None:
    del seed
    with Targed(FIRST) as targed:
        targed.config_path.write_text("nonsense")
        fails(targed, None, "the configuration stays as it was", "targe.toml:1:9: error", "targed --check")
        both = with_disk1(FIRST)
        lost = Device("lost", size="4MiB", path=str(targed.folder / "no" / "lost.img"))
        fails(targed, dataclasses.replace(both, devices=(*both.devices, lost)), "device lost cannot be opened", "no/lost.img", "try: ")
        expect(not is_open(targed, targed.folder / "disk1.img"), "what was opened in vain stays open")
        other_name = targed.folder / "other-name.img"
        other_name.hardlink_to(targed.image("disk0"))
        fails(targed, with_disk1(FIRST, str(other_name)), "the devices disk0 and disk1 are one store")
        taken: Any = targed.targe_json("device", "list")
        same = dataclasses.replace(both, devices=(*both.devices[:-1], Device("disk1", size="4MiB", serial=taken[0]["serial"])))
        fails(targed, same, "device disk1 cannot be added", "device disk0 that runs has its serial number")
        expect(changes(reload(targed, both)) == ["device disk1: added", f"target {NAME}: luns"], "then it cannot be added either")
        renamed = dataclasses.replace(FIRST, devices=(*FIRST.devices, Device("disk2", size="4MiB", path=str(targed.image("disk0").with_name("disk1.img")))))
        fails(targed, renamed, "the devices disk2 and disk1 are one store")
        targed.image("disk0").with_name("disk1.img").unlink()
        reload(targed, FIRST)
        expect(changes(reload(targed, both)) != [], "an image that was removed with its device is not made anew")


def what_needs_a_restart_is_named(seed: int) -> None:
    del seed
    changed = dataclasses.replace(
        with_disk1(FIRST), daemon={"max_connections": 77, "log_level": "debug"},
        targets=(Target(NAME, {0: "disk0", 1: "disk1"}, limits={"queue_depth": 7, "alias": "other", "max_burst_length": "512KiB"}), Target(BESIDE, {0: "other"}), Target(NAME + ".new", {0: "other"}, limits={"queue_depth": 7})))
    changed = dataclasses.replace(changed, devices=(dataclasses.replace(DISK0, size="16MiB"), *changed.devices[1:]))
    wanted = ["daemon: log_level", "device disk1: added", f"target {NAME}: alias", f"target {NAME}: max_burst_length", f"target {NAME}: luns"]
    waiting = ["daemon: max_connections", "device disk0: size", f"target {NAME}: queue_depth", f"target {NAME}.new: added"]
    with Targed(FIRST) as targed, Session(targed.target(NAME).port, NAME) as session:
        ready(session)
        for options in ("--dry-run",), ():
            answer = reload(targed, changed, *options)
            expect(changes(answer) == wanted and changes(answer, "needs_restart") == waiting, f"{options}: {answer}")
            expect(luns(session) == ([0] if options else [0, 1]), f"{options}: LUNs {luns(session)}")
        text = targed.targe("reload")
        expect("needs a restart" in text and f"target {NAME}.new" in text and "device disk1" not in text, f"it says {text}")
        expect(f"this needs a restart of targed: target {NAME}: queue_depth" in targed.log(), "the log does not say so")
        with Session(targed.target(NAME).port, NAME, isid=3, keys={"MaxBurstLength": "1048576"}) as later:
            expect(later.negotiated["MaxBurstLength"] == "524288", f"a new login agrees on {later.negotiated['MaxBurstLength']}")


def targets_come_and_go(seed: int) -> None:
    """One that goes asks its initiators to log out, and is a new one when it comes back."""
    extra = NAME + ".extra"
    both = dataclasses.replace(with_disk1(FIRST), targets=(*FIRST.targets, Target(extra, {0: "disk1"})))
    with Targed(FIRST) as targed, load(targed, NAME, 2, seed) as beside:
        port = targed.target(NAME).port
        for number in range(3):
            answer = reload(targed, both)
            expect(changes(answer) == ["device disk1: added", f"target {extra}: added"] and not answer["needs_restart"], f"{answer}")
            with Session(port, None) as discovery:
                expect(extra in discovery.text("SendTargets=All"), "the target is not told of")
            polite, silent = Session(port, extra, isid=3), Session(port, extra, isid=4)
            for session in polite, silent:
                expect(ready(session) == POWER_ON and ready(session) == GOOD, "the target is not served")
            expect(polite.command(write16(0, 1), data=bytes([number]) * 512).good, "the disk cannot be written")
            listed: Any = targed.targe_json("target", "list")
            expect([each["sessions"] for each in listed] == [1, 0, 2], f"{listed}")
            write_config(targed, FIRST)
            begin = time.monotonic()
            os.kill(targed.pid, signal.SIGHUP)
            asked = polite.receive()
            expect(asked.opcode == ASYNC_MESSAGE and asked.header[36] == 1, f"it is told {asked.opcode:#x}, event {asked.header[36]}")
            polite.logout()
            polite.close()
            end = begin + 30
            while len(names(targed)) == 3 and time.monotonic() < end:
                time.sleep(0.05)
            expect(names(targed) == ["disk0", "other"] and not is_open(targed, targed.image("disk0").with_name("disk1.img")), "it does not go")
            expect(time.monotonic() - begin > 2, "whoever does not log out is not waited for")
            silent.close()
            try:
                Session(port, extra, isid=5).close()
                expect(False, "a target that is gone lets initiators in")
            except ProtocolError as refused:
                expect("0203" in str(refused), f"a target that is gone: {refused}")
    expect(beside.told == [], f"a session of another target was told {beside.told}")


def initiators_see_what_they_may(seed: int) -> None:
    del seed
    def who(pattern: str) -> Setup:
        return dataclasses.replace(FIRST, targets=(dataclasses.replace(FIRST.targets[0], limits={"initiators": [pattern]}), FIRST.targets[1]))

    def grouped(pattern: str) -> Setup:
        group = {"name": "some", "initiators": [pattern], "luns": [{"lun": 3, "device": "other", "read_only": True}]}
        return dataclasses.replace(FIRST, targets=(dataclasses.replace(FIRST.targets[0], limits={"group": [group]}), FIRST.targets[1]))

    with Targed(FIRST) as targed, Session(targed.target(NAME).port, NAME, initiator="iqn.a:one") as one, \
            Session(targed.target(NAME).port, NAME, initiator="iqn.a:two") as two:
        ready(one), ready(two)
        reload(targed, grouped("iqn.a:one"))
        expect((luns(one), ready(two), luns(two)) == ([3], GOOD, [0]), f"in a group: {luns(one)}, beside it: {luns(two)}")
        expect(ready(one, 3) == POWER_ON and alone(one, write16(0, 1), 3).sense_triple[:2] == (7, 0x27), "a LUN that is read-only can be written")
        listed: Any = targed.targe_json("session", "list")
        expect({each["initiator"]: each["group"] for each in listed} == {"iqn.a:one": "some", "iqn.a:two": None}, f"sessions: {listed}")
        reload(targed, who("iqn.a:two"))
        expect((luns(one), ready(two), luns(two)) == ([], GOOD, [0]), f"not let in any more: {luns(one)}, let in: {luns(two)}")
        expect(bytes(one.command(inquiry(), read=255).data_in)[0] == 0x7F, "a LUN is there for who is not let in")
        try:
            Session(targed.target(NAME).port, NAME, isid=7, initiator="iqn.a:one").close()
            expect(False, "who is not let in any more can log in")
        except ProtocolError as refused:
            expect("0202" in str(refused), f"who is not let in any more: {refused}")
        reload(targed, FIRST)
        expect((luns(one), ready(two)) == ([0], GOOD), f"let in again: {luns(one)}")


def drives_come_and_go(seed: int) -> None:
    del seed
    with Targed(FIRST) as targed, Session(targed.target(NAME).port, NAME) as session:
        image = targed.folder / "images" / "disc.iso"
        (image.parent / "old").mkdir(parents=True)
        (targed.folder / "link").symlink_to(image.parent / "old")
        image.write_bytes(bytes(64 * 2048))
        path = f"{targed.folder}/link/../disc.iso"  # which is in images
        drive = Device("cd0", type="cdrom", path=path)
        both = dataclasses.replace(FIRST, devices=(*FIRST.devices, drive), targets=(Target(NAME, {0: "disk0", 1: "cd0"}), FIRST.targets[1]))
        for _ in range(2):
            answer = reload(targed, both)
            expect(changes(answer) == ["device cd0: added", f"target {NAME}: luns"] and not answer["failed"], f"{answer}")
            listed: Any = targed.targe_json("device", "list")
            expect((listed[2]["state"], listed[2]["path"]) == ("ready", path), f"{listed[2]}")
            expect(not changes(reload(targed, both)), "the disc that is there is another one")
            expect(session.command(bytes([0x28, 0, 0, 0, 0, 16, 0, 0, 1, 0]), read=2048, lun=1).good, "the disc cannot be read")
            reload(targed, FIRST)
            expect(not is_open(targed, image) and luns(session) == [0], "the disc of a drive that was removed is open")
        image.unlink()
        write_config(targed, both)
        try:
            targed.targe("reload")
            expect(False, "a disc that is not there is no failure")
        except DaemonError as said:
            expect("device cd0" in str(said) and "drive cd0 keeps what it has" in str(said), f"{said}")
        expect(luns(session) == [0, 1] and ready(session, 1)[0] in (2, 6), "a drive without its disc is not there")


def devices_join_a_device_group(seed: int) -> None:
    del seed
    def pair(*devices: str) -> tuple[DeviceGroup, ...]:
        return (DeviceGroup("pair", devices, (PortGroup(1, NAME, (1,)),)),)

    first = dataclasses.replace(FIRST, device_groups=pair("disk0"))
    with Targed(first) as targed, Session(targed.target(NAME).port, NAME) as session:
        for _ in range(2):
            reload(targed, dataclasses.replace(with_disk1(first), device_groups=pair("disk0", "disk1")))
            listed: Any = targed.targe_json("alua", "list")
            expect(listed[0]["devices"] == ["disk0", "disk1"], f"{listed}")
            expect(bytes(session.command(inquiry(), read=255, lun=1).data_in)[5] & 0x30 == 0x10, "LUN 1 has no asymmetric access")
            ready(session, 1)
            targed.targe("alua", "set", "pair", "1", "standby")
            expect(session.command(TEST_UNIT_READY, lun=1).sense_triple == (2, 4, 0x0B), "LUN 1 does not follow its group")
            targed.targe("alua", "set", "pair", "1", "active/optimized")
            expect(session.command(TEST_UNIT_READY, lun=1).good, "LUN 1 does not follow its group back")
            answer = reload(targed, first)
            expect(changes(answer)[-1] == "device disk1: removed", f"{answer}")


def every_sighup_counts(seed: int) -> None:
    chance = random.Random(seed)
    with Targed(FIRST) as targed, Session(targed.target(NAME).port, NAME) as session:
        for number in range(40):
            write_config(targed, with_disk1(FIRST) if number % 2 else FIRST)
            os.kill(targed.pid, signal.SIGHUP)
            time.sleep(chance.random() * 0.02)
        last = with_disk1(FIRST)  # at a LUN that none of the others has
        write_config(targed, dataclasses.replace(last, targets=(dataclasses.replace(last.targets[0], luns={0: "disk0", 7: "disk1"}), *last.targets[1:])))
        os.kill(targed.pid, signal.SIGHUP)
        end = time.monotonic() + 30
        while luns(session) != [0, 7] and time.monotonic() < end:
            time.sleep(0.05)
        expect(luns(session) == [0, 7] and names(targed)[-1] == "disk1", f"the last one was not heard: {luns(session)}")


def killed_reload_starts_again(seed: int) -> None:
    chance = random.Random(seed)
    with Targed(FIRST) as targed:
        wanted = with_disk1(FIRST)
        naa = ""
        for _ in range(6):
            write_config(targed, wanted)
            os.kill(targed.pid, signal.SIGHUP)
            time.sleep(chance.random() * 0.03)
            targed.kill()
            ports = targed.setup
            targed.setup = dataclasses.replace(wanted, targets=tuple(
                dataclasses.replace(target, port=ports.targets[0].port) for target in wanted.targets))
            targed.start()
            listed: Any = targed.targe_json("device", "list")
            expect([each["state"] for each in listed] == ["ready"] * 3 and naa in ("", listed[2]["naa"]), f"{listed}")
            naa = listed[2]["naa"]
            with Session(targed.target(NAME).port, NAME) as session:
                expect(luns(session) == [0, 1] and session.command(write16(0, 1), data=bytes(512), lun=1).good, "LUN 1 cannot be written")
            targed.setup = dataclasses.replace(FIRST, targets=tuple(
                dataclasses.replace(target, port=ports.targets[0].port) for target in FIRST.targets))
            targed.restart()


def libiscsi_sees_the_new_lun(seed: int) -> None:
    del seed
    with Targed(FIRST) as targed:
        reload(targed, with_disk1(FIRST))
        portal = f"iscsi://127.0.0.1:{targed.target(NAME).port}"
        seen = subprocess.run(["iscsi-ls", "-s", portal], capture_output=True, text=True, timeout=60, check=True).stdout
        expect("Lun:1    Type:DIRECT_ACCESS (Size:3M)" in seen or "Lun:1    Type:DIRECT_ACCESS (Size:4M)" in seen, f"iscsi-ls: {seen}")


CASES: tuple[Callable[[int], None], ...] = (
    devices_come_and_go_beside_load,
    device_goes_under_load,
    who_takes_no_answers_is_named,
    slow_store_goes_under_load,
    hung_store_goes_under_load,
    others_are_answered_while_a_reload_waits,
    what_cannot_be_had_changes_nothing,
    what_needs_a_restart_is_named,
    targets_come_and_go,
    initiators_see_what_they_may,
    drives_come_and_go,
    devices_join_a_device_group,
    handlers_come_and_go,
    every_sighup_counts,
    killed_reload_starts_again,
    libiscsi_sees_the_new_lun,
)


def run(seed: int | None = None) -> list[Result]:
    seed = random.randrange(1 << 32) if seed is None else seed
    print(f"   seed {seed}")

    def seeded(case: Callable[[int], None]) -> Callable[[], None]:
        def one() -> None:
            case(seed)

        one.__name__ = case.__name__
        return one

    return report.of_each(SUITE, [seeded(case) for case in CASES])


if __name__ == "__main__":
    report.finish(run(int(sys.argv[1]) if len(sys.argv) > 1 else None))
