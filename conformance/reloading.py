"""What a configuration that changes is tested with: how it is changed, what is seen of that, and work that goes on beside it."""
from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import random
import threading
from collections.abc import Iterator
from typing import Any

from harness import Targed
from iscsi_client import CHECK_CONDITION, TEST_UNIT_READY, ProtocolError, Session, read16, write16
from lifecycle import alone, expect
from setup import Device, Setup, Target, configuration

NAME = "iqn.2026-11.io.targe:reload"
BESIDE = "iqn.2026-11.io.targe:beside"
LUNS_CHANGED, POWER_ON, NO_LUN, GOOD = (6, 0x3F, 0x0E), (6, 0x29, 0), (5, 0x25, 0), (0, 0, 0)
DISK0, OTHER = Device("disk0", size="8MiB"), Device("other", size="8MiB")
FIRST = Setup((DISK0, OTHER), (Target(NAME, {0: "disk0"}), Target(BESIDE, {0: "other"})), reactors=2)


def ready(session: Session, lun: int = 0) -> tuple[int, int, int]:
    task = alone(session, TEST_UNIT_READY, lun)
    return task.sense_triple if task.status == CHECK_CONDITION else GOOD


def luns(session: Session) -> list[int]:
    data = bytes(session.command(bytes([0xA0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0]), read=1024).data_in)
    return [data[at + 1] for at in range(8, 8 + int.from_bytes(data[:4], "big"), 8)]


def write_config(targed: Targed, setup: Setup) -> None:
    """With the ports that are open, and of the names the new devices and LUNs."""
    ports = {target.name: target.port for target in targed.setup.targets}
    targets = tuple(dataclasses.replace(target, port=ports.get(target.name, targed.setup.targets[0].port)) for target in setup.targets)
    whole = targed.config_path.with_suffix(".new")  # whoever reads meanwhile finds all of the one or of the other
    whole.write_text(configuration(dataclasses.replace(setup, targets=targets), targed.folder))
    whole.rename(targed.config_path)


def changes(answer: Any, key: str = "changes") -> list[str]:
    return [f"{each['subject']}: {each['what']}" for each in answer[key]]


def reload(targed: Targed, setup: Setup, *options: str) -> Any:
    write_config(targed, setup)
    return targed.targe_json("reload", *options)


def names(targed: Targed) -> list[str]:
    listed: Any = targed.targe_json("device", "list")
    return [each["name"] for each in listed]


def is_open(targed: Targed, path: pathlib.Path) -> bool:
    links = pathlib.Path(f"/proc/{targed.pid}/fd")
    with contextlib.suppress(FileNotFoundError):
        return any(os.path.realpath(link) == str(path) for link in links.iterdir())
    return False


def with_disk1(setup: Setup, path: str | None = None) -> Setup:
    first, *others = setup.targets
    return dataclasses.replace(setup, devices=(*setup.devices, Device("disk1", size="4MiB", path=path)),
                               targets=(dataclasses.replace(first, luns={**first.luns, 1: "disk1"}), *others))


class Load(threading.Thread):
    """Writes and reads again without a pause; counts what it is told, and keeps what went wrong."""

    def __init__(self, targed: Targed, target: str, isid: int, seed: int) -> None:
        super().__init__()
        self.session = Session(targed.target(target).port, target, isid=isid)
        ready(self.session)
        self.random = random.Random(seed)
        self.told: list[tuple[int, int, int]] = []
        self.rounds = 0
        self.wrong = ""
        self.ends = False

    def one(self, cdb: bytes, **data: Any) -> bytes:
        while True:
            task = self.session.submit(cdb, **data)
            while task.status is None:
                self.session.collect()
            if task.good:
                return bytes(task.data_in)
            if task.sense_triple[0] != 6:
                raise ProtocolError(f"{cdb.hex()}: status {task.status}, sense {task.sense_triple}")
            self.told.append(task.sense_triple)

    def run(self) -> None:
        try:
            while not self.ends:
                lba, data = self.random.randrange(8192), self.random.randbytes(4096)
                self.one(write16(lba, 8), data=data)
                if self.one(read16(lba, 8), read=4096) != data:
                    raise ProtocolError(f"other data at {lba}")
                self.rounds += 1
        except Exception as problem:  # noqa: BLE001 - whoever started it says so
            self.wrong = f"{type(problem).__name__}: {problem}"

    def end(self) -> None:
        self.ends = True
        self.join()
        self.session.close()


@contextlib.contextmanager
def load(targed: Targed, target: str, isid: int, seed: int) -> Iterator[Load]:
    made = Load(targed, target, isid, seed)
    made.start()
    try:
        yield made
    finally:
        made.end()
    expect(not made.wrong and made.rounds > 0, f"the load at {target}, after {made.rounds} rounds: {made.wrong}")
