"""Targe beside Debian's tgt and istgt and the bare socket, in one run, as ratios of medians. `make bench`.

    bench/run.py [--rounds N] [--seconds S] [--only TEXT] [--no-counts] [--peers targe,tgt,istgt,bare] [--json FILE]

Within a round the peers take turns, cell by cell; one that is not measured is stopped. The target is pinned to CPU 0
and the load generator to CPU 1. The bare socket answers the same bytes with no SCSI at all: the machine's own limit.
Says which goals of cells.py are reached, and fails when Targe is behind the best of the peers in any cell.
"""
from __future__ import annotations

import argparse
import functools
import json
import os
import pathlib
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
import zlib

sys.dont_write_bytecode = True

from cells import CELLS, NOT_RIVALS, COUNTED_UNIT_BYTES, STORES, UNIT_BYTES, Cell  # noqa: E402
from costs import allocations_and_copies, system_calls  # noqa: E402
from goals import judged  # noqa: E402
from handler_beside import wake_up_us  # noqa: E402
from loops import why_not  # noqa: E402
from peers import HANDLER_CPU, INITIATOR_CPU, NAME, PROGRAMS, TARGET_CPU, Peer, fill, peers  # noqa: E402
from procfs import Usage, cpu_model, machine_busy_seconds, usage, wait_until_idle  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOADGEN = PROGRAMS / "loadgen"
Figures = dict[str, float]


def generate(peer: Peer, cell: Cell, seconds: float, operations: int = 0, span: int = UNIT_BYTES) -> Figures:
    """For a time, or so many operations."""
    command = ["taskset", "-c", INITIATOR_CPU, str(LOADGEN), "--port", str(peer.port), "--target", NAME, "--lun", str(peer.lun),
               "--seconds", str(seconds), "--operations", str(operations), "--seed", str(zlib.crc32(cell.name.encode()) | 1), *cell.work.arguments(span)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60 + seconds)
    if done.returncode != 0:
        raise RuntimeError(f"{peer.label}, {cell.name}: {done.stderr or done.stdout}")
    return json.loads(done.stdout)


def usage_of(peer: Peer) -> Usage:
    """Of a handler in another program, too."""
    return sum((usage(pid) for pid in peer.pids), Usage(0.0, 0))


def handlers_cpu(cell: Cell) -> str:
    """With two CPUs: the initiator's, while that sleeps; else the target's, for an initiator that spins leaves nothing of its own."""
    return INITIATOR_CPU if cell.work.wait == "sleep" else HANDLER_CPU


def measure(peer: Peer, cell: Cell, seconds: float) -> Figures:
    if peer.handler:
        os.sched_setaffinity(peer.handler.pid, {int(handlers_cpu(cell))})
    peer.go_on()
    try:
        wait_until_idle()
        before, busy, begin = usage_of(peer), machine_busy_seconds(), time.monotonic()
        figures = generate(peer, cell, seconds)
        used, wall = usage_of(peer) - before, time.monotonic() - begin
        operations = figures["total_operations"]
        figures["target_cpu_us_per_op"] = used.cpu_seconds * 1e6 / operations
        figures["switches_per_op"] = used.switches / operations
        figures["others_cpus"] = max(0.0, machine_busy_seconds() - busy - used.cpu_seconds - figures["initiator_cpu_s"]) / wall
        return figures
    finally:
        peer.stop()


def median(samples: list[Figures]) -> Figures:
    return {key: statistics.median(sample[key] for sample in samples) for key in samples[0]}


def measure_round(number: int, cells: list[Cell], daemons: list[Peer], seconds: float, samples: dict[str, dict[str, list[Figures]]]) -> None:
    for cell in cells:
        # Who begins changes from round to round.
        for peer in daemons[number % len(daemons):] + daemons[:number % len(daemons)]:
            if cell.work.digests and peer.label not in ("targe", "bare"):
                continue  # compared with itself: tgt refuses them unless told otherwise
            samples[cell.name].setdefault(peer.label, []).append(measure(peer, cell, seconds))


def alike_in_the_page_cache(store: str, chosen: list[Cell]) -> list[list[Cell]]:
    """Cells that may be measured without filling the page cache of a disk anew: what an initiator has written in commands of one length is
    kept otherwise there than what it has written in another."""
    if STORES[store].place != "disk" or STORES[store].handler != "file":
        return [chosen]
    return [[cell for cell in chosen if cell.work.io_bytes == length] for length in sorted({cell.work.io_bytes for cell in chosen})]


def run_store(store: str, chosen: list[Cell], options: argparse.Namespace, folders: dict[str, pathlib.Path]) -> dict[str, dict[str, Figures]]:
    """cell -> peer -> medians"""
    samples: dict[str, dict[str, list[Figures]]] = {cell.name: {} for cell in chosen}
    with peers(store, folders, tuple(options.peers.split(","))) as daemons:
        for cells in alike_in_the_page_cache(store, chosen):
            if STORES[store].place == "disk":
                for file in filter(None, (peer.file for peer in daemons)):
                    fill(file, cells[0].work.io_bytes)
            for number in range(options.rounds):
                measure_round(number, cells, daemons, options.seconds, samples)
                print(f"bench: {store}: round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
        found = {name: {label: median(runs) for label, runs in by_peer.items()} for name, by_peer in samples.items()}
        if STORES[store].handler == "user":
            for cell in chosen:
                found[cell.name]["targe"]["wake_up_us"] = wake_up_us(TARGET_CPU, handlers_cpu(cell))
        if options.counts:
            for cell, peer in ((cell, peer) for cell in chosen for peer in daemons if peer.label in found[cell.name]):
                found[cell.name][peer.label] |= system_calls(peer, functools.partial(generate, peer, cell, 0.5))
    if options.counts:
        print(f"bench: {store}: counting", file=sys.stderr, flush=True)
        with peers(store, folders, tuple(options.peers.split(",")), COUNTED_UNIT_BYTES, counted=True) as daemons:
            for cell, peer in ((cell, peer) for cell in chosen for peer in daemons if peer.label in found[cell.name]):
                run = functools.partial(generate, peer, cell, 0.0, span=COUNTED_UNIT_BYTES)
                found[cell.name][peer.label] |= allocations_and_copies(peer, cell, run)
    return found


def ratio(by_peer: dict[str, Figures]) -> float | None:
    others = [figures["ops_per_s"] for label, figures in by_peer.items() if label not in ("targe", *NOT_RIVALS)]
    return by_peer["targe"]["ops_per_s"] / max(others) if "targe" in by_peer and others else None


def print_table(results: dict[str, dict[str, Figures]]) -> None:
    heads = ("ops/s", "MB/s", "p50 µs", "p99", "p99.9", "CPU µs/op", "switches/op", "calls/op", "looks/op", "allocs/op", "copies/B", "file c./B")
    keys = ("ops_per_s", "mb_per_s", "p50_us", "p99_us", "p999_us", "target_cpu_us_per_op", "switches_per_op", "system_calls_per_op",
            "looks_per_op", "allocations_per_op", "copies_per_byte", "file_copies_per_byte")
    print(f"{'':46}{'peer':10}" + "".join(f"{head:>12}" for head in heads) + f"{'ratio':>8}")
    for cell, by_peer in results.items():
        for number, (label, figures) in enumerate(by_peer.items()):
            shown = ratio(by_peer) if label == "targe" else None
            values = [figures.get(key) for key in keys]
            cells = "".join(f"{'' if value is None else format(value, ',.0f' if value >= 1000 else '.4g'):>12}" for value in values)
            print(f"{cell if number == 0 else '':46}{label:10}{cells}" + (f"{shown:8.2f}" if shown else ""))


def print_goals(results: dict[str, dict[str, Figures]]) -> None:
    verdicts = judged(results)
    for verdict in verdicts:
        limit = "" if verdict.limit is None else f"; the bare socket: {verdict.limit:.2f}"
        print(f"{verdict.word + ':':24}{verdict.cell}: {verdict.found:.2f} × {verdict.peer}, wanted {verdict.wanted:g}{limit}")
    print(f"bench: {sum(verdict.reached for verdict in verdicts)} of {len(verdicts)} goals reached; "
          f"{sum(verdict.beyond_the_machine for verdict in verdicts)} ask for more than the bare socket gives on this machine")


def main() -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is ended too
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--only", default="", help="cells whose name contains this")
    parser.add_argument("--peers", default="targe,tgt,istgt,bare")
    parser.add_argument("--no-counts", dest="counts", action="store_false", help="neither system calls nor allocations nor copies")
    parser.add_argument("--json", type=pathlib.Path, default=ROOT / "build" / "results" / "bench.json")
    options = parser.parse_args()
    results: dict[str, dict[str, Figures]] = {}
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="targe-bench-", dir="/dev/shm") as memory, \
            tempfile.TemporaryDirectory(prefix="targe-bench-", dir=os.environ.get("TARGE_BENCH_DISK", "/var/tmp")) as disk:
        folders = {"tmpfs": pathlib.Path(memory), "disk": pathlib.Path(disk)}
        for store in STORES:
            chosen = [cell for cell in CELLS if cell.store == store and options.only in cell.name]
            missing = why_not(folders["disk"]) if chosen and STORES[store].handler == "block" else None
            if missing:
                print(f"bench: skipped {store}: {missing}", file=sys.stderr)
            elif chosen:
                results |= run_store(store, chosen, options, folders)
    print_table(results)
    print()
    print_goals(results)
    behind = [cell for cell, by_peer in results.items() if (found := ratio(by_peer)) is not None and found < 1]
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps({"date": time.strftime("%Y-%m-%d"), "machine": {"cpu": cpu_model(), "kernel": platform.release(), "cpus": os.cpu_count()},
                                        "rounds": options.rounds, "seconds": options.seconds, "cells": results}, indent=1) + "\n")
    print(f"\nbench: {len(results)} cells in {time.monotonic() - begin:.0f} s; figures in {options.json}")
    if behind:
        print("bench: Targe is behind in: " + "; ".join(behind))
    return 1 if behind else 0


if __name__ == "__main__":
    sys.exit(main())
