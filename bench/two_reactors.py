"""One LUN on two reactors beside the same on one: CPU time of the target for each operation.

    bench/two_reactors.py [--rounds N] [--seconds S] [--json FILE]

Two sessions, which the two reactors share. The load generator has no CPU of its own on a machine with two, so that the target's CPU time,
from schedstat, says more than its operations per second.
"""
from __future__ import annotations

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys

sys.dont_write_bytecode = True

from peers import NAME  # noqa: E402
from harness import PROGRAMS, Targed  # noqa: E402
from procfs import usage  # noqa: E402
from setup import Device, Setup, Target  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESULTS = ROOT / "build" / "results" / "two_reactors.json"
FIRST = ("nice", "-n", "-15") if os.geteuid() == 0 else ()
LOADS = {"4 KiB reads, depth 32": ("read", 4096, 32), "4 KiB writes, depth 32": ("write", 4096, 32), "256 KiB reads, depth 8": ("read", 262144, 8),
         "256 KiB writes, depth 8": ("write", 262144, 8)}


def cpu_us_per_operation(reactors: int, direction: str, size: int, depth: int, seconds: float) -> float:
    setup = Setup((Device("unit", handler="ram", size="64MiB"),), (Target(NAME, {0: "unit"}),), reactors=reactors)
    with Targed(setup, prefix=FIRST) as daemon:
        before = usage(daemon.pid)
        done = subprocess.run([*FIRST, str(PROGRAMS / "loadgen"), "--port", str(daemon.target().port), "--target", NAME, "--direction", direction, "--io",
                               str(size), "--depth", str(depth), "--sessions", "2", "--span", str(1 << 26), "--seconds", str(seconds), "--warmup", "0.2"],
                              capture_output=True, text=True, timeout=60 + seconds, check=True)
        used = usage(daemon.pid) - before
        return used.cpu_seconds * 1e6 / json.loads(done.stdout)["total_operations"]


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--json", type=pathlib.Path, default=RESULTS)
    options = parser.parse_args()
    figures: dict[str, dict[str, float]] = {}
    print("| two sessions on one LUN | one reactor, CPU µs/op | two reactors | ratio |\n|---|---|---|---|")
    for name, load in LOADS.items():
        rounds = [[cpu_us_per_operation(reactors, *load, options.seconds) for reactors in (1, 2)] for _ in range(options.rounds)]
        one, two = (statistics.median(each[i] for each in rounds) for i in (0, 1))
        figures[name] = {"one": one, "two": two, "ratio": two / one}
        print(f"| {name} | {one:.2f} | {two:.2f} | {two / one:.2f} |", flush=True)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
