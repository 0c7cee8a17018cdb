"""Handlers in Python, against a targed that does nothing but what the test says. The library is where TARGE_LIBRARY says."""
from __future__ import annotations

import array
import errno
import gc
import mmap
import os
import signal
import socket
import struct
import tempfile
import threading
import time
import unittest

import targe

# As src/gateway/region.h and messages.h have it.
MAGIC, PROTOCOL = 0x47524154, 1
PAGE, LINE, SLOT, SLOTS = 4096, 64, 128, 256
SLOTS_AT = 5 * LINE + SLOTS
COMPLETIONS_AT = SLOTS_AT + SLOTS * SLOT
STRIDE = -(-(COMPLETIONS_AT + SLOTS * LINE) // PAGE) * PAGE
READ, EXECUTE = 1, 7


class FakeTarged:
    """Lets one handler after the other in, by memory with one queue of one slot."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = f"{self.folder.name}/handler.sock"
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.listener.bind(self.path)
        self.listener.listen(1)

    def welcome(self) -> None:
        self.connection, _ = self.listener.accept()
        self.connection.recv(4096)
        memory, self.event, other = os.memfd_create("targe"), os.eventfd(0, os.EFD_NONBLOCK), os.eventfd(0)
        os.ftruncate(memory, STRIDE + PAGE)
        self.region = mmap.mmap(memory, STRIDE + PAGE)
        welcome = struct.pack("<IIiIIIQQQ204sI", MAGIC, PROTOCOL, 0, 1, 1, 512, 1 << 20, PAGE, STRIDE + PAGE, b"", 0xFFFFFFFF)
        self.connection.sendmsg([welcome], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [memory, self.event, other]))])
        os.close(memory)
        os.close(other)

    def offer(self, op: int) -> None:
        """A read of one block, or a command without data."""
        struct.pack_into("<IIIBBHIIQQQQQ", self.region, SLOTS_AT, 0, 0, 0, op, 0, 0, 0, 6, 1, 0, 0, 0, 512)
        struct.pack_into("<I", self.region, 0, 1)
        os.eventfd_write(self.event, 1)

    def error(self) -> int:
        """That it was completed with."""
        until = time.monotonic() + 60
        while not struct.unpack_from("<I", self.region, 2 * LINE)[0] and time.monotonic() < until:
            time.sleep(0.001)
        return struct.unpack_from("<i", self.region, COMPLETIONS_AT + 8)[0]

    def leave(self) -> None:
        self.connection.close()
        self.region.close()
        os.close(self.event)

    def close(self) -> None:
        self.listener.close()
        self.folder.cleanup()


class Handlers(unittest.TestCase):
    def setUp(self) -> None:
        self.targed = FakeTarged()
        self.addCleanup(self.targed.close)

    def serving(self, what: targe.Served, reattach: bool = True) -> threading.Thread:
        """On a thread of its own, which keeps what serve() raises."""
        self.raised: BaseException | None = None

        def run() -> None:
            try:
                targe.serve(what, self.targed.path, reattach=reattach)
            except BaseException as error:  # noqa: BLE001
                self.raised = error
        thread = threading.Thread(target=run)
        thread.start()
        self.targed.welcome()
        return thread

    def stop(self, what: targe.Served, thread: threading.Thread) -> None:
        while what._device is None:
            time.sleep(0.001)
        what.stop()
        thread.join()
        self.targed.leave()
        self.assertIsNone(self.raised)

    def test_leave_no_descriptor_of_lent_memory(self) -> None:
        before = None
        for _ in range(3):
            disk = targe.Disk()
            disk.lends = disk.size = 1 << 16
            self.stop(disk, self.serving(disk))
            del disk
            gc.collect()  # what is mapped yet
            now = len(os.listdir("/proc/self/fd"))
            self.assertEqual(before or now, now)
            before = now

    def test_answer_what_they_raise(self) -> None:
        for raised, error in ((OSError(errno.ENOSPC, "full"), errno.ENOSPC), (ValueError("odd"), errno.EIO)):
            disk = targe.Disk()
            disk.size = 1 << 20

            def read(offset: int, length: int, raised: BaseException = raised) -> bytes:
                raise raised
            disk.read = read  # type: ignore[method-assign]
            thread = self.serving(disk)
            self.targed.offer(READ)
            self.assertEqual(self.targed.error(), error, raised)
            self.stop(disk, thread)

    def test_say_that_targed_is_gone(self) -> None:
        disk = targe.Disk()
        disk.size = 1 << 20
        thread = self.serving(disk, reattach=False)
        self.targed.leave()
        thread.join()
        self.assertIsInstance(self.raised, ConnectionError)
        with self.assertRaises(OSError):
            disk.unit_attention(0x3F, 0x01)

    def test_complete_commands_of_a_targed_that_is_gone(self) -> None:
        kept: list[targe.Command] = []

        class Unit(targe.Unit):
            def execute(self, command: targe.Command) -> None:
                command.later = True
                kept.append(command)
        unit = Unit()
        thread = self.serving(unit, reattach=False)
        self.targed.offer(EXECUTE)
        while not kept:
            time.sleep(0.001)
        self.targed.leave()
        thread.join(0.3)  # for a defect to show: its memory must not go
        self.assertTrue(thread.is_alive())
        kept[0].complete()
        thread.join()
        self.assertIsInstance(self.raised, ConnectionError)

    def test_end_at_sigterm(self) -> None:
        disk = targe.Disk()
        disk.size = 1 << 20
        before = signal.signal(signal.SIGTERM, signal.SIG_IGN)

        def end() -> None:
            self.targed.welcome()
            while signal.getsignal(signal.SIGTERM) == signal.SIG_IGN:
                time.sleep(0.001)
            os.kill(os.getpid(), signal.SIGTERM)
        ends = threading.Thread(target=end)
        ends.start()
        targe.serve(disk, self.targed.path)
        ends.join()
        self.targed.leave()
        self.assertEqual(signal.signal(signal.SIGTERM, before), signal.SIG_IGN)


if __name__ == "__main__":
    unittest.main()
