"""clang-tidy over the files that changed since the main branch and a sample of the rest, or over all, tests included.

A full run costs more than CI should pay each time. What is left is looked at in turns: which files the sample
takes follows from the last commit's name, so that each run is repeatable and the turns reach every file.
"""
import concurrent.futures
import hashlib
import json
import pathlib
import re
import subprocess

from .finding import Finding
from .tree import JOBS, ROOT

EVERY_FILE = False
SAMPLE = 12
_WARNING = re.compile(r"^(?P<path>/[^:]+):(?P<line>\d+):\d+: (?:warning|error): (?P<what>.*) \[(?P<rule>[^\]]+)\]$", re.MULTILINE)


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True).stdout


def _changed() -> set[str]:
    base = _git("merge-base", "HEAD", "origin/main").strip() or _git("merge-base", "HEAD", "origin/master").strip()
    listed = _git("diff", "--name-only", base) if base else _git("diff", "--name-only", "HEAD")
    return set((listed + _git("ls-files", "--others", "--exclude-standard")).split())


def _chosen(sources: list[str]) -> list[str]:
    if EVERY_FILE:
        return sources
    changed = _changed()
    stems = {path.rsplit(".", 1)[0] for path in changed}
    first = [path for path in sources if path.rsplit(".", 1)[0] in stems]
    head = _git("rev-parse", "HEAD").strip()
    rest = sorted((path for path in sources if path not in first), key=lambda path: hashlib.sha256((head + path).encode()).digest())
    return (first + rest)[:max(len(first) if len(first) <= 3 * SAMPLE else 3 * SAMPLE, SAMPLE)]


def _tidy(path: str) -> str:
    headers = f"^{re.escape(str(ROOT))}/{re.escape(str(pathlib.PurePath(path).parent))}/"
    return subprocess.run(["clang-tidy-19", "--quiet", "-p", "build/dev", f"--header-filter={headers}", path],
                          cwd=ROOT, capture_output=True, text=True).stdout


def check() -> list[Finding]:
    if subprocess.run([str(ROOT / "tools" / "build"), "dev", "help"], capture_output=True).returncode != 0:
        return [Finding("CMakeLists.txt", 1, "cannot be configured", "clang-tidy needs the compile commands", "cmake --preset dev")]
    commands = json.loads((ROOT / "build" / "dev" / "compile_commands.json").read_text())
    relative = {str(pathlib.Path(entry["file"]).relative_to(ROOT)) for entry in commands
                if pathlib.Path(entry["file"]).is_relative_to(ROOT) and "/build/" not in entry["file"]}
    sources = sorted(path for path in relative if path.startswith(("src/", "bench/")) and (ROOT / path).exists())
    if not EVERY_FILE:
        sources = [path for path in sources if not path.endswith("_test.cc")]
    chosen = _chosen(sources)
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        outputs = list(pool.map(_tidy, chosen))
    found = {(str(pathlib.Path(m["path"]).relative_to(ROOT)), int(m["line"]), f"{m['what']} [{m['rule']}]")
             for output in outputs for m in _WARNING.finditer(output) if pathlib.Path(m["path"]).is_relative_to(ROOT)}
    print(f"check: tidy looked at {len(chosen)} of {len(sources)} sources")
    return [Finding(path, line, what, "what this check finds has been a bug elsewhere",
                    "mend it, or change .clang-tidy for all with a reason") for path, line, what in sorted(found)]
