"""A directory whose server is this process, and which answers only when it is let: what a share over a network is when its server hangs."""
from __future__ import annotations

import ctypes
import errno
import os
import pathlib
import select
import struct
import threading
from collections.abc import Callable

LOOKUP, FORGET, GETATTR, OPEN, READ, WRITE, FSYNC, INIT, OPENDIR, INTERRUPT, BATCH_FORGET = 1, 2, 3, 14, 15, 16, 20, 26, 27, 36, 42
ROOT, FILE = 1, 2
MNT_DETACH = 2


class HungServer:
    """HungServer(folder, "a.iso", content): from hang() to go_on() whoever opens, reads or writes the file waits, or whoever asks anything at all."""

    def __init__(self, folder: pathlib.Path, name: str, content: bytes) -> None:
        self.folder, self.name, self.content = folder, name, bytearray(content)
        self.lock = threading.Lock()
        self.hangs = self.hangs_at_all = False
        self.waiting: list[Callable[[], None]] = []
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.folder.mkdir()
        self.fuse = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        self.end = os.eventfd(0, os.EFD_CLOEXEC)
        options = f"fd={self.fuse},rootmode=40000,user_id=0,group_id=0,allow_other"
        if self.libc.mount(b"targe-test", str(self.folder).encode(), b"fuse", 0, options.encode()) != 0:
            raise OSError(ctypes.get_errno(), f"cannot mount at {self.folder}")
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.go_on()
        self.libc.umount2(str(self.folder).encode(), MNT_DETACH)
        os.eventfd_write(self.end, 1)
        self.thread.join()
        os.close(self.fuse)
        os.close(self.end)

    @property
    def path(self) -> pathlib.Path:
        return self.folder / self.name

    def hang(self, at_all: bool = False) -> None:
        with self.lock:
            self.hangs, self.hangs_at_all = True, at_all

    def go_on(self) -> None:
        with self.lock:
            self.hangs = self.hangs_at_all = False
            for carry_out in self.waiting:
                carry_out()
            self.waiting.clear()

    def _serve(self) -> None:
        while True:
            ready = select.select([self.fuse, self.end], [], [])[0]
            if self.end in ready:
                return
            try:
                request = os.read(self.fuse, 1 << 18)
            except OSError as error:
                if error.errno in (errno.EINTR, errno.EAGAIN, errno.ENOENT):
                    continue
                return
            opcode, unique, node = struct.unpack_from("<4xIQQ", request)
            with self.lock:
                self._carry_out(opcode, unique, node, request[40:])

    def _carry_out(self, opcode: int, unique: int, node: int, body: bytes) -> None:
        if opcode == INIT:
            self._answer(unique, struct.pack("<IIII", 7, 31, 0, 0) + bytes(4) + struct.pack("<I", 1 << 17) + bytes(40))
        elif opcode == LOOKUP and body.rstrip(b"\0") == self.name.encode():
            self._in_time(self.hangs_at_all, unique, lambda: struct.pack("<QQQQII", FILE, 0, 0, 0, 0, 0) + self._attributes(FILE))
        elif opcode == GETATTR:
            self._in_time(self.hangs_at_all, unique, lambda: bytes(16) + self._attributes(node))
        elif opcode in (OPEN, OPENDIR):
            self._in_time(self.hangs, unique, lambda: bytes(16))
        elif opcode == READ:
            at, size = struct.unpack_from("<8xQI", body)
            self._in_time(self.hangs, unique, lambda: bytes(self.content[at:at + size]))
        elif opcode == WRITE:
            self._in_time(self.hangs, unique, lambda: self._write(body))
        elif opcode == FSYNC:
            self._in_time(self.hangs, unique, lambda: b"")
        elif opcode not in (FORGET, BATCH_FORGET, INTERRUPT):
            self._answer(unique, b"", errno.ENOENT if opcode == LOOKUP else errno.ENOSYS)

    def _write(self, body: bytes) -> bytes:
        at, size = struct.unpack_from("<8xQI", body)
        self.content[at:at + size] = body[40:40 + size]
        return struct.pack("<II", size, 0)

    def _in_time(self, hangs: bool, unique: int, carry_out: Callable[[], bytes]) -> None:
        if hangs:
            self.waiting.append(lambda: self._answer(unique, carry_out()))
        else:
            self._answer(unique, carry_out())

    def _attributes(self, node: int) -> bytes:
        mode, size = (0o040755, 0) if node == ROOT else (0o100600, len(self.content))
        return struct.pack("<QQQQQQIIIIIIIIII", node, size, size // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def _answer(self, unique: int, body: bytes, error: int = 0) -> None:
        try:
            os.write(self.fuse, struct.pack("<IiQ", 16 + len(body), -error, unique) + body)
        except OSError:
            pass  # whoever asked has gone
