"""A daemon built with sanitizers, and how it must end."""
from __future__ import annotations

import os
import pathlib
from collections.abc import Callable

import report
from harness import PROGRAMS, ROOT, DaemonError, Targed
from report import Result


def programs() -> pathlib.Path:
    asan = ROOT / "build" / "asan" / "bin"
    if "TARGE_PROGRAMS" in os.environ or (asan / "targed").exists() and (asan / "targe").exists():
        return PROGRAMS if "TARGE_PROGRAMS" in os.environ else asan
    print("   no build/asan/bin/targed: what was built for release is tested, without sanitizers", flush=True)
    return PROGRAMS


def judged(suite: str, daemon: Targed, judge: Callable[[Targed], list[Result]]) -> list[Result]:
    """What `judge` finds while the daemon runs, and how the daemon ends."""
    results: list[Result] = []
    try:
        with daemon:
            results += judge(daemon)
        results.append(report.passed(suite, "ends", "status 0, no leak, no word of a sanitizer"))
    except DaemonError as error:
        results.append(report.failed(suite, "ends", str(error)))
    return results
