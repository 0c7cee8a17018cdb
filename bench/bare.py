"""The bare socket: bench/bare, which answers with the same bytes and knows no SCSI. What the machine can do at all."""
from __future__ import annotations

import pathlib
import subprocess
from typing import Self

from harness import PROGRAMS
from setup import Target, free_port


class Bare:
    def __init__(self, name: str, file: pathlib.Path | None = None, memory: int = 0, wait: str = "spin",
                 prefix: tuple[str, ...] = ()) -> None:
        self._target = Target(name, {}, port=free_port())
        self._command = [*prefix, str(PROGRAMS / "bare"), "--port", str(self._target.port), "--wait", wait]
        if file is not None:
            self._command += ["--file", str(file)]
        elif memory:
            self._command += ["--memory", str(memory)]
        self.process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        if self.process.stdout.readline().strip() != "ready":
            raise RuntimeError("the bare server does not start")
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def target(self) -> Target:
        return self._target
