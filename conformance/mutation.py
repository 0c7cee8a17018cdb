"""What malformed.py damages: recorded PDUs, and the bytes that they become. All chance comes from the caller's dice."""
from __future__ import annotations

import functools
import random
from collections.abc import Callable, Sequence

from crc32c import digest
from iscsi_client import Pdu

_DATA_SEGMENT_LENGTH = slice(5, 8)
# Fields of four bytes that decide most: LUN, task tag, transfer tag or length, CmdSN, ExpStatSN, DataSN, offset, length.
_WORDS = (8, 12, 16, 20, 24, 28, 32, 36, 40, 44)
_EDGES = (0, 1, 2, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
_data_digest = functools.lru_cache(maxsize=1024)(digest)


def encode(pdu: Pdu, *, header_digest: bool, data_digest: bool) -> bytes:
    """As it goes to the wire. DataSegmentLength is what the header says, be it right or wrong."""
    out = bytes(pdu.header)
    if header_digest:
        out += digest(out)
    if pdu.data:
        padded = pdu.data + bytes(-len(pdu.data) % 4)
        out += padded + (_data_digest(padded) if data_digest else b"")
    return out


def copy_of(pdus: Sequence[Pdu]) -> list[Pdu]:
    return [Pdu(bytearray(pdu.header), pdu.data) for pdu in pdus]


# --- Damage to PDUs: digests are made afterwards, so that what is wrong is met behind them

def _flip_header(pdus: list[Pdu], dice: random.Random) -> None:
    dice.choice(pdus).header[dice.randrange(48)] ^= 1 << dice.randrange(8)


def _set_header_byte(pdus: list[Pdu], dice: random.Random) -> None:
    dice.choice(pdus).header[dice.choice((0, 1, 2, 4, dice.randrange(48)))] = dice.randrange(256)


def _set_header_word(pdus: list[Pdu], dice: random.Random) -> None:
    at = dice.choice(_WORDS)
    value = dice.choice((*_EDGES, dice.getrandbits(32)))
    dice.choice(pdus).header[at:at + 4] = value.to_bytes(4, "big")


def _lie_about_length(pdus: list[Pdu], dice: random.Random) -> None:
    pdu = dice.choice(pdus)
    length = dice.choice((0, 1, len(pdu.data) + 1, max(0, len(pdu.data) - 1), len(pdu.data) + 4, 8193, 262145, 0xFFFFFF, dice.getrandbits(24)))
    pdu.header[_DATA_SEGMENT_LENGTH] = length.to_bytes(3, "big")


def _lie_about_additional_headers(pdus: list[Pdu], dice: random.Random) -> None:
    dice.choice(pdus).header[4] = dice.choice((1, 2, 255, dice.randrange(256)))


def _change_data(pdus: list[Pdu], dice: random.Random) -> None:
    pdu = dice.choice(pdus)
    if pdu.data:
        data = bytearray(pdu.data)
        for _ in range(dice.randint(1, 4)):
            data[dice.randrange(len(data))] = dice.choice((0, 0xFF, 0x3D, 0x2C, dice.randrange(256)))  # NUL, "=" and "," rule text
        pdu.data = bytes(data)


def _resize_data(pdus: list[Pdu], dice: random.Random) -> None:
    pdu = dice.choice(pdus)
    size = dice.choice((0, 1, len(pdu.data) // 2, len(pdu.data) + 1, 2 * len(pdu.data), 9000))
    pdu.data = (pdu.data * 2 + bytes(9000))[:size]
    pdu.header[_DATA_SEGMENT_LENGTH] = size.to_bytes(3, "big")


def _double(pdus: list[Pdu], dice: random.Random) -> None:
    pdu = dice.choice(pdus)
    copies = copy_of([pdu] * dice.choice((1, 1, 2, 20)))
    at = dice.randrange(len(pdus) + 1)
    pdus[at:at] = copies


def _drop(pdus: list[Pdu], dice: random.Random) -> None:
    if len(pdus) > 1:
        del pdus[dice.randrange(len(pdus))]


def _swap(pdus: list[Pdu], dice: random.Random) -> None:
    one, other = dice.randrange(len(pdus)), dice.randrange(len(pdus))
    pdus[one], pdus[other] = pdus[other], pdus[one]


# --- Damage to the stream: what a broken initiator, or no initiator at all, sends

def _flip_bits(stream: bytearray, dice: random.Random) -> None:
    for _ in range(dice.randint(1, 8)):
        stream[dice.randrange(len(stream))] ^= 1 << dice.randrange(8)


def _change_bytes(stream: bytearray, dice: random.Random) -> None:
    at = dice.randrange(len(stream))
    size = min(len(stream) - at, dice.choice((1, 2, 4, 48)))
    stream[at:at + size] = dice.randbytes(size) if dice.random() < 0.5 else bytes([dice.choice((0, 0xFF))]) * size


def _cut(stream: bytearray, dice: random.Random) -> None:
    del stream[dice.randrange(1, len(stream) + 1):]


def _remove(stream: bytearray, dice: random.Random) -> None:
    at = dice.randrange(len(stream))
    del stream[at:at + dice.choice((1, 4, 48, dice.randrange(1, 400)))]


def _repeat(stream: bytearray, dice: random.Random) -> None:
    at = dice.randrange(len(stream))
    piece = stream[at:at + dice.randrange(1, 400)]
    to = dice.randrange(len(stream) + 1)
    stream[to:to] = piece


_OF_PDUS: tuple[Callable[[list[Pdu], random.Random], None], ...] = (
    _flip_header, _set_header_byte, _set_header_word, _set_header_word, _lie_about_length, _lie_about_additional_headers,
    _change_data, _resize_data, _double, _drop, _swap)
_OF_STREAM: tuple[Callable[[bytearray, random.Random], None], ...] = (_flip_bits, _change_bytes, _cut, _cut, _remove, _repeat)


def damaged(pdus: Sequence[Pdu], dice: random.Random, *, header_digest: bool = False, data_digest: bool = False) -> bytes:
    """The stream of `pdus` after one to three accidents, of the PDUs in two cases of three, of the stream otherwise."""
    victims = copy_of(pdus)
    to_pdus = dice.random() < 0.67
    accidents = dice.randint(1, 3)
    if to_pdus:
        for _ in range(accidents):
            dice.choice(_OF_PDUS)(victims, dice)
    stream = bytearray(b"".join(encode(pdu, header_digest=header_digest, data_digest=data_digest) for pdu in victims))
    if not to_pdus or dice.random() < 0.2:
        for _ in range(accidents):
            if stream:
                dice.choice(_OF_STREAM)(stream, dice)
    return bytes(stream)
