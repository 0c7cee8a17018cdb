"""1 GiB to the target and back with header and data digests on, by our own initiator.

QEMU's driver and libiscsi can ask for header digests only, so this stands beside qemu_img.py; the Linux guest uses
both digests too, against every file system test.
"""
from __future__ import annotations

import subprocess

import report
from harness import PROGRAMS, Targed
from qemu_img import IMAGE_BYTES, make_image, sha256
from report import Result
from setup import Device, Setup, Target

SUITE = "image-copy"
NAME = "iqn.2026-11.io.targe:copy"


def run() -> list[Result]:
    setup = Setup((Device("disk", size="1GiB", thin=True),), (Target(NAME, {0: "disk"}, digests="require"),))
    with Targed(setup) as daemon:
        image, back = daemon.folder / "image.raw", daemon.folder / "back.raw"
        want = make_image(image)
        for way, path in (("to", image), ("from", back)):
            done = subprocess.run([PROGRAMS / "image_copy", "--port", str(daemon.target().port), "--target", NAME, "--digests", "yes",
                                   "--way", way, "--image", path, *(["--bytes", str(IMAGE_BYTES)] if way == "from" else [])],
                                  capture_output=True, text=True, timeout=300)
            if done.returncode != 0:
                return [report.failed(SUITE, way, f"status {done.returncode}: {done.stdout}{done.stderr}")]
        hashes = {"on the host": sha256(daemon.image("disk")), "brought back": sha256(back)}
    wrong = [f"{where}: {found}, not {want}" for where, found in hashes.items() if found != want]
    return [report.failed(SUITE, "both digests", "\n".join(wrong)) if wrong else report.passed(SUITE, "both digests", f"sha256 {want[:16]}…")]


if __name__ == "__main__":
    report.finish(run())
