"""What an administrator does in a tape library while targe-vtl serves it, and what initiators see of it: a part of tape_library.py."""
from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
from collections.abc import Iterator

from handler_commands import expect
from handlers import settled
from iscsi_client import Session
from tape_initiator import (ACCESS, BY_OPERATOR, DRIVE, FULL, IMPORT_EXPORT, LUN, NEW_MEDIUM, NO_CARTRIDGE, PORT, PORT_ACCESSED, SLOT, TEST_UNIT_READY, cdb6,
                            marked, move_cdb, moved, once_at, read, rewound, wrote)
from tapes import Tapes


class Changed:
    """What the changer tells both initiators after something was done in the library: once each."""

    def __init__(self, *sessions: Session) -> None:
        self.sessions = sessions

    def told(self, what: str, wanted: tuple[int, int, int], lun: int = 0) -> None:
        for number, session in enumerate(self.sessions, 1):
            got = [once_at(session, TEST_UNIT_READY, lun).sense_triple for _ in range(2)]
            expect(got[0], wanted, f"{what}: what initiator {number} is told at LUN {lun}")
            expect(got[1] in ((0, 0, 0), NO_CARTRIDGE), True, f"{what}: {got[1]} is what initiator {number} gets after that")


def element(session: Session, address: int) -> tuple[int, str]:
    """Flags of an element, and the label of its cartridge."""
    cdb = bytes([0xB8, 0x10]) + address.to_bytes(2, "big") + b"\0\1\0\0\0\xff\0\0"
    told = bytes(session.command(cdb, read=255).data_in)[16:]
    expect(int.from_bytes(told[:2], "big"), address, "the element that READ ELEMENT STATUS tells of")
    return told[2], told[12:44].decode().strip("\0 ")


def administered(session: Session, other: Session, tapes: Tapes) -> None:
    """An administrator inserts, moves, protects, exports and destroys cartridges of a library that is served."""
    everybody = Changed(session, other)
    for each in (session, other):
        settled(each, TEST_UNIT_READY)
        settled(each, TEST_UNIT_READY, lun=LUN + 1)
    tapes.vtl("add", "NEW001L6", "--capacity", "8MiB", "--at", "port:1")
    everybody.told("inserted", PORT_ACCESSED)
    expect(element(session, PORT), (FULL | BY_OPERATOR | ACCESS | IMPORT_EXPORT, "NEW001L6"), "the port that it was inserted into")
    moved(session, PORT, SLOT + 5)
    expect("slot:6   1005h    NEW001L6" in tapes.vtl("list"), True, "targe vtl list has it where the initiator moved it")
    tapes.vtl("move", "NEW001L6", "drive:1")
    everybody.told("moved into a drive", NEW_MEDIUM)
    everybody.told("moved into a drive", NEW_MEDIUM, LUN + 1)
    expect(element(session, DRIVE + 1)[1], "NEW001L6", "the drive that it was moved into")
    wrote(session, b"of the host", lun=LUN + 1)
    marked(session, LUN + 1)
    expect("slot:N, then the same again" in tapes.refused("protect", "NEW001L6", "on"), True, "a cartridge in a drive is protected")
    expect("is in drive:1" in tapes.refused("export", "NEW001L6", str(tapes.folder / "no.tar")), True, "a cartridge in a drive is exported")
    tapes.vtl("move", "NEW001L6", "slot:7")
    everybody.told("moved into a slot", NEW_MEDIUM)
    expect(once_at(session, TEST_UNIT_READY, LUN + 1).sense_triple, NO_CARTRIDGE, "the drive that it was taken from")
    tapes.vtl("protect", "NEW001L6", "on")
    moved(session, SLOT + 6, DRIVE + 1)
    rewound(session, LUN + 1)
    expect(bytes(read(session, 100, LUN + 1).data_in), b"of the host", "what was written to it")
    expect(session.command(cdb6(0x0A, 1), data=b"x", lun=LUN + 1).sense_triple, (7, 0x27, 0), "WRITE(6) to a protected one")
    moved(session, DRIVE + 1, SLOT + 6)
    settled(everybody.sessions[1], TEST_UNIT_READY, lun=LUN + 1)
    in_ports(session, everybody, tapes)


def in_ports(session: Session, everybody: Changed, tapes: Tapes) -> None:
    archive = tapes.folder / "new.tar"
    tapes.vtl("export", "NEW001L6", str(archive))
    expect("NEW001L6/0/00000000/000000000000.block" in subprocess.run(["tar", "tf", archive], capture_output=True, text=True).stdout, True, "the archive's block")
    tapes.vtl("import", str(archive), "--barcode", "COPY01L6", "--at", "port:2")
    everybody.told("imported", PORT_ACCESSED)
    expect(element(session, PORT + 1)[1], "COPY01L6", "the port that it was imported into")
    expect(session.command(bytes([0x1E, 0, 0, 0, 1, 0])).good, True, "PREVENT MEDIUM REMOVAL of the changer")
    expect("an initiator prevents" in tapes.refused("move", "COPY01L6", "slot:8"), True, "a port that an initiator keeps")
    expect(session.command(bytes([0x1E, 0, 0, 0, 0, 0])).good, True, "ALLOW MEDIUM REMOVAL of the changer")
    tapes.vtl("move", "COPY01L6", "slot:8")
    everybody.told("taken from a port", PORT_ACCESSED)
    with lent(tapes, "COPY01L6"):
        expect(session.command(move_cdb(SLOT + 7, DRIVE + 1)).sense_triple, (5, 0x3B, 0x11), "a move into a drive while it is read beside")
    moved(session, SLOT + 7, DRIVE + 1)
    rewound(session, LUN + 1)
    expect(bytes(read(session, 100, LUN + 1).data_in), b"of the host", "what was imported")
    moved(session, DRIVE + 1, SLOT + 7)
    for barcode in ("COPY01L6", "NEW001L6"):
        tapes.vtl("remove", barcode, "--destroy-data")
        everybody.told("removed", NEW_MEDIUM)
    expect(element(session, SLOT + 7), (ACCESS, ""), "the slot that it was removed from")


@contextlib.contextmanager
def lent(tapes: Tapes, barcode: str) -> Iterator[None]:
    """As while `targe vtl export` reads the cartridge."""
    folder = os.open(tapes.folder / "cartridges" / barcode, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(folder)
