#!/usr/bin/env python3
"""A handler at command level for conformance/handlers.py: what a tape has that disks have not, and vendor-specific commands that make
it misbehave. toy_tape.py SOCKET"""
import os
import sys
import threading
import time

import targe

# Flags of sense data.
INFORMATION, FILEMARK, ILI = 1, 8, 32
PAGE = bytes([0x01, 0xB0, 0x00, 0x02, 0x01, 0x00])


class ToyTape(targe.Unit):
    peripheral_type = 0x01
    removable = True
    vendor, product, revision = "TOYS", "TAPE OF RECORDS", "7"
    vpd_pages = bytes([0xB0])
    goes_on = True
    # C5h/02h writes as many times ten bytes as bytes 3 and 4 say; C5h/03h passes every reservation.
    rules = (targe.Rule(opcode=0xC5, action=2, direction=1, flags=1, length_at=3, length_bytes=2, unit=10),
             targe.Rule(opcode=0xC5, action=3, flags=4, unit=0))

    def __init__(self) -> None:
        self.records: list[bytes | None] = []  # None: a filemark
        self.at = 0
        self.events: list[str] = []
        self.batches = 0
        self.kept: list[targe.Command] = []  # until C8h

    def session_attach(self, handle: int, lun: int, read_only: bool, initiator: str, target: str) -> None:
        if "refused" in initiator:
            raise PermissionError(13, "not this one")
        self.events.append(f"attach {lun} {initiator}")

    def session_detach(self, handle: int) -> None:
        self.events.append("detach")

    def task_management(self, function: int, done: bool, session: int) -> None:
        self.events.append(f"function {function} {'done' if done else 'received'}")

    def reservations_changed(self, kind: int, type_: int, session: int, holder: str, generation: int, registrants: int) -> None:
        self.events.append(f"reserved {kind} {type_} by {holder} of {registrants}")

    def delivered(self, session: int, report: int, arrived: bool) -> None:
        self.events.append(f"delivered {report} {arrived}")

    def batch_ended(self) -> None:
        self.batches += 1

    @staticmethod
    def go_on(command: targe.Command) -> None:
        """The answer first; half a second later an error, if byte 2 says so."""
        command.go_on()
        if command.cdb[2]:
            command.fail(3, 0x0C)
        threading.Timer(0.5, command.complete).start()

    def execute(self, command: targe.Command) -> None:
        cdb = command.cdb
        length = int.from_bytes(cdb[2:5], "big")
        match cdb[0]:
            case 0x00:
                pass
            case 0x01:
                self.at = 0
            case 0x0A:
                del self.records[self.at:]
                self.records.append(command.data_out)
                self.at += 1
            case 0x10:
                del self.records[self.at:]
                self.records += [None] * length
                self.at += length
            case 0x08:
                self.read(command, length)
            case 0x12:
                command.reply(PAGE[:int.from_bytes(cdb[3:5], "big")])
            case 0xC0:
                self.unit_attention(cdb[2], cdb[3])
            case 0xC1:
                command.reply("\n".join(self.events).encode())
            case 0xC9:
                command.reply(f"{command.attribute} {command.tag} {command.deadline > time.monotonic()} {self.batches > 0}".encode())
            case 0xC2:
                time.sleep(cdb[2])
            case 0xC4:
                self.go_on(command)
            case 0xC5:
                self.events.append(f"C5 with {len(command.data_out)} bytes")
            case 0xC6:
                command.report(cdb[2])
            case 0xC7:
                self.kept.append(command)
                command.later = True
            case 0xC8:
                for each in self.kept:
                    each.complete()
                self.kept.clear()
            case 0xC3:
                command.invalid_field(2, 3)
            case _:
                command.fail(5, 0x20)

    def read(self, command: targe.Command, length: int) -> None:
        if self.at == len(self.records):
            command.fail(8, 0x00, 0x05)  # BLANK CHECK, END-OF-DATA DETECTED
            return
        record = self.records[self.at]
        self.at += 1
        if record is None:
            command.fail(0, 0x00, 0x01)
            command.sense.flags, command.sense.information = INFORMATION | FILEMARK, length
            return
        command.reply(record)
        if len(record) != length:
            command.fail(0, 0x00)
            command.sense.flags, command.sense.information = INFORMATION | ILI, length - len(record)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: toy_tape.py SOCKET")
    targe.serve(ToyTape(), sys.argv[1], f"toy tape {os.getpid()}")
