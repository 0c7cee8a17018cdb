"""Programs that start others of their own, as builds do: all of them end with whoever started them.

    conformance/children.py    shows that they do
"""
from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time

import report
from report import Result

SUITE = "children"
END_LIMIT_S = 10.0


def end_on_signals() -> None:
    """SIGTERM, and SIGHUP of a terminal that is closed, unwind as Ctrl-C does, so that what was started is ended too."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))


def to_end(command: list[str], environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Runs it and takes what it says on either output.

    It has a process group of its own, to which Ctrl-C does not come. Whatever unwinds us ends the group.
    """
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             env=environment, process_group=0)
    try:
        output, _ = child.communicate()
    except BaseException:
        end_group(child)
        raise
    return subprocess.CompletedProcess(command, child.returncode, output, "")


def end_group(child: subprocess.Popen[str]) -> None:
    """SIGTERM and not SIGKILL first: ninja has each compiler in a group of its own, and is the one who can end them."""
    end = time.monotonic() + END_LIMIT_S
    try:
        while signal_group(child, signal.SIGTERM if child.returncode is None else 0) and time.monotonic() < end:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(0.1)
            time.sleep(0.05)
    finally:
        signal_group(child, signal.SIGKILL)
        child.wait()


def signal_group(child: subprocess.Popen[str], number: int) -> bool:
    """False when nobody of it is left."""
    try:
        os.killpg(child.pid, number)
    except ProcessLookupError:
        return False
    return True


# --- Shown with a build like ours: a program that starts ninja, which starts what takes long.

_BUILD = """rule long
  command = echo $$$$ > $out.pid; exec sleep 1000
build one: long
build two: long
"""
# A shell has what it runs in the background ignore SIGINT, which is inherited.
_OURS = ("import signal, sys, children; signal.signal(signal.SIGINT, signal.default_int_handler); "
         "children.end_on_signals(); children.to_end(['sh', '-c', f'ninja -C {sys.argv[1]} -j2; true'])")


def _alive(pid: int) -> bool:
    """A zombie is not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _await_pids(folder: pathlib.Path) -> list[int]:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        texts = [path.read_text().strip() for path in folder.glob("*.pid")]
        if len(texts) == 2 and all(texts):
            return [int(text) for text in texts]
        time.sleep(0.02)
    raise TimeoutError("ninja does not begin")


def _ends_with(number: int) -> None:
    with tempfile.TemporaryDirectory(prefix="targe-children-") as name:
        folder = pathlib.Path(name)
        (folder / "build.ninja").write_text(_BUILD)
        with subprocess.Popen([sys.executable, "-c", _OURS, name], cwd=pathlib.Path(__file__).parent, stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0) as ours:
            pids: list[int] = []
            try:
                pids = _await_pids(folder)
                ours.send_signal(number)
                ours.wait(60)
                # Whoever is ended is gone a little later.
                end = time.monotonic() + 20
                while any(map(_alive, pids)) and time.monotonic() < end:
                    time.sleep(0.02)
                if any(map(_alive, pids)):
                    raise AssertionError("what ninja started is still there")
            finally:
                ours.kill()
                for pid in filter(_alive, pids):
                    os.kill(pid, signal.SIGKILL)


def build_ends_with_sigterm() -> None:
    _ends_with(signal.SIGTERM)


def build_ends_with_ctrl_c() -> None:
    _ends_with(signal.SIGINT)


def build_ends_with_the_terminal() -> None:
    _ends_with(signal.SIGHUP)


def run() -> list[Result]:
    return report.of_each(SUITE, (build_ends_with_sigterm, build_ends_with_ctrl_c, build_ends_with_the_terminal))


if __name__ == "__main__":
    report.finish(run())
