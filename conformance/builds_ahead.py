"""Builds that later stages want, made while others wait for guests and timeouts: by what the CPUs have left."""
from __future__ import annotations

import signal
import subprocess

import children
from harness import ROOT


class BuildsAhead:
    """Makes `presets` in their order; says nothing of errors, because the stage that wants a build makes it again, from where this one came to."""

    def __init__(self, presets: list[str]) -> None:
        commands = " && ".join(f"{ROOT / 'tools' / 'build'} {preset}" for preset in presets)
        self._process = subprocess.Popen(["nice", "-n", "19", "sh", "-c", commands], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL, process_group=0)

    def pause(self) -> None:
        children.signal_group(self._process, signal.SIGSTOP)

    def go_on(self) -> None:
        children.signal_group(self._process, signal.SIGCONT)

    def end(self) -> None:
        """What is half made is removed, and made again."""
        self.go_on()
        children.end_group(self._process)
