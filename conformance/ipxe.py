"""A machine without disks that starts by iPXE: QEMU under emulation, whose network card has iPXE in its ROM."""
from __future__ import annotations

import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

UEFI = Path("/usr/share/ovmf/OVMF.fd")
ROM = Path("/usr/lib/ipxe/qemu/efi-virtio.rom")  # for a BIOS too
HOST = "10.0.2.2"  # port P there is port P of this machine's 127.0.0.1
LIMIT_S = 240


class Machine:
    """with Machine(script) as machine: … The script is iPXE's, and comes to it by DHCP and TFTP."""

    def __init__(self, script: list[str], *, uefi: bool = False, memory_mib: int = 256) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="targe-boot-"))
        (self.folder / "boot.ipxe").write_text("\n".join(["#!ipxe", *script, ""]))
        self.console_path = self.folder / "console"
        command = ["qemu-system-x86_64", "-accel", "tcg", "-machine", "pc,graphics=off", "-m", str(memory_mib), "-display", "none", "-nodefaults", "-no-reboot",
                   "-netdev", f"user,id=net,tftp={self.folder},bootfile=boot.ipxe", "-device", "virtio-net-pci,netdev=net,bootindex=0",
                   "-serial", f"file:{self.console_path}",
                   "-chardev", "stdio,id=loader,signal=off", "-device", "isa-serial,index=2,chardev=loader"]
        if uefi:
            command += ["-bios", str(UEFI)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.heard = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def console(self) -> str:
        """What the firmware has said."""
        return self.console_path.read_text(errors="replace") if self.console_path.exists() else ""

    def says(self, text: str) -> bool:
        """Whether the firmware does, in the end."""
        end = time.monotonic() + LIMIT_S
        while text not in self.console and time.monotonic() < end and self.process.poll() is None:
            time.sleep(0.1)
        return text in self.console

    def line(self) -> str:
        """The next that the loader says, or why there is none."""
        assert self.process.stdout
        end = time.monotonic() + LIMIT_S
        while b"\n" not in self.heard:
            if not select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))[0]:
                return f"nothing for {LIMIT_S} s; {self.heard!r}; the console: {self.console[-1500:]}"
            if not (more := os.read(self.process.stdout.fileno(), 4096)):
                return f"QEMU has ended: {self.heard!r}"
            self.heard += more
        line, _, self.heard = self.heard.partition(b"\n")
        return line.decode(errors="replace").strip()

    def send(self, line: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{line}\n".encode())
        self.process.stdin.flush()

    def ask(self, line: str) -> str:
        self.send(line)
        return self.line()
