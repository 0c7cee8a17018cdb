"""A start while the server of a share does not answer: a drive whose disc is there is empty until it does, and everything else is served; a
disk that is there is waited for, and the log says so.

    conformance/hung_start.py
"""
from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path

import report
from disc_images import BLOCK, make_iso
from discs import CHANGED, GOOD, NAME, TEST_UNIT_READY, TRAY_CLOSED, ready
from harness import Targed
from hung_server import HungServer
from iscsi_client import Session
from report import Result
from setup import Device, Setup, Target

SUITE = "hung start"
SEED = 20261130
READ_FIRST = bytes([0x28, 0, 0, 0, 0, 0, 0, 0, 1, 0])
DISK = Device("disk0", size="16MiB")


class HungStart:
    """With two drives, of which the disc of one is on the share, and a disk."""

    def __init__(self, daemon: Targed, server: HungServer) -> None:
        self.daemon, self.server = daemon, server
        self.results: list[Result] = []

    def expect(self, name: str, got: object, wanted: object) -> None:
        self.results.append(report.passed(SUITE, name) if got == wanted else report.failed(SUITE, name, f"wanted {wanted!r}, got {got!r}"))

    def state(self, device: str) -> tuple[str, str]:
        found = next(each for each in self.daemon.targe_json("device", "list") if each["name"] == device)  # type: ignore[attr-defined]
        return found["state"], found["path"] or ""

    def eventually(self, device: str, wanted: tuple[str, str]) -> None:
        end = time.monotonic() + 30
        while self.state(device) != wanted and time.monotonic() < end:
            time.sleep(0.05)
        self.expect(f"{device} in the end", self.state(device), wanted)

    def session(self) -> Session:
        session = Session(self.daemon.target().port, NAME, isid=1)
        for lun in range(3):
            while session.command(TEST_UNIT_READY, lun=lun).sense_triple[0] == 6:
                pass
        return session

    def restart(self, at_all: bool) -> None:
        self.daemon.stop()
        self.server.hang(at_all)
        self.daemon.start()

    def starts_without_the_disc(self, how: str, at_all: bool, local: Path) -> None:
        self.restart(at_all)
        path = str(self.server.path)
        self.expect(f"{how}: the drive waits for its disc", self.state("cd0"), ("waiting", path))
        self.expect(f"{how}: the log says so", f"drive cd0 is empty until what keeps {path} answers" in self.daemon.log(), True)
        self.expect(f"{how}: another drive has its disc", self.state("cd1"), ("ready", str(local)))
        with self.session() as one:
            self.expect(f"{how}: NOT READY", one.command(TEST_UNIT_READY).sense_triple, TRAY_CLOSED)
            self.expect(f"{how}: the disk is there", one.command(TEST_UNIT_READY, lun=1).sense_triple, GOOD)
            self.server.go_on()
            self.eventually("cd0", ("ready", path))
            self.expect(f"{how}: initiators are told", ready(one), CHANGED)
            self.expect(f"{how}: what is read", bytes(one.command(READ_FIRST, read=BLOCK).data_in), bytes(self.server.content[:BLOCK]))

    def keeps_what_was_put_in_meanwhile(self, local: Path) -> None:
        self.restart(at_all=False)
        self.daemon.targe("cdrom", "insert", "cd0", str(local))
        self.expect("another disc meanwhile", self.state("cd0"), ("ready", str(local)))
        self.daemon.targe("cdrom", "eject", "cd0")
        self.server.go_on()
        time.sleep(0.5)  # for a defect to show
        self.expect("an open tray stays open", self.state("cd0"), ("tray open", ""))

    def ends_while_it_waits(self) -> None:
        """But for the thread that waits in the kernel, which nobody can end."""
        self.restart(at_all=False)
        os.kill(self.daemon.pid, signal.SIGTERM)
        end = time.monotonic() + 30
        while "stopped" not in self.daemon.log().splitlines()[-1] and time.monotonic() < end:
            time.sleep(0.05)
        self.expect("it ends while a drive waits", "stopped" in self.daemon.log().splitlines()[-1], True)
        self.server.go_on()
        self.daemon.stop()

    def check_warns(self) -> None:
        self.server.hang(at_all=True)
        checked = subprocess.run([self.daemon.programs / "targed", "--check", "--config", self.daemon.config_path],
                                 capture_output=True, text=True, timeout=60)
        self.server.go_on()
        self.expect("--check warns", (checked.returncode, "what keeps it does not answer; the drive will be empty" in checked.stderr), (0, True))

    def waits_for_a_disk(self, how: str, at_all: bool) -> None:
        """Which cannot be served before its size is known."""
        said = f"targed waits for device disk1: what keeps {self.server.path} does not answer"
        before = self.daemon.log().count(said)
        self.server.hang(at_all)
        told: list[bool] = []

        def go_on_when_told() -> None:
            end = time.monotonic() + 20
            while self.daemon.log().count(said) == before and time.monotonic() < end:
                time.sleep(0.05)
            told.append(self.daemon.log().count(said) > before)
            self.server.go_on()

        answers = threading.Thread(target=go_on_when_told)
        answers.start()
        self.daemon.start()
        answers.join()
        self.expect(f"{how}: the log says what a start waits for", told, [True])
        self.expect(f"{how}: a disk that was waited for", self.state("disk1"), ("ready", str(self.server.path)))
        self.daemon.stop()


def on_a_share(daemon: Targed, content: bytes, tests: Callable[[HungStart], None]) -> list[Result]:
    try:
        server = HungServer(daemon.folder / "share", "hung.iso", content)
    except OSError as error:
        return [report.skipped(SUITE, "a start while a server hangs", f"no file system of its own: {error}")]
    hung = HungStart(daemon, server)
    try:
        tests(hung)
    finally:
        server.close()
    return hung.results


def run() -> list[Result]:
    with Targed(Setup((DISK,), (Target(NAME, {0: "disk0"}),))) as daemon:
        local = daemon.folder / "local.iso"
        make_iso(local, "LOCAL", random.Random(SEED))
        share = daemon.folder / "share" / "hung.iso"

        def tests(hung: HungStart) -> None:
            drives = (Device("cd0", type="cdrom", path=str(share)), Device("cd1", type="cdrom", path=str(local)))
            port = daemon.target().port
            daemon.setup = Setup((*drives, DISK), (Target(NAME, {0: "cd0", 1: "disk0", 2: "cd1"}, port=port),))
            hung.starts_without_the_disc("a server that opens nothing", False, local)
            hung.starts_without_the_disc("a server that says nothing", True, local)
            hung.keeps_what_was_put_in_meanwhile(local)
            hung.ends_while_it_waits()
            hung.check_warns()
            disk = Device("disk1", path=str(share), size="1MiB", read_only=True)
            daemon.setup = Setup((DISK, disk), (Target(NAME, {0: "disk0", 1: "disk1"}, port=port),))
            hung.waits_for_a_disk("a server that opens nothing", False)
            hung.waits_for_a_disk("a server that says nothing", True)

        return on_a_share(daemon, local.read_bytes(), tests)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    report.finish(run())
