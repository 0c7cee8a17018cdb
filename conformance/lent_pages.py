"""Long reads of a file, which leave as pages of the page cache: they bring what was written, and a COMPARE AND WRITE waits until whoever
was sent them has them.

    conformance/lent_pages.py
"""
from __future__ import annotations

import os
import pathlib
import random
import select
import subprocess

import report
from harness import Targed
from iscsi_client import TEST_UNIT_READY, Session, Task, read16, write16
from report import Result
from setup import Device, Setup, Target

SUITE = "lent pages"
NAME = "iqn.2026-11.io.targe:lent-pages"
BLOCK, SIZE_MIB = 512, 16
LENDING = ("ext2/ext3", "tmpfs")
SETUP = Setup((Device("disk", size=f"{SIZE_MIB}MiB"),), (Target(NAME, {0: "disk"}),), reactors=2)


class NotLentError(Exception):
    """There is nothing to be seen here."""


def once(session: Session, cdb: bytes, *, data: bytes = b"", read: int = 0) -> Task:
    """As it is answered, unit attentions and all."""
    task = session.submit(cdb, data=data, read=read)
    while task.status is None:
        session.collect()
    return task


def quiet(session: Session) -> None:
    while not once(session, TEST_UNIT_READY).good:
        pass


def file_system_of(folder: pathlib.Path) -> str:
    return subprocess.run(["stat", "--file-system", "--format=%T", str(folder)], check=True, capture_output=True, text=True).stdout.strip()


def compare_and_write(lba: int) -> bytes:
    return bytes([0x89, 0]) + lba.to_bytes(8, "big") + bytes([0, 0, 0, 1, 0, 0])


def bring_what_was_written(seed: int) -> str:
    """In any length and place, several at a time, between writes."""
    chance = random.Random(seed)
    model = bytearray(SIZE_MIB << 20)
    with Targed(SETUP) as targed, Session(targed.target(NAME).port, NAME) as session:
        quiet(session)
        for _ in range(40):
            lba, blocks = chance.randrange((SIZE_MIB << 20) // BLOCK - 2048), chance.randrange(1, 2048)
            data = chance.randbytes(blocks * BLOCK)
            assert once(session, write16(lba, blocks), data=data).good
            model[lba * BLOCK:(lba + blocks) * BLOCK] = data
            asked = [(chance.randrange((SIZE_MIB << 20) // BLOCK - 2048), chance.randrange(1, 2048)) for _ in range(8)]
            sent = [session.submit(read16(lba, blocks), read=blocks * BLOCK) for lba, blocks in asked]
            while any(task.status is None for task in sent):
                session.collect()
            for task, (lba, blocks) in zip(sent, asked, strict=True):
                assert task.good and task.data_in == model[lba * BLOCK:(lba + blocks) * BLOCK], f"{blocks} blocks from {lba}"
    return f"seed {seed}: 320 reads"


def keep_a_compare_and_write_waiting(seed: int) -> str:
    """Until the reader says that it has them, which is the answer to a ping."""
    del seed
    with Targed(SETUP) as targed:
        if (kind := file_system_of(targed.folder)) not in LENDING:
            raise NotLentError(f"{targed.folder} is on {kind}, whose pages are not lent")
        port = targed.target(NAME).port
        with Session(port, NAME) as reader, Session(port, NAME, isid=2) as writer:
            quiet(reader), quiet(writer)
            old, new = os.urandom(BLOCK), os.urandom(BLOCK)
            assert once(writer, write16(0, 1024), data=old * 1024).good
            read = reader.submit(read16(0, 1024), read=1024 * BLOCK)
            select.select([reader.socket], [], [], 30)  # it is on its way, and nobody takes it
            caw = writer.submit(compare_and_write(3), data=old + new)
            assert not select.select([writer.socket], [], [], 1)[0], "it is answered while the initiator may lack what it is to read"
            while read.status is None:
                reader.collect()
            assert read.good and read.data_in == old * 1024, "half of it is new"
            reader.collect()  # the ping, which it answers
            while caw.status is None:
                writer.collect()
            assert caw.good
            assert once(reader, read16(0, 1024), read=1024 * BLOCK).data_in == old * 3 + new + old * 1020
            assert once(writer, compare_and_write(4), data=old + new).good, "from then on nobody is waited for"
    return "asked and answered"


def run() -> list[Result]:
    results = []
    for check in (bring_what_was_written, keep_a_compare_and_write_waiting):
        seed = random.randrange(1 << 32)
        try:
            results.append(report.passed(SUITE, check.__name__, check(seed)))
        except NotLentError as why:
            results.append(report.skipped(SUITE, check.__name__, str(why)))
        except Exception as error:  # noqa: BLE001 - what is wrong, in the report
            results.append(report.failed(SUITE, check.__name__, f"seed {seed}: {error!r}"))
    return results


if __name__ == "__main__":
    report.finish(run())
