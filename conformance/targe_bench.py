"""`targe bench` against targed and against Debian's tgt and istgt: figures, writes that arrive, digests, CHAP, every way to agree on data
that are written, and what it says when a target refuses, has no such unit, or goes away in the middle."""
from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "bench"))

import report  # noqa: E402
from harness import PROGRAMS, Targed  # noqa: E402
from istgt import Istgt  # noqa: E402
from report import Result  # noqa: E402
from setup import ChapUser, Device, Setup, Target, device_path, free_port  # noqa: E402
from tgtd import Tgtd  # noqa: E402

SUITE = "targe-bench"
NAME = "iqn.2026-11.io.targe:bench"
UNIT_BYTES = 16 << 20
SHORT = ("--seconds", "0.2", "--warm-up", "0")
WRITES = ("--direction", "write", "--destroy-data", "--order", "sequential")
# What targed is told to agree to: InitialR2T, ImmediateData, FirstBurstLength, MaxRecvDataSegmentLength.
AGREEMENTS = ((False, True, 262144, 262144), (True, True, 65536, 8192), (False, False, 16384, 8192), (True, False, 65536, 65536))


class Wrong(Exception):
    """What `targe bench` did that it should not have done."""


def bench(url: str, *options: str, password: str | None = None, prefix: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if name != "TARGE_BENCH_PASSWORD"}
    if password is not None:
        environment["TARGE_BENCH_PASSWORD"] = password
    return subprocess.run([*prefix, PROGRAMS / "targe", "bench", url, *options], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          timeout=120, env=environment)


def figures(url: str, *options: str, password: str | None = None) -> dict[str, object]:
    done = bench(url, *SHORT, "--json", *options, password=password)
    if done.returncode != 0:
        raise Wrong(f"{' '.join(options)}: status {done.returncode}\n{done.stdout}{done.stderr}")
    found = json.loads(done.stdout)
    if found["operations"] == 0 or found["errors"] != 0 or not found["latency_us"]["p50"] <= found["latency_us"]["max"]:
        raise Wrong(f"{' '.join(options)}: {done.stdout}")
    return found


def says(done: subprocess.CompletedProcess[str], status: int, *parts: str) -> None:
    if done.returncode != status or not all(part in done.stderr + done.stdout for part in parts):
        raise Wrong(f"wanted status {status} and {parts}, found {done.returncode}:\n{done.stdout}{done.stderr}")


def reads_and_writes(url: str) -> None:
    """Of any target, in every kind."""
    for options in (("--depth", "1", "--wait", "spin"), ("--size", "512", "--sessions", "4"), ("--size", "256KiB", "--order", "sequential", "--depth", "8"),
                    ("--direction", "mix", "--reads", "70", "--destroy-data"), ("--size", "1MiB", *WRITES, "--depth", "4")):
        figures(url, *options)


def of_other_targets() -> None:
    device = Device("disk0", size="16MiB")
    with Tgtd(Setup((device,), (Target(NAME, {0: "disk0"}),))) as tgt:
        reads_and_writes(tgt.url())
    setup = Setup((device,), (Target(NAME, {0: "disk0"}),))
    with tempfile.TemporaryDirectory(prefix="istgt-test-") as folder:
        device_path(pathlib.Path(folder), device).write_bytes(bytes(UNIT_BYTES))
        with Istgt(setup, pathlib.Path(folder)) as istgt:
            reads_and_writes(f"iscsi://127.0.0.1:{istgt.target().port}/{NAME}/0")


def of_targed() -> None:
    with Targed(Setup((Device("disk0", size="16MiB"),), (Target(NAME, {0: "disk0"}),))) as daemon:
        reads_and_writes(daemon.url())
        for digests in ("header", "data", "both"):
            found = figures(daemon.url(), "--digests", digests)
            if (found["header_digest"], found["data_digest"]) != (digests != "data", digests != "header"):
                raise Wrong(f"digests {digests}: {found}")
            figures(daemon.url(), "--digests", digests, "--size", "256KiB", *WRITES)
        left = json.loads(daemon.targe("session", "list", "--json"))
        if left:
            raise Wrong(f"it did not log out: {left}")


def every_agreement() -> None:
    """Data that are written arrive, whatever was agreed: each operation writes the same bytes, wherever in the unit."""
    for initial_r2t, immediate, burst, segment in AGREEMENTS:
        limits: dict[str, object] = {"initial_r2t": initial_r2t, "immediate_data": immediate, "first_burst_length": f"{burst}B",
                                     "max_recv_data_segment_length": f"{segment}B"}
        size = 512 << 10
        with Targed(Setup((Device("disk0", size="16MiB"),), (Target(NAME, {0: "disk0"}, limits=limits),))) as daemon:
            found = figures(daemon.url(), "--size", str(size), "--depth", "4", *WRITES)
            if (found["initial_r2t"], found["immediate_data"], found["first_burst_bytes"], found["max_send_segment_bytes"]) != (
                    initial_r2t, immediate, burst, segment):
                raise Wrong(f"agreed: {found}")
            image = daemon.image("disk0").read_bytes()
        pieces = {image[at:at + size] for at in range(0, UNIT_BYTES, size)} - {bytes(size)}
        if len(pieces) != 1:
            raise Wrong(f"{limits}: {len(pieces)} kinds of pieces are in the image")


def with_chap() -> None:
    user = ChapUser("me", "a long secret 12")
    with Targed(Setup((Device("disk0", handler="null"),), (Target(NAME, {0: "disk0"}, users=(user,)),))) as daemon:
        figures(daemon.url(credentials="me:a%20long%20secret%2012@"))
        figures(daemon.url(credentials="me@"), password=user.secret)
        says(bench(daemon.url(credentials="me:wrong@"), *SHORT), 1, "authentication failed", "try: put them into the URL")
        says(bench(daemon.url(), *SHORT), 1, "authentication failed")
        says(bench(daemon.url(credentials="me@"), *SHORT), 2, "TARGE_BENCH_PASSWORD")


def refusals() -> None:
    devices = (Device("disk0", size="16MiB"), Device("locked", size="16MiB", read_only=True), Device("cd0", type="cdrom"))
    with Targed(Setup(devices, (Target(NAME, {0: "disk0", 1: "locked", 2: "cd0"}),))) as daemon:
        before = daemon.image("disk0").read_bytes()
        says(bench(daemon.url(), *SHORT, "--direction", "write"), 2, "overwrites the unit", "--destroy-data")
        says(bench(daemon.url(7), *SHORT), 1, "no unit of this LUN", "try: ")
        says(bench(daemon.url().replace("targe:bench", "targe:other"), *SHORT), 1, "there is no such target", "iscsi-ls")
        says(bench(daemon.url(), *SHORT, "--size", "1000"), 1, "whole number of the unit's blocks")
        says(bench(daemon.url(1), *SHORT, *WRITES), 1, "no operation ends well", "DATA PROTECT, write protected (27/00)", "cause: the unit is read-only")
        says(bench(daemon.url(), *SHORT, "--size", "16MiB"), 1, "no operation ends well", "try: a smaller --size")
        says(bench(daemon.url(2), *SHORT), 1, "the unit is no disk: its device type is 5")
        if figures(daemon.url(), "--depth", "1000")["deepest"] >= 1000:
            raise Wrong("more is in flight than the window of targed lets in")
        if daemon.image("disk0").read_bytes() != before:
            raise Wrong("a refused run has written")
    says(bench(f"iscsi://127.0.0.1:{free_port()}/{NAME}/0", *SHORT), 1, "Connection refused", "cause: no target listens", "try: ")


def many_sessions() -> None:
    """A descriptor each: as many as the system allows this user, and then it says so."""
    with Targed(Setup((Device("disk0", handler="null"),), (Target(NAME, {0: "disk0"}),))) as daemon:
        says(bench(daemon.url(), *SHORT, "--sessions", "64", prefix=("prlimit", "--nofile=32:128")), 0, "errors      none")
        says(bench(daemon.url(), *SHORT, "--sessions", "64", prefix=("prlimit", "--nofile=32:32")), 1, "Too many open files", "ulimit -Hn")


def gone_in_the_middle() -> None:
    with Targed(Setup((Device("disk0", handler="null"),), (Target(NAME, {0: "disk0"}),))) as daemon:
        def end_it() -> None:
            for _ in range(600):  # until it is at work: it looks at the unit in a session of its own first
                time.sleep(0.1)
                if any(session["commands"] > 100 for session in daemon.targe_json("session", "list")):
                    break
            os.kill(daemon.pid, signal.SIGKILL)

        killer = threading.Thread(target=end_it)
        killer.start()
        done = bench(daemon.url(), "--seconds", "60", "--warm-up", "0")
        killer.join()
        daemon.kill()
        says(done, 1, "connection", "operations in", "cause: the target has ended, or dropped this session")


def interrupted() -> None:
    """By Ctrl-C: figures of what was measured until then, and no session is left."""
    with Targed(Setup((Device("disk0", handler="null"),), (Target(NAME, {0: "disk0"}),))) as daemon:
        for options, part in ((("--warm-up", "0"), "operations  "), (("--warm-up", "60"), "interrupted before anything was measured")):
            with subprocess.Popen([PROGRAMS / "targe", "bench", daemon.url(), "--seconds", "60", *options], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
                for _ in range(600):
                    time.sleep(0.1)
                    if any(session["commands"] > 100 for session in daemon.targe_json("session", "list")):
                        break
                running.send_signal(signal.SIGINT)
                out, err = running.communicate(timeout=120)
            says(subprocess.CompletedProcess(running.args, running.returncode, out, err), 1, "interrupted", part)
            if daemon.targe_json("session", "list"):
                raise Wrong("it did not log out when it was interrupted")


TESTS = {"targed": of_targed, "tgt and istgt": of_other_targets, "every agreement on data": every_agreement, "CHAP": with_chap,
         "refusals": refusals, "many sessions": many_sessions, "a target that goes away": gone_in_the_middle,
         "Ctrl-C": interrupted}


def run() -> list[Result]:
    results = []
    for name, test in TESTS.items():
        try:
            test()
            results.append(report.passed(SUITE, name))
        except Wrong as wrong:
            results.append(report.failed(SUITE, name, str(wrong)))
    return results


if __name__ == "__main__":
    report.finish(run())
