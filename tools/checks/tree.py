"""The files that the rules look at, and C++ text without its comments and strings."""
import functools
import os
import pathlib
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CPP_FOLDERS = ("src", "bench", "fuzz", "conformance")
JOBS = int(os.environ.get("JOBS", "0")) or len(os.sched_getaffinity(0))


@functools.cache
def tracked() -> tuple[str, ...]:
    """Every file that git knows or would add, so that a new file is judged before it is committed."""
    listed = subprocess.run(["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
                            cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return tuple(sorted(path for path in set(listed.split("\0")) if path and (ROOT / path).is_file()))


def cpp_files() -> list[str]:
    return [path for path in tracked() if path.endswith((".h", ".cc")) and path.split("/")[0] in CPP_FOLDERS]


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


_LEXEMES = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<delimiter>[^(\s]*)\(.*?\)(?P=delimiter)"|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])+\'',
    re.DOTALL)


def code_only(text: str) -> str:
    """The text with comments and literals blanked; every line keeps its number."""
    def blank(match: re.Match[str]) -> str:
        lexeme = match.group(0)
        quote = '""' if lexeme.startswith(("R", '"')) else ""
        return quote + "\n" * lexeme.count("\n")
    return _LEXEMES.sub(blank, text)
