"""Linux's own initiator, in a QEMU guest with Debian's kernel: login, sg3-utils, file systems, restart, discard, growth, LUNs that come and go."""
from __future__ import annotations

import argparse
import dataclasses
import os
import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable

import report
from harness import ROOT, DaemonError, Targed
from report import Result
from setup import ChapUser, Device, Setup, Target, configuration

SUITE = "guest"
NAME = "iqn.2026-11.io.targe:guest"
USER = ChapUser("guest", "guest-secret-1234")
PACKAGES = "open-iscsi,sg3-utils,lsscsi,e2fsprogs,xfsprogs,util-linux,iproute2,kmod"
MODULES = "iscsi_tcp,sd_mod,sg,ext4,xfs,crc32c_generic"
LIMIT_S = 600
DIES = 125  # tools/guest-run, of a guest that stopped by itself
GROWTH_BYTES = 256 << 20
SCRIPTS = pathlib.Path(__file__).resolve().parent / "guest"
Action = Callable[..., str]  # takes the words that the script says after its name; what was wrong, or nothing


class Guest:
    """Runs one script of guest/, does what it asks of the host, and turns what it prints into results."""

    def __init__(self, script: str, arguments: list[str], actions: dict[str, Action], *, suite: str = SUITE, packages: str = PACKAGES,
                 modules: str = MODULES, limit_s: int = LIMIT_S, options: tuple[str, ...] = (), prefix: tuple[str, ...] = (),
                 share: dict[str, pathlib.Path | str] | None = None, status: int = 0) -> None:
        """`share`: what the guest finds in /host, a file of this machine or a text. `options`: more of tools/guest-run's, which
        is run by `prefix` and must end with `status`: DIES where the script has the guest die after it has finished."""
        self.script, self.arguments, self.actions, self.suite, self.prefix = script, arguments, actions, suite, prefix
        self.options = ["-p", packages, "-m", modules, "-t", str(limit_s), *options]
        self.share = {name: SCRIPTS / name for name in ("lib.sh", "library.sh")} | (share or {})
        self.status = status
        self.results: list[Result] = []
        self.figures: dict[str, float] = {}  # what the script has measured
        self.done = 0
        self.finished = False
        self.rest: list[str] = []

    def run(self) -> list[Result]:
        share = pathlib.Path(tempfile.mkdtemp(prefix="targe-guest-"))
        try:
            for name, what in self.share.items():
                if isinstance(what, str):
                    (share / name).write_text(what)
                else:
                    shutil.copy(what, share / name)
            command = [*self.prefix, str(ROOT / "tools" / "guest-run"), *self.options, "-s", str(share), "-k", str(share / "console"),
                       str(SCRIPTS / self.script), *self.arguments]
            with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, errors="replace") as process:
                assert process.stdout
                for line in process.stdout:
                    self.take(line.rstrip("\r\n"), share)
            if not self.finished or process.returncode != self.status:
                console = (share / "console").read_text(errors="replace") if (share / "console").exists() else ""
                self.fail("the script ends", f"status {process.returncode}; last lines: {self.rest[-8:]}; kernel: {console[-800:]}")
        finally:
            shutil.rmtree(share, ignore_errors=True)
        return self.results

    def fail(self, name: str, note: str) -> None:
        self.results.append(report.failed(self.suite, f"{self.script}: {name}", note))

    def take(self, line: str, share: pathlib.Path) -> None:
        if os.environ.get("TARGE_VERBOSE"):
            print(f"guest: {line}", flush=True)
        if line.startswith("ok "):
            self.results.append(report.passed(self.suite, f"{self.script}: {line[3:]}"))
        elif line.startswith("not ok "):
            name, _, note = line[7:].partition(": ")
            self.fail(name, note)
        elif line.startswith("skipped "):
            name, _, note = line[8:].partition(": ")
            self.results.append(report.skipped(self.suite, f"{self.script}: {name}", note.strip("|")))
        elif line.startswith("@host "):
            self.act(line[6:])
            self.done += 1
            (share / f"done-{self.done}").touch()
        elif line.startswith("figure "):
            name, _, figure = line[7:].rpartition(" ")
            self.figures[name] = float(figure)
        elif line == "finished":
            self.finished = True
        else:
            self.rest.append(line)

    def act(self, name: str) -> None:
        try:
            action, *words = name.split()
            wrong = self.actions[action](*words)
        except (DaemonError, OSError, KeyError, TypeError, ValueError) as error:
            wrong = f"{type(error).__name__}: {error}"
        if wrong:
            self.fail(f"host: {name}", wrong)
        else:
            self.results.append(report.passed(self.suite, f"{self.script}: host: {name}"))


def allocated_bytes(path: pathlib.Path) -> int:
    return path.stat().st_blocks * 512


def disk_actions(daemon: Targed) -> dict[str, Action]:
    def restart() -> str:
        daemon.restart()
        return ""

    def grow() -> str:
        path = daemon.image("disk0")
        os.truncate(path, path.stat().st_size + GROWTH_BYTES)
        daemon.targe("device", "refresh", "disk0")
        return ""

    def allocated() -> str:
        size = allocated_bytes(daemon.image("disk1"))
        return "" if size > 32 << 20 else f"the file system took only {size} bytes of the file"

    def holes() -> str:
        size = allocated_bytes(daemon.image("disk1"))
        return "" if size <= 1 << 20 else f"{size} bytes of the file are still allocated after blkdiscard"

    def reload(setup: Setup) -> str:
        daemon.setup = setup
        daemon.config_path.write_text(configuration(setup, daemon.folder))
        daemon.targe("reload")
        return ""

    def add_lun() -> str:
        target = daemon.target()
        return reload(dataclasses.replace(daemon.setup, devices=(*daemon.setup.devices, Device("disk2", size="64MiB")),
                                          targets=(dataclasses.replace(target, luns={**target.luns, 2: "disk2"}),)))

    def remove_lun() -> str:
        target = daemon.target()
        return reload(dataclasses.replace(daemon.setup, devices=daemon.setup.devices[:-1],
                                          targets=(dataclasses.replace(target, luns={0: "disk0", 1: "disk1"}),)))

    return {"restart": restart, "grow": grow, "allocated": allocated, "holes": holes, "add_lun": add_lun, "remove_lun": remove_lun}


def disk_setup() -> Setup:
    # disk1 is 512 MiB: mkfs.xfs refuses anything under 300 MB.
    disks = (Device("disk0", size="1GiB", thin=True), Device("disk1", size="512MiB", block_size=4096, thin=True))
    target = Target(NAME, {0: "disk0", 1: "disk1"}, advertise="10.0.2.2", users=(USER,))
    return Setup(disks, (target,))


def run() -> list[Result]:
    with Targed(disk_setup()) as daemon:
        arguments = [NAME, str(daemon.target().port), USER.name, USER.secret]
        return Guest("disk.sh", arguments, disk_actions(daemon)).run()


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    report.finish(run())
