"""What an administrator sees of a device that initiators cannot use as they should.

    conformance/device_states.py
"""
from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import report
from harness import DaemonError, Targed
from iscsi_client import SYNCHRONIZE_CACHE, TEST_UNIT_READY, Session, read16, write16
from lifecycle import alone, expect
from report import Result
from setup import Device, Setup, Target

SUITE = "device states"
NAME = "iqn.2026-11.io.targe:states"


def state_of_the_device(targed: Targed) -> str:
    listed: Any = targed.targe_json("device", "list")
    return str(listed[0]["state"])


def device_that_is_away_is_named() -> None:
    disk = Device("disk", size="1MiB")
    with Targed(Setup((disk,), (Target(NAME, {0: "disk"}),), reactors=1)) as targed, Session(targed.target().port, NAME) as session:
        def state() -> str:
            return state_of_the_device(targed)

        image = targed.image("disk")
        expect(session.command(read16(0, 1), read=512).good and state() == "ready", f"at first it is {state()}")
        image.with_suffix(".copy").write_bytes(image.read_bytes())
        image.unlink()
        time.sleep(1.2)
        expect(not session.command(read16(0, 1), read=512).good and state() == "away", f"without its file it is {state()}")
        expect(f"{image} is away" in targed.log(), "the log does not name it")
        image.with_suffix(".copy").rename(image)
        time.sleep(1.2)
        told = good = False
        for _ in range(20):
            task = session.submit(read16(0, 1), read=512)
            while task.status is None:
                session.collect()
            told = told or (not task.good and task.sense_triple == (6, 0x28, 0))
            good = task.good
            if good:
                break
        expect(good and state() == "ready", f"with another file in its place it is {state()}")
        expect(told, "the other file is read before anybody is told that it is another")
        expect(f"{image} is back" in targed.log(), "the log does not say that it is back")


def lost_data_are_shown_until_a_refresh() -> None:
    disk = Device("disk", size="1MiB")
    with Targed(Setup((disk,), (Target(NAME, {0: "disk"}),), reactors=1)) as targed, Session(targed.target().port, NAME) as session:
        image = targed.image("disk")
        expect(session.command(SYNCHRONIZE_CACHE).good and state_of_the_device(targed) == "ready", "at first")
        copy = image.with_suffix(".copy")
        copy.write_bytes(image.read_bytes())
        expect(session.command(write16(7, 1), data=bytes(512)).good, "a write")
        copy.rename(image)
        expect(not alone(session, SYNCHRONIZE_CACHE).good, "a flush is told nothing of a file that is gone")
        for _ in range(10):
            time.sleep(0.3)
            alone(session, TEST_UNIT_READY)
            if state_of_the_device(targed) != "away":
                break
        expect(state_of_the_device(targed) == "data lost", f"with another file in its place it is {state_of_the_device(targed)}")
        targed.targe("device", "refresh", "disk")
        expect(state_of_the_device(targed) == "ready", f"after a refresh it is {state_of_the_device(targed)}")


def failed_erasure_is_shown() -> None:
    disk = Device("disk", size="1MiB")
    # SANITIZE, OVERWRITE: once, with one byte over and over.
    overwrite, once = bytes([0x48, 0x01, 0, 0, 0, 0, 0, 0, 5, 0]), bytes([1, 0, 0, 1, 0x55])
    with Targed(Setup((disk,), (Target(NAME, {0: "disk"}),), reactors=1)) as targed, Session(targed.target().port, NAME) as session:
        session.command(TEST_UNIT_READY)
        image = targed.image("disk")
        copy = image.with_suffix(".copy")
        copy.write_bytes(image.read_bytes())
        image.unlink()
        expect(not session.command(overwrite, data=once).good, "what is not there was erased")
        copy.rename(image)
        targed.targe("device", "refresh", "disk")
        expect(state_of_the_device(targed) == "sanitize failed", f"it is {state_of_the_device(targed)}")
        expect("disk: an erasure has failed" in targed.log(), "the log does not tell of it")
        alone(session, TEST_UNIT_READY)
        expect(session.command(overwrite, data=once).good, "it is not erased the second time")
        expect(state_of_the_device(targed) == "ready", f"then it is {state_of_the_device(targed)}")


def lost_image_is_not_made_again() -> None:
    """As after a boot in which its file system was not mounted."""
    disk = Device("disk", size="1MiB")
    mark = bytes([0xA5]) * 512
    with Targed(Setup((disk,), (Target(NAME, {0: "disk"}),), reactors=1)) as targed:
        image = targed.image("disk")
        with Session(targed.target().port, NAME) as session:
            expect(session.command(write16(0, 1), data=mark).good, "it cannot be written")
        targed.stop()
        away = image.with_suffix(".away")
        image.rename(away)
        try:
            targed.start()
        except DaemonError:
            pass
        else:
            expect(False, "an empty disk is served in place of it")
        targed.process = None
        expect(not image.exists(), "it was made again")
        told = f"device disk has lost its image: {image} is missing"
        expect(told in targed.log() and f"findmnt -T {image}; or, for an empty disk all the same, touch {image}" in targed.log(), "the log does not say so")
        away.rename(image)
        targed.start()
        with Session(targed.target().port, NAME) as session:
            expect(session.command(read16(0, 1), read=512).data_in == mark, "it is another one")
        targed.stop()
        image.unlink()
        image.touch()
        targed.start()
        with Session(targed.target().port, NAME) as session:
            expect(session.command(read16(0, 1), read=512).data_in == bytes(512), "it is no new disk, though its file was made by hand")


CASES: tuple[Callable[[], None], ...] = (
    device_that_is_away_is_named,
    lost_data_are_shown_until_a_refresh,
    failed_erasure_is_shown,
    lost_image_is_not_made_again,
)


def run() -> list[Result]:
    return report.of_each(SUITE, CASES)


if __name__ == "__main__":
    report.finish(run())
