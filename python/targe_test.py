"""Handlers in Python, against a targed that does nothing but what the test says. The library is where TARGE_LIBRARY says."""
from __future__ import annotations

import array
import errno
import gc
import mmap
import os
import pathlib
import signal
import socket
import ssl
import struct
import sys
import tempfile
import threading
import time
import unittest
from unittest import mock

import targe

# As src/gateway/region.h and messages.h have it.
MAGIC, PROTOCOL = 0x47524154, 1
PAGE, LINE, SLOT, SLOTS = 4096, 64, 128, 256
SLOTS_AT = 5 * LINE + SLOTS
COMPLETIONS_AT = SLOTS_AT + SLOTS * SLOT
STRIDE = -(-(COMPLETIONS_AT + SLOTS * LINE) // PAGE) * PAGE
READ, WRITE_ZEROES, EXECUTE = 1, 5, 7


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

    def offer(self, op: int, flags: int = 0) -> None:
        """For one block, or a command without data."""
        struct.pack_into("<IIIBBHIIQQQQQ", self.region, SLOTS_AT, 0, 0, 0, op, 0, 0, flags, 6, 1, 0, 0, 0, 512)
        struct.pack_into("<I", self.region, 0, 1)
        os.eventfd_write(self.event, 1)

    def error(self) -> int:
        """That it was completed with."""
        until = time.monotonic() + 60
        while not self.completed() and time.monotonic() < until:
            time.sleep(0.001)
        return struct.unpack_from("<i", self.region, COMPLETIONS_AT + 8)[0]

    def completed(self) -> int:
        return struct.unpack_from("<I", self.region, 2 * LINE)[0]

    def sense(self) -> tuple[int, ...]:
        """Status, sense key, ASC and ASCQ of what was completed."""
        self.error()
        return struct.unpack_from("<BBBB", self.region, COMPLETIONS_AT + 12)

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

    def test_are_instances(self) -> None:
        for wrong in (targe.Disk, None, "disk"):
            with self.assertRaisesRegex(TypeError, "takes an instance"):
                targe.serve(wrong, self.targed.path)

    def test_take_a_path_of_any_kind(self) -> None:
        for path in (pathlib.Path("/nowhere/handler.sock"), "/nowhere/handler\udcff.sock"):
            with self.assertRaisesRegex(ConnectionError, "nobody can be reached at /nowhere/handler"):
                targe.serve(targe.Disk(), path, timeout=0)

    def test_cut_nothing_off_that_initiators_are_to_be_shown(self) -> None:
        for field, most in (("vendor", 8), ("product", 16), ("revision", 4)):
            unit = targe.Unit()
            setattr(unit, field, "x" * most)
            with self.assertRaisesRegex(ConnectionError, "nobody can be reached"):
                targe.serve(unit, "/nowhere/handler.sock", timeout=0)
            for text in ("x" * (most + 1), "a\0b", "\u00e4"):
                setattr(unit, field, text)
                with self.assertRaisesRegex(ValueError, f"{field} .* {most} printable"):
                    targe.serve(unit, "/nowhere/handler.sock", timeout=0)

    def test_say_where_the_library_may_be(self) -> None:
        with mock.patch.dict(os.environ, TARGE_LIBRARY="/nowhere/libtarge.so.0"), self.assertRaisesRegex(OSError, "; install libtarge"):
            targe.serve(targe.Disk(), self.targed.path)

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

    def reads(self, read: object) -> int:
        """What a read of one block ends with."""
        disk = targe.Disk()
        disk.size = 1 << 20
        disk.read = read  # type: ignore[method-assign, assignment]
        thread = self.serving(disk)
        self.targed.offer(READ)
        error = self.targed.error()
        self.stop(disk, thread)
        return error

    def test_answer_what_they_raise(self) -> None:
        raised = ((OSError(errno.ENOSPC, "full"), errno.ENOSPC), (ValueError("odd"), errno.EIO), (OSError("odd"), errno.EIO),
                  (socket.gaierror(socket.EAI_NONAME, "unknown"), errno.EIO), (ssl.SSLError(1, "certificate"), errno.EIO),
                  (OSError(-1, "odd"), errno.EIO), (OSError(1 << 40, "odd"), errno.EIO), (OSError("odd", "odder"), errno.EIO))
        for error, number in raised:
            self.assertEqual(self.reads(mock.Mock(side_effect=error)), number, repr(error))

    def test_fail_where_nobody_hears_why(self) -> None:
        closed = open(os.devnull, "w")
        closed.close()
        with mock.patch.object(sys, "stderr", closed):
            self.assertEqual(self.reads(mock.Mock(side_effect=ValueError("odd"))), errno.EIO)

    def test_read_what_has_bytes(self) -> None:
        for kind in (bytes, bytearray, lambda length: memoryview(bytes(2 * length))[::2]):
            self.assertEqual(self.reads(lambda offset, length, kind=kind: kind(length)), 0)
        for wrong in (512, "a" * 512, bytes(511)):
            self.assertEqual(self.reads(lambda offset, length, wrong=wrong: wrong), errno.EIO)

    def test_flush_what_is_to_be_durable(self) -> None:
        for flags, flushes in ((0, 0), (targe.DURABLE, 1)):
            disk = targe.Disk()
            disk.size = 1 << 20
            disk.write_zeroes, disk.flush = mock.Mock(), mock.Mock()  # type: ignore[attr-defined]
            thread = self.serving(disk)
            self.targed.offer(WRITE_ZEROES, flags)
            self.assertEqual(self.targed.error(), 0)
            self.stop(disk, thread)
            self.assertEqual(disk.flush.call_count, flushes)

    def executes(self, execute: object) -> targe.Unit:
        """What becomes of a command is told by completed() and sense()."""
        unit = targe.Unit()
        unit.execute = execute  # type: ignore[method-assign, assignment]
        thread = self.serving(unit)
        self.targed.offer(EXECUTE)
        self.targed.error()
        while unit._device is None:
            time.sleep(0.001)
        unit.stop()
        thread.join()
        return unit

    def test_end_commands_once(self) -> None:
        kept: list[targe.Command] = []

        def ends_it(command: targe.Command) -> None:
            kept.append(command)
            command.complete()

        def fails_when_it_has_ended(command: targe.Command) -> None:
            command.later = True
            ends_it(command)
            raise ValueError("odd")
        for execute in (ends_it, fails_when_it_has_ended):
            self.executes(execute)
            self.assertEqual(self.targed.completed(), 1)
            self.assertEqual(self.targed.sense(), (targe.GOOD, 0, 0, 0))
            self.targed.leave()
        for command in kept:
            self.assertTrue(command.aborted)
            for touch in (command.complete, lambda: command.reply(b"late"), lambda: command.fail(4, 0x44), lambda: command.sense):  # noqa: B023
                self.assertRaises(ValueError, touch)

    def test_take_no_number_for_another(self) -> None:
        raised: list[Exception] = []

        def fails(command: targe.Command) -> None:
            for triple in ((16, 0, 0), (5, 0x2400, 0), (5, 0x24, -1)):
                try:
                    command.fail(*triple)
                except ValueError as error:
                    raised.append(error)
        unit = self.executes(fails)
        self.assertEqual(len(raised), 3)
        self.assertEqual(self.targed.sense(), (targe.GOOD, 0, 0, 0))
        self.targed.leave()
        self.assertIsNone(unit._device)
        disk = targe.Disk()
        for field, number in (("size", -512), ("block_size", 8192), ("block_size", (1 << 32) + 512)):
            with mock.patch.object(disk, field, number), self.assertRaisesRegex(ValueError, f"{field} is {number}"):
                targe.serve(disk, "/nowhere/handler.sock", timeout=0)
        with self.assertRaisesRegex(ValueError, "depth is -1"):
            targe.serve(disk, "/nowhere/handler.sock", depth=-1, timeout=0)
        with mock.patch.object(unit, "peripheral_type", 0x101), self.assertRaisesRegex(ValueError, "peripheral_type is 257"):
            targe.serve(unit, "/nowhere/handler.sock", timeout=0)
        disk.size = 1 << 20
        thread = self.serving(disk)
        while disk._device is None:
            time.sleep(0.001)
        for wrong in (lambda: disk.unit_attention(0x2A09, 0), lambda: disk.unit_attention(0x2A, 0x109), lambda: disk.set_depth(-1),
                      lambda: disk.set_depth(1 << 32), lambda: disk.set_log_page(0x130, b""), lambda: disk.resize(-512)):
            self.assertRaises(ValueError, wrong)
        self.assertEqual(disk.size, 1 << 20)
        self.stop(disk, thread)

    def test_fail_commands_that_cannot_be_told_of(self) -> None:
        with mock.patch.object(targe, "Command", side_effect=MemoryError):
            self.executes(None)
        self.assertEqual(self.targed.sense(), (targe.CHECK_CONDITION, 4, 0x44, 0))
        self.targed.leave()

    def test_end_when_any_callback_says_so(self) -> None:
        disk = targe.Disk()
        disk.size = 1 << 20
        disk.read = lambda offset, length: bytes(length)  # type: ignore[method-assign]
        disk.batch_ended = mock.Mock(side_effect=SystemExit(3))  # type: ignore[attr-defined]
        thread = self.serving(disk)
        self.targed.offer(READ)
        thread.join(60)
        self.assertIsInstance(self.raised, SystemExit)
        self.targed.leave()

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

    def test_keep_what_is_in_use_when_interrupted_twice(self) -> None:
        reading, stopping, ends = threading.Event(), threading.Event(), threading.Event()
        call = targe.Device.call

        def stop(device: targe.Device, *what: object) -> None:
            call(device, *what)
            stopping.set()

        def read(offset: int, length: int) -> bytes:
            reading.set()
            ends.wait()
            return bytes(length)
        disk = targe.Disk()
        disk.size, disk.read = 1 << 20, read  # type: ignore[method-assign]

        def interrupt() -> None:
            self.targed.welcome()
            self.targed.offer(READ)
            for moment in (reading, stopping):
                moment.wait()
                signal.pthread_kill(threading.get_ident(), signal.SIGINT)  # which wakes nobody else
        interrupts = threading.Thread(target=interrupt)
        interrupts.start()
        with mock.patch.object(targe.Device, "call", stop), mock.patch.object(targe.Device, "close") as close, self.assertRaises(KeyboardInterrupt):
            targe.serve(disk, self.targed.path)
        interrupts.join()
        close.assert_not_called()
        ends.set()
        for thread in threading.enumerate():
            if thread.name == "targe":
                thread.join()
        self.targed.leave()


if __name__ == "__main__":
    unittest.main()
