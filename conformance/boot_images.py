"""Disks that firmware boots from: a FAT of the loaders of firmware/, for a BIOS and for UEFI, and what those read far into the disk."""
from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

SOURCES = Path(__file__).resolve().parent / "firmware"
PROGRAMS = ("as", "ld", "clang-19", "lld-link-19")
CHUNK = 32 << 10  # that the loaders read at once
_RESERVED = 8 << 10  # of the FAT, for the loader of a BIOS
_CLUSTERS = 256  # few enough for twelve bits each
_PARAMETERS = slice(3, 62)


def missing() -> str:
    """What it takes to build the loaders and is not there."""
    return ", ".join(program for program in PROGRAMS if not shutil.which(program))


def _built(folder: Path) -> tuple[bytes, bytes]:
    """The loaders for a BIOS and for UEFI."""
    bios, efi = folder / "loader.bin", folder / "BOOTX64.EFI"
    for command in (["as", "-o", "loader.o", SOURCES / "loader.s"],
                    ["ld", "-m", "elf_x86_64", "-Ttext", "0x7C00", "--oformat", "binary", "-o", bios, "loader.o"],
                    ["clang-19", "--target=x86_64-unknown-windows", "-ffreestanding", "-fno-stack-protector", "-mno-red-zone", "-O1", "-Wall", "-Werror",
                     "-c", "-o", "efi.o", SOURCES / "loader_efi.c"],
                    ["lld-link-19", "/subsystem:efi_application", "/entry:start", "/nodefaultlib", f"/out:{efi}", "efi.o"]):
        subprocess.run(command, cwd=folder, check=True)
    return bios.read_bytes(), efi.read_bytes()


def _entry(name: str, attributes: int, cluster: int, size: int) -> bytes:
    return name.encode().ljust(11) + bytes([attributes]) + struct.pack("<14xHI", cluster, size)


def _fat12(values: list[int], size: int) -> bytes:
    packed = sum(value << 12 * number for number, value in enumerate(values))
    return packed.to_bytes(size, "little")


def loader_disk(folder: Path, block: int) -> bytes:
    """The beginning of such a disk, of blocks of `block` bytes: a FAT on the whole of it, whose clusters are a block each."""
    bios, efi = _built(folder)
    blocks = -(-len(efi) // block)
    fat_blocks = -(-(_CLUSTERS + 2) * 3 // 2 // block)
    used = [0xFF8, 0xFFF, 0xFFF, 0xFFF, *range(5, 4 + blocks), 0xFFF]
    assert len(used) <= _CLUSTERS
    parameters = struct.pack("<8sHBHBHHBHHHIIBBBI11s8s", b"TARGE", block, 1, _RESERVED // block, 1, block // 32,
                             _RESERVED // block + fat_blocks + 1 + _CLUSTERS, 0xF8, fat_blocks, 63, 255, 0, 0, 0x80, 0, 0x29, 1, b"TARGE BOOTS", b"FAT12   ")
    disk = bytearray(bios)
    disk[_PARAMETERS] = parameters
    disk += _fat12(used, fat_blocks * block)
    for what in (_entry("EFI", 0x10, 2, 0), _entry("BOOT", 0x10, 3, 0), _entry("BOOTX64 EFI", 0, 4, len(efi))):
        disk += what.ljust(block, b"\0")
    return bytes(disk) + efi


def checksum(data: bytes) -> str:
    """As the loaders say it."""
    total = 0
    for (word,) in struct.iter_unpack("<I", data):
        total = ((total << 1 | total >> 31) + word) & 0xFFFFFFFF
    return f"sum {total:08X}"
