"""Images of discs, made with xorriso: one that boots, and one that only a BD holds."""
from __future__ import annotations

import random
import subprocess
from pathlib import Path

BLOCK = 2048
BD_SESSION = 12_000_000  # a block that no DVD has, near the end of a BD of one layer
BOOTED = "Targe boots"


def boot_sector() -> bytes:
    """Says BOOTED through the first serial port, and stops: cli; ds = 0; si = text; dx = 3F8h; then lodsb, out until a zero; hlt."""
    code = bytes.fromhex("fa 31c0 8ed8 be177c baf803 fc ac 84c0 7403 ee ebf8 f4 ebfd")
    return (code + BOOTED.encode() + b"\0").ljust(BLOCK, b"\0")


def make_iso(path: Path, label: str, dice: random.Random, size: int = 3 << 20) -> dict[str, bytes]:
    """An image with a boot sector and some files; what is in the files."""
    tree = path.with_suffix(".tree")
    tree.mkdir()
    files = {"readme.txt": f"{label}\n".encode(), "data.bin": dice.randbytes(size), "boot.img": boot_sector()}
    for name, content in files.items():
        (tree / name).write_bytes(content)
    subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-r", "-J", "-V", label, "-b", "boot.img", "-no-emul-boot", "-boot-load-size", "4",
                    "-o", str(path), str(tree)], check=True, capture_output=True)
    return files


def make_bd(path: Path, label: str, dice: random.Random) -> bytes:
    """A sparse image that only a BD holds: what its last session has in end.bin. The volume descriptors of that session stand where a
    program looks that knows of no sessions, as they do on discs that are written over."""
    make_iso(path, label, dice)
    end, tree, session = dice.randbytes(3 << 20), path.with_suffix(".last"), path.with_suffix(".session")
    tree.mkdir()
    (tree / "end.bin").write_bytes(end)
    subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-r", "-V", label, "-C", f"0,{BD_SESSION}", "-M", str(path), "-o", str(session), str(tree)],
                   check=True, capture_output=True)
    data = session.read_bytes()
    blocks = BD_SESSION + len(data) // BLOCK
    descriptors = bytearray(data[16 * BLOCK:32 * BLOCK])
    for at in range(0, len(descriptors), BLOCK):
        if descriptors[at] in (1, 2):  # primary, supplementary: how large the volume is, in both orders of bytes
            descriptors[at + 80:at + 88] = blocks.to_bytes(4, "little") + blocks.to_bytes(4, "big")
    with path.open("r+b") as image:
        image.seek(16 * BLOCK)
        image.write(descriptors)
        image.seek(BD_SESSION * BLOCK)
        image.write(data)
    return end
