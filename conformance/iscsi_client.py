"""An iSCSI initiator in plain Python: slow, single-minded, and ready to send what no real initiator would.

One session of one connection. Commands may be many at once: submit() them and collect() the answers.
"""
from __future__ import annotations

import dataclasses
import hashlib
import os
import socket
import struct
import time
from typing import Self

from crc32c import digest

NOP_OUT, SCSI_COMMAND, TASK_REQUEST, LOGIN, TEXT, DATA_OUT, LOGOUT = 0, 1, 2, 3, 4, 5, 6
NOP_IN, SCSI_RESPONSE, TASK_RESPONSE, LOGIN_RESPONSE, TEXT_RESPONSE, DATA_IN, LOGOUT_RESPONSE = 0x20, 0x21, 0x22, 0x23, 0x24, 0x25, 0x26
R2T, ASYNC_MESSAGE, REJECT = 0x31, 0x32, 0x3F
NO_TAG = 0xFFFFFFFF
GOOD, CHECK_CONDITION = 0, 2


class ProtocolError(Exception):
    """The target said what the protocol does not allow here, or closed the connection."""


@dataclasses.dataclass
class Pdu:
    header: bytearray
    data: bytes = b""

    @property
    def opcode(self) -> int:
        return self.header[0] & 0x3F

    @property
    def tag(self) -> int:
        return int.from_bytes(self.header[16:20], "big")

    def word(self, at: int) -> int:
        return int.from_bytes(self.header[at:at + 4], "big")


@dataclasses.dataclass
class Task:
    """A command that was sent, and what came back."""
    tag: int
    lun: int
    data_out: bytes
    cdb: bytes
    data_in: bytearray = dataclasses.field(default_factory=bytearray)
    status: int | None = None
    sense: bytes = b""
    response: int = 0
    residual: int = 0

    @property
    def good(self) -> bool:
        return self.response == 0 and self.status == GOOD

    @property
    def sense_triple(self) -> tuple[int, int, int]:
        """Key, ASC, ASCQ of fixed or descriptor sense."""
        if len(self.sense) < 8:
            return (0, 0, 0)
        if self.sense[0] & 0x7F in (0x72, 0x73):
            return (self.sense[1] & 0xF, self.sense[2], self.sense[3])
        return (self.sense[2] & 0xF, self.sense[12], self.sense[13])


def lun_bytes(lun: int) -> bytes:
    return struct.pack(">H6x", lun if lun < 256 else 0x4000 | lun)


class Session:
    """with Session(port, target) as session: print(session.command(INQUIRY, read=96).data_in)"""

    def __init__(self, port: int, target: str | None, *, address: str = "127.0.0.1", initiator: str = "iqn.2026-11.io.targe:test",
                 isid: int = 1, user: tuple[str, str] | None = None, digests: bool = False, keys: dict[str, str] | None = None,
                 timeout: float = 30.0, handle: int = 0) -> None:
        self.initiator, self.target, self.isid, self.user = initiator, target, isid, user
        self.handle = handle  # TSIH: of a session that is to go on over this connection, and after the login of ours
        self.header_digest = self.data_digest = False
        self.want_digests = digests
        self.keys = keys or {}
        self.negotiated: dict[str, str] = {}
        self.cmd_sn, self.exp_stat_sn, self.next_tag, self.max_cmd_sn = 1, 0, 1, 1
        self.tasks: dict[int, Task] = {}
        self.holds_data_out = False
        self.asked: list[Pdu] = []  # R2Ts that wait for release_data_out()
        self.others: list[Pdu] = []  # what came unasked: asynchronous messages, rejects
        self.limit, self.heard = timeout, time.monotonic()
        self.socket = socket.create_connection((address, port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.input = self.socket.makefile("rb", buffering=1 << 18)
        try:
            self.login()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.logout()
        self.close()

    def close(self) -> None:
        self.input.close()
        self.socket.close()

    # --- PDUs

    def send(self, header: bytearray, data: bytes = b"") -> None:
        header[5:8] = len(data).to_bytes(3, "big")
        out = bytes(header)
        if self.header_digest:
            out += digest(out)
        if data:
            padded = data + bytes(-len(data) % 4)
            out += padded + (digest(padded) if self.data_digest else b"")
        self.heard = time.monotonic()
        self.socket.sendall(out)

    def _read(self, size: int) -> bytes:
        data = self.input.read(size)
        if len(data) != size:
            raise ProtocolError("the target closed the connection")
        return data

    def receive(self) -> Pdu:
        header = self._read(48)
        ahs = self._read(4 * header[4])
        if self.header_digest and self._read(4) != digest(header + ahs):
            raise ProtocolError("wrong header digest")
        size = int.from_bytes(header[5:8], "big")
        data = self._read(size + -size % 4)
        if size and self.data_digest and self._read(4) != digest(data):
            raise ProtocolError("wrong data digest")
        pdu = Pdu(bytearray(header), data[:size])
        self._bound_silence(pdu)
        if pdu.opcode != DATA_IN or header[1] & 1:
            if pdu.opcode not in (R2T,) and not (pdu.opcode == NOP_IN and pdu.tag == NO_TAG):
                self.exp_stat_sn = (pdu.word(24) + 1) & 0xFFFFFFFF
            self.max_cmd_sn = pdu.word(32)
        return pdu

    def _bound_silence(self, pdu: Pdu) -> None:
        """A target that pings and answers nothing else is as silent as one that sends nothing."""
        if pdu.opcode != NOP_IN or pdu.tag != NO_TAG:
            self.heard = time.monotonic()
        elif self.limit and time.monotonic() - self.heard > self.limit:
            waits = ", ".join(f"{task.cdb.hex()} at LUN {task.lun}" for task in self.tasks.values())
            raise TimeoutError(f"for {self.limit:g} s nothing but pings has come; under way: {waits or 'no command'}")

    def header(self, opcode: int, flags: int, *, immediate: bool = False, tag: int | None = None, lun: int = 0) -> bytearray:
        header = bytearray(48)
        header[0] = opcode | (0x40 if immediate else 0)
        header[1] = flags
        header[8:16] = lun_bytes(lun)
        if tag is None:
            tag = self.next_tag
            self.next_tag = self.next_tag % 0x7FFFFFFF + 1
        struct.pack_into(">I", header, 16, tag)
        struct.pack_into(">II", header, 24, self.cmd_sn, self.exp_stat_sn)
        if not immediate and opcode in (SCSI_COMMAND, TASK_REQUEST, TEXT, LOGOUT, NOP_OUT):
            self.cmd_sn = (self.cmd_sn + 1) & 0xFFFFFFFF
        return header

    # --- Login

    def login(self) -> None:
        names = {"InitiatorName": self.initiator, "SessionType": "Normal" if self.target else "Discovery"}
        if self.target:
            names["TargetName"] = self.target
        names["AuthMethod"] = "CHAP" if self.user else "None"
        answer = self._login_step(0, 0 if self.user else 1, names)
        if self.user:
            answer = self._login_step(0, 0, {"CHAP_A": "5"})
            answer = self._login_step(0, 1, self._chap(answer))
        choice = "CRC32C" if self.want_digests else "None"
        asked = {"HeaderDigest": choice, "DataDigest": choice, "MaxRecvDataSegmentLength": "262144", "MaxBurstLength": "262144",
                 "FirstBurstLength": "65536", "InitialR2T": "Yes", "ImmediateData": "Yes", "MaxOutstandingR2T": "1",
                 "DefaultTime2Wait": "0", "DefaultTime2Retain": "0", "ErrorRecoveryLevel": "0"} | self.keys
        if not self.target or self.handle:
            asked = {key: value for key, value in asked.items() if key in ("HeaderDigest", "DataDigest", "MaxRecvDataSegmentLength")}
        declared = {"MaxRecvDataSegmentLength": "8192"}  # what a target takes that does not say
        self.negotiated = asked | declared | self._login_step(1, 3, asked)
        self.header_digest = self.negotiated["HeaderDigest"] == "CRC32C"
        self.data_digest = self.negotiated["DataDigest"] == "CRC32C"

    def _login_step(self, stage: int, following: int, keys: dict[str, str]) -> dict[str, str]:
        transit = following > stage
        header = self.header(LOGIN, (0x80 if transit else 0) | stage << 2 | (following if transit else 0), immediate=True, tag=0)
        header[8:14] = b"\x80" + self.isid.to_bytes(5, "big")
        header[14:16] = self.handle.to_bytes(2, "big")
        self.send(header, "".join(f"{key}={value}\0" for key, value in keys.items()).encode())
        text = b""
        while True:
            pdu = self.receive()
            if pdu.opcode != LOGIN_RESPONSE or pdu.header[36]:
                raise ProtocolError(f"login refused: opcode {pdu.opcode:#x}, status {pdu.header[36]:02x}{pdu.header[37]:02x}")
            text += pdu.data
            if not pdu.header[1] & 0x40:  # C: more text follows
                break
            self.send(self.header(LOGIN, stage << 2, immediate=True, tag=0))
        if transit and not pdu.header[1] & 0x80:
            return self._parse(text) | self._login_step(stage, following, {})
        if following == 3:
            self.handle = int.from_bytes(pdu.header[14:16], "big")
        return self._parse(text)

    @staticmethod
    def _parse(text: bytes) -> dict[str, str]:
        pairs = (item.decode().partition("=") for item in text.split(b"\0") if item)
        return {key: value for key, _, value in pairs}

    def _chap(self, asked: dict[str, str]) -> dict[str, str]:
        assert self.user
        challenge = bytes.fromhex(asked["CHAP_C"][2:])
        secret = hashlib.md5(bytes([int(asked["CHAP_I"])]) + self.user[1].encode() + challenge)
        return {"CHAP_N": self.user[0], "CHAP_R": "0x" + secret.hexdigest()}

    def logout(self) -> None:
        self.send(self.header(LOGOUT, 0x80))
        while self.receive().opcode != LOGOUT_RESPONSE:
            pass

    # --- Commands

    def submit(self, cdb: bytes, *, data: bytes = b"", read: int = 0, lun: int = 0, attribute: int = 1) -> Task:
        """Sends a command. Data-out goes immediately as far as the first burst allows, the rest as the target asks."""
        first = min(len(data), int(self.negotiated["FirstBurstLength"]), int(self.negotiated["MaxRecvDataSegmentLength"]))
        if self.negotiated["ImmediateData"] != "Yes":
            first = 0
        header = self.header(SCSI_COMMAND, 0x80 | (0x40 if read else 0) | (0x20 if data else 0) | attribute, lun=lun)
        struct.pack_into(">I", header, 20, len(data) or read)
        header[32:48] = cdb.ljust(16, b"\0")
        task = Task(int.from_bytes(header[16:20], "big"), lun, data, cdb)
        self.tasks[task.tag] = task
        self.send(header, data[:first])
        return task

    def collect(self) -> Task | None:
        """Takes one PDU; the task that it ended, if it did."""
        pdu = self.receive()
        if pdu.opcode == R2T and self.holds_data_out:
            self.asked.append(pdu)
        elif pdu.opcode == R2T:
            self._send_data_out(pdu)
        elif pdu.opcode == NOP_IN and pdu.word(20) != NO_TAG:
            reply = self.header(NOP_OUT, 0x80, immediate=True, tag=NO_TAG)
            reply[20:24] = pdu.header[20:24]
            heard = self.heard
            self.send(reply)
            self.heard = heard
        elif pdu.opcode == DATA_IN:
            task = self.tasks[pdu.tag]
            offset = pdu.word(40)
            task.data_in.extend(bytes(max(0, offset + len(pdu.data) - len(task.data_in))))
            task.data_in[offset:offset + len(pdu.data)] = pdu.data
            if pdu.header[1] & 1:
                return self._end(pdu, pdu.header[3])
        elif pdu.opcode == SCSI_RESPONSE:
            task = self.tasks[pdu.tag]
            task.response = pdu.header[2]
            if len(pdu.data) >= 2:
                task.sense = pdu.data[2:2 + int.from_bytes(pdu.data[:2], "big")]
            return self._end(pdu, pdu.header[3])
        else:
            self.others.append(pdu)
        return None

    def collect_end(self) -> Task:
        """Takes what comes until a task ends, and sends no data meanwhile: release_data_out() does."""
        self.holds_data_out = True
        while (task := self.collect()) is None:
            pass
        return task

    def release_data_out(self) -> None:
        """Sends what was asked for, and waits until every task has ended."""
        self.holds_data_out = False
        for r2t in self.asked:
            self._send_data_out(r2t)
        self.asked = []
        while self.tasks:
            self.collect()

    def _end(self, pdu: Pdu, status: int) -> Task:
        task = self.tasks.pop(pdu.tag)
        task.status = status
        if pdu.header[1] & 0x06:
            task.residual = pdu.word(44)
        return task

    def _send_data_out(self, r2t: Pdu) -> None:
        task = self.tasks[r2t.tag]
        offset, wanted, number = r2t.word(40), r2t.word(44), 0
        piece = int(self.negotiated["MaxRecvDataSegmentLength"])
        while wanted:
            size = min(wanted, piece)
            wanted -= size
            header = self.header(DATA_OUT, 0 if wanted else 0x80, tag=task.tag, lun=task.lun)
            header[20:24] = r2t.header[20:24]
            struct.pack_into(">I", header, 24, 0)
            struct.pack_into(">II", header, 36, number, offset)
            self.send(header, task.data_out[offset:offset + size])
            number, offset = number + 1, offset + size

    def command(self, cdb: bytes, *, data: bytes = b"", read: int = 0, lun: int = 0) -> Task:
        """One command, alone, to its end; a unit attention is taken note of by trying again."""
        for _ in range(5):
            task = self.submit(cdb, data=data, read=read, lun=lun)
            while task.status is None:
                self.collect()
            if task.status != CHECK_CONDITION or task.sense_triple[0] != 6:
                return task
        return task

    def manage(self, function: int, *, lun: int = 0, tag: int = NO_TAG) -> int:
        """A task management function; its response."""
        header = self.header(TASK_REQUEST, 0x80 | function, immediate=True, lun=lun)
        struct.pack_into(">I", header, 20, tag)
        struct.pack_into(">I", header, 32, self.cmd_sn)
        self.send(header)
        while (pdu := self.receive()).opcode != TASK_RESPONSE:
            self.others.append(pdu)
        return pdu.header[2]

    def text(self, keys: str) -> str:
        """A text request of one PDU; keys are separated by newlines on both sides."""
        header = self.header(TEXT, 0x80)
        struct.pack_into(">I", header, 20, NO_TAG)
        self.send(header, b"".join(line.encode() + b"\0" for line in keys.splitlines()))
        while (pdu := self.receive()).opcode != TEXT_RESPONSE:
            self.others.append(pdu)
        return pdu.data.decode().replace("\0", "\n")


def read16(lba: int, blocks: int) -> bytes:
    return struct.pack(">BBQIBB", 0x88, 0, lba, blocks, 0, 0)


def write16(lba: int, blocks: int, *, fua: bool = False) -> bytes:
    return struct.pack(">BBQIBB", 0x8A, 8 if fua else 0, lba, blocks, 0, 0)


SYNCHRONIZE_CACHE = bytes([0x35]) + bytes(9)
TEST_UNIT_READY = bytes(6)


def inquiry(page: int | None = None, length: int = 255) -> bytes:
    return bytes([0x12, 0 if page is None else 1, page or 0]) + length.to_bytes(2, "big") + b"\0"


def random_isid() -> int:
    return int.from_bytes(os.urandom(5), "big")
