"""QEMU's own initiator: an image of 1 GiB goes to the target by qemu-img convert and comes back the same.

QEMU's driver (libiscsi) offers header digests only; image_copy.py moves as much with both digests on.
"""
from __future__ import annotations

import hashlib
import json
import pathlib
import random
import subprocess

import report
from harness import DaemonError, Targed
from report import Result
from setup import Device, Setup, Target

SUITE = "qemu-img"
NAME = "iqn.2026-11.io.targe:qemu"
IMAGE_BYTES = 1 << 30
SEED = 20261122
# Of the image with this seed: if Python's generator or this recipe changes, the test must not pass by accident.
IMAGE_SHA256 = "59ed14418137e553b3520dba6ee1df8d94c5c941f3550652543455788caabde0"


def make_image(path: pathlib.Path) -> str:
    """Data, holes and runs of zeroes in turn, from a fixed seed."""
    dice = random.Random(SEED)
    with path.open("wb") as file:
        file.truncate(IMAGE_BYTES)
        for at in range(0, IMAGE_BYTES, 1 << 20):
            if dice.random() < 0.75:
                file.seek(at)
                file.write(dice.randbytes(1 << 20))
    return sha256(path)


def sha256(path: pathlib.Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def image_options(daemon: Targed, lun: int, digest: str) -> str:
    target = daemon.target()
    return "json:" + json.dumps({"driver": "raw", "file": {
        "driver": "iscsi", "transport": "tcp", "portal": f"127.0.0.1:{target.port}", "target": target.name, "lun": lun,
        "header-digest": digest, "initiator-name": "iqn.2026-11.io.targe:qemu-img"}})


def convert(source: str, target: str) -> None:
    done = subprocess.run(["qemu-img", "convert", "-n", *(["-f", "raw"] if source[0] == "/" else []), "-O", "raw", source, target], capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        raise DaemonError(f"qemu-img convert: status {done.returncode}: {done.stderr}")


def run() -> list[Result]:
    results: list[Result] = []
    disks = (Device("thin", size="1GiB", thin=True), Device("blocks4k", size="1GiB", block_size=4096))
    with Targed(Setup(disks, (Target(NAME, {0: "thin", 1: "blocks4k"}),))) as daemon:
        image, back = daemon.folder / "image.raw", daemon.folder / "back.raw"
        want = make_image(image)
        if want != IMAGE_SHA256:
            return [report.failed(SUITE, "image", f"the generated image has the hash {want}, not {IMAGE_SHA256}")]
        for lun, digest in ((0, "crc32c"), (1, "none")):
            name = f"{disks[lun].name} header digest {digest}"
            there = image_options(daemon, lun, digest)
            try:
                convert(str(image), there)
                with back.open("wb") as file:
                    file.truncate(IMAGE_BYTES)
                convert(there, str(back))
            except (DaemonError, subprocess.TimeoutExpired) as error:
                results.append(report.failed(SUITE, name, str(error)))
                continue
            hashes = {"on the host": sha256(daemon.image(disks[lun].name)), "brought back": sha256(back)}
            wrong = [f"{where}: {found}, not {want}" for where, found in hashes.items() if found != want]
            results.append(report.failed(SUITE, name, "\n".join(wrong)) if wrong else report.passed(SUITE, name, f"sha256 {want[:16]}…"))
            back.unlink()
    return results


if __name__ == "__main__":
    report.finish(run())
