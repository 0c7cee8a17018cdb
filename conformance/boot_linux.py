"""Linux, brought by iPXE, whose root file system is on the unit: its initramfs logs in with open-iscsi to what iPXE's iBFT names."""
from __future__ import annotations

import contextlib
import functools
import http.server
import random
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import report
from boot_images import SOURCES
from harness import ROOT
from ipxe import HOST, LIMIT_S, Machine
from report import Result

PACKAGES, MODULES = "open-iscsi,iproute2", "iscsi_tcp,iscsi_ibft,sd_mod,ext4,crc32c_generic"


class _Server(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[str]:
    """Where the machine finds what is in the folder."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Server, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{HOST}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o755)


def _make_initramfs(path: Path, base: Path, folder: Path) -> None:
    """A second archive is laid over the first."""
    _put(folder / "init", (SOURCES / "initramfs.sh").read_bytes())
    ours = subprocess.run(["cpio", "-oH", "newc", "-R", "0:0", "--quiet"], cwd=folder, input=b"init\n", capture_output=True, check=True).stdout
    shutil.copy(base, path)
    with path.open("ab") as file:
        file.write(ours)


def _make_root(image: Path, base: Path, folder: Path, word: str) -> None:
    with base.open("rb") as archive:
        busybox = subprocess.run(["cpio", "-i", "--quiet", "--to-stdout", "*bin/busybox"], stdin=archive, capture_output=True, check=True).stdout
    _put(folder / "bin" / "busybox", busybox)
    _put(folder / "sbin" / "init", (SOURCES / "root.sh").read_bytes())
    _put(folder / "word", word.encode())
    for name in ("dev", "proc"):
        (folder / name).mkdir()
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-L", "targe", "-d", folder, image], check=True)


def run(suite: str, settings: list[str], url: str, image: Path, dice: random.Random) -> list[Result]:
    """`settings`: of iPXE, what it needs to log in to `url`, whose disk is `image`."""
    built = subprocess.run([ROOT / "tools" / "guest-run", "-b", "-p", PACKAGES, "-m", MODULES], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if built.returncode != 0:
        return [report.skipped(suite, "Linux", f"no guest could be built: {built.stderr[-300:].strip()}")]
    kernel, base, command_line = built.stdout.splitlines()
    word = dice.randbytes(8).hex()
    with tempfile.TemporaryDirectory(prefix="targe-boot-") as name:
        folder = Path(name)
        shutil.copy(kernel, folder / "vmlinuz")
        _make_initramfs(folder / "initrd", Path(base), folder / "initramfs")
        _make_root(image, Path(base), folder / "root", word)
        with _served(folder) as at:
            script = [*settings, f"sanhook --drive 0x80 {url}", f"kernel {at}/vmlinuz {command_line}", f"initrd {at}/initrd", "boot"]
            with Machine(script, memory_mib=512) as machine:
                started = machine.says(f"Targe: {word} by /dev/sd")
                if started:
                    machine.process.wait(LIMIT_S)
                console = machine.console
        written = subprocess.run(["debugfs", "-R", "cat /written", image], capture_output=True, text=True).stdout
    return [report.passed(suite, step) if done else report.failed(suite, step, note) for step, done, note in (
        ("Linux: its root file system is on the unit", started, console[-1500:]),
        ("Linux: it writes there", written == word, f"wanted {word!r}, got {written!r}"))]
