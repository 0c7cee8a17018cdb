#!/usr/bin/env python3
"""A disk at command level for conformance/handler_remaps.py, in memory: WRITE SAME, EXTENDED COPY and a copy of its own it leaves to targed.
toy_disk.py SOCKET"""
import os
import sys
import threading

import targe

BLOCK = 512
BLOCKS = 65536
PAIR = 0x02  # segment descriptor type: block to block


class ToyDisk(targe.Unit):
    peripheral_type = 0x00
    vendor, product, revision = "TOYS", "DISK", "7"
    remaps = True
    # C5h copies bytes 8 and 9 blocks from bytes 2 to 4 to bytes 5 to 7; C6h the same, and does not say that it writes.
    rules = (targe.Rule(opcode=0xC5, action=0xFF, flags=1, unit=0),)

    def __init__(self) -> None:
        self.medium = bytearray(BLOCK * BLOCKS)
        self.delay = 0.0
        self.generated = 0
        self.aborted = 0

    def execute(self, command: targe.Command) -> None:
        cdb = command.cdb
        if command.generated:
            self.generated += 1
        match cdb[0]:
            case 0x00:
                pass
            case 0x9E:
                command.reply((BLOCKS - 1).to_bytes(8, "big") + BLOCK.to_bytes(4, "big") + bytes(20))
            case 0x88 | 0x8A:
                self.move(command)
            case 0x93:
                self.fill(command)
            case 0x83:
                self.copy(command)
            case 0xC5 | 0xC6:
                command.remap_copy(BLOCK, [(int.from_bytes(cdb[5:8], "big"), int.from_bytes(cdb[8:10], "big"), int.from_bytes(cdb[2:5], "big"))])
            case 0xC0:
                self.delay = cdb[2] / 100
            case 0xC1:
                command.reply(f"{self.generated} {self.aborted}".encode())
                self.generated = self.aborted = 0
            case _:
                command.fail(5, 0x20)

    def move(self, command: targe.Command) -> None:
        """READ(16) and WRITE(16); slow ones of targed look whether anybody waits for them."""
        lba, blocks = int.from_bytes(command.cdb[2:10], "big"), int.from_bytes(command.cdb[10:14], "big")
        if lba + blocks > BLOCKS:
            command.fail(5, 0x21)
            return
        if command.generated and self.delay:
            command.later = True
            threading.Timer(self.delay, self.end, (command, lba, blocks)).start()
            return
        self.do(command, lba, blocks)

    def end(self, command: targe.Command, lba: int, blocks: int) -> None:
        if command.aborted:
            self.aborted += 1
        else:
            self.do(command, lba, blocks)
        command.complete()

    def do(self, command: targe.Command, lba: int, blocks: int) -> None:
        begin, end = lba * BLOCK, (lba + blocks) * BLOCK
        if command.cdb[0] == 0x88:
            command.reply(bytes(self.medium[begin:end]))
        else:
            self.medium[begin:end] = command.data_out

    def fill(self, command: targe.Command) -> None:
        lba, blocks = int.from_bytes(command.cdb[2:10], "big"), int.from_bytes(command.cdb[10:14], "big")
        no_data_out = command.cdb[1] & 1  # NDOB
        block = bytes(BLOCK) if no_data_out else command.data_out
        # Two ranges, as one whose blocks are not in one place would say.
        half = blocks // 2
        command.remap_write_same(block, [each for each in ((lba, half), (lba + half, blocks - half)) if each[1]])

    def copy(self, command: targe.Command) -> None:
        """EXTENDED COPY (LID1): segments from block to block, whatever its CSCD descriptors say."""
        data = command.data_out
        at = 16 + int.from_bytes(data[2:4], "big")
        end = at + int.from_bytes(data[8:12], "big")
        ranges = []
        while at < end:
            if data[at] != PAIR:
                command.fail(5, 0x26, 0x09)
                return
            blocks, source, lba = (int.from_bytes(data[at + first:at + last], "big") for first, last in ((10, 12), (12, 20), (20, 28)))
            ranges.append((lba, blocks, source))
            at += 4 + int.from_bytes(data[at + 2:at + 4], "big")
        command.remap_copy(BLOCK, ranges)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: toy_disk.py SOCKET")
    targe.serve(ToyDisk(), sys.argv[1], f"toy disk {os.getpid()}")
