"""What a target has promised, moment by moment: so that any moment can be compared with what is found after it."""
from __future__ import annotations

import dataclasses
import struct
from array import array

BLOCK = 512
ANYWHERE = 0xFFFFFFFF  # in the place of the LBA: this content was put into every block of the unit
_HEAD = struct.Struct(">4sIII")
_MAGIC = b"TARG"


def content(lun: int, lba: int, generation: int) -> bytes:
    """Says in each of its parts whose it is, so that what is torn or astray shows."""
    return _HEAD.pack(_MAGIC, lun, lba, generation) * (BLOCK // _HEAD.size)


def newer(old: bytes, new: bytes) -> bool:
    """Of two contents of one block. What nobody can tell is taken to be newer."""
    was, becomes = _HEAD.unpack_from(old), _HEAD.unpack_from(new)
    return was[:3] != becomes[:3] or was[0] != _MAGIC or was[3] <= becomes[3]


@dataclasses.dataclass(frozen=True)
class Seen:
    """A unit's generations at one moment."""
    durable: array[int]
    issued: array[int]


class Medium:
    """The blocks of a unit. Each has generations: 0 is what was there before, `durable` the newest that must be there."""

    def __init__(self, lun: int, blocks: int, blank: bytes) -> None:
        self.lun, self.blocks, self.blank = lun, blocks, blank
        self.durable, self.written, self.issued = (array("I", bytes(4 * blocks)) for _ in range(3))
        self.zeroed: set[tuple[int, int]] = set()  # LBA and generation of what was unmapped or zeroed
        self.sanitized: set[int] = set()  # generations
        self.generation = 0

    def issue(self, lba: int, blocks: int, *, zeroes: bool = False, sanitize: bool = False) -> int:
        self.generation += 1
        for each in range(lba, lba + blocks):
            self.issued[each] = self.generation
            if zeroes:
                self.zeroed.add((each, self.generation))
        if sanitize:
            self.sanitized.add(self.generation)
        return self.generation

    def end(self, lba: int, blocks: int, generation: int, *, durable: bool) -> None:
        for each in range(lba, lba + blocks):
            self.written[each] = max(self.written[each], generation)
            if durable:
                self.durable[each] = max(self.durable[each], generation)

    def flushed(self, written: array[int]) -> None:
        self.durable = array("I", map(max, self.durable, written))

    def zeroes_at_stake(self, lba: int, blocks: int) -> bool:
        """Whether zeroes are there that no flush has made sure of: their age could not be told from what is there."""
        return any((each, found) in self.zeroed for each in range(lba, lba + blocks)
                   for found in range(self.durable[each] + 1, self.issued[each] + 1))

    def seen(self) -> Seen:
        return Seen(self.durable[:], self.issued[:])

    def _generation(self, lba: int, data: bytes, oldest: int, newest: int) -> int | None:
        """Of which generation the content is; nothing when it cannot be there."""
        if data == content(self.lun, lba, found := _HEAD.unpack_from(data)[3]) and found not in self.sanitized:
            return found if oldest <= found <= newest and (lba, found) not in self.zeroed else None
        if data == content(self.lun, ANYWHERE, found):
            return found if oldest <= found <= newest and found in self.sanitized else None
        if not any(data):
            for each in range(newest, oldest - 1, -1):
                if (lba, each) in self.zeroed:
                    return each
        return 0 if oldest == 0 and data == self.blank else None

    def check(self, data: bytes, promised: Seen, latest: Seen) -> list[str]:
        """What is wrong with what the unit holds after a power cut between two moments."""
        wrong, found_of = [], []
        if len(data) != self.blocks * BLOCK:
            return [f"unit {self.lun} has {len(data)} bytes"]
        for lba in range(self.blocks):
            piece, oldest, newest = data[lba * BLOCK:(lba + 1) * BLOCK], promised.durable[lba], latest.issued[lba]
            found = self._generation(lba, piece, oldest, newest)
            if found is None:
                wrong.append(f"unit {self.lun} block {lba}: generation {oldest} was promised, {newest} was sent last; found {piece[:16].hex()}")
            found_of.append(found or 0)
        begun = max(self.sanitized & set(found_of), default=0)
        if not wrong and min(found_of) < begun:
            wrong.append(f"unit {self.lun}: SANITIZE of generation {begun} did not reach every block")
        return wrong


class History:
    """What else is kept: replaced as a whole. The version `sure` must be found, or one that was asked for later."""

    def __init__(self, first: object) -> None:
        self.versions, self.sure = [first], 0

    def issue(self, version: object) -> None:
        self.versions.append(version)

    def end(self, *, good: bool) -> None:
        """The version that was asked for last is durable, or was refused."""
        if good:
            self.sure = len(self.versions) - 1
        else:
            self.versions.pop()

    def seen(self) -> tuple[int, int]:
        return self.sure, len(self.versions)

    def check(self, name: str, found: object, promised: tuple[int, int], latest: tuple[int, int]) -> list[str]:
        allowed = self.versions[promised[0]:latest[1]]
        return [] if found in allowed else [f"{name}: found {found!r}, may be {allowed[:4]!r}"]
