"""Behaviour as work grows: sessions from 1 to 1,000, LUNs from 1 to 10,000, depth from 1 to 1,024.

    bench/growth.py [--seconds S] [--only sessions,luns,depth] [--json FILE] [--plots FOLDER]

Each point has a daemon of its own. Throughput and p99 are of 4 KiB random reads from memory, at depth 1 where sessions grow, of one session
where depth grows; memory and start time are those of the daemon. The figures go to build/results/growth.json, the plots to docs/plots.
As root, daemon and load generator go before whatever else the machine does.
"""
from __future__ import annotations

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys

sys.dont_write_bytecode = True

from peers import INITIATOR_CPU, NAME, PIN_TARGET  # noqa: E402
from harness import PROGRAMS, Targed  # noqa: E402
from plot import Series, line_plot  # noqa: E402
from scale import resident_bytes  # noqa: E402
from setup import Device, Setup, Target  # noqa: E402
from iscsi_client import Session, read16  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESULTS = ROOT / "build" / "results" / "growth.json"
PLOTS = ROOT / "docs" / "plots"
FIRST = ("nice", "-n", "-15") if os.geteuid() == 0 else ()
SESSIONS = (1, 10, 100, 1000)
LUNS = (1, 10, 100, 1000, 10000)
DEPTHS = (1, 4, 16, 64, 256, 1024)
Point = dict[str, float]


def load(port: int, seconds: float, sessions: int, depth: int) -> Point:
    command = [*FIRST, "taskset", "-c", INITIATOR_CPU, str(PROGRAMS / "loadgen"), "--port", str(port), "--target", NAME, "--io", "4096", "--span",
               str(1 << 26), "--sessions", str(sessions), "--depth", str(depth), "--seconds", str(seconds), "--warmup", "0.3"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120 + seconds)
    if done.returncode != 0:
        raise RuntimeError(f"{sessions} sessions, depth {depth}: {done.stderr or done.stdout}")
    return json.loads(done.stdout)


def unit() -> Device:
    return Device("unit", handler="ram", size="64MiB")


def grow_sessions(seconds: float) -> list[Point]:
    points: list[Point] = []
    for count in SESSIONS:
        with Targed(Setup((unit(),), (Target(NAME, {0: "unit"}, limits={"max_sessions": 2000}),), reactors=1),
                    prefix=(*FIRST, *PIN_TARGET)) as daemon:
            before = resident_bytes(daemon.pid)
            sessions = [Session(daemon.target().port, NAME, initiator=f"iqn.2026-11.io.targe:host{n}", isid=n + 1) for n in range(count)]
            idle = resident_bytes(daemon.pid)
            for session in sessions:
                session.command(read16(0, 8), read=4096)
            used = resident_bytes(daemon.pid)
            for session in sessions:
                session.close()
            got = load(daemon.target().port, seconds, count, 1)
            points.append({"sessions": count, "ops_per_s": got["ops_per_s"], "p99_us": got["p99_us"],
                           "kib_per_session": (idle - before) / count / 1024, "kib_per_session_that_has_read": (used - before) / count / 1024})
            print(points[-1], flush=True)
    return points


def grow_luns(seconds: float) -> list[Point]:
    points: list[Point] = []
    base = None
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for count in LUNS:
        if 2 * count + 100 > most:
            print(f"{count} LUNs are left out: they need {2 * count} descriptors, and the hard limit is {most} (ulimit -Hn)", flush=True)
            continue
        devices = (unit(), *(Device(f"disk{n}", size="1MiB", thin=True) for n in range(1, count)))
        luns = {n: device.name for n, device in enumerate(devices)}
        with Targed(Setup(devices, (Target(NAME, luns),), reactors=1), prefix=(*FIRST, *PIN_TARGET)) as daemon:
            first = daemon.start_seconds
            daemon.restart()
            resident = resident_bytes(daemon.pid)
            base = base or resident
            with Session(daemon.target().port, NAME, isid=77) as session:
                session.command(bytes(6))
                with_session = resident_bytes(daemon.pid)
            got = load(daemon.target().port, seconds, 1, 32)
            points.append({"luns": count, "first_start_s": first, "start_s": daemon.start_seconds, "resident_mib": resident / 2**20,
                           "kib_per_lun": (resident - base) / max(1, count - 1) / 1024, "kib_per_lun_of_a_session": (with_session - resident) / count / 1024,
                           "ops_per_s": got["ops_per_s"], "p99_us": got["p99_us"]})
            print(points[-1], flush=True)
    return points


def grow_depth(seconds: float) -> list[Point]:
    points: list[Point] = []
    setup = Setup((unit(),), (Target(NAME, {0: "unit"}, limits={"queue_depth": max(DEPTHS), "commands_per_lun": max(DEPTHS)}),), reactors=1)
    with Targed(setup, prefix=(*FIRST, *PIN_TARGET)) as daemon:
        for depth in DEPTHS:
            got = load(daemon.target().port, seconds, 1, depth)
            points.append({"depth": depth, "ops_per_s": got["ops_per_s"], "p50_us": got["p50_us"], "p99_us": got["p99_us"]})
            print(points[-1], flush=True)
    return points


def draw(figures: dict[str, list[Point]], folder: pathlib.Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)

    def save(name: str, part: str, x: str, keys: dict[str, str], title: str, unit_name: str) -> None:
        points = figures.get(part)
        if points:
            series = [Series(label, [(point[x], point[key]) for point in points]) for key, label in keys.items()]
            (folder / name).write_text(line_plot(title, x, unit_name, series))

    save("sessions-throughput.svg", "sessions", "sessions", {"ops_per_s": "4 KiB reads a second"}, "Throughput, depth 1 each", "operations/s")
    save("sessions-p99.svg", "sessions", "sessions", {"p99_us": "p99"}, "Latency, depth 1 each", "µs")
    save("sessions-memory.svg", "sessions", "sessions", {"kib_per_session": "logged in", "kib_per_session_that_has_read": "and has read"},
         "Memory of a session", "KiB")
    save("luns-start.svg", "luns", "luns", {"first_start_s": "first start", "start_s": "start"}, "Time to start", "s")
    save("luns-memory.svg", "luns", "luns", {"resident_mib": "daemon"}, "Memory of the daemon", "MiB")
    save("luns-throughput.svg", "luns", "luns", {"ops_per_s": "4 KiB reads a second of one of them"}, "Throughput, depth 32", "operations/s")
    save("depth-throughput.svg", "depth", "depth", {"ops_per_s": "4 KiB reads a second"}, "Throughput of one session", "operations/s")
    save("depth-latency.svg", "depth", "depth", {"p50_us": "p50", "p99_us": "p99"}, "Latency of one session", "µs")


def main() -> int:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a descriptor for each session and two for each LUN
    parts = {"sessions": grow_sessions, "luns": grow_luns, "depth": grow_depth}
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--only", default=",".join(parts))
    parser.add_argument("--json", type=pathlib.Path, default=RESULTS)
    parser.add_argument("--plots", type=pathlib.Path, default=PLOTS)
    options = parser.parse_args()
    figures: dict[str, list[Point]] = json.loads(options.json.read_text()) if options.json.exists() else {}
    for name in options.only.split(","):
        figures[name] = parts[name](options.seconds)
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(figures, indent=2) + "\n")
    draw(figures, options.plots)
    return 0


if __name__ == "__main__":
    sys.exit(main())
