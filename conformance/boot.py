"""Firmware as an initiator: machines without disks that start by iPXE, by a BIOS and by UEFI, from units that targed serves, and what they
say when they are refused, when somebody else has reserved the unit, and when targed is gone for a while. Linux goes on from there.

    conformance/boot.py
"""
from __future__ import annotations

import argparse
import os
import random
import shutil
import time

import boot_linux
import report
from boot_images import CHUNK, checksum, loader_disk, missing
from harness import Targed
from ipxe import HOST, ROM, UEFI, Machine
from iscsi_client import Session
from persistent_reservations import out
from report import Result
from setup import Device, Setup, Target, size_bytes

SUITE = "boot"
NAME = "iqn.2026-11.io.targe:boot"
OPEN, CHAP, MUTUAL, MOVED = (f"{NAME}-{what}" for what in ("open", "chap", "mutual", "moved"))
BIOS, FIRMWARE, LINUX = (f"{NAME}-{by}" for by in ("bios", "uefi", "linux"))  # initiators
USER, SECRET, ITS_NAME, ITS_SECRET = "machine", "machine-secret-1", "targe", "targe-secret-123"
FAR = 5 << 39  # bytes: beyond 2 TiB
BLOCK, LARGE = 512, 4096
SEED = 20261201
REGISTER, RESERVE, CLEAR, WRITE_EXCLUSIVE, EXCLUSIVE_ACCESS = 0, 1, 3, 1, 3
LUN_RESET = 5


def elsewhere() -> Setup:
    return Setup((Device("moved", size="64MiB"),), (Target(MOVED, {0: "moved"}),))


def setup(moved_to: int) -> Setup:
    disks = (Device("disk0", size="3TiB", thin=True), Device("large", size="64MiB", block_size=LARGE), Device("held", size="64MiB"),
             Device("root", size="64MiB"))
    auth: dict[str, object] = {"method": "chap", "users": [{"name": USER, "secret": SECRET}]}
    mutual = auth | {"mutual": {"name": ITS_NAME, "secret": ITS_SECRET}}
    # Firmware that is not asked for anything answers no ping.
    pings: dict[str, object] = {"nop_interval": "3s", "nop_timeout": "5s"}
    return Setup(disks, (Target(OPEN, {0: "large", 1: "held"}), Target(CHAP, {7: "disk0", 9: "root", 300: "disk0"}, limits={"auth": auth}),
                         Target(MUTUAL, {7: "disk0"}, limits={"auth": mutual} | pings),
                         Target(MOVED, {}, limits={"redirect": {"address": f"{HOST}:{moved_to}"}})))


class Boot:
    def __init__(self, daemon: Targed, far: bytes) -> None:
        self.daemon, self.far = daemon, far
        self.results: list[Result] = []

    def expect(self, name: str, got: object, wanted: object) -> None:
        self.results.append(report.passed(SUITE, name) if got == wanted else report.failed(SUITE, name, f"wanted {wanted!r}, got {got!r}"))

    def url(self, target: str, lun: str) -> str:
        return f"iscsi:{HOST}::{self.daemon.target().port}:{lun}:{target}"

    def stored(self, at: int) -> bytes:
        with self.daemon.image("disk0").open("rb") as file:
            file.seek(at)
            return file.read(CHUNK)

    def session(self) -> Session:
        return Session(self.daemon.target().port, CHAP, user=(USER, SECRET))

    def hold(self) -> None:
        """A reservation, which stays when its session has gone."""
        with Session(self.daemon.target().port, OPEN) as other:
            out(other, REGISTER, 0, 0, 1, False, lun=1)
            self.expect("held by another", out(other, RESERVE, EXCLUSIVE_ACCESS, 1, 0, False, lun=1), 0)

    # --- what comes of attempts, in the words of iPXE

    def attempt(self, name: str, target: str, lun: str, verb: str = "sanhook") -> list[str]:
        """Lines of a script, which say BEGIN NAME, and END NAME unless the machine is started."""
        return [f"echo BEGIN {name}", f"{verb} --drive 0x81 {self.url(target, lun)} ||", "sanunhook --drive 0x81 ||", f"echo END {name}"]

    def attempted(self, name: str, machine: Machine, wanted: str) -> None:
        if not machine.says(f"END {name}"):
            self.expect(name, machine.console[-1500:], wanted)
            return
        said = machine.console.partition(f"BEGIN {name}")[2].partition(f"END {name}")[0]
        self.expect(name, wanted if wanted in said else said.strip(), wanted)

    def attempts(self) -> dict[str, tuple[list[str], str]]:
        """Each by its name: the lines of the script, and what iPXE is to say."""
        hooked, denied, unknown, failed = "Registered SAN device", "Operation not permitted", "No such device", "Input/output error"
        proof, no_proof = [f"set reverse-username {ITS_NAME}", f"set reverse-password {ITS_SECRET}"], ["clear reverse-username", "clear reverse-password"]
        return {
            "CHAP and no secret": (self.attempt("CHAP and no secret", CHAP, "7"), denied),
            "a wrong secret": ([f"set username {USER}", "set password wrong-secret-1234", *self.attempt("a wrong secret", CHAP, "7")], denied),
            "the secret": ([f"set password {SECRET}", *self.attempt("the secret", CHAP, "7")], hooked),
            "a LUN of two bytes": (self.attempt("a LUN of two bytes", CHAP, "412c"), hooked),
            "a target that cannot prove itself": (proof + self.attempt("a target that cannot prove itself", CHAP, "7"), denied),
            "a target with a wrong proof": (["set reverse-password wrong-secret-1234", *self.attempt("a target with a wrong proof", MUTUAL, "7")],
                                            "Permission denied"),
            "a LUN that is not there": (no_proof + self.attempt("a LUN that is not there", CHAP, "3"), failed),
            "a target that is not there": (self.attempt("a target that is not there", NAME, "0"), unknown),
            "a target that has moved": (self.attempt("a target that has moved", MOVED, "0"), hooked),
            "a unit that is reserved": (self.attempt("a unit that is reserved", OPEN, "1", "sanboot"), failed),
            "blocks of 4096 bytes are hooked": (self.attempt("blocks of 4096 bytes are hooked", OPEN, "0"), hooked),
            "blocks of 4096 bytes do not boot by a BIOS": (self.attempt("blocks of 4096 bytes do not boot by a BIOS", OPEN, "0", "sanboot"),
                                                           "Boot from SAN device 0x81 failed: Input/output error"),
        }

    def bios(self) -> Machine:
        """A machine that tries all of that, and starts then by mutual CHAP."""
        lines = [line for script, _ in self.attempts().values() for line in script]
        return Machine([f"set initiator-iqn {BIOS}", *lines, f"set reverse-username {ITS_NAME}", f"set reverse-password {ITS_SECRET}",
                        f"sanboot {self.url(MUTUAL, '7')} || echo it does not start"])

    def uefi(self) -> Machine:
        """One that starts from large blocks first."""
        return Machine([f"set initiator-iqn {FIRMWARE}", f"sanboot {self.url(OPEN, '0')} ||", f"set username {USER}", f"set password {SECRET}",
                        f"sanboot {self.url(CHAP, '7')} || echo it does not start"], uefi=True)

    # --- a machine that was started

    def started(self, name: str, machine: Machine, size: int, block: int = BLOCK) -> None:
        self.expect(f"{name}: it starts from the unit", machine.line(), f"Targe boots: blocks {size // block:016X} of {block:08X}")

    def reads(self, name: str, machine: Machine) -> None:
        self.expect(name, machine.ask(f"r{FAR // BLOCK:x} {len(self.far) // CHUNK:x}"), checksum(self.far))

    def writes(self, name: str, machine: Machine, at: int) -> None:
        """What it has read last."""
        self.expect(name, (machine.ask(f"w{at // BLOCK:x}"), self.stored(at) == self.far[-CHUNK:]), ("written", True))

    def used(self, name: str, machine: Machine, size: int) -> None:
        self.started(name, machine, size)
        with self.daemon.image("disk0").open("rb") as file:
            self.expect(f"{name}: it reads from 0 on", machine.ask("r0 4"), checksum(file.read(4 * CHUNK)))
        self.reads(f"{name}: it reads beyond 2 TiB", machine)
        self.writes(f"{name}: it writes", machine, 1 << 30)
        self.writes(f"{name}: it writes beyond 2 TiB", machine, FAR + (1 << 30))
        self.expect(f"{name}: it is told of the end", machine.ask(f"r{size // BLOCK - 1:x} 1")[:5], "error")

    def reserved(self, machine: Machine) -> None:
        at = 2 << 30
        with self.session() as other:
            self.reads("before a reservation", machine)
            out(other, REGISTER, 0, 0, 1, False, lun=7)
            self.expect("reserved by another", out(other, RESERVE, WRITE_EXCLUSIVE, 1, 0, False, lun=7), 0)
            self.reads("reserved by another: it reads", machine)
            self.expect("reserved by another: it does not write", (machine.ask(f"w{at // BLOCK:x}")[:5], self.stored(at) == bytes(CHUNK)), ("error", True))
            self.expect("reserved by nobody", out(other, CLEAR, 0, 1, 0, False, lun=7), 0)
            self.writes("reserved by nobody: it writes", machine, at)

    def told(self, machine: Machine) -> None:
        """Unit attentions, which iPXE cannot but answer by another attempt."""
        with self.session() as other:
            self.expect("another resets the unit", other.manage(LUN_RESET, lun=7), 0)
            os.truncate(self.daemon.image("disk0"), self.daemon.image("disk0").stat().st_size + (1 << 30))
            self.daemon.targe("device", "refresh", "disk0")
        self.reads("after a reset and growth, it reads", machine)

    def gone(self, machine: Machine) -> None:
        self.daemon.restart()
        self.reads("after a restart of targed, it reads", machine)
        self.daemon.kill()
        machine.send(f"r{FAR // BLOCK:x} 1")
        time.sleep(2)
        self.daemon.start()
        self.expect("what it asked for while targed was gone", machine.line(), checksum(self.far[:CHUNK]))

    def sessions(self, initiator: str) -> int:
        return sum(session["initiator"] == initiator for session in self.daemon.targe_json("session", "list"))  # type: ignore[attr-defined]

    def idle(self, machine: Machine) -> None:
        """It waits in its loader, where iPXE answers no ping."""
        end = time.monotonic() + 120
        while self.sessions(BIOS) and time.monotonic() < end:
            time.sleep(0.2)
        self.expect("idle, its session is dropped", self.sessions(BIOS), 0)
        self.reads("idle, it logs in again when it has to read", machine)

    def by_uefi(self, size: int) -> None:
        if not UEFI.exists():
            self.results.append(report.skipped(SUITE, "UEFI", "Debian's package ovmf is missing"))
            return
        with self.uefi() as machine:
            self.started("UEFI, blocks of 4096 bytes", machine, size_bytes("64MiB"), LARGE)
            with self.daemon.image("large").open("rb") as file:
                self.expect("UEFI, blocks of 4096 bytes: it reads", machine.ask("r0 4"), checksum(file.read(4 * CHUNK)))
            machine.send("q")
            self.used("UEFI", machine, size)


def why_not() -> str:
    if lacks := missing() or ("" if shutil.which("qemu-system-x86_64") else "qemu-system-x86_64"):
        return f"there is no {lacks}"
    return "" if ROM.exists() else "Debian's package ipxe-qemu is missing"


def run() -> list[Result]:
    if reason := why_not():
        return [report.skipped(SUITE, "firmware", reason)]
    with Targed(elsewhere()) as moved, Targed(setup(moved.target().port)) as daemon:
        dice = random.Random(SEED)
        far = dice.randbytes(1 << 20)
        for name, block in (("disk0", BLOCK), ("held", BLOCK), ("large", LARGE)):
            with daemon.image(name).open("r+b") as file:
                file.write(loader_disk(daemon.folder, block))
        with daemon.image("disk0").open("r+b") as file:
            file.seek(FAR)
            file.write(far)
        boot = Boot(daemon, far)
        boot.hold()
        with boot.bios() as machine:
            for name, (_, wanted) in boot.attempts().items():
                boot.attempted(name, machine, wanted)
            boot.used("BIOS", machine, size_bytes("3TiB"))
            boot.reserved(machine)
            boot.told(machine)
            boot.gone(machine)
            boot.by_uefi(size_bytes("3TiB") + (1 << 30))
            boot.idle(machine)
        settings = [f"set initiator-iqn {LINUX}", f"set username {USER}", f"set password {SECRET}"]
        return boot.results + boot_linux.run(SUITE, settings, boot.url(CHAP, "9"), daemon.image("root"), dice)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    report.finish(run())
