"""Builds that later stages want, made while others wait for guests and timeouts: by what the CPUs have left."""
from __future__ import annotations

import os
import signal
import subprocess

from harness import ROOT


class BuildsAhead:
    """Makes `presets` in their order; says nothing of errors, because the stage that wants a build makes it again, from where this one came to."""

    def __init__(self, presets: list[str]) -> None:
        commands = " && ".join(f"{ROOT / 'tools' / 'build'} {preset}" for preset in presets)
        # Who has ended holds it no longer: the builder's ninja, too, which outlives the shell.
        self._until_gone, held = os.pipe()
        self._process = subprocess.Popen(["nice", "-n", "19", "sh", "-c", commands], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL, start_new_session=True, pass_fds=(held,))
        os.close(held)

    def pause(self) -> None:
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def end(self) -> None:
        """What is half made is removed, and made again."""
        self._signal(signal.SIGTERM)
        self._signal(signal.SIGCONT)
        self._process.wait()
        os.read(self._until_gone, 1)
        os.close(self._until_gone)

    def _signal(self, number: signal.Signals) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, number)
