"""What bench/counting.cc counts in a program."""
from __future__ import annotations

import dataclasses
import pathlib
import struct

from harness import PROGRAMS

_NAMES = ("allocations", "copied_bytes", "file_bytes", "receives", "sends", "file_calls", "ring_calls", "waits", "looks", "other_calls")


@dataclasses.dataclass(frozen=True)
class Counts:
    """Since the program began, or between two moments. Copies are those of 256 bytes and more."""
    allocations: int
    copied_bytes: int   # by memcpy and memmove
    file_bytes: int     # that the kernel copied between files and memory
    receives: int       # calls that brought something from a socket
    sends: int          # calls that took something to one
    file_calls: int
    ring_calls: int     # of io_uring, without waiting
    waits: int          # calls that may give the CPU away until something comes
    looks: int          # calls that found nothing
    other_calls: int

    def __sub__(self, earlier: Counts) -> Counts:
        return Counts(*(mine - its for mine, its in zip(dataclasses.astuple(self), dataclasses.astuple(earlier), strict=True)))

    @property
    def working_calls(self) -> int:
        """System calls, but for looks that found nothing, and waiting because there is nothing to do."""
        return self.receives + self.sends + self.file_calls + self.ring_calls + self.other_calls


class Counter:
    """Of one program, to be started with `prefix` before its command."""

    def __init__(self, folder: pathlib.Path, name: str = "counts") -> None:
        self._file = folder / name
        self._file.write_bytes(bytes(8 * len(_NAMES)))
        self.prefix = ("env", f"LD_PRELOAD={PROGRAMS / 'counting.so'}", f"TARGE_COUNTS={self._file}")

    def now(self) -> Counts:
        return Counts(*struct.unpack(f"{len(_NAMES)}Q", self._file.read_bytes()))
