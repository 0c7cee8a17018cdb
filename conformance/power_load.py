"""The initiator of the power cuts: writes at random, changes what is kept at random, and writes down what was promised when."""
from __future__ import annotations

import dataclasses
import random
import select
import socket
import struct
from array import array

import persistent_reservations as reservations
from iscsi_client import GOOD, SYNCHRONIZE_CACHE, Session, Task, inquiry, write16
from promises import ANYWHERE, BLOCK, History, Medium, Seen, content

NAME = "iqn.2026-11.io.targe:power"
LARGEST_WRITE = 24
PAGE, PAGE_BYTES = 0x0A, 12  # the Control mode page
OVERWRITE = 1


@dataclasses.dataclass(frozen=True)
class Unit:
    """A unit that is written to."""
    lun: int
    name: str
    blocks: int
    thin: bool = False
    write_through: bool = False


@dataclasses.dataclass
class Moment:
    """What was promised, and what had been asked for, when something happened."""
    media: dict[int, Seen]
    histories: dict[str, tuple[int, int]]


@dataclasses.dataclass
class Pending:
    unit: Unit
    lba: int
    blocks: int
    generation: int
    durable: bool
    written: array[int] | None = None  # of a flush


class Marks:
    """Asks the guest to put marks into the log, and knows what was promised before each."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection, self.count, self.answered = connection, 0, 0
        self.lines = connection.makefile("r")
        self.promised: list[Moment] = []  # before the mark was asked for
        self.latest: list[Moment] = []  # after it was known to be there

    def ask(self, verb: str, name: str = "") -> None:
        self.connection.sendall(f"{verb} {name}\n".encode())

    def tell(self, verb: str) -> None:
        """Has the guest do something else, and waits for it."""
        self.ask(verb)
        while not (line := self.lines.readline()).startswith(verb):
            if not line:
                raise OSError("the guest has gone")

    def mark(self, now: Moment) -> None:
        self.promised.append(now)
        self.ask("mark", f"m{self.count}")
        self.count += 1

    def take(self, now: Moment, *, wait: bool = False) -> None:
        """Notes which marks have been answered; waits for all that were asked for."""
        while self.answered < self.count and (wait or select.select([self.connection], [], [], 0)[0]):
            if not self.lines.readline():
                raise OSError("the guest has gone")
            self.answered += 1
            self.latest.append(now)


class Load:
    """Everything that is done to the target, and the ledger of it."""

    def __init__(self, port: int, units: tuple[Unit, ...], blanks: dict[int, bytes], erased: Unit, keeper: int,
                 marks: Marks, dice: random.Random) -> None:
        self.port, self.units, self.erased, self.keeper, self.marks, self.dice = port, units, erased, keeper, marks, dice
        self.media = {unit.lun: Medium(unit.lun, unit.blocks, blanks.get(unit.lun, bytes(BLOCK))) for unit in (*units, erased)}
        self.histories: dict[str, History] = {"reservations": History(reservations.State())}
        self.state = reservations.State()  # of the registrations, as the target has them in memory
        self.pending: dict[int, Pending] = {}
        self.busy: dict[int, set[int]] = {unit.lun: set() for unit in (*units, erased)}
        self.commands = 0
        self.wrong: list[str] = []

    # --- Moments

    def now(self) -> Moment:
        return Moment({lun: medium.seen() for lun, medium in self.media.items()},
                      {name: history.seen() for name, history in self.histories.items()})

    def mark(self, *, wait: bool = False) -> None:
        self.marks.mark(self.now())
        self.marks.take(self.now(), wait=wait)

    # --- Sessions

    def log_in(self) -> None:
        self.session = Session(self.port, NAME, timeout=120)
        self.others = [Session(self.port, NAME, initiator=name, timeout=120) for name in reservations.INITIATORS]
        for lun in (*self.media, self.keeper):
            self.session.command(bytes(6), lun=lun)
        for lun in (*self.media, self.keeper):
            self.know(f"identity {lun}", identity(self.session, lun))
        for unit in self.units:
            self.know(f"mode page {unit.lun}", mode_page(self.session, unit.lun, saved=True))
            self.know(f"identifying information {unit.lun}", identifying_information(self.session, unit.lun))
        self.mark(wait=True)

    def know(self, name: str, found: object) -> None:
        if name not in self.histories:
            self.histories[name] = History(found)

    def close(self) -> None:
        for each in (self.session, *self.others):
            each.close()

    # --- Writes

    def submit(self, unit: Unit, *, fua: bool) -> None:
        blocks = self.dice.choice((1, 1, 7, 8, 8, 16, self.dice.randint(1, LARGEST_WRITE)))
        lba = self.dice.randrange(unit.blocks - blocks)
        span = set(range(lba, lba + blocks))
        if span & self.busy[unit.lun]:
            return
        zeroes = unit.thin and self.dice.random() < 0.1
        fua = fua and not self.media[unit.lun].zeroes_at_stake(lba, blocks)
        generation = self.media[unit.lun].issue(lba, blocks, zeroes=zeroes)
        if zeroes and self.dice.random() < 0.5:
            cdb, data, fua = struct.pack(">BB5xHB", 0x42, 0, 24, 0), struct.pack(">HH4xQI4x", 22, 16, lba, blocks), False
        elif zeroes:
            cdb, data, fua = struct.pack(">BBQIBB", 0x93, 8, lba, blocks, 0, 0), bytes(BLOCK), False
        else:
            cdb, data = write16(lba, blocks, fua=fua), b"".join(content(unit.lun, each, generation) for each in sorted(span))
        task = self.session.submit(cdb, data=data, lun=unit.lun)
        self.pending[task.tag] = Pending(unit, lba, blocks, generation, fua or unit.write_through)
        self.busy[unit.lun] |= span

    def flush(self, unit: Unit) -> None:
        task = self.session.submit(SYNCHRONIZE_CACHE, lun=unit.lun)
        self.pending[task.tag] = Pending(unit, 0, 0, 0, True, self.media[unit.lun].written[:])

    def collect(self) -> None:
        self.ended(self.session.collect())
        self.marks.take(self.now()) if self.marks.answered < self.marks.count and self.dice.random() < 0.2 else None

    def ended(self, task: Task | None) -> None:
        if task is None:
            return
        pending, self.commands = self.pending.pop(task.tag), self.commands + 1
        if not task.good:
            self.wrong.append(f"a command for unit {pending.unit.lun} ended with status {task.status}, sense {task.sense_triple}")
        medium = self.media[pending.unit.lun]
        self.busy[pending.unit.lun] -= set(range(pending.lba, pending.lba + pending.blocks))
        if task.good and pending.written is not None:
            medium.flushed(pending.written)
        elif task.good:
            medium.end(pending.lba, pending.blocks, pending.generation, durable=pending.durable)

    def drain(self) -> None:
        while self.pending:
            self.collect()

    def writes(self) -> None:
        """A stretch of writes with one temper: to one unit or to all, with many flushes or none."""
        units = self.units if self.dice.random() < 0.25 else (self.dice.choice(self.units),)
        depth, fua, flush = self.dice.choice((1, 4, 16)), self.dice.choice((0, 0.1, 0.5)), self.dice.choice((0, 0.03, 0.1))
        for _ in range(self.dice.randint(10, 50)):
            while len(self.pending) >= depth:
                self.collect()
            unit = self.dice.choice(units)
            if self.dice.random() < flush:
                self.flush(unit)
            else:
                self.submit(unit, fua=self.dice.random() < fua)
            if self.dice.random() < 0.08:
                self.mark()
            elif self.dice.random() < 0.06:
                # The last promise must hold before anything else happens that could make it good by chance.
                self.drain()
                self.mark(wait=True)
        self.drain()

    # --- What else is kept

    def change(self) -> None:
        kind = self.dice.choice(("reservations", "reservations", "reservations", "mode page", "identifying information", "sanitize"))
        for _ in range(1 if kind == "sanitize" else self.dice.randint(1, 4)):
            {"reservations": self.reserve, "mode page": self.select, "identifying information": self.identify,
             "sanitize": self.sanitize}[kind]()
            self.commands += 1
            self.mark(wait=self.dice.random() < 0.7)

    def answered(self, name: str, status: int | None, sense: tuple[int, int, int] = (0, 0, 0)) -> None:
        self.histories[name].end(good=status == GOOD)
        if status != GOOD:
            self.wrong.append(f"a change of {name} to {self.histories[name].versions[-1]!r} ended with status {status}, sense {sense}")

    def reserve(self) -> None:
        who, action, kind, key, new, kept, after = reservations.draw(self.state, self.dice)
        self.histories["reservations"].issue(after.after_power_loss())
        self.answered("reservations", reservations.out(self.others[who], action, kind, key, new, kept, lun=self.keeper))
        self.state = after

    def select(self) -> None:
        lun = self.dice.choice(self.units).lun
        page = bytearray(mode_page(self.session, lun, saved=False))
        page[0] &= 0x3F  # PS is not sent
        for byte, bit in ((2, 4), (3, 0x10), (5, 0x40)):  # D_SENSE, QUEUE ALGORITHM MODIFIER, TAS
            page[byte] ^= self.dice.choice((0, bit))
        self.histories[f"mode page {lun}"].issue(bytes(page))
        task = self.session.command(struct.pack(">BBBBBB", 0x15, 0x11, 0, 0, 4 + len(page), 0), data=bytes(4) + page, lun=lun)
        self.answered(f"mode page {lun}", task.status, task.sense_triple)

    def identify(self) -> None:
        lun, data = self.dice.choice(self.units).lun, self.dice.randbytes(self.dice.randint(1, 64))
        self.histories[f"identifying information {lun}"].issue(data)
        task = self.session.command(struct.pack(">BB4xIBB", 0xA4, 6, len(data), 0, 0), data=data, lun=lun)
        self.answered(f"identifying information {lun}", task.status, task.sense_triple)

    def sanitize(self) -> None:
        """Fills the unit, makes that durable, has it overwritten, and now and then waits for the end."""
        unit, medium = self.erased, self.media[self.erased.lun]
        for lba in range(0, unit.blocks, LARGEST_WRITE):
            blocks = min(LARGEST_WRITE, unit.blocks - lba)
            generation = medium.issue(lba, blocks)
            data = b"".join(content(unit.lun, each, generation) for each in range(lba, lba + blocks))
            task = self.session.submit(write16(lba, blocks), data=data, lun=unit.lun)
            self.pending[task.tag] = Pending(unit, lba, blocks, generation, durable=False)
        self.drain()
        self.flush(unit)
        self.drain()
        self.mark()
        generation = medium.issue(0, unit.blocks, sanitize=True)
        data = struct.pack(">BBH", 1, 0, BLOCK) + content(unit.lun, ANYWHERE, generation)
        task = self.session.command(struct.pack(">BB5xHB", 0x48, 0x80 | OVERWRITE, len(data), 0), data=data, lun=unit.lun)
        if not task.good:
            self.wrong.append(f"SANITIZE ended with status {task.status}, sense {task.sense_triple}")
        # Once it has begun, a power cut does not end it.
        medium.end(0, unit.blocks, generation, durable=True)
        self.mark(wait=self.dice.random() < 0.5)
        if not ready(self.session, unit.lun):
            self.wrong.append("SANITIZE did not end")


def identity(session: Session, lun: int) -> bytes:
    return b"".join(bytes(session.command(inquiry(page), read=255, lun=lun).data_in) for page in (0x80, 0x83))


def mode_page(session: Session, lun: int, *, saved: bool) -> bytes:
    data = bytes(session.command(struct.pack(">BBBBBB", 0x1A, 8, (0xC0 if saved else 0) | PAGE, 0, 255, 0), read=255, lun=lun).data_in)
    return bytes([data[4] & 0x3F]) + data[5:4 + PAGE_BYTES]


def identifying_information(session: Session, lun: int) -> bytes:
    data = session.command(struct.pack(">BB4xIBB", 0xA3, 5, 1024, 0, 0), read=1024, lun=lun).data_in
    return bytes(data[4:4 + int.from_bytes(data[2:4], "big")])


def ready(session: Session, lun: int, tries: int = 5000) -> bool:
    """Waits until the unit is no longer being sanitized; false when it is for another reason not ready."""
    for _ in range(tries):
        task = session.command(bytes(6), lun=lun)
        if task.good:
            return True
        if task.sense_triple != (2, 4, 0x1B):
            return False
    return False
