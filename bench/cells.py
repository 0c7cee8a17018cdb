"""What is measured: each cell is one kind of work on one kind of store."""
from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True)
class Work:
    name: str
    io_bytes: int
    direction: str = "read"
    order: str = "random"
    depth: int = 1
    sessions: int = 1
    wait: str = "sleep"

    def arguments(self, span: int) -> list[str]:
        return ["--io", str(self.io_bytes), "--direction", self.direction, "--order", self.order, "--depth", str(self.depth),
                "--sessions", str(self.sessions), "--wait", self.wait, "--span", str(span)]


@dataclasses.dataclass(frozen=True)
class Cell:
    store: str  # a key of STORES
    work: Work

    @property
    def name(self) -> str:
        return f"{self.store}: {self.work.name}"


KIB = 1024
UNIT_BYTES = 1 << 30

NULL_WORK = (
    Work("512 B read QD1, initiator spins", 512, wait="spin"),
    Work("512 B read QD1, initiator sleeps", 512),
    Work("512 B read QD32", 512, depth=32),
    Work("512 B read QD1 × 8 sessions", 512, sessions=8),
    Work("512 B read QD32 × 8 sessions", 512, depth=32, sessions=8),
    Work("256 KiB read QD8", 256 * KIB, order="sequential", depth=8),
)
DATA_WORK = (
    Work("4 KiB random read QD1", 4 * KIB),
    Work("4 KiB random read QD32", 4 * KIB, depth=32),
    Work("4 KiB random write QD1", 4 * KIB, direction="write"),
    Work("4 KiB random write QD32", 4 * KIB, direction="write", depth=32),
    Work("256 KiB seq. read QD8", 256 * KIB, order="sequential", depth=8),
    Work("256 KiB seq. write QD8", 256 * KIB, direction="write", order="sequential", depth=8),
    Work("128 KiB seq. read QD1", 128 * KIB, order="sequential"),
)

# store -> (our handler, where the peer's file lies, the peer's stores)
STORES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "null": ("null", "", ("null",)),
    # tgt keeps no data in memory: a file on tmpfs comes nearest. Both of its stores are measured there.
    "ram": ("ram", "tmpfs", ("rdwr", "aio")),
    "file on tmpfs": ("file", "tmpfs", ("rdwr", "aio")),
    # tgt's aio goes past the page cache on a disk, which would measure the disk.
    "file": ("file", "disk", ("rdwr",)),
}

CELLS = tuple(Cell(store, work) for store in STORES for work in (NULL_WORK if store == "null" else DATA_WORK))
