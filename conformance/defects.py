"""The simulator can fail: it finds every defect of src/sim/defects.toml, each put into Targe alone (tools/defects)."""
from __future__ import annotations

import re

import children
import report
from harness import ROOT
from report import Result

_LINE = re.compile(r"^(?P<verdict>found |MISSED) (?P<name>.*?): (?P<text>.*)$", re.MULTILINE)


def run() -> list[Result]:
    done = children.to_end([str(ROOT / "tools" / "defects")])
    results = [report.passed("defects", match["name"], match["text"]) if match["verdict"] == "found "
               else report.failed("defects", match["name"], match["text"]) for match in _LINE.finditer(done.stdout)]
    if not results or (done.returncode != 0 and all(result.verdict is report.Verdict.PASSED for result in results)):
        results.append(report.failed("defects", "tools/defects", f"status {done.returncode}: {done.stdout[-2000:]}"))
    return results
