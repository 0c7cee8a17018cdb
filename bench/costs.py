"""What a command costs a peer besides time: system calls, allocations, copies. Each in runs of its own: counting slows what it counts."""
from __future__ import annotations

import time
from collections.abc import Callable

from cells import Cell
from peers import Peer
from syscalls import count

Figures = dict[str, float]


def system_calls(peer: Peer, generate: Callable[[], Figures]) -> Figures:
    """A command's; nothing where neither perf nor strace may look."""
    operations = 0.0

    def work() -> None:
        nonlocal operations
        operations = generate()["total_operations"]

    peer.go_on()
    try:
        calls = count(peer.pid, work)
    finally:
        peer.stop()
    figures = {"system_calls_per_op": calls.working / operations, "looks_per_op": calls.looks / operations} if calls else {}
    if peer.handler is not None:
        peer.go_on()
        try:
            its = count(peer.handler.pid, work)
        finally:
            peer.stop()
        figures |= {"handler_calls_per_op": its.working / operations, "handler_looks_per_op": its.looks / operations} if its else {}
    return figures


def allocations_and_copies(peer: Peer, cell: Cell, generate: Callable[[int], object]) -> Figures:
    """Of a peer that was started with counting.so: what two runs differ by, so that logins are left out. `generate` gets operations."""
    assert peer.counter is not None
    fewer, more = (2_000, 12_000) if cell.work.io_bytes <= 4096 else (200, 1_200)
    peer.go_on()
    try:
        found = []
        for operations in (fewer, fewer, more):  # the first makes what is made once
            before = peer.counter.now()
            generate(operations)
            time.sleep(0.1)  # the session ends
            found.append(peer.counter.now() - before)
    finally:
        peer.stop()
    counts, operations, moved = found[2] - found[1], more - fewer, (more - fewer) * cell.work.io_bytes
    return {"allocations_per_op": counts.allocations / operations, "copies_per_byte": counts.copied_bytes / moved,
            "file_copies_per_byte": counts.file_bytes / moved}
