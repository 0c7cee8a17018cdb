"""What a restart has interrupted goes on only on the store on which it was begun: not on another one under its path, and on its own
wherever that is now. Nor does an erasure whose store is replaced while the daemon runs.

    conformance/another_store.py
"""
from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import pathlib
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator

import report
from crc32c import crc32c
from harness import DaemonError, Targed
from iscsi_client import TEST_UNIT_READY, Session, read16, write16
from lifecycle import expect
from report import Result
from setup import Device, Setup, Target

SUITE = "another store"
NAME = "iqn.2026-11.io.targe:store"
SIZE = 32 << 20
# SANITIZE, OVERWRITE, IMMED: 31 passes of zeroes' complement and back take far longer than a kill.
OVERWRITE, PASSES = bytes([0x48, 0x81, 0, 0, 0, 0, 0, 0, 5, 0]), bytes([31, 0, 0, 1, 0x55])
MANUAL_INTERVENTION, SANITIZING, RECOVERING = (2, 4, 3), (2, 4, 0x1B), (2, 4, 1)
ATOMIC = bytes(range(256)) * 16  # 4 KiB of an atomic write at byte 8192
ATOMIC_AT = 8192
FOREIGN = b"\xa5" * 4096


def of_the_work(kind: str) -> tuple[int, bytes]:
    """Where the work shows once it has gone on, and what is there then."""
    return (0, b"\x55" * 4096) if kind == "sanitize" else (ATOMIC_AT, ATOMIC)


class Store:
    """A daemon with two units, one of which is to be interrupted in its work."""

    def __init__(self, folder: pathlib.Path, disk: Device) -> None:
        self.folder = folder
        self.daemon = Targed(Setup((disk, Device("beside", size="1MiB")), (Target(NAME, {0: "disk", 1: "beside"}),), reactors=1), folder)

    def use(self, path: pathlib.Path) -> None:
        """The path of the unit from the next start on."""
        disk, *others = self.daemon.setup.devices
        self.daemon.setup = dataclasses.replace(self.daemon.setup, devices=(dataclasses.replace(disk, path=str(path)), *others))

    def record(self, kind: str) -> pathlib.Path:
        return self.folder / "state" / f"unit.disk.{kind}"

    def interrupt(self, kind: str) -> None:
        """The daemon is killed with a SANITIZE under way; an atomic write is what is kept of that, with another content."""
        self.daemon.start()
        with contextlib.closing(Session(self.daemon.target().port, NAME)) as session:
            session.command(TEST_UNIT_READY)
            expect(session.command(write16(0, 8), data=bytes(4096)).good, "a write")
            expect(session.command(OVERWRITE, data=PASSES).good, "SANITIZE is refused")
            self.daemon.kill()
        _, _, kept = self.record("sanitize").read_bytes().partition(b"\n")
        expect(kept.startswith(b"of "), f"nothing is kept of the erasure, or not its store: {kept[:40]!r}")
        if kind != "sanitize":
            path, marks, _ = kept.split(b"\0", 2)
            self.put(kind, b"\0".join((path, marks, b"atomic write 1\n%d\n%d\n" % (ATOMIC_AT, crc32c(ATOMIC)) + ATOMIC)))
            self.record("sanitize").unlink()

    def put(self, kind: str, content: bytes) -> None:
        file = self.record(kind)
        file.write_bytes(b"targe-state 1 %s %d sha256=%s\n" % (file.name.encode(), len(content), hashlib.sha256(content).hexdigest().encode())
                         + content)

    def state(self) -> tuple[str, object]:
        listed = self.daemon.targe_json("device", "list")
        assert isinstance(listed, list)
        return str(listed[0]["state"]), listed[0]["begun_on"]

    def refuses(self, why: str) -> None:
        with Session(self.daemon.target().port, NAME) as session:
            for cdb, lun in ((TEST_UNIT_READY, 0), (read16(0, 8), 0), (write16(0, 8), 0)):
                data = bytes(4096) if cdb[0] == 0x8A else b""
                task = session.command(cdb, data=data, read=4096 if cdb[0] == 0x88 else 0, lun=lun)
                expect(task.sense_triple == MANUAL_INTERVENTION, f"{why}: {cdb[0]:02x}h is answered {task.status} {task.sense_triple}")
            expect(session.command(read16(0, 8), read=4096, lun=1).good, f"{why}: the unit beside it does not work")

    def goes_on(self, kind: str, why: str) -> None:
        at, content = of_the_work(kind)
        with Session(self.daemon.target().port, NAME) as session:
            task = session.command(read16(at // 512, 8), read=4096)
            until = time.monotonic() + 120
            while task.sense_triple in (SANITIZING, RECOVERING) and time.monotonic() < until:
                time.sleep(0.1)
                task = session.command(read16(at // 512, 8), read=4096)
            expect(task.good, f"{why}: READ is answered {task.status} {task.sense_triple}")
            expect(bytes(task.data_in) == content, f"{why}: the work has not gone on")
        expect(self.state() == ("ready", None), f"{why}: it is {self.state()}")


@contextlib.contextmanager
def interrupted(kind: str, disk: Device = Device("disk", size="32MiB")) -> Iterator[Store]:
    folder = pathlib.Path(tempfile.mkdtemp(prefix="targe-store-"))
    store = Store(folder, disk)
    try:
        store.interrupt(kind)
        yield store
        store.daemon.stop()
        shutil.rmtree(folder)
    finally:
        store.daemon.kill()


def foreign(path: pathlib.Path) -> None:
    with path.open("xb") as file:
        file.write(FOREIGN * (SIZE // len(FOREIGN)))


def untouched(path: pathlib.Path) -> bool:
    return path.read_bytes() == FOREIGN * (SIZE // len(FOREIGN))


def another_file_under_its_path(kind: str) -> None:
    with interrupted(kind) as store:
        image = store.daemon.image("disk")
        aside = image.with_suffix(".aside")
        image.rename(aside)
        foreign(image)
        store.daemon.start()
        store.refuses("another file")
        expect(store.state() == ("another store", str(image)), f"it is {store.state()}")
        expect(f"another store than {image}" in store.daemon.targe("device", "list"), "people are not told")
        expect("is another store now" in store.daemon.log(), "the log does not tell")
        store.daemon.targe("device", "refresh", "disk")
        store.refuses("after a refresh")
        store.daemon.restart()
        store.refuses("after a restart")
        expect(untouched(image), "it was written to")
        image.rename(image.with_suffix(".foreign"))
        aside.rename(image)
        store.daemon.targe("device", "refresh", "disk")
        store.goes_on(kind, "the right file is back")
        expect(untouched(image.with_suffix(".foreign")), "the other one was written to")


def replaced_while_it_runs(restart: bool) -> None:
    """Another file takes the name of the one that is being erased, and the administrator has the daemon look."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="targe-store-"))
    store = Store(folder, Device("disk", size="32MiB"))
    try:
        store.daemon.start()
        image = store.daemon.image("disk")
        aside = image.with_suffix(".aside")
        with contextlib.closing(Session(store.daemon.target().port, NAME)) as session:
            session.command(TEST_UNIT_READY)
            foreign(image.with_suffix(".new"))
            expect(session.command(OVERWRITE, data=PASSES).good, "SANITIZE is refused")
            image.rename(aside)
            image.with_suffix(".new").rename(image)
            store.daemon.targe("device", "refresh", "disk")
            until = time.monotonic() + 60
            while store.state()[0] == "sanitizing" and time.monotonic() < until:
                time.sleep(0.05)
        expect(store.state() == ("another store", str(image)), f"it is {store.state()}")
        store.refuses("another file")
        expect("is another store now" in store.daemon.log(), "the log does not tell")
        expect(untouched(image), "it was written to")
        if restart:
            store.daemon.restart()
            store.refuses("after a restart")
        image.rename(image.with_suffix(".foreign"))
        aside.rename(image)
        store.daemon.targe("device", "refresh", "disk")
        store.goes_on("sanitize", "the right file is back")
        expect(untouched(image.with_suffix(".foreign")), "the other one was written to")
        store.daemon.stop()
        shutil.rmtree(folder)
    finally:
        store.daemon.kill()


def another_file_in_the_middle() -> None:
    replaced_while_it_runs(restart=False)


def another_file_in_the_middle_and_a_restart() -> None:
    replaced_while_it_runs(restart=True)


def its_file_under_another_path(kind: str) -> None:
    with interrupted(kind) as store:
        image = store.daemon.image("disk")
        moved = image.with_name("moved.img")
        image.rename(moved)
        if born(moved) == 0:
            print(f"   the file system of {moved.parent} tells no birth times: a file that was moved is not looked at", flush=True)
            return
        store.use(moved)
        store.daemon.start()
        store.goes_on(kind, "it was moved")


def born(path: pathlib.Path) -> int:
    return int(subprocess.run(["stat", "-c", "%W", path], capture_output=True, text=True, check=True).stdout)


def a_copy_is_declared_the_store(kind: str) -> None:
    with interrupted(kind) as store:
        image = store.daemon.image("disk")
        image.rename(image.with_suffix(".aside"))
        shutil.copyfile(image.with_suffix(".aside"), image)
        store.daemon.start()
        store.refuses("a copy")
        store.daemon.targe("device", "refresh", "disk", "--here")
        store.goes_on(kind, "it was declared the store")
        try:
            store.daemon.targe("device", "refresh", "disk", "--here")
        except DaemonError as error:
            expect("has nothing unfinished" in str(error), f"once more: {error}")
        else:
            expect(False, "--here is taken for a device that is ready")


def what_is_given_up_is_gone(kind: str) -> None:
    with interrupted(kind) as store:
        image = store.daemon.image("disk")
        image.rename(image.with_suffix(".aside"))
        foreign(image)
        store.daemon.start()
        store.refuses("another file")
        store.daemon.targe("device", "refresh", "disk", "--drop")
        expect(store.state() == ("ready", None), f"it is {store.state()}")
        store.daemon.restart()
        expect(store.state() == ("ready", None), f"after a restart it is {store.state()}")
        with Session(store.daemon.target().port, NAME) as session:
            expect(bytes(session.command(read16(ATOMIC_AT // 512, 8), read=4096).data_in) == FOREIGN, "it reads wrongly")
        expect(untouched(image), "it was written to")


def record_of_an_earlier_version() -> None:
    with interrupted("atomic-write") as store:
        image = store.daemon.image("disk")
        _, _, work = store.record("atomic-write").read_bytes().partition(b"\n")[2].split(b"\0", 2)
        store.put("atomic-write", f"on {image}\0".encode() + work)
        store.use(image.rename(image.with_name("moved.img")))
        store.daemon.start()
        store.refuses("nothing but the path tells")
        store.daemon.stop()
        store.use(store.folder.joinpath("moved.img").rename(image))
        store.daemon.start()
        store.goes_on("atomic-write", "the path is the same")


def loop(image: pathlib.Path, device: str | None = None) -> str:
    """Sets one up: this one, or any that is free."""
    done = subprocess.run(["losetup", "--show", *([device] if device else ["-f"]), image], capture_output=True, text=True)
    if done.returncode != 0:
        raise OSError(done.stderr.strip())
    return done.stdout.strip()


def loop_devices() -> None:
    """The same number over another file is another store, another number over the same file is not."""
    with tempfile.TemporaryDirectory(prefix="targe-loops-") as name, contextlib.ExitStack() as attached:
        own, other = pathlib.Path(name) / "own.img", pathlib.Path(name) / "other.img"
        foreign(own)
        foreign(other)

        def attach(image: pathlib.Path, device: str | None = None) -> str:
            made = loop(image, device)
            attached.callback(lambda: subprocess.run(["losetup", "-d", made], capture_output=True))
            return made

        device = attach(own)
        with interrupted("sanitize", Device("disk", handler="block", path=device)) as store:
            subprocess.run(["losetup", "-d", device], check=True)
            attach(other, device)
            store.daemon.start()
            store.refuses("a loop device over another file")
            expect(untouched(other), "it was written to")
            store.daemon.stop()
            store.use(pathlib.Path(attach(own)))
            store.daemon.start()
            store.goes_on("sanitize", "a loop device over its file")
            expect(untouched(other), "the other one was written to")


def of_each_kind(case: Callable[[str], None]) -> Iterator[Callable[[], None]]:
    for kind in ("sanitize", "atomic-write"):
        def run(kind: str = kind) -> None:
            case(kind)

        run.__name__ = f"{case.__name__}_{kind.replace('-', '_')}"
        yield run


def run() -> list[Result]:
    cases = [each for case in (another_file_under_its_path, its_file_under_another_path, a_copy_is_declared_the_store, what_is_given_up_is_gone)
             for each in of_each_kind(case)]
    results = report.of_each(SUITE, [*cases, record_of_an_earlier_version, another_file_in_the_middle, another_file_in_the_middle_and_a_restart])
    with tempfile.NamedTemporaryFile() as probe:
        probe.truncate(1 << 20)
        try:
            subprocess.run(["losetup", "-d", loop(pathlib.Path(probe.name))], check=True)
        except OSError as error:
            return [*results, report.skipped(SUITE, "loop devices", f"no loop device can be set up: {error}")]
    return results + report.of_each(SUITE, [loop_devices])


if __name__ == "__main__":
    report.finish(run())
