"""Devices that other programs emulate: the three examples, and handlers that are killed, stopped and hung under load.

    conformance/handlers.py [--seed N] [--kills N]
"""
from __future__ import annotations

import argparse
import contextlib
import functools
import http.server
import os
import pathlib
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator

import report
from harness import PROGRAMS, ROOT, Targed
from iscsi_client import Session, Task, read16, write16
from kill9 import BLOCKS_A_WRITE, pattern
from qemu_img import convert, image_options, sha256
from report import Result
from setup import Device, Setup, Target

SUITE = "handlers"
NAME = "iqn.2026-11.io.targe:handlers"
MIB = 1 << 20
SIZE_MIB = 64
LIMIT_S = 60.0
NOT_READY, UNIT_ATTENTION = 2, 6


def socket_of(daemon: Targed, device: str) -> str:
    return str(daemon.folder / f"{device}.handler.sock")


class Handler:
    """A handler of its own process, which a test may treat badly."""

    def __init__(self, daemon: Targed, device: str, *command: str) -> None:
        self.log = (daemon.folder / f"{device}.handler.log").open("ab")
        self.command = command
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        self._began_at = os.fstat(self.log.fileno()).st_size
        environment = {**os.environ, "PYTHONPATH": str(ROOT / "python"), "TARGE_LIBRARY": str(PROGRAMS.parent / "lib" / "libtarge.so.0")}
        return subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=environment)

    def __enter__(self) -> Handler:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        self.status = self.process.wait(LIMIT_S)
        self.log.close()

    def said(self) -> str:
        """Since it was started last."""
        return pathlib.Path(self.log.name).read_bytes()[self._began_at:].decode(errors="replace")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def restart(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.kill()
        meanwhile()
        self.process = self._start()


def gzdisk(daemon: Targed, device: str, size_mib: int = SIZE_MIB) -> Handler:
    return Handler(daemon, device, str(PROGRAMS / "gzdisk"), socket_of(daemon, device), str(daemon.folder / f"{device}.gz"), str(size_mib))


def append(path: pathlib.Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def await_ready(daemon: Targed, lun: int) -> None:
    """Until the handler has said how large the unit is, and that was told."""
    with Session(daemon.target().port, NAME) as session:
        end = time.monotonic() + LIMIT_S
        while not session.command(bytes(6), lun=lun).good:
            if time.monotonic() > end:
                raise TimeoutError(f"LUN {lun} does not become ready")
            time.sleep(0.02)


def make_image(path: pathlib.Path, seed: int) -> str:
    dice = random.Random(seed)
    with path.open("wb") as file:
        file.truncate(SIZE_MIB * MIB)
        for at in range(0, SIZE_MIB * MIB, MIB):
            if dice.random() < 0.5:
                file.seek(at)
                file.write(dice.randbytes(MIB // 2) + bytes(MIB // 4) + dice.randbytes(MIB // 4))
    return sha256(path)


class RangeServer(http.server.SimpleHTTPRequestHandler):
    """Files, and pieces of them."""

    def do_GET(self) -> None:
        first, _, last = self.headers["Range"].removeprefix("bytes=").partition("-")
        data = pathlib.Path(self.translate_path(self.path)).read_bytes()[int(first):int(last) + 1]
        self.send_response(206)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def web_server(folder: pathlib.Path) -> Iterator[int]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(RangeServer, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def examples(seed: int) -> list[Result]:
    devices = (Device("gz", handler="user", size=""), Device("dict", handler="user", size="", thin=True), Device("http", handler="user", size=""))
    results = []
    with Targed(Setup(devices, (Target(NAME, {0: "gz", 1: "dict", 2: "http"}),))) as daemon, web_server(daemon.folder) as port:
        image, back = daemon.folder / "image.raw", daemon.folder / "back.raw"
        wanted = make_image(image, seed)
        http_disk = (str(PROGRAMS / "httpdisk"), socket_of(daemon, "http"), "127.0.0.1", str(port), "/image.raw")
        python_disk = (sys.executable, str(ROOT / "examples" / "dictdisk.py"), socket_of(daemon, "dict"), str(SIZE_MIB))
        with gzdisk(daemon, "gz") as gz, Handler(daemon, "dict", *python_disk) as dictionary, Handler(daemon, "http", *http_disk) as http_:
            for lun, name in enumerate(("gz", "dict", "http")):
                await_ready(daemon, lun)
                if name != "http":
                    convert(str(image), image_options(daemon, lun, "none"))
                if name == "gz":
                    gz.restart(lambda: append(daemon.folder / "gz.gz", bytes(4096)))  # as a power cut may leave a file
                back.unlink(missing_ok=True)
                with back.open("wb") as file:
                    file.truncate(SIZE_MIB * MIB)
                convert(image_options(daemon, lun, "none"), str(back))
                found = sha256(back)
                results.append(report.passed(SUITE, name) if found == wanted else report.failed(SUITE, name, f"{found} came back of {wanted}"))
            with Session(daemon.target().port, NAME) as session:
                refused = session.command(write16(0, 1), data=bytes(512), lun=2)
                results.append(report.passed(SUITE, "http is read-only") if refused.sense_triple[0] == 7 else report.failed(SUITE, "http is read-only", str(refused)))
        clean = [handler.status for handler in (gz, dictionary, http_)]
        results.append(report.passed(SUITE, "SIGTERM") if clean == [0, 0, 0] else report.failed(SUITE, "SIGTERM", f"handlers left with {clean}"))
        size = (daemon.folder / "gz.gz").stat().st_size
        results.append(report.passed(SUITE, "compressed", f"{size // 1024} KiB for {SIZE_MIB} MiB") if size < SIZE_MIB * MIB
                       else report.failed(SUITE, "compressed", f"{size} bytes"))
    return results


def lent(seed: int) -> list[Result]:
    """A disk in Python whose reads are sent from its own memory."""
    name = "memory that is lent"
    with Targed(Setup((Device("lent", handler="user", size=""),), (Target(NAME, {0: "lent"}),))) as daemon:
        image, back = daemon.folder / "image.raw", daemon.folder / "back.raw"
        wanted = make_image(image, seed)
        disk = (sys.executable, str(ROOT / "conformance" / "lending_disk.py"), socket_of(daemon, "lent"), str(SIZE_MIB))
        with Handler(daemon, "lent", *disk) as handler:
            await_ready(daemon, 0)
            convert(str(image), image_options(daemon, 0, "none"))
            with back.open("wb") as file:
                file.truncate(SIZE_MIB * MIB)
            convert(image_options(daemon, 0, "none"), str(back))
        found = sha256(back)
        wrong = f"{found} came back of {wanted}" if found != wanted else f"it left with {handler.status}" if handler.status else ""
        return [report.failed(SUITE, name, wrong) if wrong else report.passed(SUITE, name)]


class Load:
    """Writes and reads of one session, DEPTH at a time, until stop(). Each must be GOOD, and within the deadline; reads must find what was
    written last."""
    DEPTH = 8
    DEADLINE_S = 25.0  # the device's
    SLOTS = 256

    def __init__(self, port: int, seed: int) -> None:
        self.session = Session(port, NAME, timeout=LIMIT_S)
        settled(self.session, bytes(6))
        self.dice = random.Random(seed)
        self.generation = [0] * self.SLOTS
        self.under_way: dict[int, tuple[int, bool, float]] = {}
        self.longest_s = 0.0
        self.ended = 0
        self.wrong = ""
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def _submit(self) -> None:
        busy = {slot for slot, _, _ in self.under_way.values()}
        slot = self.dice.choice([n for n in self.dice.sample(range(self.SLOTS), self.DEPTH + 1) if n not in busy])
        writes = self.dice.random() < 0.6
        at = slot * BLOCKS_A_WRITE
        if writes:
            self.generation[slot] += 1
            task = self.session.submit(write16(at, BLOCKS_A_WRITE, fua=self.dice.random() < 0.2), data=pattern(slot, self.generation[slot]))
        else:
            task = self.session.submit(read16(at, BLOCKS_A_WRITE), read=BLOCKS_A_WRITE * 512)
        self.under_way[task.tag] = (slot, writes, time.monotonic())

    def _run(self) -> None:
        try:
            while not self.wrong and (self.under_way or not self.stopping.is_set()):
                while len(self.under_way) < self.DEPTH and not self.stopping.is_set():
                    self._submit()
                while (task := self.session.collect()) is None:
                    pass
                slot, writes, begin = self.under_way.pop(task.tag)
                self.longest_s = max(self.longest_s, time.monotonic() - begin)
                wanted = self._written(slot)
                if self.longest_s > self.DEADLINE_S:
                    self.wrong = f"slot {slot}: answered after {self.longest_s:.1f} s"
                elif not task.good:
                    self.wrong = f"slot {slot}: status {task.status}, sense {task.sense_triple}"
                elif not writes and bytes(task.data_in) != wanted:
                    self.wrong = f"slot {slot}: generation {self.generation[slot]} was written, {bytes(task.data_in[:40])!r} was read"
                self.ended += 1
        except Exception as error:  # noqa: BLE001 - told by whoever started the load
            self.wrong = f"{type(error).__name__}: {error}"

    def await_progress(self) -> None:
        """Until a command ends."""
        before, end = self.ended, time.monotonic() + LIMIT_S
        while self.ended == before and not self.wrong and time.monotonic() < end:
            time.sleep(0.001)

    def stop(self) -> None:
        """All that was written must be there in the end."""
        self.stopping.set()
        self.thread.join()
        for slot in range(0 if self.wrong else self.SLOTS):
            read = self.session.command(read16(slot * BLOCKS_A_WRITE, BLOCKS_A_WRITE), read=BLOCKS_A_WRITE * 512)
            if bytes(read.data_in) != self._written(slot):
                self.wrong = f"slot {slot}: generation {self.generation[slot]} is not there in the end"
        if not self.wrong:
            self.session.close()

    def _written(self, slot: int) -> bytes:
        return pattern(slot, self.generation[slot]) if self.generation[slot] else bytes(BLOCKS_A_WRITE * 512)


def killed_and_stopped(seed: int, kills: int) -> list[Result]:
    """Under load a handler is killed and comes back, or is stopped for a while, again and again: no command fails, and nothing is lost."""
    dice = random.Random(seed)
    device = Device("disk", handler="user", size="8MiB", deadline=f"{Load.DEADLINE_S:.0f}s")
    with Targed(Setup((device,), (Target(NAME, {0: "disk"}),))) as daemon, gzdisk(daemon, "disk", 8) as handler:
        await_ready(daemon, 0)
        load = Load(daemon.target().port, seed)
        for _ in range(kills):
            load.await_progress()  # so that it hits a handler with commands in hand
            time.sleep(dice.uniform(0.0, 0.03))
            handler.process.send_signal(signal.SIGSTOP)
            time.sleep(dice.uniform(0.0, 0.06))
            if dice.random() < 0.5:
                handler.process.send_signal(signal.SIGCONT)
                time.sleep(dice.uniform(0.0, 0.03))
            handler.restart()
            if load.wrong:
                break
        load.stop()
        name, note = "kill -9 and kill -STOP", f"{kills} times each; {load.ended} commands, the slowest in {load.longest_s:.2f} s; seed={seed}"
        return [report.failed(SUITE, name, f"{load.wrong}; {note}") if load.wrong else report.passed(SUITE, name, note)]


def hung(seed: int) -> list[Result]:
    """A handler that stops for good: commands are answered, another unit does not notice, and the next handler is let in once it is gone."""
    devices = (Device("hung", handler="user", size="8MiB", deadline="1s", hold="1s"), Device("other", handler="user", size="8MiB"))
    name = "a handler that hangs"
    with Targed(Setup(devices, (Target(NAME, {0: "hung", 1: "other"}),))) as daemon, gzdisk(daemon, "hung", 8) as handler, gzdisk(daemon, "other", 8):
        await_ready(daemon, 0)
        await_ready(daemon, 1)
        with Session(daemon.target().port, NAME, timeout=LIMIT_S) as session:
            wrong = hung_under(session, handler, random.Random(seed).randbytes(4096))
    return [report.failed(SUITE, name, wrong) if wrong else report.passed(SUITE, name)]


def hung_under(session: Session, handler: Handler, data: bytes) -> str:
    """Empty, or what is wrong."""
    if not settled(session, write16(0, 8), data=data).good or not settled(session, write16(0, 8), data=data, lun=1).good:
        return "the units do not work to begin with"
    handler.process.send_signal(signal.SIGSTOP)
    refused = [session.command(read16(0, 8), read=4096) for _ in range(3)]
    if any(task.good or task.sense_triple[0] != NOT_READY for task in refused):
        return f"of a stopped handler came {[(task.status, task.sense_triple) for task in refused]}"
    if not session.command(read16(0, 8), read=4096, lun=1).good:
        return "the other unit does not answer"
    if session.manage(5) != 0:
        return "LOGICAL UNIT RESET is not answered well"
    handler.restart()
    end = time.monotonic() + LIMIT_S
    while not (read := settled(session, read16(0, 8), read=4096)).good and time.monotonic() < end:
        time.sleep(0.02)
    return "" if read.good and bytes(read.data_in) == data else f"the next handler's answer: {read}"


LEAVING = """
import sys, targe
class Leaving(targe.Disk):
    size = 1 << 20
    def read(self, offset, length):
        sys.exit(3)
    def write(self, offset, data, durable):
        raise BaseException
targe.serve(Leaving(), sys.argv[1])
"""


def leaves_in_a_command() -> list[Result]:
    """A method in Python that ends the program, or is cancelled, has not done what it was asked for."""
    name, found = "Python that leaves in a command", []
    with Targed(Setup((Device("leaving", handler="user", size="", hold="1s"),), (Target(NAME, {0: "leaving"}),))) as daemon:
        for cdb, more, status in ((read16(0, 1), {"read": 512}, 3), (write16(0, 1), {"data": bytes(512)}, 1)):
            with Handler(daemon, "leaving", sys.executable, "-c", LEAVING, socket_of(daemon, "leaving")) as handler:
                await_ready(daemon, 0)
                with Session(daemon.target().port, NAME, timeout=LIMIT_S) as session:
                    ended = session.command(cdb, **more)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    handler.process.wait(10)
            if ended.good or handler.status != status:
                found.append(f"{cdb[0]:02x}h ended with status {ended.status:02x}h, and the handler with {handler.status}")
    return [report.failed(SUITE, name, "; ".join(found)) if found else report.passed(SUITE, name)]


def settled(session: Session, cdb: bytes, **more: object) -> Task:
    """Past the unit attentions that wait."""
    while (task := session.command(cdb, **more)).sense_triple[0] == UNIT_ATTENTION:
        pass
    return task


def run(seed: int | None = None, kills: int = 200) -> list[Result]:
    seed = random.SystemRandom().randrange(1 << 32) if seed is None else seed
    print(f"   handlers: seed={seed}", flush=True)
    return examples(seed) + lent(seed) + leaves_in_a_command() + killed_and_stopped(seed, kills) + hung(seed)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--kills", type=int, default=200)
    options = parser.parse_args()
    found = run(options.seed, options.kills)
    print(*found, sep="\n")
    raise SystemExit(1 if report.count(found, report.Verdict.FAILED) else 0)
