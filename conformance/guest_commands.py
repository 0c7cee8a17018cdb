"""The programs of sg3_utils, sdparm and ddpt, by Linux's initiator in a guest: each answer looked at, and what was written or
copied compared in the files that hold the units."""
from __future__ import annotations

import argparse
import os

import guest_linux
import report
from guest_linux import Action, Guest
from harness import Targed
from report import Result
from setup import Device, DeviceGroup, Portal, PortGroup, Setup, Target

SUITE = "guest-commands"
NAME = "iqn.2026-11.io.targe:guest"
PACKAGES = f"{guest_linux.PACKAGES},ddpt,sdparm"
BLOCK = 512  # of every LBA and length below, also where a unit's blocks are larger


def setup() -> Setup:
    devices = (Device("source", size="16MiB", thin=True), Device("sink", size="16MiB", thin=True), Device("scrap", size="256MiB"),
               Device("large", size="16MiB", block_size=4096, thin=True))
    target = Target(NAME, {lun: device.name for lun, device in enumerate(devices)}, portals=(Portal(2),))
    group = DeviceGroup("pair", ("source", "sink"), (PortGroup(11, NAME, (1,)), PortGroup(12, NAME, (2,), "active/non-optimized")), explicit=True)
    return Setup(devices, (target,), device_groups=(group,))


class Stores:
    """What the files hold. Every look says what is wrong, or nothing."""

    def __init__(self, daemon: Targed) -> None:
        self.daemon = daemon

    def data(self, device: str, lba: str, blocks: str) -> bytes:
        with self.daemon.image(device).open("rb") as file:
            file.seek(int(lba) * BLOCK)
            data = file.read(int(blocks) * BLOCK)
        if len(data) != int(blocks) * BLOCK:
            raise ValueError(f"{device} ends after {len(data)} bytes")
        return data

    def same_data(self, device: str, lba: str, other: str, other_lba: str, blocks: str) -> str:
        one, two = self.data(device, lba, blocks), self.data(other, other_lba, blocks)
        if not one.strip(b"\0"):
            return "nothing but zeroes"  # which would be the same by itself
        return "" if one == two else f"{sum(a != b for a, b in zip(one, two, strict=True))} of {len(one)} bytes differ"

    def zeroes(self, device: str, lba: str, blocks: str) -> str:
        return "not all zeroes" if self.data(device, lba, blocks).strip(b"\0") else ""

    def hole(self, device: str, lba: str, blocks: str) -> str:
        """The file system has taken the space back."""
        first, end = int(lba) * BLOCK, (int(lba) + int(blocks)) * BLOCK
        with self.daemon.image(device).open("rb") as file:
            try:
                data = os.lseek(file.fileno(), first, os.SEEK_DATA)
            except OSError:  # ENXIO: none behind
                return ""
        return "" if data >= end else f"data from byte {data}"

    def pattern(self, device: str, text: str) -> str:
        """The whole unit is the pattern over and over."""
        pattern, chunk = bytes.fromhex(text), 1 << 20
        with self.daemon.image(device).open("rb") as file:
            while data := file.read(chunk):
                if data != pattern * (len(data) // len(pattern)):
                    return f"not so before byte {file.tell()}"
        return ""

    def actions(self) -> dict[str, Action]:
        return {"same-data": self.same_data, "zeroes": self.zeroes, "hole": self.hole, "pattern": self.pattern}


def run() -> list[Result]:
    with Targed(setup()) as daemon:
        source = next(device for device in daemon.targe_json("device", "list") if device["name"] == "source")  # type: ignore[attr-defined]
        target = daemon.target()
        arguments = [NAME, str(target.port), str(target.portals[0].port), source["naa"].removeprefix("naa."), source["serial"]]
        return Guest("commands.sh", arguments, Stores(daemon).actions(), suite=SUITE, packages=PACKAGES).run()


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    report.finish(run())
