"""What the kernel says of a process and of the machine."""
from __future__ import annotations

import dataclasses
import os
import pathlib
import time


@dataclasses.dataclass(frozen=True)
class Usage:
    cpu_seconds: float
    switches: int

    def __add__(self, other: Usage) -> Usage:
        return Usage(self.cpu_seconds + other.cpu_seconds, self.switches + other.switches)

    def __sub__(self, earlier: Usage) -> Usage:
        return Usage(self.cpu_seconds - earlier.cpu_seconds, self.switches - earlier.switches)


def usage(pid: int) -> Usage:
    """Of all threads. CPU time comes from schedstat: stat counts in ticks, too coarse for a process that sleeps."""
    cpu, switches = 0, 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            cpu += int((task / "schedstat").read_text().split()[0])
            for line in (task / "status").read_text().splitlines():
                if "ctxt_switches" in line:
                    switches += int(line.split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue  # a thread that has just ended
    return Usage(cpu / 1e9, switches)


def machine_busy_seconds() -> float:
    """CPU seconds that anybody used, since boot."""
    fields = [int(word) for word in pathlib.Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    user, nice, system, _, _, irq, softirq, _ = fields
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def wait_until_idle(limit_s: float = 5.0, busy: float = 0.1) -> float:
    """Waits until less than `busy` CPUs are used, for a while at most; how much was used at the end."""
    end = time.monotonic() + limit_s
    while True:
        before, begin = machine_busy_seconds(), time.monotonic()
        time.sleep(0.2)
        used = (machine_busy_seconds() - before) / (time.monotonic() - begin)
        if used < busy or time.monotonic() > end:
            return used


def cpu_model() -> str:
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
