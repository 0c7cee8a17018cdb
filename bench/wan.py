"""A long wire: one session over 10 ms and 1 Gbit/s, with the defaults of targed and of an initiator like Linux's.

    bench/wan.py [--seconds S] [--depth N] [--io BYTES] [--one-way-us N] [--megabits N] [--json FILE]

Makes two network namespaces with a delay line between them (delay_line.cc), targed in the one and the load generator in the other: as
root. What plain TCP carries over the same line, between two sockets, is measured beside it: that is what a session could reach.
"""
from __future__ import annotations

import argparse
import json
import pathlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
import contextlib

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "conformance"))

from harness import PROGRAMS, Targed  # noqa: E402
from setup import Device, Setup, Target  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
RESULTS = ROOT / "build" / "results" / "wan.json"
NAME = "iqn.2026-11.io.targe:wan"
NEAR, FAR = "targe-near", "targe-far"
NEAR_ADDRESS, FAR_ADDRESS = "10.77.0.1", "10.77.0.2"
GOAL = 0.9  # of the line, of what lies in TCP segments


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


@contextlib.contextmanager
def line(one_way_us: int, megabits: float) -> Iterator[None]:
    made: list[str] = []
    wire: subprocess.Popen[str] | None = None
    try:
        for name in (NEAR, FAR):
            ip("netns", "add", name)
            made.append(name)
            ip("-n", name, "link", "set", "lo", "up")
        # Before everything else: a line that waits for a CPU is another line.
        wire = subprocess.Popen(["taskset", "-c", "1", "chrt", "-f", "10", str(PROGRAMS / "delay_line"), "--left-ns", f"/run/netns/{NEAR}", "--right-ns", f"/run/netns/{FAR}",
                                 "--one-way-us", str(one_way_us), "--megabits", str(megabits)], stdout=subprocess.PIPE, text=True)
        assert wire.stdout is not None
        if wire.stdout.readline().strip() != "ready":
            raise RuntimeError("the delay line does not start")
        for name, own, other in ((NEAR, NEAR_ADDRESS, FAR_ADDRESS), (FAR, FAR_ADDRESS, NEAR_ADDRESS)):
            ip("-n", name, "addr", "add", own, "peer", other, "dev", "wire0")
            ip("-n", name, "link", "set", "wire0", "up", "mtu", "1500")
        yield
    finally:
        if wire is not None:
            wire.kill()
            wire.wait()
        for name in made:
            ip("netns", "del", name)


# What each end of a plain TCP connection does, in its namespace.
SINK = """
import socket, sys, time
listener = socket.create_server((sys.argv[1], 5999)); print("ready", flush=True)
end, _ = listener.accept()
buffer, total, begin, begun = bytearray(1 << 20), 0, None, float(sys.argv[2])
first = time.monotonic()
while got := end.recv_into(buffer):
    if begin is None and time.monotonic() - first > begun:
        begin, total = time.monotonic(), 0
    total += got
print(total * 8 / 1e6 / (time.monotonic() - begin))
"""
SOURCE = """
import socket, sys, time
end = socket.create_connection((sys.argv[1], 5999)); data = bytes(1 << 18); until = time.monotonic() + float(sys.argv[2])
while time.monotonic() < until: end.sendall(data)
end.close()
"""


def plain_tcp(sender: str, receiver: str, address: str, seconds: float, warm_up: float) -> float:
    """Megabits a second between two sockets that do nothing else."""
    sink = subprocess.Popen(["ip", "netns", "exec", receiver, sys.executable, "-c", SINK, address, str(warm_up)], stdout=subprocess.PIPE, text=True)
    assert sink.stdout is not None
    sink.stdout.readline()
    subprocess.run(["ip", "netns", "exec", sender, sys.executable, "-c", SOURCE, address, str(seconds + warm_up)], check=True)
    output, _ = sink.communicate(timeout=60)
    return float(output)


def load(port: int, direction: str, options: argparse.Namespace) -> dict[str, float]:
    done = subprocess.run(["nice", "-n", "-15", "ip", "netns", "exec", NEAR, str(PROGRAMS / "loadgen"), "--address", FAR_ADDRESS, "--port", str(port), "--target", NAME,
                           "--direction", direction, "--order", "sequential", "--io", str(options.io), "--depth", str(options.depth),
                           "--span", str(1 << 28), "--seconds", str(options.seconds), "--warmup", str(options.warm_up)],
                          capture_output=True, text=True, timeout=120 + options.seconds)
    if done.returncode != 0:
        raise RuntimeError(done.stderr or done.stdout)
    return json.loads(done.stdout)


def measure(options: argparse.Namespace) -> dict[str, float]:
    figures: dict[str, float] = {"round_trip_ms": options.one_way_us / 500, "line_megabits": options.megabits, "depth": options.depth, "io": options.io}
    target = Target(NAME, {0: "unit"}, listen=FAR_ADDRESS, port=3260)
    with line(options.one_way_us, options.megabits):
        figures["tcp_to_initiator_megabits"] = plain_tcp(FAR, NEAR, NEAR_ADDRESS, options.seconds, options.warm_up)
        figures["tcp_to_target_megabits"] = plain_tcp(NEAR, FAR, FAR_ADDRESS, options.seconds, options.warm_up)
        with Targed(Setup((Device("unit", handler="ram", size="256MiB"),), (target,)), prefix=("nice", "-n", "-15", "ip", "netns", "exec", FAR)) as daemon:
            for direction in ("read", "write"):
                got = load(daemon.target().port, direction, options)
                figures[f"{direction}_megabits"] = got["mb_per_s"] * 8
                figures[f"{direction}_p50_ms"] = got["p50_us"] / 1000
                figures[f"{direction}_p99_ms"] = got["p99_us"] / 1000
    return figures


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--warm-up", type=float, default=2.0)
    parser.add_argument("--depth", type=int, default=32)
    parser.add_argument("--io", type=int, default=256 << 10)
    parser.add_argument("--one-way-us", type=int, default=5000)
    parser.add_argument("--megabits", type=float, default=1000.0)
    parser.add_argument("--json", type=pathlib.Path, default=RESULTS)
    options = parser.parse_args()
    figures = measure(options)
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(figures, indent=2) + "\n")
    for name, value in figures.items():
        print(f"{name:28} {value:.4g}")
    slow = [d for d in ("read", "write") if figures[f"{d}_megabits"] < GOAL * options.megabits]
    print("both ways fill the line" if not slow else f"does not fill the line: {', '.join(slow)}")
    return 1 if slow else 0


if __name__ == "__main__":
    sys.exit(main())
