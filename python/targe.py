"""SCSI logical units that a Python program emulates and targed serves: libtarge by ctypes, with no build step.

    class Zeroes(targe.Disk):
        size = 1 << 30
        def read(self, offset, length):
            return bytes(length)

    targe.serve(Zeroes(), "/run/targe/zeroes.handler.sock")

What a method raises becomes the answer: OSError by its errno, anything else MEDIUM ERROR (and a traceback on stderr). Calls come one at
a time. libtarge.so.0 is looked for where the environment's TARGE_LIBRARY says, then where the system has its libraries.
"""
from __future__ import annotations

import ctypes as c
import errno
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable

DONE, LATER = 0, 1
DURABLE, MAY_UNMAP, REPLAYED = 1, 2, 4
_BLOCKS = 0


class _Io(c.Structure):
    _fields_ = [("offset", c.c_uint64), ("length", c.c_uint64), ("data", c.c_void_p), ("flags", c.c_uint32), ("reserved", c.c_uint32),
                ("deadline_ns", c.c_uint64), ("user", c.c_void_p)]


class _Extent(c.Structure):
    _fields_ = [("length", c.c_uint64), ("mapped", c.c_uint32)]


_IoCall = c.CFUNCTYPE(c.c_int, c.c_void_p, c.POINTER(_Io))
_ExtentCall = c.CFUNCTYPE(c.c_int, c.c_void_p, c.POINTER(_Io), c.POINTER(_Extent))


class _BlockOps(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("reserved", c.c_uint32), ("read", _IoCall), ("write", _IoCall), ("flush", _IoCall),
                ("unmap", _IoCall), ("write_zeroes", _IoCall), ("block_status", _ExtentCall)]


class _Attachment(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("level", c.c_uint32), ("socket", c.c_char_p), ("name", c.c_char_p), ("context", c.c_void_p),
                ("depth", c.c_uint32), ("block_size", c.c_uint32), ("size", c.c_uint64), ("block_ops", c.POINTER(_BlockOps)),
                ("command_ops", c.c_void_p), ("peripheral_type", c.c_uint8), ("removable", c.c_uint8), ("reserved", c.c_uint8 * 6),
                ("vendor", c.c_char_p), ("product", c.c_char_p), ("revision", c.c_char_p), ("vpd_pages", c.c_char_p),
                ("vpd_page_count", c.c_uint32), ("reattach", c.c_uint32)]


def _library() -> c.CDLL:
    library = c.CDLL(os.environ.get("TARGE_LIBRARY", "libtarge.so.0"))
    library.targe_attach.restype = c.c_void_p
    library.targe_attach.argtypes = [c.POINTER(_Attachment), c.c_int, c.c_char_p, c.c_size_t]
    for name in ("targe_run", "targe_stop", "targe_detach"):
        getattr(library, name).argtypes = [c.c_void_p]
    library.targe_raise.argtypes = [c.c_void_p, c.c_uint8, c.c_uint8, c.c_uint64]
    library.targe_resize.argtypes = [c.c_void_p, c.c_uint64]
    return library


class Disk:
    """A disk. What a class does not define, the disk cannot, and targed does not announce it: write(offset, data, durable), flush(),
    unmap(offset, length), write_zeroes(offset, length), block_status(offset, length) -> (length, mapped)."""
    size = 0  #: bytes
    block_size = 0  #: 0: as configured
    _device: Device | None = None

    def read(self, offset: int, length: int) -> bytes:
        raise NotImplementedError

    def unit_attention(self, asc: int, ascq: int) -> None:
        """Tells every initiator; in force when this returns."""
        self._attached().call("targe_raise", asc, ascq, 0)

    def resize(self, size: int) -> None:
        self._attached().call("targe_resize", size)
        self.size = size

    def stop(self) -> None:
        """serve() returns once what it has in hand is complete. From any thread, or a signal handler."""
        self._attached().call("targe_stop")

    def _attached(self) -> Device:
        if self._device is None:
            raise OSError(errno.ENOTCONN, "the disk is not being served")
        return self._device


class Device:
    """An attachment: what holds all that C has pointers to."""

    def __init__(self, disk: Disk, socket: str, name: str, depth: int, timeout: float, reattach: bool) -> None:
        self.library = _library()
        self.disk = disk
        self.ops = self._block_ops()
        how = _Attachment(struct_size=c.sizeof(_Attachment), level=_BLOCKS, socket=socket.encode(), name=name.encode(), depth=depth,
                          block_size=disk.block_size, size=disk.size, block_ops=c.pointer(self.ops), reattach=int(reattach))
        error = c.create_string_buffer(256)
        self.handle = self.library.targe_attach(c.byref(how), int(timeout * 1000), error, len(error))
        if not self.handle:
            raise ConnectionError(error.value.decode(errors="replace"))

    def call(self, function: str, *arguments: int) -> None:
        result = getattr(self.library, function)(self.handle, *arguments)
        if function != "targe_stop" and result < 0:
            raise OSError(-result, os.strerror(-result))

    def _block_ops(self) -> _BlockOps:
        disk = self.disk
        ops = _BlockOps(struct_size=c.sizeof(_BlockOps))
        ops.read = _IoCall(_guarded(self._read))
        if hasattr(disk, "write"):
            ops.write = _IoCall(_guarded(lambda io: disk.write(io.offset, c.string_at(io.data, io.length), bool(io.flags & DURABLE))))
        if hasattr(disk, "flush"):
            ops.flush = _IoCall(_guarded(lambda io: disk.flush()))
        for name in ("unmap", "write_zeroes"):
            if hasattr(disk, name):
                setattr(ops, name, _IoCall(_guarded(lambda io, call=getattr(disk, name): call(io.offset, io.length))))
        if hasattr(disk, "block_status"):
            ops.block_status = _ExtentCall(_guarded(self._block_status))
        return ops

    def _read(self, io: _Io) -> None:
        data = self.disk.read(io.offset, io.length)
        if len(data) != io.length:
            raise ValueError(f"read({io.offset}, {io.length}) gave {len(data)} bytes")
        c.memmove(io.data, data, io.length)

    def _block_status(self, io: _Io, extent: c.POINTER(_Extent)) -> None:
        extent[0].length, extent[0].mapped = self.disk.block_status(io.offset, io.length)


def _guarded(method: Callable[..., object]) -> Callable[..., int]:
    """As C calls it: no exception gets out."""
    def call(_context: int, io: c.POINTER(_Io), *more: object) -> int:
        try:
            method(io[0], *more)
            return DONE
        except OSError as error:
            return -(error.errno or errno.EIO)
        except Exception:  # noqa: BLE001
            traceback.print_exc(file=sys.stderr)
            return -errno.EIO
    return call


def serve(disk: Disk, socket: str, name: str = "python", depth: int = 0, timeout: float = 10.0, reattach: bool = True) -> None:
    """Attaches, waiting for targed for at most `timeout` seconds, and serves until stop() or SIGTERM; with `reattach` also over restarts
    of targed. ConnectionError says why it cannot attach."""
    device = Device(disk, socket, name, depth, timeout, reattach)
    disk._device = device
    # Python looks at signals on its main thread, and only between two steps of its own: so the loop of C runs on another.
    loop = threading.Thread(target=device.library.targe_run, args=(device.handle,), name="targe")
    before = signal.signal(signal.SIGTERM, lambda *_: disk.stop()) if threading.current_thread() is threading.main_thread() else None
    loop.start()
    try:
        while loop.is_alive():
            loop.join(0.2)
    except BaseException:
        disk.stop()
        loop.join()
        raise
    finally:
        disk._device = None
        device.library.targe_detach(device.handle)
        if before is not None:
            signal.signal(signal.SIGTERM, before)
