"""System calls of a running program, as the kernel counts them: by perf's tracepoints, which cost it little, or by strace, which slows it."""
from __future__ import annotations

import dataclasses
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable

_EVENTS = ("-e", "raw_syscalls:sys_enter", "-e", "raw_syscalls:sys_exit", "--filter", "ret == -11", "-e", "syscalls:sys_enter_sched_yield")
_STRACE = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(?P<calls>\d+)\s+(?:(?P<errors>\d+)\s+)?(?P<name>\w+)$", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Calls:
    working: int  # all but these:
    looks: int    # calls that found nothing (EAGAIN), and sched_yield()


def _by_perf(pid: int, work: Callable[[], None]) -> Calls | None:
    tracer = subprocess.Popen(["perf", "stat", "-x,", *_EVENTS, "-p", str(pid)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, text=True)
    try:
        time.sleep(0.3)
        if tracer.poll() is not None:
            return None  # it may not look, or knows no tracepoints
        work()
    finally:
        tracer.send_signal(signal.SIGINT)
        _, output = tracer.communicate(timeout=20)
    found = [line.split(",")[0] for line in output.splitlines() if ":sys_e" in line]
    if len(found) != 3 or not all(word.isdecimal() for word in found):
        return None
    every, empty, yields = map(int, found)
    return Calls(every - empty - yields, empty + yields)


def _by_strace(pid: int, work: Callable[[], None]) -> Calls | None:
    with tempfile.NamedTemporaryFile("r") as output:
        tracer = subprocess.Popen(["strace", "-c", "-f", "-q", "-o", output.name, "-p", str(pid)], stdin=subprocess.DEVNULL,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            time.sleep(0.3)
            if tracer.poll() is not None:
                return None
            work()
        finally:
            tracer.send_signal(signal.SIGINT)
            tracer.wait(20)
        rows = [match for match in _STRACE.finditer(output.read()) if match["name"] != "total"]
    every = sum(int(row["calls"]) for row in rows)
    empty = sum(int(row["errors"] or 0) for row in rows if row["name"] != "sched_yield")
    yields = sum(int(row["calls"]) for row in rows if row["name"] == "sched_yield")
    return Calls(every - empty - yields, empty + yields) if rows else None


def count(pid: int, work: Callable[[], None]) -> Calls | None:
    """While `work` runs; nothing where neither tool is there or allowed."""
    for way in (_by_perf, _by_strace):
        try:
            found = way(pid, work)
        except (FileNotFoundError, PermissionError, subprocess.TimeoutExpired):
            continue
        if found is not None:
            return found
    return None
