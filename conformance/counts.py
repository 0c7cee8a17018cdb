"""What a command must not cost, counted in targed: system calls, context switches, allocations, bytes copied.

The load generator sends batches of the same size (--pace steps) and a number of operations, and what two runs of different length
differ by is divided by the operations that they differ by: logins and the end are left out, and the figures are the same on a slow
machine. So is a device that another program keeps, on both sides. Looks of a spinning reactor that find nothing, and waits because there
is nothing to do, are no cost of a command and do depend on the machine: the first are not judged, of the second there may be one for each
time that something came."""
from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "bench"))

import report  # noqa: E402
from counter import Counter, Counts  # noqa: E402
from handler_beside import DEVICE as USER_DEVICE, handler  # noqa: E402
from harness import PROGRAMS, Targed  # noqa: E402
from report import Result, Verdict  # noqa: E402
from setup import Device, Setup, Target  # noqa: E402

SUITE = "counts"
NAME = "iqn.2026-11.io.targe:counts"
UNIT_BYTES = 64 << 20
USER = "ram in another program"
CACHED = "file on a disk"  # in the page cache; the other file is on tmpfs, where there is one
LUNS = {"null": 0, "ram": 1, "file": 2, USER: 3, CACHED: 4}
SHORT_RUN, LONG_RUN = 100, 1_100  # operations at depth 1
BATCHES = 16  # times as many at depth 32: they are whole batches, which go quicker
# A few for what happens now and then whatever is asked: timers, a cache that shrinks.
SLACK = 0.004
HAND_OVER = 0.05  # a command that is handed over costs one switch at least; now and then a thread waits for the kernel
ATTEMPTS = 4
YIELDED = 0.5  # beside a handler a thread also gives it a CPU that both want, which on a busy machine is no rare thing


@dataclasses.dataclass(frozen=True)
class Limits:
    """A command, or a byte that is moved. None: depends on how quick the store is, or on the page cache."""
    calls: float | None
    waits: float | None
    copies: float       # bytes that targed copies, for a byte that is moved
    file_copies: float  # bytes that the kernel copies between the page cache and targed, for a byte that is moved


@dataclasses.dataclass(frozen=True)
class Cell:
    store: str
    io_bytes: int
    direction: str
    depth: int
    limits: Limits

    @property
    def name(self) -> str:
        return f"{self.store} {self.io_bytes} B {self.direction} depth {self.depth}"

    @property
    def runs(self) -> tuple[int, int]:
        times = 1 if self.depth == 1 else BATCHES
        return SHORT_RUN * times, LONG_RUN * times


# A wait for each batch, and some more where a busy machine lets a timer come between.
# One receive and one send for all that came at once: two calls at depth 1, and 2/32 at depth 32. 32 writes of 4 KiB do not come at once:
# TCP cuts them into three segments of 64 KiB, each of which may be received and answered by itself.
# Data of a read leave from where they lie; short ones of a file are read into a buffer first. Data of a write are written from where they were
# received, but for those that the end of a buffer cut in two: a twentieth at depth 32, a third where a busy machine lets them come in more
# pieces. Copied once more by rule would be 1 more. What the page cache gave only in part, for want of time, is asked for again.
CELLS = (
    *(Cell("null", 512, "read", depth, Limits(2 if depth == 1 else 0.1, 1.5 if depth == 1 else 0.2, 0, 0)) for depth in (1, 32)),
    *(Cell("ram", 4096, "read", depth, Limits(2 if depth == 1 else 0.1, 1.5 if depth == 1 else 0.2, 0, 0)) for depth in (1, 32)),
    *(Cell("ram", 4096, "write", depth, Limits(2 if depth == 1 else 0.2, 1.5 if depth == 1 else 0.2, 1 if depth == 1 else 1.5, 0)) for depth in (1, 32)),
    # Data of a read leave from memory that the handler lends; those of a write are copied once to wait for it, for it may have to be replaced
    # before it is done, and once into what is shared. Waking the handler costs a call of the ring; what it completes in two parts is answered in two.
    # Targed and handler share a CPU (undisturbed()), so that both see whole batches: 0.06 to 0.12 calls, whatever else the machine does.
    *(Cell(USER, 4096, "read", depth, Limits(3 if depth == 1 else 0.2, 3 if depth == 1 else 0.3, 0, 0)) for depth in (1, 32)),
    *(Cell(USER, 4096, "write", depth, Limits(3 if depth == 1 else 0.2, 3 if depth == 1 else 0.3, 2 if depth == 1 else 2.5, 0)) for depth in (1, 32)),
    *(Cell("file", 4096, "read", depth, Limits(None, None, 0, 1.1)) for depth in (1, 32)),
    # A call of its own for a read that is alone; one for all of a batch. What the ring copies counting.so does not see.
    *(Cell(CACHED, 4096, "read", depth, Limits(3 if depth == 1 else 0.15, None, 0, 1.1)) for depth in (1, 32)),
    # Asked for, put into a pipe, sent behind its header: pages go as they are, without a copy.
    Cell("file", 131072, "read", 1, Limits(5, None, 0, 0)),
    *(Cell("file", 4096, "write", depth, Limits(None, None, 0 if depth == 1 else 0.5, 1.1)) for depth in (1, 32)),
)


def voluntary_switches(pid: int) -> int:
    """Of all threads, those of io_uring among them. A thread that another wants the CPU from gives it away unasked: that does not count."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            lines = (task / "status").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))
    return total


def undisturbed(*pids: int) -> None:
    """Every thread of theirs on one CPU, before all other work of the machine where that is allowed: what one offers the other then takes as
    a whole, not as it comes."""
    first = {min(os.sched_getaffinity(0))}
    for pid in pids:
        for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
            os.sched_setaffinity(int(task.name), first)
            with contextlib.suppress(PermissionError):
                os.sched_setscheduler(int(task.name), os.SCHED_FIFO, os.sched_param(1))


def drive(daemon: Targed, cell: Cell, operations: int) -> None:
    like_targed = ("chrt", "--fifo", "1") if os.sched_getscheduler(daemon.pid) == os.SCHED_FIFO else ()
    command = [*like_targed, PROGRAMS / "loadgen", "--port", str(daemon.target().port), "--target", NAME, "--lun", str(LUNS[cell.store]),
               "--span", str(UNIT_BYTES), "--io", str(cell.io_bytes), "--direction", cell.direction, "--depth", str(cell.depth),
               "--operations", str(operations), "--pace", "steps"]
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    if done.returncode != 0 or json.loads(done.stdout)["total_operations"] != operations:
        raise RuntimeError(f"{cell.name}: {done.stdout}{done.stderr}")


# Of the handler, for a command: it wakes targed and takes what woke it, once a batch, and copies each byte that is written once.
HANDLERS_LIMITS = {1: Limits(2, 2, 1, 0), 32: Limits(0.2, 0.3, 1, 0)}


def settled(daemon: Targed, counter: Counter) -> tuple[Counts, int]:
    """When nothing more is counted: the last session has gone, and every thread sleeps."""
    before = counter.now(), voluntary_switches(daemon.pid)
    for _ in range(200):
        time.sleep(0.05)
        now = counter.now(), voluntary_switches(daemon.pid)
        if now == before:
            break
        before = now
    return before


def cost(daemon: Targed, counter: Counter, cell: Cell) -> tuple[Counts, int]:
    """What the second of its runs costs more than the first."""
    drive(daemon, cell, cell.runs[0])  # whatever is made once is made
    found = []
    for operations in cell.runs:
        counts, switches = settled(daemon, counter)
        drive(daemon, cell, operations)
        counts_after, switches_after = settled(daemon, counter)
        found.append((counts_after - counts, switches_after - switches))
    return found[1][0] - found[0][0], found[1][1] - found[0][1]


def least_disturbed(measure: Callable[[], Result]) -> Result:
    """The first that is within its limits, of a few. A machine that is busy with something else cuts batches into pieces, which adds calls
    and waits and never takes any away; what a command costs by itself, it costs every time."""
    for _ in range(ATTEMPTS):
        result = measure()
        if result.verdict is not Verdict.FAILED:
            break
    return result


def judge_handler(cell: Cell, counts: Counts) -> Result:
    operations = cell.runs[1] - cell.runs[0]
    limits = HANDLERS_LIMITS[cell.depth]
    figures = {"allocations": (counts.allocations / operations, 0.0), "calls": (counts.working_calls / operations, limits.calls),
               "waits": (counts.waits / operations, limits.waits),
               "copied bytes a byte": (counts.copied_bytes / operations / cell.io_bytes, limits.copies if cell.direction == "write" else 0.0)}
    return verdict(f"{cell.name}, its handler", figures)


def judge(cell: Cell, counts: Counts, switches: int) -> Result:
    operations = cell.runs[1] - cell.runs[0]
    moved = operations * cell.io_bytes
    limits = cell.limits
    figures = {
        "allocations": (counts.allocations / operations, 0.0),
        "calls": (counts.working_calls / operations, limits.calls),
        "waits": (counts.waits / operations, limits.waits),
        # A thread that hands a command to another waits somewhere else than where the reactor waits for more work.
        "switches besides waits": ((switches - counts.waits) / operations, None if limits.waits is None else YIELDED if cell.store == USER else HAND_OVER),
        "copied bytes a byte": (counts.copied_bytes / moved, limits.copies),
        "file bytes a byte": (counts.file_bytes / moved, limits.file_copies),
    }
    return verdict(cell.name, figures)


def verdict(name: str, figures: dict[str, tuple[float, float | None]]) -> Result:
    """What was found, and how much may be."""
    text = ", ".join(f"{what} {found:.4f}" for what, (found, _) in figures.items())
    wrong = [f"{what}: {found:.4f} a command, at most {limit:g} allowed" for what, (found, limit) in figures.items()
             if limit is not None and found > limit + SLACK * max(1.0, limit)]
    return report.failed(SUITE, name, "; ".join(wrong) + f" ({text})") if wrong else report.passed(SUITE, name, text)


# What strace calls that which counting.so counts; calls that may end with nothing are counted by what they brought.
_KNOWN = {"recvfrom": "receives", "recvmsg": "receives", "sendto": "sends", "sendmsg": "sends", "preadv2": "file_calls", "pwritev2": "file_calls",
          "splice": "file_calls", "mincore": "file_calls",
          "io_uring_enter": "ring", "sched_yield": "looks", "write": "other_calls", "read": "other_calls", "futex": "futex"}
_STRACE = re.compile(r"^\s*[\d.]+\s+[\d.]+\s+\d+\s+(?P<calls>\d+)\s+(?:(?P<errors>\d+)\s+)?(?P<name>\w+)$", re.MULTILINE)


def nothing_uncounted(daemon: Targed, counter: Counter, folder: pathlib.Path) -> Result:
    """The kernel's view of the same: strace may see no call that counting.so does not, or every limit above could be passed by unseen."""
    name = "strace sees the same"
    if shutil.which("strace") is None:
        return report.skipped(SUITE, name, "strace is not installed")
    cell, operations = CELLS[0], 2_000
    output = folder / "strace"
    before, _ = settled(daemon, counter)
    tracer = subprocess.Popen(["strace", "-c", "-f", "-q", "-o", str(output), "-p", str(daemon.pid)], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    time.sleep(0.5)
    if tracer.poll() is not None:
        assert tracer.stderr is not None
        return report.skipped(SUITE, name, f"strace may not look: {tracer.stderr.read().strip()}")
    drive(daemon, cell, operations)
    time.sleep(0.5)
    tracer.send_signal(signal.SIGINT)
    tracer.wait(30)
    counts = counter.now() - before
    seen = {match["name"]: int(match["calls"]) - int(match["errors"] or 0) for match in _STRACE.finditer(output.read_text()) if match["name"] != "total"}
    of_kind = {kind: sum(calls for call, calls in seen.items() if _KNOWN.get(call) == kind) for kind in ("receives", "sends")}
    wrong = [f"{call}: {calls} calls that nothing counts" for call, calls in seen.items() if calls > operations * 0.05 and call not in _KNOWN]
    wrong += [f"{kind}: strace saw {calls}, counted were {getattr(counts, kind)}" for kind, calls in of_kind.items()
              if abs(calls - getattr(counts, kind)) > operations * 0.05]
    wrong += [f"futex: {seen['futex']} calls: threads wait for each other"] if seen.get("futex", 0) > operations * 0.05 else []
    return report.failed(SUITE, name, "; ".join(wrong)) if wrong else report.passed(SUITE, name, f"{of_kind} for {operations} commands")


def reads_without_waiting(file: pathlib.Path) -> bool:
    """Whether the page cache of this file system can be asked without waiting; else every read is handed to a thread of the ring."""
    with file.open("rb") as opened:
        try:
            return os.preadv(opened.fileno(), [bytearray(4096)], 0, os.RWF_NOWAIT) == 4096
        except OSError:
            return False


def run() -> list[Result]:
    if not (PROGRAMS / "counting.so").exists():
        return [report.skipped(SUITE, "all", f"there is no counting.so in {PROGRAMS}: it is not built with sanitizers")]
    results = []
    with tempfile.TemporaryDirectory(prefix="targe-counts-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None) as name, \
            tempfile.TemporaryDirectory(prefix="targe-counts-", dir="/var/tmp") as disk:
        folder, cached = pathlib.Path(name), pathlib.Path(disk) / "cached.img"
        counter = Counter(folder)
        devices = (Device("null", handler="null", size="64MiB"), Device("ram", handler="ram", size="64MiB"), Device("file", size="64MiB"),
                   Device(USER_DEVICE, handler="user", size="64MiB"), Device("cached", size="64MiB", path=str(cached)))
        for file in (folder / "file.img", cached):
            file.write_bytes(os.urandom(1 << 20) * (UNIT_BYTES >> 20))
        names = {lun: {USER: USER_DEVICE, CACHED: "cached"}.get(store, store) for store, lun in LUNS.items()}
        setup = Setup(devices, (Target(NAME, names),), reactors=1)
        handler_counter = Counter(folder, "handler-counts")
        with Targed(setup, folder, prefix=counter.prefix) as daemon, handler(daemon, "ram", UNIT_BYTES, counter=handler_counter) as process:
            undisturbed(daemon.pid, process.pid)
            for cell in CELLS:
                if cell.store == CACHED and not reads_without_waiting(cached):
                    results.append(report.skipped(SUITE, cell.name, "the file system of /var/tmp cannot be asked without waiting (RWF_NOWAIT)"))
                    continue
                results.append(least_disturbed(lambda cell=cell: judge(cell, *cost(daemon, counter, cell))))
                if cell.store == USER:
                    results.append(least_disturbed(lambda cell=cell: judge_handler(cell, cost(daemon, handler_counter, cell)[0])))
            results.append(nothing_uncounted(daemon, counter, folder))
    return results


if __name__ == "__main__":
    report.finish(run())
