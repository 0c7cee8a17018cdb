"""Drives of CDs, DVDs and BDs: QEMU's and libiscsi's initiators read an ISO image and boot from it, and an administrator changes discs by
command and in the configuration while initiators look on.

    conformance/discs.py
"""
from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import time
from pathlib import Path

import report
from disc_images import BD_SESSION, BLOCK, BOOTED, make_bd, make_iso
from harness import DaemonError, Targed
from hung_server import HungServer
from iscsi_client import Session, inquiry
from qemu_img import convert, image_options, sha256
from report import Result
from setup import Device, Setup, Target

SUITE = "discs"
NAME = "iqn.2026-11.io.targe:discs"
SEED = 20261128
TEST_UNIT_READY = bytes(6)
READ_CAPACITY = bytes([0x25]) + bytes(9)
READ_TOC = bytes([0x43, 0, 0, 0, 0, 0, 0, 0, 20, 0])
PROFILE = bytes([0x46, 2, 0, 0, 0, 0, 0, 0, 8, 0])
MEDIA_EVENT = bytes([0x4A, 1, 0, 0, 0x10, 0, 0, 0, 8, 0])
OPERATIONAL_CHANGE = bytes([0x4A, 1, 0, 0, 0x02, 0, 0, 0, 8, 0])
EJECT = bytes([0x1B, 0, 0, 0, 2, 0])
WRITE = bytes([0x2A, 0, 0, 0, 0, 0, 0, 0, 1, 0])
NO_IMAGE = "has neither a file system of ISO 9660 nor one of UDF"  # as the log says it
READ_LAST = bytes([0x28, 0, 0, 0])
CHANGED, TRAY_CLOSED, TRAY_OPEN, CONFLICT, GOOD = (6, 0x28, 0), (2, 0x3A, 1), (2, 0x3A, 2), (5, 0x2C, 6), (0, 0, 0)


def prevent(session: Session, how: int) -> tuple[int, int, int]:
    return session.command(bytes([0x1E, 0, 0, 0, how, 0])).sense_triple


def ready(session: Session) -> tuple[int, int, int]:
    """Of one TEST UNIT READY. command() would try again after a unit attention."""
    task = session.submit(TEST_UNIT_READY)
    while task.status is None:
        session.collect()
    return task.sense_triple


class Discs:
    def __init__(self, daemon: Targed, folder: Path) -> None:
        self.daemon, self.folder = daemon, folder
        self.results: list[Result] = []

    def expect(self, name: str, got: object, wanted: object) -> None:
        self.results.append(report.passed(SUITE, name) if got == wanted else report.failed(SUITE, name, f"wanted {wanted!r}, got {got!r}"))

    def refused(self, name: str, wanted: str, *arguments: str) -> None:
        try:
            said = self.daemon.targe(*arguments)
            self.results.append(report.failed(SUITE, name, f"it was let through: {said}"))
        except DaemonError as error:
            self.expect(name, wanted if wanted in str(error) else str(error), wanted)

    def state(self) -> tuple[str, str]:
        drive = next(device for device in self.daemon.targe_json("device", "list") if device["name"] == "cd0")  # type: ignore[attr-defined]
        return drive["state"], drive["path"] or ""

    def session(self, isid: int) -> Session:
        session = Session(self.daemon.target().port, NAME, isid=isid)
        while ready(session)[0] == 6:
            pass
        return session

    # --- what initiators see of a disc

    def read_by_qemu(self, image: Path) -> None:
        back = self.folder / "back.iso"
        with back.open("wb") as file:
            file.truncate(image.stat().st_size)
        convert(image_options(self.daemon, 0, "none"), str(back))
        self.expect("qemu-img reads the image as it is", sha256(back), sha256(image))

    def inquiry_by_libiscsi(self) -> None:
        done = subprocess.run(["iscsi-inq", self.daemon.url()], capture_output=True, text=True, timeout=60)
        self.expect("iscsi-inq finds a drive", "MMC" in done.stdout and "Removable:1" in done.stdout.replace(" ", ""), True)

    def boot(self) -> None:
        serial = self.folder / "serial"
        command = ["qemu-system-x86_64", "-machine", "pc", "-m", "64", "-display", "none", "-nodefaults", "-serial", f"file:{serial}", "-boot", "d",
                   "-drive", f"file={self.daemon.url()},media=cdrom,format=raw,if=ide,readonly=on"]
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as qemu:
            end = time.monotonic() + 120
            while time.monotonic() < end and qemu.poll() is None and not (serial.exists() and BOOTED in serial.read_text(errors="replace")):
                time.sleep(0.2)
            said = serial.read_text(errors="replace") if serial.exists() else ""
            qemu.terminate()
            errors = qemu.communicate()[0]
        self.expect("QEMU boots from it", BOOTED if BOOTED in said else said + errors, BOOTED)

    def answers(self, blocks: int) -> None:
        with self.session(1) as session:
            self.expect("INQUIRY", bytes(session.command(inquiry(), read=96).data_in[:2]), b"\x05\x80")
            self.expect("READ CAPACITY", bytes(session.command(READ_CAPACITY, read=8).data_in), (blocks - 1).to_bytes(4, "big") + BLOCK.to_bytes(4, "big"))
            self.expect("READ TOC", bytes(session.command(READ_TOC, read=20).data_in)[16:], blocks.to_bytes(4, "big"))
            self.expect("WRITE is no command", session.command(WRITE, data=bytes(BLOCK)).sense_triple, (5, 0x20, 0))

    # --- changes

    def change_by_command(self, second: Path) -> None:
        with self.session(1) as one, self.session(2) as two:
            one.command(MEDIA_EVENT, read=8)
            self.daemon.targe("cdrom", "eject", "cd0")
            self.expect("ejected: the tray is open", self.state(), ("tray open", ""))
            self.expect("ejected: NOT READY", one.command(TEST_UNIT_READY).sense_triple, TRAY_OPEN)
            self.expect("ejected: the event", bytes(one.command(MEDIA_EVENT, read=8).data_in[4:6]), b"\x03\x01")
            self.daemon.targe("cdrom", "insert", "cd0", str(second))
            self.expect("inserted: ready", self.state(), ("ready", str(second)))
            self.expect("inserted: the event", bytes(one.command(MEDIA_EVENT, read=8).data_in[4:6]), b"\x02\x02")
            for number, session in enumerate((one, two), 1):
                self.expect(f"inserted: nexus {number} is told once", [ready(session), ready(session)], [CHANGED, GOOD])
            capacity = bytes(one.command(READ_CAPACITY, read=8).data_in)
            self.expect("inserted: its capacity", int.from_bytes(capacity[:4], "big") + 1, second.stat().st_size // BLOCK)

    def locked(self, first: Path, second: Path) -> None:
        with self.session(1) as one:
            one.command(MEDIA_EVENT, read=8)
            prevent(one, 1)
            self.refused("a locked tray stays shut", "an initiator prevents the removal", "cdrom", "eject", "cd0")
            self.refused("and takes no other disc", "an initiator prevents the removal", "cdrom", "insert", "cd0", str(first))
            self.expect("it keeps its disc", self.state(), ("ready", str(second)))
            self.expect("the initiator can learn of it", bytes(one.command(MEDIA_EVENT, read=8).data_in[4:6]), b"\x01\x02")
            self.daemon.targe("cdrom", "insert", "cd0", str(first), "--force")
            self.expect("but for force", ready(one), CHANGED)

    def asked(self, second: Path) -> None:
        """An initiator that prevents removal persistently decides what becomes of a wish to eject."""
        with self.session(1) as one, self.session(2) as two:
            one.command(MEDIA_EVENT, read=8)
            self.expect("PERSISTENT PREVENT", prevent(one, 3), GOOD)
            self.expect("PERSISTENT PREVENT: others see it", bytes(two.command(OPERATIONAL_CHANGE, read=8).data_in)[5], 0x80)
            self.refused("PERSISTENT PREVENT: the initiator is asked", "an initiator prevents the removal", "cdrom", "eject", "cd0")
            self.expect("PERSISTENT PREVENT: EjectRequest", bytes(one.command(MEDIA_EVENT, read=8).data_in[4:6]), b"\x01\x02")
            self.expect("PERSISTENT PREVENT: not for others to eject", two.command(EJECT).sense_triple, CONFLICT)
            self.expect("PERSISTENT PREVENT: its own", one.command(EJECT).sense_triple, GOOD)
            self.daemon.targe("cdrom", "insert", "cd0", str(second))
            self.expect("PERSISTENT PREVENT: another disc", (self.state(), ready(one)), (("ready", str(second)), CHANGED))
            self.refused("PERSISTENT PREVENT: also of that", "an initiator prevents the removal", "cdrom", "eject", "cd0")
            self.expect("PERSISTENT ALLOW", prevent(one, 2), GOOD)
            self.daemon.targe("cdrom", "eject", "cd0")
            self.daemon.targe("cdrom", "insert", "cd0", str(second))

    def bd(self, image: Path, end: bytes) -> None:
        self.daemon.targe("cdrom", "insert", "cd0", str(image))
        with self.session(1) as one:
            self.expect("a BD: its profile", bytes(one.command(PROFILE, read=8).data_in)[6:], b"\x00\x40")
            capacity = bytes(one.command(READ_CAPACITY, read=8).data_in)
            self.expect("a BD: its capacity", int.from_bytes(capacity[:4], "big") + 1, image.stat().st_size // BLOCK)
            with image.open("rb") as file:
                file.seek(BD_SESSION * BLOCK)
                lba = BD_SESSION + file.read().index(end[:BLOCK]) // BLOCK
            read = READ_LAST[:2] + lba.to_bytes(4, "big") + b"\0" + (len(end) // BLOCK).to_bytes(2, "big") + b"\0"
            self.expect("a BD: a file at its end", bytes(one.command(read, read=len(end)).data_in) == end, True)

    def change_by_configuration(self, first: Path, second: Path) -> None:
        text = self.daemon.config_path.read_text()
        with self.session(1) as one:
            self.reload(text.replace(f'path = "{first}"', f'path = "{second}"'))
            self.expect("reloaded: the disc of the configuration", self.eventually(("ready", str(second))), ("ready", str(second)))
            self.expect("reloaded: told", ready(one), CHANGED)
            self.reload(text.replace(f'path = "{first}"\n', ""))
            self.expect("reloaded: no disc", self.eventually(("tray open", "")), ("tray open", ""))
            self.reload("nonsense")
            self.expect("reloaded: a faulty file changes nothing", self.logged("the configuration stays as it was"), True)
            self.expect("reloaded: and the log says where, a line a fact", self.logged("targe.toml:1:9: error: ") and "\\x0a" not in self.daemon.log(), True)
            self.reload(text)
            self.expect("reloaded: as before", self.eventually(("ready", str(first))), ("ready", str(first)))
            self.daemon.targe("cdrom", "insert", "cd0", f"{first.parent}/../{first.parent.name}/{first.name}")
            self.expect("the disc by another path", (self.state(), ready(one)), (("ready", str(first)), CHANGED))

    def reload(self, text: str) -> None:
        self.daemon.config_path.write_text(text)
        os.kill(self.daemon.pid, signal.SIGHUP)

    def eventually(self, wanted: tuple[str, str]) -> tuple[str, str]:
        end = time.monotonic() + 30
        while (state := self.state()) != wanted and time.monotonic() < end:
            time.sleep(0.1)
        return state

    def logged(self, text: str) -> bool:
        end = time.monotonic() + 30
        while text not in self.daemon.log() and time.monotonic() < end:
            time.sleep(0.1)
        return text in self.daemon.log()

    # --- images that are not what they should be

    def faulty_images(self, first: Path) -> None:
        self.refused("an image that is missing", "it does not exist", "cdrom", "insert", "cd0", str(self.folder / "none.iso"))
        empty = self.folder / "empty.iso"
        empty.touch()
        self.refused("an image without a block", "it holds not one block", "cdrom", "insert", "cd0", str(empty))
        self.expect("the drive keeps what it has", self.state(), ("ready", str(first)))
        self.refused("an image that a disk here writes", "device disk0 may write what would be the disc", "cdrom", "insert", "cd0",
                     str(self.daemon.folder / "disk0.img"))
        self.refused("a disk is no drive", "device disk0 is no drive", "cdrom", "eject", "disk0")
        self.expect("images of discs are taken for what they are", NO_IMAGE in self.daemon.log(), False)
        other = self.folder / "other.iso"
        other.write_bytes(bytes(100 * BLOCK))
        self.daemon.targe("cdrom", "insert", "cd0", str(other))
        self.expect("a file that is no image of a disc is warned of", f"{other} {NO_IMAGE}" in self.daemon.log(), True)
        odd = self.folder / "odd.iso"
        odd.write_bytes(first.read_bytes()[:-1000])
        self.daemon.targe("cdrom", "insert", "cd0", str(odd))
        self.expect("a rest that is no block is warned of", "the last 1048 cannot be read" in self.daemon.log(), True)
        with self.session(1) as one:
            capacity = bytes(one.command(READ_CAPACITY, read=8).data_in)
            self.expect("and left out", int.from_bytes(capacity[:4], "big") + 1, odd.stat().st_size // BLOCK)

    def hung_image(self, first: Path) -> None:
        """On a share whose server does not answer: nobody else waits for it, and what was asked for comes to pass when it answers."""
        content = first.read_bytes()
        try:
            server = HungServer(self.folder / "share", "hung.iso", content)
        except OSError as error:
            self.results.append(report.skipped(SUITE, "an image whose server hangs", f"no file system of its own: {error}"))
            return
        try:
            server.hang()
            self.refused("an image whose server hangs", "could not be opened within", "cdrom", "insert", "cd0", str(server.path))
            server.go_on()
            self.daemon.targe("cdrom", "insert", "cd0", str(server.path))
            self.expect("an image whose server goes on", self.state(), ("ready", str(server.path)))
            with self.session(1) as one:
                server.hang()
                last = len(content) // BLOCK - 1
                read = one.submit(READ_LAST[:2] + last.to_bytes(4, "big") + bytes([0, 0, 1, 0]), read=BLOCK)
                self.refused("a disc that is read is not changed", "has not been changed within", "cdrom", "insert", "cd0", str(first))
                self.expect("a disc that is read is there", self.state(), ("ready", str(server.path)))
                server.go_on()
                while read.status is None:
                    one.collect()
                self.expect("what was read of it", bytes(read.data_in), content[-BLOCK:])
                self.expect("then it is changed after all", self.eventually(("ready", str(first))), ("ready", str(first)))
                self.expect("and initiators are told", ready(one), CHANGED)
        finally:
            server.close()

    def cut_image(self, image: Path) -> None:
        self.daemon.targe("cdrom", "insert", "cd0", str(image))
        whole = image.read_bytes()
        with self.session(1) as one:
            last = len(whole) // BLOCK - 1
            read = READ_LAST[:2] + last.to_bytes(4, "big") + bytes([0, 0, 1, 0])
            self.expect("the last block", bytes(one.command(read, read=BLOCK).data_in), whole[-BLOCK:])
            os.truncate(image, BLOCK)
            self.expect("an image that was cut: NOT READY", one.command(read, read=BLOCK).sense_triple[0], 2)
            self.expect("an image that was cut: away", self.state()[0], "away")
            self.expect("an image that was cut: the log says so", str(image) in self.daemon.log(), True)
            image.write_bytes(whole)
            self.expect("an image that is whole again may be another", self.told(one), True)
            self.expect("an image that is whole again", bytes(one.command(read, read=BLOCK).data_in), whole[-BLOCK:])

    def changed_image(self, image: Path, first: Path, second: Path) -> None:
        """By another content, a longer one, a shorter one, and a file in its place."""
        image.write_bytes(first.read_bytes())
        self.daemon.targe("cdrom", "insert", "cd0", str(image))
        blocks = first.stat().st_size // BLOCK
        with self.session(1) as one:
            for name, content in (("other", bytes(blocks * BLOCK)), ("longer", second.read_bytes()), ("shorter", first.read_bytes())):
                one.command(MEDIA_EVENT, read=8)
                time.sleep(1.2)  # it is looked at once a second
                ready(one)
                image.write_bytes(content)
                self.expect(f"{name} content: another disc", self.told(one), True)
                capacity = bytes(one.command(READ_CAPACITY, read=8).data_in)
                self.expect(f"{name} content: its capacity", int.from_bytes(capacity[:4], "big") + 1, len(content) // BLOCK)
                self.expect(f"{name} content: the event", bytes(one.command(MEDIA_EVENT, read=8).data_in[4:6]), b"\x02\x02")
                last = len(content) // BLOCK - 1
                read = READ_LAST[:2] + last.to_bytes(4, "big") + bytes([0, 0, 1, 0])
                self.expect(f"{name} content: is read", bytes(one.command(read, read=BLOCK).data_in), content[-BLOCK:])
            moved = image.with_suffix(".moved")
            moved.write_bytes(second.read_bytes())
            moved.rename(image)
            self.expect("another file: another disc", self.told(one), True)
            capacity = bytes(one.command(READ_CAPACITY, read=8).data_in)
            self.expect("another file: its capacity", int.from_bytes(capacity[:4], "big") + 1, second.stat().st_size // BLOCK)

    @staticmethod
    def told(session: Session) -> bool:
        """Whether it is told of another disc, and the drive is ready then."""
        end = time.monotonic() + 30
        told = False
        while time.monotonic() < end:
            sense = ready(session)
            told = told or sense == CHANGED
            if told and sense == GOOD:
                return True
            time.sleep(0.1)
        return False


    def missing_at_start(self, first: Path) -> None:
        """An image that is not there, or that nobody may read, keeps the drive empty, and no disk away."""
        away = first.with_suffix(".away")
        first.rename(away)
        self.daemon.stop()
        self.daemon.start()
        self.expect("missing at the start: the drive is empty", self.state(), ("no medium", ""))
        self.expect("missing at the start: the log says so", self.logged("drive cd0 is empty"), True)
        with self.session(1) as one:
            self.expect("missing at the start: NOT READY", one.command(TEST_UNIT_READY).sense_triple, TRAY_CLOSED)
            self.expect("missing at the start: the disk is there", one.command(TEST_UNIT_READY, lun=1).sense_triple, GOOD)
            checked = subprocess.run([self.daemon.programs / "targed", "--check", "--config", self.daemon.config_path],
                                     capture_output=True, text=True, timeout=60)
            self.expect("missing: --check warns", (checked.returncode, f"{first}: No such file" in checked.stderr), (0, True))
            away.rename(first)
            os.kill(self.daemon.pid, signal.SIGHUP)
            self.expect("missing at the start: there after SIGHUP", self.eventually(("ready", str(first))), ("ready", str(first)))
            self.expect("missing at the start: initiators are told", ready(one), CHANGED)


def run() -> list[Result]:
    disk = Device("disk0", size="16MiB")
    with Targed(Setup((Device("cd0", type="cdrom"), disk), (Target(NAME, {0: "cd0", 1: "disk0"}),))) as daemon:
        folder = daemon.folder / "discs"
        folder.mkdir()
        dice = random.Random(SEED)
        first, second, dvd, bd = (folder / f"{name}.iso" for name in ("first", "second", "dvd", "bd"))
        make_iso(first, "FIRST", dice)
        make_iso(second, "SECOND", dice, 5 << 20)
        make_iso(dvd, "LARGE", dice)
        os.truncate(dvd, 900 << 20)  # more than a CD holds
        end = make_bd(bd, "HUGE", dice)
        discs = Discs(daemon, folder)
        discs.expect("a drive may be empty", discs.state(), ("no medium", ""))
        with discs.session(1) as session:
            discs.expect("an empty one is not ready", session.command(TEST_UNIT_READY).sense_triple, TRAY_CLOSED)
        daemon.targe("cdrom", "insert", "cd0", str(first))
        discs.answers(first.stat().st_size // BLOCK)
        discs.inquiry_by_libiscsi()
        discs.read_by_qemu(first)
        discs.boot()
        discs.change_by_command(second)
        discs.locked(first, second)
        discs.asked(second)
        discs.bd(bd, end)
        daemon.targe("cdrom", "insert", "cd0", str(first))
        discs.faulty_images(first)
        discs.hung_image(first)
        discs.cut_image(dvd)
        discs.changed_image(folder / "changed.iso", first, second)
        daemon.stop()
        daemon.setup = Setup((Device("cd0", type="cdrom", path=str(first)), disk), daemon.setup.targets)
        daemon.start()
        discs.expect("the configuration puts one in", discs.state(), ("ready", str(first)))
        discs.change_by_configuration(first, second)
        discs.missing_at_start(first)
        return discs.results


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    report.finish(run())
