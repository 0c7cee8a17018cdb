"""Everything that `make test` runs, in an order that fails early: builds, unit tests, rules, conformance, real initiators.

    conformance/run.py               everything
    conformance/run.py STAGE...      some stages (--list names them)
    conformance/run.py --skip STAGE  all but that one

The last line is always "N passed, N failed, N skipped"; the status is 1 if anything failed.
"""
from __future__ import annotations

import argparse
import faulthandler
import os
import pathlib
import random
import re
import signal
import sys
import threading
import time
import traceback
import xml.etree.ElementTree
from collections.abc import Callable

sys.dont_write_bytecode = True

import another_store  # noqa: E402
import atomic_writes  # noqa: E402
import boot  # noqa: E402
import builds_ahead  # noqa: E402
import children  # noqa: E402
import cluster_validation  # noqa: E402
import counts  # noqa: E402
import defects  # noqa: E402
import device_states  # noqa: E402
import discs  # noqa: E402
import evil_handler  # noqa: E402
import guest_amanda  # noqa: E402
import guest_bacula  # noqa: E402
import guest_cluster  # noqa: E402
import guest_commands  # noqa: E402
import guest_disc  # noqa: E402
import guest_library  # noqa: E402
import guest_linux  # noqa: E402
import guest_reservations  # noqa: E402
import guest_units  # noqa: E402
import handler_commands  # noqa: E402
import handler_remaps  # noqa: E402
import handlers  # noqa: E402
import hung_start  # noqa: E402
import image_copy  # noqa: E402
import installed  # noqa: E402
import kill9  # noqa: E402
import lent_pages  # noqa: E402
import libiscsi_suite  # noqa: E402
import lifecycle  # noqa: E402
import malformed  # noqa: E402
import multipath  # noqa: E402
import pages  # noqa: E402
import persistent_reservations  # noqa: E402
import power_cut  # noqa: E402
import qemu_img  # noqa: E402
import reload  # noqa: E402
import report  # noqa: E402
import scale  # noqa: E402
import spread  # noqa: E402
import stopped  # noqa: E402
import tape_library  # noqa: E402
import targe_bench  # noqa: E402
import thin  # noqa: E402
from harness import ROOT  # noqa: E402
from report import Result, Verdict, count  # noqa: E402

JOBS = os.environ.get("JOBS") or str(len(os.sched_getaffinity(0)))
# Of ctest's output: "  12/345 Test  #12: Subject.SaysWhatHolds ...   Passed    0.01 sec", or "...***Failed", "...Subprocess killed***Exception:"
_CTEST = re.compile(r"^\s*\d+/\d+ Test\s+#\d+: (?P<name>\S.*?) \.+\s*(?P<verdict>Passed|[a-zA-Z ]*\*\*\*\S+|Not Run.*)", re.MULTILINE)


def build(preset: str) -> list[Result]:
    begin = time.monotonic()
    done = children.to_end([str(ROOT / "tools" / "build"), preset])
    if done.returncode != 0:
        errors = [line for line in done.stdout.splitlines() if "error:" in line or "FAILED:" in line]
        return [report.failed("build", preset, "\n".join(errors[:20]) or done.stdout[-3000:])]
    return [report.passed("build", preset, f"{time.monotonic() - begin:.0f} s")]


def unit_tests(preset: str) -> list[Result]:
    results = build(preset)
    if count(results, Verdict.FAILED):
        return results
    junit = ROOT / "build" / preset / "ctest.xml"
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1", "TSAN_OPTIONS": "halt_on_error=1"}
    done = children.to_end(["ctest", "--test-dir", str(ROOT / "build" / preset), "-j", JOBS, "--output-on-failure", "--timeout", "300",
                            "--output-junit", str(junit)], environment)
    suite = f"unit ({preset})"
    reasons = skip_reasons(junit)
    found = [_unit_result(suite, match, done.stdout, reasons) for match in _CTEST.finditer(done.stdout)]
    if done.returncode != 0 and not count(found, Verdict.FAILED) or not found:
        found.append(report.failed(suite, "ctest", f"status {done.returncode}: {done.stdout[-3000:]}"))
    return results + found


def skip_reasons(junit: pathlib.Path) -> dict[str, str]:
    """Of each test that was skipped, as GoogleTest says: below "FILE:LINE: Skipped". ctest shows on the terminal what failed tests print alone."""
    reasons = {}
    for case in xml.etree.ElementTree.parse(junit).iter("testcase"):
        if case.find("skipped") is not None:
            why = re.search(r": Skipped\n(.+)", case.findtext("system-out") or "")
            reasons[case.get("name", "")] = why[1].strip() if why else "says not why"
    return reasons


def _unit_result(suite: str, match: re.Match[str], output: str, reasons: dict[str, str]) -> Result:
    if match["verdict"] == "Passed":
        return report.passed(suite, match["name"])
    if match["verdict"] == "***Skipped":
        return report.skipped(suite, match["name"], reasons.get(match["name"], "says not why"))
    return report.failed(suite, match["name"], _of_test(output, match.end()))


def _of_test(output: str, at: int) -> str:
    """What a failed test printed: all up to the next test's line."""
    following = re.search(r"^\s+(?:Start\s+\d+:|\d+/\d+ Test)", output[at:], re.MULTILINE)
    return output[at:at + following.start() if following else None].strip()[-4000:]


def check() -> list[Result]:
    done = children.to_end([str(ROOT / "tools" / "check")])
    results = []
    for rule, findings in re.findall(r"^check: (\w+): (\S+) findings? ", done.stdout, re.MULTILINE):
        results.append(report.passed("check", rule) if findings == "no" else report.failed("check", rule, f"{findings} findings"))
    if done.returncode != 0:
        print(done.stdout, flush=True)
        if not count(results, Verdict.FAILED):
            results.append(report.failed("check", "tools/check", done.stdout[-2000:]))
    return results or [report.failed("check", "tools/check", f"it names no rule: {done.stdout[-2000:]}")]


STAGES: dict[str, Callable[[], list[Result]]] = {
    "release": lambda: unit_tests("release"),
    "check": check,
    "children": children.run,
    "defects": defects.run,
    "qemu-img": qemu_img.run,
    "image-copy": image_copy.run,
    "lent-pages": lent_pages.run,
    "kill9": kill9.run,
    "handlers": handlers.run,
    "handler-commands": handler_commands.run,
    "handler-remaps": handler_remaps.run,
    "installed": installed.run,
    "tape-library": tape_library.run,
    "reservations": persistent_reservations.run,
    "cluster-validation": cluster_validation.run,
    "atomic": atomic_writes.run,
    "thin": thin.run,
    "pages": pages.run,
    "discs": discs.run,
    "reload": reload.run,
    "hung-start": hung_start.run,
    "boot": boot.run,
    "lifecycle": lifecycle.run,
    "stopped": stopped.run,
    "device-states": device_states.run,
    "another-store": another_store.run,
    "counts": counts.run,
    "targe-bench": targe_bench.run,
    "scale": scale.run,
    "spread": lambda: spread.run(random.randrange(1 << 32)),
    "libiscsi": libiscsi_suite.run,
    "guest": guest_linux.run,
    "guest-commands": guest_commands.run,
    "guest-reservations": guest_reservations.run,
    "guest-cluster": guest_cluster.run,
    "guest-library": guest_library.run,
    "guest-bacula": guest_bacula.run,
    "guest-amanda": guest_amanda.run,
    "guest-disc": guest_disc.run,
    "guest-units": guest_units.run,
    "multipath": multipath.run,
    "power": power_cut.run,
    "asan": lambda: unit_tests("asan"),
    "malformed": malformed.run,
    "evil-handler": evil_handler.run,
    "tsan": lambda: unit_tests("tsan"),
}


# Far more than any takes on a slow machine: one that hangs shows where, and the others still run.
LIMIT_S = 900
BUILD_LIMIT_S = 2400
BUILDS = {"release", "check", "defects", "asan", "tsan"}
# Made while other stages leave CPUs idle, but not beside those that measure.
AHEAD = ("asan", "tsan")
MEASURE = {"counts", "targe-bench", "scale", "spread"}


def too_long(*_: object) -> None:
    faulthandler.dump_traceback(all_threads=True)
    raise TimeoutError("the stage hangs; where its threads were stands above")


def run_stage(name: str) -> list[Result]:
    print(f"── {name}", flush=True)
    begin = time.monotonic()
    signal.alarm(BUILD_LIMIT_S if name in BUILDS else LIMIT_S)
    try:
        results = STAGES[name]()
    except Exception:  # noqa: BLE001 - one stage that breaks must not hide the others
        results = [report.failed(name, "stage", traceback.format_exc())]
    finally:
        signal.alarm(0)
    for result in results:
        if result.verdict is Verdict.FAILED:
            print(f"   FAILED {result.name}: {result.note.strip()[:300]}")
    print(f"   {report.totals(results)} ({time.monotonic() - begin:.0f} s)", flush=True)
    return results


def run_stages(names: list[str]) -> list[Result]:
    results: list[Result] = []
    ahead: builds_ahead.BuildsAhead | None = None
    try:
        for number, name in enumerate(names):
            if ahead and name in AHEAD:
                ahead.end()
                ahead = None
            elif ahead and name in MEASURE:
                ahead.pause()
            results += run_stage(name)
            if name == "release" and any(result.suite == "build" and result.verdict is Verdict.FAILED for result in results):
                break  # the rest would test what was built before
            later = [preset for preset in AHEAD if preset in names[number + 1:]]
            if ahead:
                ahead.go_on()
            elif later:
                ahead = builds_ahead.BuildsAhead(later)
    finally:
        if ahead:
            ahead.end()
    return results


def main() -> int:
    children.end_on_signals()
    signal.signal(signal.SIGALRM, too_long)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="*", metavar="STAGE", help=", ".join(STAGES))
    parser.add_argument("--skip", action="append", default=[], choices=list(STAGES))
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    if options.list:
        print("\n".join(STAGES))
        return 0
    unknown = [name for name in options.stages if name not in STAGES]
    if unknown:
        parser.error(f"no stage {', '.join(unknown)}; there are {', '.join(STAGES)}")
    results = run_stages([name for name in options.stages or STAGES if name not in options.skip])
    report.print_summary(results)
    return 1 if count(results, Verdict.FAILED) else 0


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    if threading.active_count() > 1:  # of a stage that was cut short
        os._exit(status)
    sys.exit(status)
