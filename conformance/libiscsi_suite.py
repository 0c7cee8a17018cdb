"""Debian's iscsi-test-cu, one process a test, against several LUN set-ups, judged by expected/*.txt.

    conformance/libiscsi_suite.py                      every set-up
    conformance/libiscsi_suite.py --setup thin512 --test Unmap
    conformance/libiscsi_suite.py --peer tgtd          the same tests against Debian's tgt: is it the target or the tool?
"""
from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import os
import pathlib
import re
import subprocess

import report
from harness import DaemonError, Targed
from report import Result
from setup import ChapUser, Device, Setup, Target
from tgtd import Tgtd

SUITE = "libiscsi"
LIMIT_S = int(os.environ.get("TARGE_TEST_LIMIT", "60"))
# After the first look that finds the unit still sanitizing the tool sleeps a minute before it looks again.
MORE_S = {"Sanitize.Reset": 120}
EXPECTED = pathlib.Path(__file__).resolve().parent / "expected"
VERDICTS = ("pass", "skip", "fail", "hang")
USER = ChapUser("tester", "a-secret-of-16ch")


@dataclasses.dataclass(frozen=True)
class Case:
    """A LUN set-up: what is served and how the tool is told to reach it."""
    name: str
    device: Device
    users: tuple[ChapUser, ...] = ()
    options: str = ""  # of the URL


# 1000 MiB, so that the tests for addresses beyond what READ(6) reaches are not left out.
CASES = (
    Case("thin512", Device("thin512", thin=True, physical_block_size=4096)),
    Case("thick512", Device("thick512")),
    Case("blocks4k", Device("blocks4k", block_size=4096, thin=True)),
    Case("readonly", Device("readonly", read_only=True, thin=True)),
    Case("removable", Device("removable", removable=True, thin=True)),
    # The library in Debian can ask for header digests only; guest_linux.py and iscsi_client.py use both.
    Case("chap_digest", Device("chapdigest", thin=True), users=(USER,), options="?header_digest=crc32c"),
)


@dataclasses.dataclass(frozen=True)
class Expectation:
    verdicts: frozenset[str]
    reason: str


def expectations(case: str, folder: pathlib.Path = EXPECTED) -> dict[str, Expectation]:
    """Lines of `Suite.Test verdict[|verdict] reason`. What is not listed must pass."""
    found: dict[str, Expectation] = {}
    for name in ("all", case):
        path = folder / f"{name}.txt"
        for number, line in enumerate(path.read_text().splitlines() if path.exists() else [], 1):
            if not line.strip() or line.startswith("#"):
                continue
            test, verdicts, reason = line.split(None, 2)
            if not set(verdicts.split("|")) <= set(VERDICTS):
                raise ValueError(f"{path}:{number}: a verdict is one of {', '.join(VERDICTS)}")
            found[test] = Expectation(frozenset(verdicts.split("|")), reason)
    return found


def tests() -> list[str]:
    listed = subprocess.run(["iscsi-test-cu", "-l"], capture_output=True, text=True, check=True).stdout.split()
    return [name.removeprefix("ALL.") for name in listed if name.startswith("ALL.") and name.count(".") == 2]


def judge(output: str) -> tuple[str, str]:
    """The verdict of one finished test and the line that says why."""
    body = output.split("\n  Test: ", 1)[-1]
    body, _, _ = body.partition("\nRun Summary:")
    failed = re.search(r"^\s+tests\s+\d+\s+\d+\s+\d+\s+([1-9]\d*)", output, re.MULTILINE)
    if failed or not re.search(r"^\s+tests\s+1\s+1\s+1\s+0", output, re.MULTILINE):
        lines = [line.strip() for line in body.splitlines()]
        wrong = [line for line in lines if "[FAILED]" in line or re.match(r"1\. ", line)]
        return "fail", "; ".join(wrong[:2] + wrong[-1:]) or output.strip()[-300:]
    lines = [line.strip() for line in re.split(r"\n(?:\s*)passed", body)[0].splitlines() if line.strip()]
    # CUnit has no skip. A test that was left out ends in [SKIPPED], or has sent nothing.
    if lines and "[SKIPPED]" in lines[-1]:
        return "skip", lines[-1]
    return "pass", ""


def run_test(name: str, url: str) -> tuple[str, str]:
    command = ["iscsi-test-cu", "-d", "-V", "-S", "-t", f"ALL.{name}", url, url]
    process = subprocess.Popen(["stdbuf", "-oL", *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, text=True, errors="replace")
    limit_s = LIMIT_S + MORE_S.get(name, 0)
    try:
        output, _ = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
        return "hang", f"no end in {limit_s} s; last: {output.strip().splitlines()[-1:]}"
    return judge(output)


def as_result(case: Case, name: str, verdict: str, why: str, expected: Expectation | None) -> Result:
    title = f"{case.name}/{name}"
    if expected is None:
        return report.passed(SUITE, title) if verdict == "pass" else report.failed(SUITE, title, f"{verdict}: {why}")
    if verdict not in expected.verdicts:
        return report.failed(SUITE, title, f"{verdict}, expected {'|'.join(sorted(expected.verdicts))} ({expected.reason}). {why}".strip())
    return report.passed(SUITE, title) if verdict == "pass" else report.skipped(SUITE, f"{case.name}/{name}", expected.reason)


def run_case(case: Case, peer: str, only: str) -> list[Result]:
    # The target's name names nobody's machine; each set-up has a daemon of its own, so they may run side by side.
    setup = Setup((case.device,), (Target(f"iqn.2026-11.io.targe:{case.name.replace('_', '-')}", {0: case.device.name}, users=case.users),))
    known = expectations(case.name)
    chosen = [name for name in tests() if only.lower() in name.lower()]
    credentials = "".join(f"{user.name}%{user.secret}@" for user in case.users)
    results: list[Result] = []
    try:
        with (Tgtd if peer == "tgtd" else Targed)(setup) as daemon:
            for name in chosen:
                verdict, why = run_test(name, daemon.url(credentials=credentials) + case.options)
                results.append(as_result(case, name, verdict, why, known.get(name) if peer != "tgtd" else None))
                if daemon.process is None or daemon.process.poll() is not None:
                    raise DaemonError(f"the daemon died during {name}")
    except DaemonError as error:
        results.append(report.failed(SUITE, f"{case.name}/daemon", str(error)))
    stale = sorted(set(known) - set(tests()))
    return results + [report.failed(SUITE, f"{case.name}/expected", f"lists {name}, which the tool does not have") for name in stale]


def run(peer: str = "targed", setups: tuple[str, ...] = (), only: str = "", jobs: int = 3) -> list[Result]:
    cases = [case for case in CASES if not setups or case.name in setups]
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        found = list(pool.map(lambda case: run_case(case, peer, only), cases))
    return [result for results in found for result in results]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", choices=("targed", "tgtd"), default="targed")
    parser.add_argument("--setup", action="append", default=[], choices=[case.name for case in CASES])
    parser.add_argument("--test", default="", help="only tests whose name contains this")
    options = parser.parse_args()
    report.finish(run(options.peer, tuple(options.setup), options.test))
