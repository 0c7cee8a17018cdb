"""Loop devices of our own: block devices over files, made for a benchmark and gone afterwards."""
from __future__ import annotations

import contextlib
import pathlib
import subprocess
from collections.abc import Iterator


class Unavailable(Exception):
    """This machine lets us make no loop device; says why."""


@contextlib.contextmanager
def loop_device(file: pathlib.Path, past_its_cache: bool) -> Iterator[pathlib.Path]:
    """The path of a device of 512-byte blocks over `file`; with `past_its_cache` the kernel opens the file with O_DIRECT."""
    command = ["losetup", "--find", "--show", f"--direct-io={'on' if past_its_cache else 'off'}", str(file)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"losetup does not work: {error}") from error
    if done.returncode != 0:
        raise Unavailable(f"no loop device can be made here: {done.stderr.strip()}")
    device = pathlib.Path(done.stdout.strip())
    try:
        yield device
    finally:
        subprocess.run(["losetup", "--detach", str(device)], check=True, capture_output=True, timeout=60)


def why_not(folder: pathlib.Path) -> str | None:
    """Whether loop devices can be made: tried with a small one over a file in `folder`."""
    probe = folder / "probe.img"
    try:
        with probe.open("wb") as file:
            file.truncate(1 << 20)
        with loop_device(probe, past_its_cache=False) as device:
            return None if device.is_block_device() else f"{device} is not there: make it with mknod, or mount a devtmpfs"
    except (Unavailable, OSError, subprocess.SubprocessError) as error:
        return str(error)
    finally:
        probe.unlink(missing_ok=True)
