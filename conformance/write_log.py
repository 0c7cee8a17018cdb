"""The log of the kernel's dm-log-writes target, and what a disk may hold when the power goes at any point of it.

Fault model. The disk has a volatile cache. What it had completed before a FLUSH began is on the medium once that FLUSH has
completed; a write with FUA is on the medium once it has completed. Of every other write none, all, or some of the sectors
may be on the medium when the power goes. The kernel writes an ordinary write to the log when the FLUSH after it has
completed, and a FLUSH, a FUA or a mark at once: so the log is in the order in which things became sure, and a mark stands
after everything that was sure when it was asked for. The price: a write with FUA may stand before an ordinary write to the
same place that ended earlier. Of two such sectors the log does not tell the later one; their content has to.

Format: a sector with the super block (magic, version, number of entries: 8 bytes each, sector size: 4 bytes, all little
endian), then for each entry a sector (sector, number of sectors, flags, length of the mark: 8 bytes each, then the mark) and
its data, which a discard has not.
"""
from __future__ import annotations

import dataclasses
import mmap
import pathlib
import random
import struct
from collections.abc import Callable, Iterator
from typing import Self

MAGIC, VERSION = 0x6A736677736872, 1
FLUSH, FUA, DISCARD, MARK, METADATA = 1, 2, 4, 8, 16
SECTOR = 512
SURVIVALS = ("nothing", "everything", "half", "torn")  # of what was not yet sure


class LogError(Exception):
    """This is no log of dm-log-writes, or not a whole one."""


@dataclasses.dataclass(frozen=True)
class Entry:
    at: int  # byte of the disk
    size: int
    flags: int
    data_at: int  # byte of the log
    mark: str = ""

    @property
    def is_flush(self) -> bool:
        return bool(self.flags & FLUSH)

    @property
    def is_sure(self) -> bool:
        """On the medium where it stands in the log."""
        return bool(self.flags & FUA)


class WriteLog:
    """with WriteLog(path) as log: log.entries, log.data(entry)"""

    def __init__(self, path: pathlib.Path) -> None:
        with path.open("rb") as file:
            self.bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self.entries = list(self._read())
        self.epochs = self._epochs()
        self.contested = dict(self._contested())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.bytes.close()

    def _read(self) -> Iterator[Entry]:
        magic, version, count, sector = struct.unpack_from("<QQQI", self.bytes, 0)
        if (magic, version) != (MAGIC, VERSION) or sector not in (512, 4096):
            raise LogError(f"no log: magic {magic:#x}, version {version}, sectors of {sector} bytes")
        position = sector
        for _ in range(count):
            at, sectors, flags, mark = struct.unpack_from("<QQQQ", self.bytes, position)
            if flags & ~(FLUSH | FUA | DISCARD | MARK | METADATA):
                raise LogError(f"entry at byte {position} has flags {flags:#x}")
            text = self.bytes[position + 32:position + 32 + mark].decode() if flags & MARK else ""
            position += sector
            yield Entry(at * sector, sectors * sector, flags, position, text)
            position += 0 if flags & DISCARD else sectors * sector

    def data(self, entry: Entry) -> bytes:
        return bytes(entry.size) if entry.flags & DISCARD else self.bytes[entry.data_at:entry.data_at + entry.size]

    def _epochs(self) -> list[int]:
        """For each number of entries: how many of them everything is sure of, up to and with the last FLUSH."""
        epochs, last = [0], 0
        for number, entry in enumerate(self.entries, 1):
            last = number if entry.is_flush else last
            epochs.append(last)
        return epochs

    def _contested(self) -> Iterator[tuple[int, set[int]]]:
        """For ordinary writes: at which bytes of the disk a write with FUA may have come later although it stands earlier.
        That is one which ended after the FLUSH before the last was logged."""
        young: dict[int, int] = {}  # byte of the disk -> how many FLUSHes were logged when FUA wrote there last
        flushes = 0
        for number, entry in enumerate(self.entries):
            flushes += entry.is_flush
            span = range(entry.at, entry.at + entry.size, SECTOR)
            if entry.is_sure:
                young |= dict.fromkeys(span, flushes)
            elif found := {at for at in span if young.get(at, -2) >= flushes - 1}:
                yield number, found

    def marks(self) -> dict[str, int]:
        """Name -> how many entries stand before what follows the mark."""
        return {entry.mark: number for number, entry in enumerate(self.entries, 1) if entry.flags & MARK}


class Disk:
    """The disk's medium after more and more of the log; cuts must not go back."""

    def __init__(self, log: WriteLog, blank: bytes, newer: Callable[[bytes, bytes], bool], *, lies_from: int | None = None) -> None:
        """`newer`: whether the second content of a sector was written after the first, for what the log does not tell.
        `lies_from`: the disk ignores FLUSH and FUA after so many entries, of which a checker must complain."""
        self.log, self.medium, self.newer, self.applied = log, bytearray(blank), newer, 0
        self.lies_from = len(log.entries) if lies_from is None else lies_from

    def cut(self, entries: int, survival: str, dice: random.Random) -> bytes:
        """What the medium may hold when the power goes after so many entries."""
        sure = self.log.epochs[min(entries, self.lies_from)]
        if sure < self.applied:
            raise ValueError("a cut before the one that was made last")
        for number in range(self.applied, sure):
            self._write(self.medium, number)
        self.applied = sure
        image = bytearray(self.medium)
        for number in range(sure, entries):
            entry = self.log.entries[number]
            if entry.is_sure and number < self.lies_from:
                self._write(image, number)
            elif survival == "everything" or survival != "nothing" and dice.random() < 0.5:
                self._write(image, number, dice if survival == "torn" and not entry.flags & METADATA else None)
        return bytes(image)

    def _write(self, image: bytearray, number: int, tear: random.Random | None = None) -> None:
        entry, contested = self.log.entries[number], self.log.contested.get(number, set())
        data = self.log.data(entry)
        if not contested and (not tear or len(data) <= SECTOR):
            image[entry.at:entry.at + entry.size] = data
            return
        for piece in range(0, entry.size, SECTOR):
            at = entry.at + piece
            if tear and tear.random() < 0.5:
                continue
            if at not in contested or self.newer(bytes(image[at:at + SECTOR]), data[piece:piece + SECTOR]):
                image[at:at + SECTOR] = data[piece:piece + SECTOR]
