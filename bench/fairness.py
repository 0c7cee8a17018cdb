"""Fairness: a reader of one 4 KiB block at a time beside eight writers of 256 KiB at depth 128, on the same unit.

    bench/fairness.py [--rounds N] [--seconds S] [--json FILE]

Latency of the reader alone and beside the writers, of Targe and of the bare socket server under the same load. The bare socket does no
SCSI at all: what its reader waits is what the kernel and the copying of the writers' data cost on this machine. Target and load
generators are pinned to a CPU each. As root they go before whatever else the machine does.
"""
from __future__ import annotations

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True

from peers import INITIATOR_CPU, NAME, PIN_TARGET  # noqa: E402
from bare import Bare  # noqa: E402
from harness import PROGRAMS, Targed  # noqa: E402
from setup import Device, Setup, Target  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESULTS = ROOT / "build" / "results" / "fairness.json"
FIRST = ("nice", "-n", "-15") if os.geteuid() == 0 else ()
WRITERS, DEPTH, IO = 8, 128, 256 << 10
SPAN = 1 << 24  # small: what memory that was not touched lately costs is the machine's, and of a virtual one much
WRITERS_NAME = NAME + "-writers"  # another target with the same unit: both generators log in with the same ISIDs
QUANTILES = ("p50_us", "p99_us", "p999_us")
Figures = dict[str, float]


def loadgen(port: int, target: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([*FIRST, "taskset", "-c", INITIATOR_CPU, str(PROGRAMS / "loadgen"), "--port", str(port), "--target", target, "--span", str(SPAN),
                             *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def answer(process: subprocess.Popen[str]) -> Figures:
    output, errors = process.communicate(timeout=120)
    if process.returncode != 0:
        raise RuntimeError(errors or output)
    return json.loads(output)


def read(port: int, seconds: float) -> Figures:
    return answer(loadgen(port, NAME, "--direction", "read", "--io", "4096", "--depth", "1", "--seconds", str(seconds), "--warmup", "0.2"))


def measure(port: int, writers_port: int, seconds: float) -> dict[str, Figures]:
    alone = read(port, seconds)
    writers = loadgen(writers_port, WRITERS_NAME, "--direction", "write", "--order", "sequential", "--io", str(IO), "--sessions", str(WRITERS), "--depth", str(DEPTH),
                      "--seconds", str(seconds + 1.5), "--warmup", "0.2")
    time.sleep(0.7)
    beside = read(port, seconds)
    wrote = answer(writers)
    return {"alone": alone, "beside": beside, "writers": wrote}


def medians(rounds: list[dict[str, Figures]]) -> dict[str, Figures]:
    return {part: {key: statistics.median(each[part][key] for each in rounds) for key in rounds[0][part]} for part in rounds[0]}


def run(rounds: int, seconds: float) -> dict[str, dict[str, Figures]]:
    samples: dict[str, list[dict[str, Figures]]] = {"targe": [], "bare": []}
    setup = Setup((Device("unit", handler="ram", size="16MiB"),), (Target(NAME, {0: "unit"}), Target(WRITERS_NAME, {0: "unit"})), reactors=1)
    with Targed(setup, prefix=(*FIRST, *PIN_TARGET)) as daemon, Bare(NAME, prefix=(*FIRST, *PIN_TARGET), wait="sleep") as bare:
        for _ in range(rounds):
            samples["targe"].append(measure(daemon.target(NAME).port, daemon.target(WRITERS_NAME).port, seconds))
            samples["bare"].append(measure(bare.target().port, bare.target().port, seconds))
    return {name: medians(each) for name, each in samples.items()}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--json", type=pathlib.Path, default=RESULTS)
    options = parser.parse_args()
    figures = run(options.rounds, options.seconds)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(figures, indent=2) + "\n")
    print("| reader | p50 µs | p99 µs | p99.9 µs | writers MB/s |\n|---|---|---|---|---|")
    for name, parts in figures.items():
        for part in ("alone", "beside"):
            wrote = f"{parts['writers']['mb_per_s']:.0f}" if part == "beside" else ""
            print(f"| {name}, {part} | " + " | ".join(f"{parts[part][key]:.0f}" for key in QUANTILES) + f" | {wrote} |")
    for name, parts in figures.items():
        print(f"{name}: p99 beside is {parts['beside']['p99_us'] / parts['alone']['p99_us']:.2f} times of alone")
    return 0


if __name__ == "__main__":
    sys.exit(main())
