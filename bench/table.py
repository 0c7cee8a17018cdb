"""Puts the figures of the last `make bench` and of the last scale test into docs/performance.md.

    bench/table.py [BENCH.json [SCALE.json]]
"""
from __future__ import annotations

import json
import pathlib
import sys

from cells import NOT_RIVALS
from goals import judged

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "performance.md"
RESULTS = ROOT / "build" / "results"


def count(figures: dict[str, float], *keys: str) -> str:
    """The sum; a dash where it was not counted."""
    return format(sum(figures[key] for key in keys), ".3g") if all(key in figures for key in keys) else "–"


def bench_table(path: pathlib.Path) -> str:
    bench = json.loads(path.read_text())
    machine = bench["machine"]
    lines = [f"{machine['cpus']} cores of {machine['cpu']}, kernel {machine['kernel']}, loopback; "
             f"{bench['rounds']} rounds of {bench['seconds']} s, medians of a run on {bench.get('date', 'an earlier day')}. `best peer` is the fastest of tgt's stores and istgt.", "",
             "| cell | Targe ops/s | best peer ops/s | ratio | of the bare socket | p50 µs | p99 µs | peer's p50, p99 | CPU µs/op (peer's) | switches/op (peer's) | calls/op (peer's) | allocs/op (peer's) | copies/B (peer's) |",
             "|---|---|---|---|---|---|---|---|---|---|---|---|---|"]
    for cell, figures in bench["cells"].items():
        targe = figures["targe"]
        if set(figures) <= {"targe", *NOT_RIVALS}:
            continue  # compared with another figure of Targe's own, below
        peer = max((f for name, f in figures.items() if name not in ("targe", *NOT_RIVALS)), key=lambda f: f["ops_per_s"])
        bare = f"{targe['ops_per_s'] / figures['bare']['ops_per_s']:.0%}" if "bare" in figures else ""
        lines.append(
            f"| {cell} | {targe['ops_per_s']:,.0f} | {peer['ops_per_s']:,.0f} | {targe['ops_per_s'] / peer['ops_per_s']:.2f} | {bare}"
            f" | {targe['p50_us']:,.0f} | {targe['p99_us']:,.0f} | {peer['p50_us']:,.0f}, {peer['p99_us']:,.0f}"
            f" | {targe['target_cpu_us_per_op']:.1f} ({peer['target_cpu_us_per_op']:.1f})"
            f" | {targe['switches_per_op']:.4f} ({peer['switches_per_op']:.2f})"
            f" | {count(targe, 'system_calls_per_op')} ({count(peer, 'system_calls_per_op')})"
            f" | {count(targe, 'allocations_per_op')} ({count(peer, 'allocations_per_op')})"
            f" | {count(targe, 'copies_per_byte', 'file_copies_per_byte')} ({count(peer, 'copies_per_byte', 'file_copies_per_byte')}) |")
    lines += ["", "| cell | over | wanted | found | the bare socket itself | |", "|---|---|---|---|---|---|"]
    lines += [f"| {verdict.cell} | {verdict.peer} | {verdict.wanted:g} | {verdict.found:.2f} | {'' if verdict.limit is None else format(verdict.limit, '.2f')} | {verdict.word} |"
              for verdict in judged(bench["cells"])]
    return "\n".join(lines) + "\n"


def scale_table(path: pathlib.Path) -> str:
    scale = json.loads(path.read_text())
    rows = [f"| `{name}` | {value:.2f} |" if isinstance(value, float) else f"| `{name}` | {value} |"
            for name, value in scale.items()]
    return "\n".join(["| figure | value |", "|---|---|", *rows]) + "\n"


def fill(text: str, name: str, content: str) -> str:
    begin = text.index("\n", text.index(f"<!-- {name}:")) + 1
    return text[:begin] + content + text[text.index(f"<!-- end of {name} -->"):]


def main() -> None:
    bench = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else RESULTS / "bench.json"
    scale = pathlib.Path(sys.argv[2]) if len(sys.argv) > 2 else RESULTS / "scale.json"
    text = DOCUMENT.read_text()
    if bench.exists():
        text = fill(text, "bench", bench_table(bench))
    if scale.exists():
        text = fill(text, "scale", scale_table(scale))
    DOCUMENT.write_text(text)


if __name__ == "__main__":
    main()
