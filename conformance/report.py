"""Results of tests, and how they are printed."""
from __future__ import annotations

import dataclasses
import enum
import sys
from collections.abc import Callable, Iterable


class Verdict(enum.Enum):
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclasses.dataclass(frozen=True)
class Result:
    suite: str
    name: str
    verdict: Verdict
    note: str = ""

    def __str__(self) -> str:
        note = f": {self.note}" if self.note else ""
        return f"{self.verdict.value:7} {self.suite} {self.name}{note}"


def passed(suite: str, name: str, note: str = "") -> Result:
    return Result(suite, name, Verdict.PASSED, note)


def failed(suite: str, name: str, note: str) -> Result:
    return Result(suite, name, Verdict.FAILED, note)


def skipped(suite: str, name: str, note: str) -> Result:
    return Result(suite, name, Verdict.SKIPPED, note)


def of_each(suite: str, cases: Iterable[Callable[[], None]]) -> list[Result]:
    """Each is tried, whatever became of those before it, and fails by what it raises."""
    results = []
    for case in cases:
        try:
            case()
            results.append(passed(suite, case.__name__))
        except Exception as problem:  # noqa: BLE001 - the other cases are to be seen too
            results.append(failed(suite, case.__name__, f"{type(problem).__name__}: {problem}"))
    return results


def count(results: list[Result], verdict: Verdict) -> int:
    return sum(result.verdict is verdict for result in results)


def totals(results: list[Result]) -> str:
    return (f"{count(results, Verdict.PASSED)} passed, {count(results, Verdict.FAILED)} failed, "
            f"{count(results, Verdict.SKIPPED)} skipped")


def print_summary(results: list[Result], list_passed: bool = False) -> None:
    """Skips grouped by their reason, then failures, then one line of totals as the very last."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for result in results:
        if result.verdict is Verdict.SKIPPED:
            reasons.setdefault((result.suite, result.note), []).append(result.name)
        elif list_passed and result.verdict is Verdict.PASSED:
            print(result)
    if reasons:
        print("\nSkipped:")
    for (suite, note), names in sorted(reasons.items()):
        print(f"  {suite}: {note}\n    {' '.join(names)}")
    failures = [result for result in results if result.verdict is Verdict.FAILED]
    if failures:
        print("\nFailed:")
    for result in failures:
        print(f"  {result.suite} {result.name}\n    " + result.note.strip().replace("\n", "\n    "))
    print(f"\n{totals(results)}", flush=True)


def finish(results: list[Result]) -> None:
    """For a suite that is run by hand."""
    print_summary(results, list_passed=True)
    sys.exit(1 if count(results, Verdict.FAILED) else 0)
