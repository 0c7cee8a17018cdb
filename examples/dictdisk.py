#!/usr/bin/env python3
"""A disk in a Python dictionary: dictdisk.py SOCKET MEBIBYTES. A block that is not in it reads as zeroes, and is a hole for initiators."""
import sys

import targe

BLOCK = 4096


class DictDisk(targe.Disk):
    def __init__(self, size: int) -> None:
        self.size = size
        self.blocks: dict[int, bytes] = {}

    def read(self, offset: int, length: int) -> bytes:
        first, end = offset // BLOCK, -(-(offset + length) // BLOCK)
        data = b"".join(self.blocks.get(n, bytes(BLOCK)) for n in range(first, end))
        return data[offset - first * BLOCK:][:length]

    def write(self, offset: int, data: bytes, durable: bool) -> None:
        at = 0
        while at < len(data):
            number, skip = divmod(offset + at, BLOCK)
            part = data[at:at + BLOCK - skip]
            old = self.blocks.get(number, bytes(BLOCK))
            self.blocks[number] = old[:skip] + part + old[skip + len(part):]
            at += len(part)

    def unmap(self, offset: int, length: int) -> None:
        first, end = -(-offset // BLOCK), (offset + length) // BLOCK
        if first >= end:
            self.write(offset, bytes(length), False)
            return
        self.write(offset, bytes(first * BLOCK - offset), False)
        self.write(end * BLOCK, bytes(offset + length - end * BLOCK), False)
        for number in range(first, end) if end - first < len(self.blocks) else [n for n in self.blocks if first <= n < end]:
            self.blocks.pop(number, None)

    write_zeroes = unmap

    def block_status(self, offset: int, length: int) -> tuple[int, bool]:
        first, end = offset // BLOCK, -(-(offset + length) // BLOCK)
        mapped = first in self.blocks
        number = first
        while number < end and (number in self.blocks) == mapped:
            number += 1
        return min(number * BLOCK - offset, length), mapped


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: dictdisk.py SOCKET MEBIBYTES")
    targe.serve(DictDisk(int(sys.argv[2]) << 20), sys.argv[1], "dictdisk 1")
