"""clang-format, with the version that everybody has."""
import re
import subprocess

from .finding import Finding
from .tree import ROOT, cpp_files

_WARNING = re.compile(r"^(?P<path>[^:]+):(?P<line>\d+):\d+: (?:error|warning): ")


def check() -> list[Finding]:
    files = cpp_files()
    if not files:
        return []
    done = subprocess.run(["clang-format-19", "--dry-run", "--Werror", *files], cwd=ROOT, capture_output=True, text=True)
    first: dict[str, int] = {}
    for match in map(_WARNING.match, done.stderr.splitlines()):
        if match:
            first.setdefault(match["path"], int(match["line"]))
    return [Finding(path, line, "is not formatted", "one format for all keeps differences to what was changed",
                    f"clang-format-19 -i {path}") for path, line in sorted(first.items())]
