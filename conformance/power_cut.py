"""Power cuts: targed in a guest with everything that it has on a disk under dm-log-writes; the log is replayed to many points,
and what targed then serves is compared with what it had promised before each.

    conformance/power_cut.py [--seed N] [--cuts N] [--stretches N]

The disk is full of noise before its file system is made, so that what was never written would show. The store of each cut is
taken out of the file system by e2fsck (which replays ext4's journal) and debugfs, and served by targed on this machine.
"""
from __future__ import annotations

import argparse
import bisect
import dataclasses
import os
import pathlib
import random
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from typing import Any

import persistent_reservations as reservations
import power_load
import report
from guest_linux import Guest
from harness import PROGRAMS, DaemonError, Targed
from iscsi_client import ProtocolError, Session, read16
from power_load import NAME, Load, Marks, Moment, Unit
from promises import BLOCK, newer
from report import Result
from setup import Device, Setup, Target, configuration, free_port
from write_log import SURVIVALS, Disk, WriteLog

SUITE = "power"
PACKAGES = "dmsetup,e2fsprogs,util-linux,iproute2,kmod,libssl3,liburing2,libfmt9,libstdc++6"
MODULES = "virtio_blk,dm_log_writes,ext4,crc32c_generic"
LIMIT_S = 600
FS_BYTES, LOG_BYTES = 24 << 20, 8 << 30
UNIT_BYTES = 1 << 20
UNITS = (Unit(0, "cached", UNIT_BYTES // BLOCK, thin=True), Unit(1, "direct", UNIT_BYTES // BLOCK, thin=True),
         Unit(2, "through", UNIT_BYTES // BLOCK, thin=True, write_through=True), Unit(3, "block", UNIT_BYTES // BLOCK))
ERASED, KEEPER = Unit(4, "erased", 256), 5
ON_BLOCK = UNITS[3]
NOISE = b"noise of before " * (BLOCK // 16)
TOOLS = {"PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}  # where debugfs is, and who is not root does not look


def served(store: pathlib.Path, port: int, *, in_guest: bool) -> Setup:
    """What targed serves: in the guest, or from what a cut left, where the block device is a file."""
    size = "1MiB"
    block = Device("block", "block" if in_guest else "file", size=size, path=str(store.parent / "unit"))
    devices = (Device("cached", size=size, thin=True), Device("direct", size=size, thin=True, direct=True),
               Device("through", size=size, thin=True, write_cache="write-through"), block,
               Device(ERASED.name, size=f"{ERASED.blocks * BLOCK >> 10}KiB"), Device("keeper", size="64KiB"))
    if not in_guest:  # where O_DIRECT may not work, and where nothing is written
        devices = tuple(dataclasses.replace(device, direct=False) for device in devices)
    luns = {lun: device.name for lun, device in enumerate(devices)}
    return Setup(devices, (Target(NAME, luns, port=port, listen="10.0.2.15" if in_guest else "127.0.0.1"),), reactors=1)


def declare(daemon: Targed) -> None:
    """What a cut left was copied out of the guest: work that is not finished does not go on there by itself."""
    listed: Any = daemon.targe_json("device", "list")
    for device in listed:
        if device["state"] == "another store":
            daemon.targe("device", "refresh", device["name"], "--here")


class Recording:
    """One guest, from the making of its file system to its end."""

    def __init__(self, folder: pathlib.Path, dice: random.Random, stretches: int) -> None:
        self.folder, self.dice, self.stretches = folder, dice, stretches
        self.disk, self.log, self.store = folder / "disk", folder / "log", folder / "cut"
        self.blank = NOISE * ((FS_BYTES + UNIT_BYTES) // len(NOISE))
        self.results: list[Result] = []
        self.load: Load | None = None

    def run(self) -> None:
        self.disk.write_bytes(self.blank)
        with self.log.open("wb") as file:
            file.truncate(LOG_BYTES)
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(LIMIT_S)
            port = free_port()
            arguments = [NAME, str(port), str(FS_BYTES // 512), "ext4", str(server.getsockname()[1]), str(self.store)]
            share = {"targed": PROGRAMS / "targed", "targe.toml": configuration(served(self.store, port, in_guest=True), self.store)}
            guest = Guest("power.sh", arguments, {}, suite=SUITE, packages=PACKAGES, modules=MODULES, limit_s=LIMIT_S, share=share,
                          options=("-d", str(self.disk), "-d", str(self.log), "-f", f"{port}:{port}"))
            thread = threading.Thread(target=lambda: self.results.extend(guest.run()))
            thread.start()
            try:
                connection, _ = server.accept()
                connection.settimeout(60)
                with connection:
                    self.drive(port, Marks(connection))
            except OSError as error:
                self.results.append(report.failed(SUITE, "the guest answers", str(error)))
            finally:
                thread.join()

    def drive(self, port: int, marks: Marks) -> None:
        self.load = load = Load(port, UNITS, {ON_BLOCK.lun: NOISE}, ERASED, KEEPER, marks, self.dice)
        try:
            marks.tell("start")
            load.log_in()
            for _ in range(self.stretches):
                load.writes()
                load.change()
            load.mark(wait=True)
        finally:
            marks.ask("end")
        load.close()


class Checker:
    """Serves what a cut left, and looks at it through an initiator's eyes."""

    def __init__(self, folder: pathlib.Path, load: Load) -> None:
        self.folder, self.load = folder, load
        self.final = load.now()

    def store(self, image: bytes) -> str:
        """Takes the store out of the image; what was wrong with the file system."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        path = self.folder / "image"
        path.write_bytes(image[:FS_BYTES])
        fixed = subprocess.run(["e2fsck", "-f", "-y", path], capture_output=True, text=True, env=TOOLS)
        if fixed.returncode not in (0, 1):
            return f"e2fsck: status {fixed.returncode}: {fixed.stdout[-500:]}{fixed.stderr[-500:]}"
        subprocess.run(["debugfs", "-R", f"rdump / {self.folder}", path], capture_output=True, check=True, env=TOOLS)
        (self.folder.parent / "unit").write_bytes(image[FS_BYTES:])
        path.unlink()
        return ""

    def check(self, image: bytes, before: int) -> list[str]:
        """`before`: how many marks stand in the log before the cut."""
        load = self.load
        promised = load.marks.promised[before - 1] if before else None
        latest = load.marks.latest[before] if before < len(load.marks.latest) else self.final
        if wrong := self.store(image):
            return [wrong]
        try:
            with Targed(served(self.folder, 0, in_guest=False), self.folder) as daemon:
                declare(daemon)
                return self.look(daemon, promised, latest) if promised else []
        except (DaemonError, ProtocolError, OSError) as error:
            return [f"{type(error).__name__}: {str(error)[-1500:]}"]

    def look(self, daemon: Targed, promised: Moment, latest: Moment) -> list[str]:
        wrong: list[str] = []
        with Session(daemon.target().port, NAME) as session:
            if not power_load.ready(session, ERASED.lun):
                wrong.append("the unit that was sanitized is not ready")
            found: dict[str, object] = {"reservations": reservations.found(session, KEEPER)}
            found |= {f"identity {lun}": power_load.identity(session, lun) for lun in (*self.load.media, KEEPER)}
            for unit in UNITS:
                found[f"mode page {unit.lun}"] = page = power_load.mode_page(session, unit.lun, saved=True)
                found[f"identifying information {unit.lun}"] = power_load.identifying_information(session, unit.lun)
                if page != power_load.mode_page(session, unit.lun, saved=False):
                    wrong.append(f"mode page {unit.lun}: the current values are not the saved ones")
            for lun, medium in self.load.media.items():
                data = b"".join(bytes(session.command(read16(lba, 128), read=128 * BLOCK, lun=lun).data_in)
                                for lba in range(0, medium.blocks, 128))
                wrong += medium.check(data, promised.media[lun], latest.media[lun])[:3]
        for name, seen in promised.histories.items():
            wrong += self.load.histories[name].check(name, found[name], seen, latest.histories[name])
        return wrong


class Replay:
    """Cuts the log of a recording, and has each cut checked."""

    def __init__(self, log: WriteLog, recording: Recording, checker: Checker, dice: random.Random) -> None:
        self.log, self.blank, self.checker, self.dice = log, recording.blank, checker, dice
        marks = log.marks()
        self.first = marks["mounted"]
        self.marks = [marks[f"m{number}"] for number in range(recording.load.marks.count if recording.load else 0)]

    def points(self, count: int) -> list[int]:
        """Right behind a mark, where a promise is freshest; right before and behind a FLUSH; and anywhere."""
        flushes = [number for number, entry in enumerate(self.log.entries) if entry.is_flush and number > self.first]
        every = range(self.first, len(self.log.entries) + 1)
        drawn = [self.dice.choice(kind) for kind in (self.marks, flushes, [each + 1 for each in flushes], every)
                 for _ in range(count // 4)]
        return sorted({*drawn, len(self.log.entries)})

    def run(self, points: list[int], *, flushes: bool = True, late: int = 0) -> list[tuple[int, list[str]]]:
        """What was wrong, by point. `flushes` and `late` tamper: FLUSH and FUA mean nothing after the first promise; promises
        are taken for given so many marks before they were."""
        disk, wrong = Disk(self.log, self.blank, newer, lies_from=None if flushes else self.marks[0]), []
        for point in points:
            survival = self.dice.choice(SURVIVALS)
            before = min(bisect.bisect_right(self.marks, point) + late, len(self.marks))
            found = self.checker.check(disk.cut(point, survival, self.dice), before)
            if found:
                wrong.append((point, [f"cut after entry {point} of {len(self.log.entries)}, {survival} of the rest: {each}" for each in found]))
        return wrong


def judge(name: str, replay: Replay, cuts: int, seed: int) -> list[Result]:
    """The replay of what happened, and of what did not: the checker must be able to complain."""
    begin = time.monotonic()
    points = replay.points(cuts)
    wrong = replay.run(points)
    lines = [line for _, each in wrong for line in each]
    note = f"{len(points)} cuts of {len(replay.log.entries)} entries, {len(replay.marks)} marks, {time.monotonic() - begin:.0f} s"
    results = [report.failed(SUITE, f"{name} (seed {seed})", f"{len(wrong)} of {note}\n" + "\n".join(lines[:12])) if wrong
               else report.passed(SUITE, f"{name} (seed {seed})", note)]
    few = sorted(replay.dice.sample(replay.marks[:-4], min(12, len(replay.marks) - 4)))
    for what, tampered in (("a disk that ignores FLUSH and FUA is caught", replay.run(few, flushes=False)),
                           ("a promise that is made too early is caught", replay.run(few, late=4))):
        full = f"{name}: {what} (seed {seed})"
        results.append(report.passed(SUITE, full, f"{len(tampered)} of {len(few)} cuts") if tampered
                       else report.failed(SUITE, full, f"{len(few)} cuts were found in order"))
    return results


def run(seed: int | None = None, cuts: int = 160, stretches: int = 60) -> list[Result]:
    seed = seed if seed is not None else random.SystemRandom().randrange(1 << 32)
    print(f"power: seed {seed}", flush=True)
    dice = random.Random(seed)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="targe-power-"))
    recording = Recording(folder, dice, stretches)
    recording.run()
    results, load = recording.results, recording.load
    if load is None or any(result.verdict is report.Verdict.FAILED for result in results):
        return results
    if load.wrong:
        results.append(report.failed(SUITE, f"commands (seed {seed})", "\n".join(load.wrong[:8])))
    with WriteLog(recording.log) as log:
        results += judge("ext4 and a block device", Replay(log, recording, Checker(recording.store, load), dice), cuts, seed)
    if os.environ.get("TARGE_KEEP") or any(result.verdict is report.Verdict.FAILED for result in results):
        print(f"kept for whoever looks: {folder}")
    else:
        shutil.rmtree(folder)
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--cuts", type=int, default=160)
    parser.add_argument("--stretches", type=int, default=60, help="of writes, each with changes of what else is kept")
    options = parser.parse_args()
    report.finish(run(options.seed, options.cuts, options.stretches))
