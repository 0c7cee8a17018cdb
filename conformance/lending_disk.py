"""A disk in memory, which is lent: lending_disk.py SOCKET MEBIBYTES. Reads are sent from there."""
import sys

import targe


class LendingDisk(targe.Disk):
    def __init__(self, size: int) -> None:
        self.size = self.lends = size

    def read(self, offset: int, length: int) -> targe.Lent:
        return targe.Lent(offset)

    def write(self, offset: int, data: bytes, durable: bool) -> None:
        self.memory[offset:offset + len(data)] = data


targe.serve(LendingDisk(int(sys.argv[2]) << 20), sys.argv[1], "lending 1")
