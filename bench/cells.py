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
    digests: bool = False

    def arguments(self, span: int) -> list[str]:
        return ["--io", str(self.io_bytes), "--direction", self.direction, "--order", self.order, "--depth", str(self.depth),
                "--sessions", str(self.sessions), "--wait", self.wait, "--span", str(span), "--digests", "yes" if self.digests else "no"]


@dataclasses.dataclass(frozen=True)
class Store:
    handler: str                 # ours; "user": bench/handler.c
    place: str                   # where files lie: "tmpfs", "disk", or nowhere
    tgt_stores: tuple[str, ...]  # tgt's
    built_in: str = ""           # of "user": what the other program does, and which device within targed does the same


BARE_ASLEEP = "bare asleep"  # waits in the kernel for each request, where "bare" looks for it
BARE = ("bare", BARE_ASLEEP)
BUILT_IN = "built in"  # the same device within targed, beside a handler in another program
NOT_RIVALS = (*BARE, BUILT_IN)
DIGESTS = ", digests"
WITHOUT_DIGESTS = "without digests"


@dataclasses.dataclass(frozen=True)
class Goal:
    """What Targe is to reach: operations per second over those of a peer in the same run.

    WITHOUT_DIGESTS stands for Targe's own figure of the cell that is the same but for its digests.
    """
    peer: str
    ratio: float


@dataclasses.dataclass(frozen=True)
class LatencyGoal:
    """How many times of what waking a thread takes, in the same run, Targe's median latency may be above a peer's."""
    peer: str
    wake_ups: float


@dataclasses.dataclass(frozen=True)
class CallsGoal:
    """System calls for a command, of Targe and of the handler, each."""
    most: float


@dataclasses.dataclass(frozen=True)
class Cell:
    store: str  # a key of STORES
    work: Work
    goals: tuple[Goal | LatencyGoal | CallsGoal, ...] = ()

    @property
    def name(self) -> str:
        return f"{self.store}: {self.work.name}"


KIB = 1024
UNIT_BYTES = 1 << 30
COUNTED_UNIT_BYTES = 1 << 26  # what a command costs in calls, allocations and copies does not depend on it

STORES: dict[str, Store] = {
    "null": Store("null", "", ("null",)),
    # tgt keeps no data in memory: a file on tmpfs comes nearest. Both of its stores are measured there.
    "ram": Store("ram", "tmpfs", ("rdwr", "aio")),
    "file on tmpfs": Store("file", "tmpfs", ("rdwr", "aio")),
    # tgt's aio goes past the page cache on a disk, which would measure the disk.
    "file": Store("file", "disk", ("rdwr",)),
    # The devices of the first two once more, kept by another program.
    "null in another program": Store("user", "tmpfs", (), "null"),
    "ram in another program": Store("user", "tmpfs", (), "ram"),
    # Loop devices, for which both open with O_DIRECT; over memory, where the target is what limits, and over a disk.
    "block on tmpfs": Store("block", "tmpfs", ("aio",)),
    "block on disk": Store("block", "disk", ("aio",)),
}


def _random(direction: str, depth: int) -> Work:
    return Work(f"4 KiB random {direction} QD{depth}", 4 * KIB, direction=direction, depth=depth, wait="spin")


def _sequential(direction: str, kib: int, depth: int, digests: bool = False) -> Work:
    name = f"{kib} KiB seq. {direction} QD{depth}" + (DIGESTS if digests else "")
    return Work(name, kib * KIB, direction=direction, order="sequential", depth=depth, wait="spin", digests=digests)


def _null(name: str, *goals: Goal, **work: object) -> Cell:
    return Cell("null", Work(f"512 B read {name}", 512, **work), goals)  # type: ignore[arg-type]


def _bare(ratio: float) -> Goal:
    return Goal("bare", ratio)


def _tgt(store: str, ratio: float) -> Goal:
    return Goal(f"tgt {store}", ratio)


def _in_another_program(store: str) -> tuple[Cell, ...]:
    deep = (Goal(BUILT_IN, 0.9), CallsGoal(0.1))
    shallow = (LatencyGoal(BUILT_IN, 1),)
    asleep = Work("4 KiB random read QD1, initiator sleeps", 4 * KIB)
    deep_asleep = tuple(Cell(store, Work(f"4 KiB random {direction} QD32, initiator sleeps", 4 * KIB, direction=direction, depth=32), (Goal(BUILT_IN, 0.9),))
                        for direction in ("read", "write"))
    return (Cell(store, asleep, shallow), *deep_asleep, Cell(store, _random("read", 1), shallow), Cell(store, _random("write", 1), shallow),
            Cell(store, _random("read", 32), deep), Cell(store, _random("write", 32), deep))


DIRECT_WORK = (
    _random("read", 1), _random("read", 32), _random("write", 1), _random("write", 32),
    _sequential("read", 4, 32), _sequential("write", 4, 32), _sequential("read", 256, 8), _sequential("write", 256, 8), _sequential("read", 128, 1))

CELLS = (
    _null("QD1, initiator spins", _tgt("null", 3.2), _bare(0.82), wait="spin"),
    _null("QD1, initiator sleeps", _tgt("null", 1.7), _bare(0.90)),
    _null("QD32", _tgt("null", 24), _bare(0.55), depth=32, wait="spin"),
    _null("QD1 × 8 sessions", _tgt("null", 1.75), sessions=8, wait="spin"),
    _null("QD32 × 8 sessions", _tgt("null", 28), depth=32, sessions=8, wait="spin"),
    Cell("null", _sequential("read", 256, 8)),
    Cell("ram", _random("read", 1)),
    Cell("ram", _random("read", 32), (_tgt("aio", 9.5),)),
    Cell("ram", _random("write", 1)),
    Cell("ram", _random("write", 32), (_tgt("aio", 13),)),
    Cell("ram", _sequential("read", 256, 8), (_tgt("rdwr", 3.6), _bare(0.96))),
    Cell("ram", _sequential("read", 256, 8, digests=True), (Goal(WITHOUT_DIGESTS, 0.80),)),
    Cell("ram", _sequential("write", 256, 8), (_tgt("rdwr", 5.2),)),
    Cell("ram", _sequential("read", 128, 1)),
    *(Cell("file on tmpfs", work) for work in (
        _random("read", 1), _random("read", 32), _random("write", 1), _random("write", 32),
        _sequential("read", 256, 8), _sequential("write", 256, 8), _sequential("read", 128, 1))),
    Cell("file", _random("read", 1), (_tgt("rdwr", 3.8),)),
    Cell("file", _random("read", 32), (_tgt("rdwr", 8),)),
    Cell("file", _random("write", 1), (_tgt("rdwr", 3.2),)),
    Cell("file", _random("write", 32), (_tgt("rdwr", 9),)),
    Cell("file", _sequential("read", 256, 8), (_tgt("rdwr", 2.6), _bare(0.96))),
    Cell("file", _sequential("write", 256, 8), (_tgt("rdwr", 4.2), _bare(0.94))),
    Cell("file", _sequential("read", 128, 1), (_tgt("rdwr", 1.9), _bare(0.96))),
    *_in_another_program("null in another program"),
    *_in_another_program("ram in another program"),
    *(Cell("block on tmpfs", work) for work in DIRECT_WORK),
    *(Cell("block on disk", work) for work in DIRECT_WORK),
)
