"""Each header compiles alone (CMake's header sets of the dev build)."""
import re
import subprocess

from .finding import Finding
from .tree import ROOT

_ERROR = re.compile(r"^(?:\S*/)?(?P<path>(?:src|bench)/\S+?):(?P<line>\d+):\d+: (?:fatal )?error: (?P<what>.*)", re.MULTILINE)


def check() -> list[Finding]:
    done = subprocess.run([str(ROOT / "tools" / "build"), "dev", "all_verify_interface_header_sets"], capture_output=True, text=True)
    if done.returncode == 0:
        return []
    why, mend = "whoever includes it must not know what it needs", "include in it what it uses"
    errors = {(m["path"], int(m["line"]), m["what"]) for m in _ERROR.finditer(done.stdout)}
    if not errors:
        return [Finding("CMakeLists.txt", 1, "the headers could not be compiled:\n" + (done.stdout + done.stderr)[-3000:], why, mend)]
    return [Finding(path, line, f"does not compile alone: {what}", why, mend) for path, line, what in sorted(errors)]
