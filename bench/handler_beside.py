"""targed with a device that another program keeps: bench/handler.c, pinned as its measurement asks."""
from __future__ import annotations

import contextlib
import pathlib
import subprocess
from collections.abc import Iterator

from counter import Counter
from harness import PROGRAMS, Targed

DEVICE = "unit"


def wake_up_us(first: str, second: str) -> float:
    """What it takes to wake another process by an eventfd."""
    return float(subprocess.run([PROGRAMS / "wake_up", first, second], check=True, capture_output=True, text=True, timeout=60).stdout)


@contextlib.contextmanager
def handler(daemon: Targed, store: str, unit_bytes: int, cpu: str | None = None, counter: Counter | None = None) -> Iterator[subprocess.Popen[str]]:
    """Attached when this begins."""
    prefix = (*(("taskset", "-c", cpu) if cpu else ()), *(counter.prefix if counter else ()))
    socket = pathlib.Path(daemon.folder) / f"{DEVICE}.handler.sock"
    process = subprocess.Popen([*prefix, PROGRAMS / "handler", socket, store, str(unit_bytes >> 20)], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        if process.stdout.readline().strip() != "ready":
            raise RuntimeError(f"the handler does not attach: status {process.wait(10)}")
        yield process
    finally:
        process.kill()
        process.wait()
