"""A vhost-user-scsi back end for QEMU: a guest sees SCSI units that this process answers for. For tests of device servers.

One initiator, one request queue, one command at a time. What targed does for a handler is done here: REPORT LUNS, REQUEST SENSE,
standard INQUIRY and VPD pages 00h, 80h and 83h, RESERVE and RELEASE, and the queue of unit attentions.
"""
from __future__ import annotations

import dataclasses
import mmap
import os
import pathlib
import selectors
import socket
import struct
import threading
from collections.abc import Callable

GET_FEATURES, SET_FEATURES, SET_OWNER, SET_MEM_TABLE, SET_VRING_NUM, SET_VRING_ADDR, SET_VRING_BASE, GET_VRING_BASE = 1, 2, 3, 5, 8, 9, 10, 11
SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ERR, GET_PROTOCOL_FEATURES, SET_PROTOCOL_FEATURES, GET_QUEUE_NUM, SET_VRING_ENABLE = 12, 13, 14, 15, 16, 17, 18
VERSION_1, PROTOCOL_FEATURES = 1 << 32, 1 << 30
MQ, REPLY_ACK = 1 << 0, 1 << 3
NEED_REPLY, IS_REPLY = 8, 4
NEXT, WRITE = 1, 2  # of a descriptor
REQUEST_BYTES, RESPONSE_BYTES = 51, 108
FIRST_REQUEST_QUEUE = 2
GOOD, CHECK_CONDITION = 0, 2
BAD_TARGET = 3


@dataclasses.dataclass
class Answer:
    status: int = GOOD
    sense: bytes = b""
    data: bytes = b""


@dataclasses.dataclass
class Unit:
    """A logical unit. `execute` gets CDB, data-out and the room for data-in."""
    peripheral_type: int
    vendor: str
    product: str
    revision: str
    serial: str
    vpd_pages: tuple[int, ...]
    execute: Callable[[bytes, bytes, int], Answer]
    attentions: list[int] = dataclasses.field(default_factory=lambda: [0x2900])


def sense(key: int, code: int) -> bytes:
    return bytes([0x70, 0, key, 0, 0, 0, 0, 10, 0, 0, 0, 0, code >> 8, code & 0xFF, 0, 0, 0, 0])


def check(key: int, code: int) -> Answer:
    return Answer(CHECK_CONDITION, sense(key, code))


def inquiry(unit: Unit | None, cdb: bytes) -> Answer | None:
    """Or nothing, where it is a VPD page of the unit's own."""
    allocation = cdb[3] << 8 | cdb[4]
    if unit is None:
        return Answer(data=(bytes([0x7F, 0, 6, 2, 31]) + bytes(31))[:allocation])
    if cdb[1] & 1 == 0:
        data = bytes([unit.peripheral_type, 0x80, 6, 2, 31, 0, 0, 2]) + unit.vendor.ljust(8).encode() + unit.product.ljust(16).encode()
        return Answer(data=(data + unit.revision.ljust(4).encode())[:allocation])
    pages = {0x00: bytes(sorted({0x00, 0x80, 0x83, *unit.vpd_pages})), 0x80: unit.serial.encode()}
    name = unit.vendor.ljust(8).encode() + unit.product.ljust(16).encode() + unit.serial.encode()
    pages[0x83] = bytes([2, 1, 0, len(name)]) + name
    if cdb[2] not in pages:
        return None
    data = bytes([unit.peripheral_type, cdb[2]]) + struct.pack(">H", len(pages[cdb[2]])) + pages[cdb[2]]
    return Answer(data=data[:allocation])


def report_luns(units: dict[int, Unit], cdb: bytes) -> Answer:
    luns = b"".join(struct.pack(">H6x", lun) for lun in sorted(units))
    return Answer(data=(struct.pack(">I4x", len(luns)) + luns)[: int.from_bytes(cdb[6:10], "big")])


def execute(units: dict[int, Unit], lun: int, cdb: bytes, data_out: bytes, room: int) -> Answer:
    unit = units.get(lun)
    if cdb[0] == 0xA0:
        return report_luns(units, cdb)
    if cdb[0] == 0x12:
        return inquiry(unit, cdb) or unit.execute(cdb, data_out, room)  # type: ignore[union-attr]
    if unit is None:
        return check(5, 0x2500)
    if cdb[0] == 0x03:
        return Answer(data=(sense(6, unit.attentions.pop(0)) if unit.attentions else sense(0, 0))[: cdb[4]])
    if unit.attentions:
        return check(6, unit.attentions.pop(0))
    if cdb[0] in (0x16, 0x17, 0x56, 0x57):
        return Answer()
    return unit.execute(cdb, data_out, room)


class Memory:
    """The guest's, in regions."""

    def __init__(self) -> None:
        self.regions: list[tuple[int, int, int, int, mmap.mmap]] = []  # guest address, size, QEMU's address, offset, bytes

    def set_table(self, payload: bytes, fds: list[int]) -> None:
        self.regions = []
        count = struct.unpack_from("<I", payload)[0]
        for i in range(count):
            guest, size, user, offset = struct.unpack_from("<QQQQ", payload, 8 + 32 * i)
            self.regions.append((guest, size, user, offset, mmap.mmap(fds[i], size + offset)))
            os.close(fds[i])

    def at(self, address: int, by_user: bool = False) -> tuple[mmap.mmap, int]:
        for guest, size, user, offset, data in self.regions:
            base = user if by_user else guest
            if base <= address < base + size:
                return data, address - base + offset
        raise ValueError(f"no memory at {address:#x}")

    def read(self, address: int, size: int) -> bytes:
        data, at = self.at(address)
        return data[at : at + size]

    def write(self, address: int, content: bytes) -> None:
        data, at = self.at(address)
        data[at : at + len(content)] = content


class Queue:
    def __init__(self) -> None:
        self.size, self.next, self.enabled = 0, 0, False
        self.addresses: tuple[int, int, int] | None = None  # QEMU's: descriptors, used, available
        self.kick = self.call = -1

    def take(self, memory: Memory) -> tuple[int, list[tuple[int, int, int]]] | None:
        """Head and descriptors (address, length, flags) of the next request."""
        if self.addresses is None or self.size == 0:
            return None
        table, at = memory.at(self.addresses[0], True)
        available, ring = memory.at(self.addresses[2], True)
        if struct.unpack_from("<H", available, ring + 2)[0] == self.next:
            return None
        head = struct.unpack_from("<H", available, ring + 4 + 2 * (self.next % self.size))[0]
        self.next = (self.next + 1) & 0xFFFF
        chain, index = [], head
        while len(chain) <= self.size:
            address, length, flags, following = struct.unpack_from("<QIHH", table, at + 16 * index)
            chain.append((address, length, flags))
            if not flags & NEXT:
                break
            index = following
        return head, chain

    def give(self, memory: Memory, head: int, written: int) -> None:
        assert self.addresses
        used, ring = memory.at(self.addresses[1], True)
        index = struct.unpack_from("<H", used, ring + 2)[0]
        struct.pack_into("<II", used, ring + 4 + 8 * (index % self.size), head, written)
        struct.pack_into("<H", used, ring + 2, (index + 1) & 0xFFFF)
        if self.call >= 0:
            os.write(self.call, struct.pack("<Q", 1))


class Backend(threading.Thread):
    """Serves one QEMU at `path` from start() until it goes. `trace` gets each CDB and what came of it."""

    def __init__(self, path: pathlib.Path, units: dict[int, Unit], trace: Callable[[int, bytes, Answer], None] | None = None) -> None:
        super().__init__(daemon=True)
        self.units, self.trace = units, trace
        self.memory, self.queues = Memory(), {i: Queue() for i in range(FIRST_REQUEST_QUEUE + 1)}
        self.listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listener.bind(str(path))
        self.listener.listen(1)
        self.trouble: Exception | None = None
        self.selector = selectors.DefaultSelector()

    def run(self) -> None:
        try:
            connection, _ = self.listener.accept()
            with connection:
                self.selector.register(connection, selectors.EVENT_READ, None)
                while True:
                    for key, _ in self.selector.select():
                        if key.data is not None:
                            self.kicked(key.data)
                        elif not self.message(connection):
                            return
        except OSError as error:
            self.trouble = error
        finally:
            self.listener.close()

    def message(self, connection: socket.socket) -> bool:
        header, fds, _, _ = socket.recv_fds(connection, 12, 16)
        if len(header) < 12:
            return False
        request, flags, size = struct.unpack("<III", header)
        payload = b""
        while len(payload) < size:
            payload += connection.recv(size - len(payload))
        reply = self.handle(request, payload, list(fds))
        if reply is None and flags & NEED_REPLY:
            reply = struct.pack("<Q", 0)
        if reply is not None:
            connection.sendall(struct.pack("<III", request, 1 | IS_REPLY, len(reply)) + reply)
        return True

    def handle(self, request: int, payload: bytes, fds: list[int]) -> bytes | None:
        if request == GET_FEATURES:
            return struct.pack("<Q", VERSION_1 | PROTOCOL_FEATURES)
        if request == GET_PROTOCOL_FEATURES:
            return struct.pack("<Q", MQ | REPLY_ACK)
        if request == GET_QUEUE_NUM:
            return struct.pack("<Q", len(self.queues))
        if request == SET_MEM_TABLE:
            self.memory.set_table(payload, fds)
        elif request in (SET_VRING_NUM, SET_VRING_BASE, SET_VRING_ENABLE, GET_VRING_BASE):
            return self.set_queue(request, *struct.unpack_from("<II", payload))
        elif request == SET_VRING_ADDR:
            index, _, table, used, available = struct.unpack_from("<IIQQQ", payload)
            self.queues[index].addresses = (table, used, available)
        elif request in (SET_VRING_KICK, SET_VRING_CALL, SET_VRING_ERR):
            self.set_descriptor(request, struct.unpack("<Q", payload)[0], fds)
        return None

    def set_queue(self, request: int, index: int, value: int) -> bytes | None:
        queue = self.queues[index]
        if request == SET_VRING_NUM:
            queue.size = value
        elif request == SET_VRING_BASE:
            queue.next = value
        elif request == SET_VRING_ENABLE:
            queue.enabled = bool(value)
        else:
            self.forget_kick(queue)
            return struct.pack("<II", index, queue.next)
        return None

    def forget_kick(self, queue: Queue) -> None:
        if queue.kick >= 0:
            self.selector.unregister(queue.kick)
            os.close(queue.kick)
            queue.kick = -1

    def set_descriptor(self, request: int, which: int, fds: list[int]) -> None:
        queue, fd = self.queues[which & 0xFF], fds[0] if fds else -1
        if request == SET_VRING_KICK:
            self.forget_kick(queue)
            queue.kick = fd
            if fd >= 0:
                self.selector.register(fd, selectors.EVENT_READ, which & 0xFF)
        elif request == SET_VRING_CALL:
            queue.call = fd

    def kicked(self, index: int) -> None:
        queue = self.queues[index]
        try:
            os.read(queue.kick, 8)
        except BlockingIOError:
            pass
        while (request := queue.take(self.memory)) is not None if index != 1 else False:
            head, chain = request
            queue.give(self.memory, head, self.serve(chain) if index >= FIRST_REQUEST_QUEUE else self.manage(chain))

    def manage(self, chain: list[tuple[int, int, int]]) -> int:
        """Task management: nothing is ever under way, so every function is complete."""
        address, length, _ = chain[-1]
        self.memory.write(address, bytes(length))
        return length

    def serve(self, chain: list[tuple[int, int, int]]) -> int:
        sent = b"".join(self.memory.read(address, length) for address, length, flags in chain if not flags & WRITE)
        room = [(address, length) for address, length, flags in chain if flags & WRITE]
        header, data_out = sent[:REQUEST_BYTES], sent[REQUEST_BYTES:]
        cdb = header[19:51]
        space = sum(length for _, length in room) - RESPONSE_BYTES
        response = BAD_TARGET if header[1] != 0 else 0
        lun = (header[2] << 8 | header[3]) & 0x3FFF
        answer = Answer() if response else execute(self.units, lun, cdb, data_out, space)
        if self.trace and not response:
            self.trace(lun, cdb, answer)
        moved = len(answer.data) + len(data_out)
        head = struct.pack("<IIHBB", len(answer.sense), max(space + len(data_out) - moved, 0), 0, answer.status, response)
        self.scatter(room, (head + answer.sense).ljust(RESPONSE_BYTES, b"\0") + answer.data)
        return RESPONSE_BYTES + len(answer.data)

    def scatter(self, room: list[tuple[int, int]], content: bytes) -> None:
        for address, length in room:
            self.memory.write(address, content[:length])
            content = content[length:]
