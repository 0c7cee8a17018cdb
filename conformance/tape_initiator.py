"""What tests of tape libraries send over iSCSI, and what they expect: LUN 0 is the changer, 1 the first drive."""
from __future__ import annotations

from handler_commands import expect
from handlers import settled
from iscsi_client import Session, Task

TEST_UNIT_READY, REWIND, LOAD = bytes(6), bytes([1]) + bytes(5), bytes([0x1B, 0, 0, 0, 1, 0])
TRANSPORT, PORT, DRIVE, SLOT = 0, 0x10, 0x100, 0x1000
LUN = 1  # of drive 0
FILEMARK, END_OF_MEDIUM, ILI = 0x80, 0x40, 0x20
FULL, BY_OPERATOR, ACCESS, IMPORT_EXPORT = 0x01, 0x02, 0x08, 0x30
END_OF_DATA, RESET, NEW_MEDIUM, MODES_CHANGED = (8, 0, 5), (6, 0x29, 4), (6, 0x28, 0), (6, 0x2A, 1)
NO_CARTRIDGE, PORT_ACCESSED = (2, 0x3A, 0), (6, 0x28, 1)


def cdb6(opcode: int, length: int = 0, second: int = 0) -> bytes:
    return bytes([opcode, second]) + length.to_bytes(3, "big") + b"\0"


def move_cdb(source: int, destination: int) -> bytes:
    return bytes([0xA5, 0]) + b"".join(each.to_bytes(2, "big") for each in (TRANSPORT, source, destination)) + bytes(4)


def wrote(session: Session, *records: bytes, lun: int = LUN) -> None:
    for record in records:
        expect(session.command(cdb6(0x0A, len(record)), data=record, lun=lun).good, True, f"WRITE(6) of {len(record)} bytes")


def marked(session: Session, lun: int = LUN) -> None:
    expect(session.command(cdb6(0x10, 1), lun=lun).good, True, "WRITE FILEMARKS(6)")


def read(session: Session, length: int, lun: int = LUN) -> Task:
    return session.command(cdb6(0x08, length), read=length, lun=lun)


def rewound(session: Session, lun: int = LUN) -> None:
    expect(settled(session, REWIND, lun=lun).good, True, "REWIND")


def moved(session: Session, source: int, destination: int) -> None:
    expect(settled(session, move_cdb(source, destination)).good, True, f"MOVE MEDIUM from {source:04x}h to {destination:04x}h")


def once_at(session: Session, cdb: bytes, lun: int) -> Task:
    session.submit(cdb, lun=lun)
    return collected(session)


def collected(session: Session) -> Task:
    while (task := session.collect()) is None:
        pass
    return task
