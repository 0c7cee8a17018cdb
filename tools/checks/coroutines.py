"""Does the compiler in use translate coroutines rightly? tools/coroutine_probe.py compiles thirteen forms."""
import hashlib
import subprocess
import sys

from .finding import Finding
from .tree import ROOT


def check() -> list[Finding]:
    probe = ROOT / "tools" / "coroutine_probe.py"
    version = subprocess.run(["clang++-19", "--version"], capture_output=True, text=True, check=True).stdout
    key = hashlib.sha256(version.encode() + probe.read_bytes()).hexdigest()[:16]
    stamp = ROOT / "build" / f".coroutine-probe-{key}"
    if stamp.exists():
        return []
    done = subprocess.run([sys.executable, str(probe), "clang++-19"], capture_output=True, text=True)
    if done.returncode == 0:
        stamp.parent.mkdir(exist_ok=True)
        stamp.touch()
        return []
    return [Finding("tools/coroutine_probe.py", 1, "the compiler gets a coroutine wrong:\n" + done.stdout + done.stderr[-2000:],
                    "a miscompiled co_await corrupts memory under load", "build with a compiler that passes the probe")]
