"""SCSI logical units that a Python program emulates and targed serves: libtarge by ctypes, with no build step.

    class Zeroes(targe.Disk):
        size = 1 << 30
        def read(self, offset, length):
            return bytes(length)

    targe.serve(Zeroes(), "/run/targe/zeroes.handler.sock")

A targe.Unit gets CDBs of any device type instead. What a method raises becomes the answer: OSError by its errno, anything else MEDIUM ERROR (and a traceback on stderr); SystemExit and its
like also end serve(), which raises it. Calls come one at a time. libtarge.so.0 is looked for where the environment's TARGE_LIBRARY says, then where the system has its libraries.
"""
from __future__ import annotations

import contextlib
import ctypes as c
import errno
import fcntl
import mmap
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence

import _targe
from _targe import Rule, Sense

DONE, LATER = 0, 1
DURABLE, MAY_UNMAP, REPLAYED = 1, 2, 4
GOOD, CHECK_CONDITION, BUSY = 0x00, 0x02, 0x08
_BLOCKS, _COMMANDS = 0, 1


def _errno_of(error: OSError) -> int:
    """What the resolver and TLS raise counts otherwise, some of it below zero, and others put there what they like."""
    is_errno = type(error).__module__ not in ("socket", "ssl") and isinstance(error.errno, int) and 0 < error.errno < 4096
    return error.errno if is_errno else errno.EIO


def _bytes(data: bytes | bytearray | memoryview) -> bytes:
    return data if isinstance(data, bytes) else memoryview(data).tobytes()


def _shown(what: str, text: str, most: int) -> bytes:
    """To initiators, by INQUIRY."""
    if len(text) > most or not all(" " <= letter <= "~" for letter in text):
        raise ValueError(f"{what} is {text!r}, and may have {most} printable ASCII characters")
    return text.encode()


def _whole(what: str, number: int, most: int) -> int:
    """ctypes would take another one for it without a word."""
    if not 0 <= number <= most:
        raise ValueError(f"{what} is {number}, and may be 0 to {most}")
    return number


class Served:
    """What a disk and a unit of another type have in common. Either may define reservations_changed(kind, type, session, holder, generation,
    registrants), which struct targe_reservations explains, and batch_ended(): all that targed has asked for so far has been given out."""
    _device: Device | None = None

    def unit_attention(self, asc: int, ascq: int, session: int = 0) -> None:
        """Tells every initiator, or one; in force when this returns."""
        self._attached().call("targe_raise", _whole("asc", asc, 0xFF), _whole("ascq", ascq, 0xFF), session)

    def set_depth(self, depth: int) -> None:
        """How many commands at once make sense from now on."""
        self._attached().call("targe_set_depth", _whole("depth", depth, 0xFFFFFFFF))

    def stop(self) -> None:
        """serve() returns once what it has in hand is complete. From any thread, or a signal handler."""
        self._attached().call("targe_stop")

    def _attached(self) -> Device:
        if device := self._device:
            return device
        raise OSError(errno.ENOTCONN, "it is not being served")


class Lent:
    """What read() may return in place of bytes: they are in Disk.memory from `at` on, and stay there."""

    def __init__(self, at: int) -> None:
        self.at = at


class Disk(Served):
    """A disk. What a class does not define, the disk cannot, and targed does not announce it: write(offset, data, durable), flush(),
    unmap(offset, length), write_zeroes(offset, length), block_status(offset, length) -> (length, mapped); and write_same(offset, length,
    block) and copy(offset, source, length), which may raise OSError(ENOTSUP) to have targed write, or read and write, instead."""
    size = 0  #: bytes
    block_size = 0  #: 0: as configured
    lends = 0  #: bytes of memory, zeroes at first, that reads may be answered from; see targe_lend(). No more than size, or 16 MiB
    memory = memoryview(b"")  #: that, as long as it is served

    def read(self, offset: int, length: int) -> bytes | bytearray | memoryview | Lent:
        raise NotImplementedError

    def set_log_page(self, code: int, parameters: bytes) -> None:
        """As targe_set_log_page()."""
        self._attached().call("targe_set_log_page", _whole("code", code, 0xFF), parameters, len(parameters))

    def resize(self, size: int) -> None:
        self._attached().call("targe_resize", _whole("size", size, (1 << 64) - 1))
        self.size = size


class Command:
    """One CDB, while it is executed. It ends well and without data, unless reply(), fail() or what is set here says otherwise. Once it has
    ended its memory is that of others, and what would touch it raises ValueError."""

    def __init__(self, raw: _targe.Command, library: c.CDLL) -> None:
        self._raw, self._ended = raw, threading.Lock()
        self.functions = library
        self.later = False  #: set it, and execute() may return before the command is done: complete() ends it, from any thread
        self.cdb = c.string_at(raw.cdb, raw.cdb_length)
        self.data_out = c.string_at(raw.data_out, raw.data_out_length) if raw.data_out_length else b""
        self.session = raw.session
        self.tag, self.attribute = raw.tag, raw.attribute  #: the initiator's; 0 SIMPLE, 1 ORDERED, 2 HEAD OF QUEUE, 3 ACA
        self.deadline = raw.deadline_ns / 1e9  #: of time.monotonic(): the initiator is answered then, and a unit taken for hung that has ended nothing of late
        self.generated = bool(raw.generated)  #: targed made it, for what remap_write_same() or remap_copy() has asked

    @property
    def raw(self) -> _targe.Command:
        if self._ended.locked():
            raise ValueError("the command has ended")
        return self._raw

    @property
    def sense(self) -> Sense:
        return self.raw.sense

    def _ends(self) -> bool:
        """Whether it does now, and has not before."""
        return self._ended.acquire(blocking=False)

    def reply(self, data: bytes | bytearray | memoryview) -> None:
        """Data-in; cut it at the CDB's allocation length."""
        data = _bytes(data)
        part = data[:self.raw.data_in_room]
        if part:
            c.memmove(self.raw.data_in, part, len(part))
        self.raw.data_in_length, self.raw.wanted = len(part), len(data)

    def go_on(self) -> None:
        """The initiator is told GOOD now; complete() ends the command, and an error then is a deferred one. The unit sets goes_on."""
        _targe.checked(self.functions.targe_go_on(c.byref(self.raw)))
        self.later = True

    def remap_write_same(self, block: bytes, ranges: Sequence[tuple[int, int]]) -> None:
        """The command ends when targed has written `block` to all blocks of the ranges, each (LBA, number of blocks), by commands to this
        unit: struct targe_range explains it. OSError: that is not possible, and nothing was asked for. The unit sets remaps."""
        self._remap(self.functions.targe_remap_write_same, [_targe.Range(lba, blocks, 0) for lba, blocks in ranges], block, len(block))

    def remap_copy(self, block_bytes: int, ranges: Sequence[tuple[int, int, int]]) -> None:
        """The same when targed has copied the ranges, each (LBA, number of blocks, LBA of the source), one after the other."""
        self._remap(self.functions.targe_remap_copy, [_targe.Range(*each) for each in ranges], block_bytes)

    def _remap(self, function: Callable[..., int], ranges: list[_targe.Range], *more: bytes | int) -> None:
        result = function(c.byref(self.raw), *more, (_targe.Range * len(ranges))(*ranges), len(ranges))
        if result < 0:
            self.raw.status = GOOD  # what becomes of it is for the unit to say
        _targe.checked(result)

    def complete(self) -> None:
        """Once, of a command that is done later."""
        if not self._ends():
            raise ValueError("the command has ended")
        self.functions.targe_command_complete(c.byref(self._raw))

    @property
    def aborted(self) -> bool:
        return self._ended.locked() or bool(self.functions.targe_aborted(c.byref(self._raw)))

    def report(self, value: int) -> None:
        """Has Unit.delivered() called with this when it is known whether the answer has arrived."""
        self.raw.report = value

    def fail(self, key: int, asc: int, ascq: int = 0) -> None:
        """CHECK CONDITION; more of it may be set in `sense`."""
        triple = _whole("key", key, 0xF), _whole("asc", asc, 0xFF), _whole("ascq", ascq, 0xFF)
        self.raw.status = CHECK_CONDITION
        self.sense.key, self.sense.asc, self.sense.ascq = triple

    def invalid_field(self, byte: int, bit: int = -1) -> None:
        """ILLEGAL REQUEST, 24/00, with a pointer to that byte of the CDB, and to a bit of it unless that is negative."""
        self.functions.targe_invalid_field(c.byref(self.raw), byte, bit)


class Unit(Served):
    """A device of any type, which gets CDBs; targe_commands.h says which. It may define session_attach(handle, lun, read_only, initiator,
    target), which refuses by raising OSError, session_detach(handle), task_management(function, done, session), and delivered(session,
    report, arrived)."""
    peripheral_type = 0x01
    removable = False
    vendor = product = revision = ""  #: 8, 16 and 4 characters of printable ASCII at most; "": what the configuration says
    vpd_pages = b""  #: that execute() answers
    rules: tuple[Rule, ...] = ()
    goes_on = False  #: whether Command.go_on() is used
    remaps = False  #: whether Command.remap_write_same() or remap_copy() is

    def execute(self, command: Command) -> None:
        command.fail(5, 0x20)


class Device:
    """An attachment: what holds all that C has pointers to."""

    def __init__(self, what: Disk | Unit, socket: str | os.PathLike[str], name: str, depth: int, timeout: float, reattach: bool) -> None:
        self.functions, self.guard, self.memory, self.ended = _targe.library(), threading.RLock(), None, None
        how = _targe.Attachment(struct_size=c.sizeof(_targe.Attachment), socket=os.fsencode(socket), name=name.encode(), depth=_whole("depth", depth, 0xFFFFFFFF), reattach=int(reattach))
        if isinstance(what, Disk):
            self.disk = what
            self.ops = self._block_ops()
            how.level, how.block_ops = _BLOCKS, c.pointer(self.ops)
            how.block_size, how.size = _whole("block_size", what.block_size, 4096), _whole("size", what.size, (1 << 64) - 1)
            if what.lends:
                how.lends, how.memory = 1, self._make_memory(what)
        else:
            self.unit, self.command_ops = what, self._command_ops(what)
            how.level, how.peripheral_type, how.removable = _COMMANDS, _whole("peripheral_type", what.peripheral_type, 0x1F), int(what.removable)
            how.vendor, how.product, how.revision = _shown("vendor", what.vendor, 8), _shown("product", what.product, 16), _shown("revision", what.revision, 4)
            how.vpd_pages, how.vpd_page_count, how.command_ops = what.vpd_pages, len(what.vpd_pages), c.pointer(self.command_ops)
            how.rules, how.rule_count = (Rule * len(what.rules))(*what.rules), len(what.rules)
        error = c.create_string_buffer(256)
        self.handle = self.functions.targe_attach(c.byref(how), int(timeout * 1000), error, len(error))
        if not self.handle:
            self.close()
            raise ConnectionError(error.value.decode(errors="replace"))

    def call(self, function: str, *arguments: int | bytes) -> None:
        with self.guard:  # so that it is not taken away meanwhile
            if self.handle is None:
                raise OSError(errno.ENOTCONN, "it is not being served")
            result = getattr(self.functions, function)(self.handle, *arguments)
        _targe.checked(result if function != "targe_stop" else 0)

    def close(self) -> None:
        """Waits until commands that are done later are complete."""
        with self.guard:
            handle, self.handle = self.handle, None
        if handle:
            self.functions.targe_detach(handle)
        if self.memory:
            self.memory.close()

    def _make_memory(self, disk: Disk) -> int:
        self.memory = os.fdopen(os.memfd_create("targe-lent", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING), "r+b", 0)
        self.memory.truncate(disk.lends)
        fcntl.fcntl(self.memory, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
        disk.memory = memoryview(mmap.mmap(self.memory.fileno(), disk.lends))
        return self.memory.fileno()

    def _raised(self, what: BaseException) -> None:
        """C knows no exceptions, and would take one that gets out for done. What is to end the program ends serve()."""
        if isinstance(what, Exception):
            with contextlib.suppress(Exception):  # nobody may read it any more
                traceback.print_exc(file=sys.stderr)
            return
        self.ended = what
        if self.handle:
            self.functions.targe_stop(self.handle)

    def _told(self, method: Callable[..., object]) -> Callable[..., None]:
        def call(_context: int, *what: object) -> None:
            try:
                method(*what)
            except BaseException as raised:  # noqa: BLE001
                self._raised(raised)
        return call

    def _guarded(self, method: Callable[..., object]) -> Callable[..., int]:
        def call(_context: int, io: c.POINTER(_targe.Io), *more: object) -> int:
            try:
                method(io[0], *more)
                return DONE
            except OSError as error:
                return -_errno_of(error)
            except BaseException as raised:  # noqa: BLE001
                self._raised(raised)
                return -errno.EIO
        return call

    def _command_ops(self, unit: Unit) -> _targe.CommandOps:
        ops = _targe.CommandOps(struct_size=c.sizeof(_targe.CommandOps), execute=_targe.ExecuteCall(self._execute), goes_on=int(unit.goes_on), remaps=int(unit.remaps))
        return self._with_what_is_there(ops, unit, {
            "session_attach": _targe.SessionCall(self._guarded(lambda one: unit.session_attach(
                one.handle, one.lun, bool(one.read_only), one.initiator.decode(errors="replace"), one.target.decode(errors="replace")))),
            "session_detach": _targe.DetachCall(self._told(lambda handle: unit.session_detach(handle))),
            "task_management": _targe.ManagementCall(self._told(lambda one: unit.task_management(one[0].function, bool(one[0].done), one[0].session))),
            "delivered": _targe.DeliveredCall(self._told(lambda session, report, arrived: unit.delivered(session, report, bool(arrived))))})

    def _execute(self, _context: int, raw: c.POINTER(_targe.Command)) -> int:
        command = None
        try:
            command = Command(raw[0], self.functions)
            self.unit.execute(command)
            return LATER if command.later or not command._ends() else DONE
        except BaseException as raised:  # noqa: BLE001
            self._raised(raised)
            if command and not command._ends():
                return LATER  # whoever was to complete it has done so already
            raw[0].data_in_length = raw[0].wanted = 0
            return self.functions.targe_fail(raw, 4, 0x44, 0)  # INTERNAL TARGET FAILURE

    def _block_ops(self) -> _targe.BlockOps:
        disk = self.disk
        return self._with_what_is_there(_targe.BlockOps(struct_size=c.sizeof(_targe.BlockOps), read=_targe.IoCall(self._guarded(self._read))), disk, {
            "write": _targe.IoCall(self._guarded(lambda io: disk.write(io.offset, c.string_at(io.data, io.length), bool(io.flags & DURABLE)))),
            "flush": _targe.IoCall(self._guarded(lambda io: disk.flush())),
            "unmap": _targe.IoCall(self._guarded(lambda io: disk.unmap(io.offset, io.length))),
            "write_zeroes": _targe.IoCall(self._flushed(lambda io: disk.write_zeroes(io.offset, io.length))),
            "write_same": _targe.IoCall(self._flushed(lambda io: disk.write_same(
                io.offset, io.length, c.string_at(io.data, self.functions.targe_block_size(self.handle))))),
            "copy": _targe.IoCall(self._flushed(lambda io: disk.copy(io.offset, io.source, io.length))),
            "block_status": _targe.ExtentCall(self._guarded(self._block_status))})

    def _flushed(self, method: Callable[[_targe.Io], object]) -> Callable[..., int]:
        """Of what is not told that it is to be durable."""
        def call(io: _targe.Io) -> None:
            method(io)
            if io.flags & DURABLE and hasattr(self.disk, "flush"):
                self.disk.flush()
        return self._guarded(call)

    def _read(self, io: _targe.Io) -> None:
        data = self.disk.read(io.offset, io.length)
        if isinstance(data, Lent):
            result = self.functions.targe_lend(c.byref(io), data.at)
            if result == -errno.EINVAL:
                raise ValueError(f"read({io.offset}, {io.length}) lends {data.at}, beyond {self.disk.lends}")
            if result == 0:
                return
            data = self.disk.memory[data.at:data.at + io.length]
        data = _bytes(data)
        if len(data) != io.length:
            raise ValueError(f"read({io.offset}, {io.length}) gave {len(data)} bytes")
        c.memmove(io.data, data, io.length)

    def _block_status(self, io: _targe.Io, extent: c.POINTER(_targe.Extent)) -> None:
        extent[0].length, extent[0].mapped = self.disk.block_status(io.offset, io.length)

    def _with_what_is_there(self, ops: _targe.BlockOps | _targe.CommandOps, what: Served, calls: dict[str, c._CFuncPtr]) -> _targe.BlockOps | _targe.CommandOps:
        """Of callbacks of one level, and of both, those whose method `what` has."""
        calls = {**calls, "batch_ended": _targe.BatchCall(self._told(lambda: what.batch_ended())),
                 "reservations_changed": _targe.ReservationsCall(self._told(lambda now: what.reservations_changed(
                     now[0].kind, now[0].type, now[0].session, now[0].holder.decode(errors="replace"), now[0].generation, now[0].registrants)))}
        for name, call in calls.items():
            if hasattr(what, name):
                setattr(ops, name, call)
        return ops


def serve(disk: Disk | Unit, socket: str | os.PathLike[str], name: str = "python", depth: int = 0, timeout: float = 10.0, reattach: bool = True) -> None:
    """Attaches, waiting for targed for at most `timeout` seconds, and serves until stop() or SIGTERM; with `reattach` also over restarts
    of targed. ConnectionError says why it cannot attach, or that targed is gone; ValueError, what of `disk` cannot be."""
    if not isinstance(disk, (Disk, Unit)):
        raise TypeError(f"serve() takes an instance of a class of yours that derives from targe.Disk or targe.Unit, and got {disk!r}")
    device = Device(disk, socket, name, depth, timeout, reattach)
    disk._device = device
    # Python looks at signals on its main thread, and only between two steps of its own: so the loop of C runs on another.
    ended: list[int] = []
    over = threading.Event()  # a join() that is interrupted takes a thread that runs for one that does not

    def run() -> None:
        ended.append(device.functions.targe_run(device.handle))
        over.set()

    def wait() -> None:
        """In turns: a signal that another thread gets wakes nobody here, and is looked at when somebody is awake."""
        while not over.wait(0.2):
            pass
    loop = threading.Thread(target=run, name="targe")
    before = signal.signal(signal.SIGTERM, lambda *_: device.call("targe_stop")) if threading.current_thread() is threading.main_thread() else None
    try:
        loop.start()
        wait()
    except RuntimeError:  # no thread can be had
        over.set()
        raise
    except BaseException:
        device.call("targe_stop")
        wait()
        raise
    finally:
        if before is not None:
            signal.signal(signal.SIGTERM, before)
        disk._device = None
        if over.is_set():  # else it was interrupted twice, and the loop uses what would go
            device.close()
    if device.ended:
        raise device.ended
    if ended != [0]:
        raise ConnectionError("targed is gone, or has let go")
