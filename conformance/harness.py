"""Runs targed for a test: own folder, free ports, READY awaited, logs kept, a clean end insisted on."""
from __future__ import annotations

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from typing import Self

from setup import Setup, Target, configuration, device_path, size_bytes, with_ports

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAMS = pathlib.Path(os.environ.get("TARGE_PROGRAMS", ROOT / "build" / "release" / "bin"))
READY_LIMIT_S = 60.0
STOP_LIMIT_S = 60.0
# What no daemon may say of itself: a sanitizer's finding, a failed assertion, a leak found at shutdown.
_BAD_LOG = re.compile(r"ERROR: AddressSanitizer|WARNING: ThreadSanitizer|runtime error:|LeakSanitizer|this cannot happen|\bleak", re.IGNORECASE)
_NO_LEAK = re.compile(r"no leaks?|0 leaks?|nothing leaked", re.IGNORECASE)


class DaemonError(Exception):
    """targed did something that no test asked for."""


class Targed:
    """with Targed(setup) as targed: … The process is stopped by SIGTERM at the end and must leave with status 0."""

    def __init__(self, setup: Setup, folder: pathlib.Path | None = None, programs: pathlib.Path = PROGRAMS,
                 prefix: tuple[str, ...] = ()) -> None:
        self.setup = with_ports(setup)
        self.programs = programs
        self.prefix = prefix
        self.own_folder = folder is None
        self.folder = folder or pathlib.Path(tempfile.mkdtemp(prefix="targe-test-"))
        self.process: subprocess.Popen[bytes] | None = None
        self.start_seconds = 0.0
        self.log_path = self.folder / "targed.log"
        self.config_path = self.folder / "targe.toml"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.stop()
            else:
                self.kill()
        finally:
            if self.own_folder and kind is None and not os.environ.get("TARGE_KEEP"):
                shutil.rmtree(self.folder, ignore_errors=True)
            elif self.own_folder and kind is not None:
                print(f"kept for whoever looks: {self.folder}")

    def start(self) -> None:
        self.config_path.write_text(configuration(self.setup, self.folder))
        self._make_read_only_images()
        notify_path = self.folder / "notify.sock"
        notify_path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(str(notify_path))
            notify.settimeout(0.05)
            environment = {**os.environ, "NOTIFY_SOCKET": str(notify_path), "ASAN_OPTIONS": "detect_leaks=1"}
            begin = time.monotonic()
            with self.log_path.open("ab") as log:
                self.process = subprocess.Popen([*self.prefix, self.programs / "targed", "--config", self.config_path],
                                                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment)
            self._await_ready(notify, begin)
        self.start_seconds = time.monotonic() - begin

    def _make_read_only_images(self) -> None:
        """targed makes a file that is missing, but not one that nobody could write to."""
        for device in self.setup.devices:
            path = device_path(self.folder, device)
            if device.handler == "file" and device.read_only and not path.exists():
                with path.open("wb") as file:
                    file.truncate(size_bytes(device.size))

    def _await_ready(self, notify: socket.socket, begin: float) -> None:
        assert self.process
        while True:
            try:
                if b"READY=1" in notify.recv(4096).split(b"\n"):
                    return
            except TimeoutError:
                pass
            if self.process.poll() is not None:
                raise DaemonError(f"targed left with status {self.process.returncode} before it was ready:\n{self.log()[-3000:]}")
            if time.monotonic() - begin > READY_LIMIT_S:
                self.kill()
                raise DaemonError(f"targed was not ready after {READY_LIMIT_S:.0f} s:\n{self.log()[-3000:]}")

    def stop(self) -> None:
        """SIGTERM; the status must be 0 and the log free of what a healthy daemon never says."""
        if self.process is None:
            return
        process, self.process = self.process, None
        process.send_signal(signal.SIGTERM)
        try:
            status = process.wait(STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise DaemonError(f"targed did not end within {STOP_LIMIT_S:.0f} s of SIGTERM:\n{self.log()[-3000:]}") from None
        bad = [line for line in self.log().splitlines() if _BAD_LOG.search(line) and not _NO_LEAK.search(line)]
        if status != 0 or bad:
            raise DaemonError(f"targed left with status {status}; suspicious lines: {bad[:10]}\n{self.log()[-3000:]}")

    def kill(self) -> None:
        """kill -9: what a power cut or the kernel's OOM killer does to it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def restart(self) -> None:
        self.stop()
        self.start()

    @property
    def alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def target(self, name: str | None = None) -> Target:
        return next(target for target in self.setup.targets if name in (None, target.name))

    def url(self, lun: int = 0, target: str | None = None, credentials: str = "") -> str:
        wanted = self.target(target)
        return f"iscsi://{credentials}127.0.0.1:{wanted.port}/{wanted.name}/{lun}"

    def image(self, device: str) -> pathlib.Path:
        return device_path(self.folder, next(d for d in self.setup.devices if d.name == device))

    def targe(self, *arguments: str) -> str:
        """The administrator's command line, against this daemon."""
        done = subprocess.run([self.programs / "targe", "--socket", self.folder / "targe.sock", *arguments],
                              capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise DaemonError(f"targe {' '.join(arguments)}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def targe_json(self, *arguments: str) -> object:
        return json.loads(self.targe(*arguments, "--json"))
