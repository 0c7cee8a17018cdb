"""dm-multipath over two portals that are not alike: a file system is written to while their states change, by the administrator and
by initiators, and while one portal is gone. Nothing of it may reach the file system.

targed and a guest meet in a network namespace with two networks, which is made here and is gone afterwards. How long it took from a
change until data went the other way is printed and put into build/results/multipath.json. It is judged only by a bound that no
working multipath comes near, since how fast an emulated machine is says nothing of Targe.
"""
from __future__ import annotations

import argparse
import json
import os
import pathlib
import subprocess
import tempfile
import time
from typing import Self

import report
from guest_linux import Action, Guest
from harness import ROOT, Targed
from report import Result
from setup import Device, DeviceGroup, Portal, PortGroup, Setup, Target

SUITE = "multipath"
NAME = "iqn.2026-11.io.targe:multipath"
PACKAGES = "open-iscsi,sg3-utils,multipath-tools,coreutils,diffutils,e2fsprogs,util-linux,iproute2,kmod"
MODULES = "iscsi_tcp,sd_mod,sg,ext4,crc32c_generic,dm_multipath,dm_service_time,scsi_dh_alua"
RESULTS = ROOT / "build" / "results" / "multipath.json"
PORT = 3260  # in a namespace of our own
ADDRESSES = {1: "10.0.2.2", 2: "10.0.3.2"}  # by portal group
GUEST_ADDRESSES = {1: "10.0.2.15", 2: "10.0.3.15"}
BOUND_S = 20.0
WAIT_S = 60.0
UNITS = ("implicit", "explicit", "hooked")  # LUN 0, 1 and 2, each a device group of its own
HOOK = """#!/bin/sh
echo "$@" >>'{folder}/asked'
sleep 0.3
[ ! -e '{folder}/refuse' ]
"""


class NotHere(Exception):
    """This machine does not let us make networks."""


class Networks:
    """A network namespace with a TAP interface for each portal."""

    def __enter__(self) -> Self:
        self.name = f"targe-{os.getpid()}"
        self.prefix = ("ip", "netns", "exec", self.name)
        self._ip("netns", "add", self.name)
        try:
            self._inside("link", "set", "lo", "up")
            for tag, address in ADDRESSES.items():
                self._inside("tuntap", "add", "dev", f"tap{tag}", "mode", "tap")
                self._inside("address", "add", f"{address}/24", "dev", f"tap{tag}")
                self.set(tag, "up")
        except NotHere:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        subprocess.run(["ip", "netns", "delete", self.name], stdin=subprocess.DEVNULL, capture_output=True)

    def set(self, tag: int, state: str) -> None:
        self._inside("link", "set", f"tap{tag}", state)

    def _inside(self, *arguments: str) -> None:
        self._run([*self.prefix, "ip", *arguments])

    def _ip(self, *arguments: str) -> None:
        self._run(["ip", *arguments])

    @staticmethod
    def _run(command: list[str]) -> None:
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        except FileNotFoundError as error:
            raise NotHere(f"no program {error.filename}") from None
        if done.returncode != 0:
            raise NotHere(f"{' '.join(command)}: {done.stderr.strip()}")


def setup(hook: str) -> Setup:
    devices = tuple(Device(name, size="64MiB", thin=True) for name in UNITS)
    target = Target(NAME, dict(enumerate(UNITS)), port=PORT, listen=ADDRESSES[1], portals=(Portal(2, PORT, ADDRESSES[2]),))
    port_groups = (PortGroup(1, NAME, (1,)), PortGroup(2, NAME, (2,), "active/non-optimized"))
    groups = tuple(DeviceGroup(name, (name,), port_groups, explicit=name != "implicit", hook=hook if name == "hooked" else None)
                   for name in UNITS)
    return Setup(devices, (target,), device_groups=groups)


class Host:
    """What the host does while the guest writes."""

    def __init__(self, daemon: Targed, networks: Networks, folder: pathlib.Path) -> None:
        self.daemon, self.networks, self.folder = daemon, networks, folder
        self.figures: dict[str, float] = {}
        self.heard = 0  # of the hook program's questions

    def written(self, tag: int) -> int:
        """Bytes that came by the portal of that group."""
        return sum(session["written_bytes"] for session in self.daemon.targe_json("session", "list")  # type: ignore[attr-defined]
                   if any(connection["portal_address"].startswith(ADDRESSES[tag]) for connection in session["connections"]))

    def until_written(self, name: str, tag: int, begin: float, before: int) -> str:
        while self.written(tag) <= before:
            if time.monotonic() - begin > WAIT_S:
                return f"nothing was written by portal {tag} in {WAIT_S:.0f} s"
            time.sleep(0.01)
        self.figures[name] = time.monotonic() - begin
        return ""

    def set(self, group: str, *words: str) -> str:
        """`set implicit 2 active/optimized 1 standby`: one state after the other."""
        for tag, state in zip(words[::2], words[1::2], strict=True):
            self.daemon.targe("alua", "set", group, tag, state)
        return ""

    def switch(self, group: str, *words: str) -> str:
        """As `set`, and the last word is the portal by which data must come after the last change. The time is from its beginning."""
        *states, tag = words
        self.set(group, *states[:-2])
        before, begin = self.written(int(tag)), time.monotonic()
        self.set(group, *states[-2:])
        return self.until_written(f"{group} {' '.join(states)}", int(tag), begin, before)

    def down(self, tag: str, *words: str) -> str:
        """The cable of a portal is pulled: data must go by the other."""
        other = 3 - int(tag)
        before, begin = self.written(other), time.monotonic()
        self.networks.set(int(tag), "down")
        return self.until_written(f"portal {tag} gone, {' '.join(words)}", other, begin, before)

    def up(self, tag: str) -> str:
        self.networks.set(int(tag), "up")
        return ""

    def used(self, tag: str, *words: str) -> str:
        """Data come by that portal, sooner or later: that something is better again is noticed by looking."""
        return self.until_written(f"portal {tag} again, {' '.join(words)}", int(tag), time.monotonic(), self.written(int(tag)))

    def drop(self, tag: str) -> str:
        """The connection by a portal is closed; its initiator comes again."""
        for session in self.daemon.targe_json("session", "list"):  # type: ignore[attr-defined]
            if any(connection["portal_address"].startswith(ADDRESSES[int(tag)]) for connection in session["connections"]):
                self.daemon.targe("session", "drop", str(session["id"]))
        return ""

    def restart(self) -> str:
        """Both paths are gone for a moment, and the commands wait."""
        self.daemon.restart()
        return ""

    def refuse(self, whether: str) -> str:
        """What the hook program says from now on."""
        self.heard += len(self.questions())
        if whether == "yes":
            (self.folder / "refuse").touch()
        else:
            (self.folder / "refuse").unlink()
        return ""

    def asked(self, *words: str) -> str:
        """The hook program was asked that since it last changed its mind; the initiator's own failover may have had it asked for more."""
        lines, want = self.questions(), " ".join(words)
        group, _, move = want.partition(" ")
        return "" if any(line.startswith(f"{group} ") and f"{move} " in f"{line} " for line in lines) else f"wanted '{want}', was asked {lines}"

    def asked_nothing(self) -> str:
        """The administrator's own changes are not the program's business."""
        wrong = [line for line in self.questions() if " 1 active/optimized standby" in line]
        return f"was asked {wrong}" if wrong else ""

    def questions(self) -> list[str]:
        path = self.folder / "asked"
        return path.read_text().splitlines()[self.heard:] if path.exists() else []

    def actions(self) -> dict[str, Action]:
        names = ("set", "switch", "down", "up", "used", "drop", "restart", "refuse", "asked", "asked-nothing")
        return {name: getattr(self, name.replace("-", "_")) for name in names}


def judged(figures: dict[str, float]) -> list[Result]:
    RESULTS.parent.mkdir(parents=True, exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=2) + "\n")
    for name, seconds in figures.items():
        print(f"multipath: {name}: {seconds:.2f} s until data went there", flush=True)
    return [report.passed(SUITE, f"switch-over: {name}", f"{seconds:.2f} s") if seconds < BOUND_S
            else report.failed(SUITE, f"switch-over: {name}", f"{seconds:.2f} s, which is beyond {BOUND_S:.0f} s")
            for name, seconds in figures.items()]


def in_networks(networks: Networks, folder: pathlib.Path) -> list[Result]:
    hook = folder / "hook"
    hook.write_text(HOOK.format(folder=folder))
    hook.chmod(0o755)
    with Targed(setup(str(hook)), prefix=networks.prefix) as daemon:
        naa = {device["name"]: device["naa"].removeprefix("naa.") for device in daemon.targe_json("device", "list")}  # type: ignore[attr-defined]
        host = Host(daemon, networks, folder)
        cards = [option for tag, address in GUEST_ADDRESSES.items() for option in ("-n", f"tap{tag}:{address}/24")]
        guest = Guest("multipath.sh", [NAME, str(PORT), *ADDRESSES.values(), *(naa[name] for name in UNITS)], host.actions(), suite=SUITE,
                      packages=PACKAGES, modules=MODULES, options=tuple(cards), prefix=networks.prefix,
                      share={"multipath.conf": ROOT / "docs" / "examples" / "multipath.conf"})
        results = guest.run()
    return results + judged(host.figures | guest.figures)


def run() -> list[Result]:
    try:
        with Networks() as networks:
            # In there nothing can be downloaded.
            subprocess.run([ROOT / "tools" / "guest-run", "-b", "-p", PACKAGES, "-m", MODULES], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, check=True)
            with tempfile.TemporaryDirectory(prefix="targe-multipath-") as folder:
                return in_networks(networks, pathlib.Path(folder))
    except NotHere as reason:
        return [report.skipped(SUITE, "everything", f"this machine makes no network namespace with TAP interfaces: {reason}")]


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    report.finish(run())
