"""Runs what a test needs to have worked."""
from __future__ import annotations

import os
import subprocess


class Failed(Exception):
    """Which command, and what it printed."""


def run_command(*command: object, **environment: str) -> str:
    """What it prints, errors included."""
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=300, env={**os.environ, **environment})
    if done.returncode != 0:
        raise Failed(f"{' '.join(str(word) for word in command)}: {done.stdout[-1500:]}")
    return done.stdout
