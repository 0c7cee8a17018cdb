"""What a unit says of itself, read by others: every log and VPD page goes through the decoders of sg3-utils, and what was saved
in the log is there after kill -9.

    conformance/pages.py
"""
from __future__ import annotations

import argparse
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import report
from harness import Targed
from iscsi_client import TEST_UNIT_READY, Session, inquiry
from report import Result
from setup import Device, Setup, Target

SUITE = "pages"
NAME = "iqn.2026-11.io.targe:pages"
LONGEST = 0x5000
# What the decoders must have understood, beside not failing: of log pages by page and subpage code, of VPD pages by code.
LOG_SAYS = {(0x0E, 0x00): "Accounting date, year: 2026, week: 48", (0x0F, 0x00): "Application client", (0x10, 0x00): "self-test",
            (0x19, 0x00): "number of read commands = ", (0x19, 0x01): "number of read commands = "}
VPD_SAYS = {0x86: "Extended self-test completion minutes", 0x87: "Policy page code: 0x1c", 0x88: "Relative port=1"}


def log_sense(page: int, subpage: int) -> bytes:
    return bytes([0x4D, 0, 0x40 | page, subpage, 0, 0, 0]) + LONGEST.to_bytes(2, "big") + b"\0"


def log_select(pages: bytes, *, save: bool) -> bytes:
    return bytes([0x4C, 1 if save else 0, 0x40, 0, 0, 0, 0]) + len(pages).to_bytes(2, "big") + b"\0"


def page_of(code: int, *parameters: tuple[int, int, bytes]) -> bytes:
    """Parameters are a code, its FORMAT AND LINKING, and a value."""
    body = b"".join(number.to_bytes(2, "big") + bytes([0x20 | form, len(value)]) + value for number, form, value in parameters)
    return bytes([code, 0]) + len(body).to_bytes(2, "big") + body


DATE_AND_NOTE = page_of(0x0E, (2, 1, b"202648")) + page_of(0x0F, (7, 3, b"a note".ljust(252, b"\0")))


def attentive(session: Session) -> Session:
    """Its first unit attention told."""
    while not session.command(TEST_UNIT_READY).good:
        pass
    return session


def decode(program: list[str], page: bytes, folder: Path) -> str:
    """What the program says, or why it cannot read it."""
    path = folder / "page"
    path.write_bytes(page)
    done = subprocess.run([*program, str(path)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.stdout if done.returncode == 0 else f"FAILED with status {done.returncode}: {done.stdout}"


def judge(name: str, said: str, wanted: str) -> Result:
    bad = said.startswith("FAILED") or "unable" in said.lower() or wanted.lower() not in said.lower()
    return report.failed(SUITE, name, f"wanted {wanted!r} of: {said[:400]}") if bad else report.passed(SUITE, name)


def lists(name: str, listed: set[object], wanted: dict[object, str]) -> Result:
    """Whether what the decoders must understand is there for them at all."""
    missing = [each for each in wanted if each not in listed]
    return report.failed(SUITE, name, f"not listed: {missing}") if missing else report.passed(SUITE, name)


def log_pages(session: Session, folder: Path) -> list[Result]:
    listed = bytes(session.command(log_sense(0, 0xFF), read=LONGEST).data_in)[4:]
    results = [lists("list of log pages", set(zip(listed[::2], listed[1::2])), LOG_SAYS)]
    for page, subpage in zip(listed[::2], listed[1::2]):
        if page != 0 and subpage == 0xFF:
            continue  # sg_logs of Debian 12 knows no list of the subpages of one page
        data = bytes(session.command(log_sense(page, subpage), read=LONGEST).data_in)
        said = decode(["sg_logs", "--pdt=0", "--raw", "--in"], data, folder)
        results.append(judge(f"log {page:02x}/{subpage:02x}", said, LOG_SAYS.get((page, subpage), "")))
    return results


def vpd_pages(session: Session, folder: Path) -> list[Result]:
    listed = bytes(session.command(inquiry(0), read=255).data_in)[4:]
    results = [lists("list of VPD pages", set(listed), VPD_SAYS)]
    for code in listed:
        data = bytes(session.command(inquiry(code, LONGEST), read=LONGEST).data_in)
        said = decode(["sg_vpd", f"--page=0x{code:x}", "--raw", "--long", "--inhex"], data, folder)
        results.append(judge(f"vpd {code:02x}", said, VPD_SAYS.get(code, "")))
    return results


def extended_self_test(session: Session) -> Result:
    """smartctl -t long, as it were: it goes on in the background, and its end stands in the log."""
    begun = session.command(bytes([0x1D, 0x40, 0, 0, 0, 0]))
    end = time.monotonic() + 120
    while True:
        newest = session.command(log_sense(0x10, 0), read=LONGEST).data_in[8]
        if newest & 0x0F != 0x0F or time.monotonic() > end:
            break
        time.sleep(0.05)
    right = begun.good and newest == 0x40
    return report.passed(SUITE, "extended self-test") if right else report.failed(SUITE, "extended self-test", f"results byte {newest:02x}")


def cache_commands(session: Session) -> list[Result]:
    """CONDITION MET is 04h."""
    asked = {"prefetch": (bytes([0x34, 0, 0, 0, 0, 0, 0, 8, 0, 0]), 4), "prefetch at once": (bytes([0x34, 2, 0, 0, 0, 0, 0, 8, 0, 0]), 4),
             "flush at once": (bytes([0x35, 2, 0, 0, 0, 0, 0, 0, 0, 0]), 0)}
    results = []
    for name, (cdb, status) in asked.items():
        task = session.command(cdb)
        right = task.status == status
        results.append(report.passed(SUITE, name) if right else report.failed(SUITE, name, f"status {task.status}, sense {task.sense_triple}"))
    return results


def kept_log(daemon: Targed) -> Result:
    """Saved parameters are there after kill -9, others are not."""
    with Session(daemon.target().port, NAME) as session:
        attentive(session)
        saved = session.command(log_select(DATE_AND_NOTE, save=True), data=DATE_AND_NOTE)
        other = page_of(0x0F, (8, 3, b"not saved".ljust(252, b"\0")))
        current = session.command(log_select(other, save=False), data=other)
    daemon.kill()
    daemon.start()
    with Session(daemon.target().port, NAME) as session:
        attentive(session)
        page = bytes(session.command(log_sense(0x0F, 0), read=LONGEST).data_in)
    right = saved.good and current.good and b"a note" in page and b"not saved" not in page
    return report.passed(SUITE, "log kept") if right else report.failed(SUITE, "log kept", f"{saved.sense_triple} {current.sense_triple} {page[:16].hex()}")


def run() -> list[Result]:
    if not shutil.which("sg_logs") or not shutil.which("sg_vpd"):
        return [report.skipped(SUITE, "all", "sg3-utils is not installed")]
    with Targed(Setup((Device("disk", size="64MiB", thin=True),), (Target(NAME, {0: "disk"}),))) as daemon:
        results = [kept_log(daemon)]
        with tempfile.TemporaryDirectory(prefix="targe-pages-") as folder, Session(daemon.target().port, NAME) as session:
            attentive(session)
            results += cache_commands(session)
            results.append(extended_self_test(session))
            results += log_pages(session, Path(folder)) + vpd_pages(session, Path(folder))
    return results


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    report.finish(run())
