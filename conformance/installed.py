"""What is installed: programs, manual pages and units that start what is there; and what authors of handlers install, a tree with libtarge, its
headers, its pkg-config file and the Python module. Examples are built against that tree alone and serve a disk. Debian packages of all that.

    conformance/installed.py
"""
from __future__ import annotations

import os
import pathlib
import re
import shutil
import sys
import tempfile

import debian_package
import report
from commands import Failed, run_command
from handlers import LIMIT_S, NAME, Handler, await_ready, settled, socket_of
from harness import PROGRAMS, ROOT, Targed
from iscsi_client import Session, read16, write16
from report import Result
from setup import Device, Setup, Target

SUITE = "installed"
SIZE_MIB = 8
EXAMPLES = ROOT / "examples"


class Tree:
    """An installation."""

    def __init__(self, prefix: pathlib.Path) -> None:
        self.prefix = prefix
        # As somebody does who stands above it.
        run_command("cmake", "--install", PROGRAMS.parent, "--component", "libtarge", "--prefix", os.path.relpath(prefix))
        (pc,) = prefix.rglob("libtarge.pc")
        self.pkg_config_path = str(pc.parent)
        self.lib = pc.parent.parent
        (module,) = prefix.rglob("targe.py")
        self.python = module.parent

    def flags(self, *options: str) -> list[str]:
        return run_command("pkg-config", *options, "libtarge", PKG_CONFIG_PATH=self.pkg_config_path).split()

    def build(self, compiler: str, source: pathlib.Path, program: pathlib.Path, *more: str) -> pathlib.Path:
        run_command(compiler, "-Wall", "-Werror", *self.flags("--cflags"), source, "-o", program, *self.flags("--libs"), *more)
        return program


def shared_library(tree: Tree) -> str:
    """Empty, or what is wrong with it."""
    library = tree.lib / "libtarge.so"
    soname = re.search(r"SONAME.*\[(.*)\]", run_command("readelf", "-d", library))
    if soname is None or soname[1] != "libtarge.so.0":
        return f"its soname is {soname and soname[1]}"
    names = [line.split()[-1] for line in run_command("nm", "-D", "--defined-only", library).splitlines()]
    foreign = [name for name in names if not name.startswith("targe_")]
    declared = set(re.findall(r"TARGE_API[^;(]*?\b(targe_\w+)\(", "".join(path.read_text() for path in (tree.prefix / "include").glob("*.h"))))
    missing = declared - set(names)
    return f"it exports {foreign}" if foreign else f"it lacks {sorted(missing)}" if missing or not declared else ""


def whole_tree(prefix: pathlib.Path) -> str:
    """Programs, manual pages and units; empty, or what is wrong with them."""
    run_command("cmake", "--install", PROGRAMS.parent, "--prefix", prefix)
    for page in ("man8/targed.8", "man8/targe.8", "man8/targe-vtl.8", "man5/targe.toml.5"):
        if not (prefix / "share/man" / page).is_file():
            return f"no {page}"
    units = {path.name: path.read_text() for path in (prefix / "lib/systemd/system").iterdir()}
    if sorted(units) != ["targe-vtl@.service", "targed.service"]:
        return f"units: {sorted(units)}"
    for name, text in units.items():
        programs = re.findall(r"^Exec(?:Start|Reload)\w*=(?!/bin/kill )(\S+)", text, re.MULTILINE)
        if not programs:
            return f"{name} starts nothing"
        for program in programs:
            if not program.startswith(f"{prefix}/bin/") or not os.access(program, os.X_OK):
                return f"{name} starts {program}"
    looks = re.findall(r"^(ExecStartPre|ExecReload)=(\S+ --check .*)$", units["targed.service"], re.MULTILINE)
    if [when for when, _ in looks] != ["ExecStartPre", "ExecReload"] or looks[0][1] != looks[1][1]:
        return f"targed.service looks at its configuration by {looks}"
    if shutil.which("systemd-analyze"):
        run_command("systemd-analyze", "verify", "--man=no", prefix / "lib/systemd/system/targed.service")
    if shutil.which("man") and "serve SCSI" not in run_command("man", prefix / "share/man/man8/targed.8"):
        return "the manual cannot be read"
    return ""


def offered(script: pathlib.Path, function: str, *words: str) -> set[str]:
    """What bash completes the last of the words with."""
    ask = f'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); {function}; printf "%s\\n" "${{COMPREPLY[@]}}"'
    return set(run_command("bash", "-c", ask, script, *words, TARGE_SOCKET="/nowhere").split())


def completion(prefix: pathlib.Path) -> str:
    """Every command and option of every program's help is offered; empty, or which is not."""
    folder = prefix / "share/bash-completion/completions"
    left = [("targed", "_targed", ()), ("targe-vtl", "_targe_vtl", ()), ("targe", "_targe", ())]
    while left:
        program, function, path = left.pop()
        text = run_command(prefix / "bin" / program, *path, "--help")
        options, _, commands = text.partition("Subcommands:")
        names = re.findall(r"^  ([a-z]\S*)", commands, re.MULTILINE)
        left += [(program, function, (*path, name)) for name in names]
        missing = set(re.findall(r"^\s+(?:-h,)?(--[a-z-]+)", options, re.MULTILINE)) - offered(folder / program, function, program, *path, "--")
        if names:
            missing |= set(names) ^ offered(folder / program, function, program, *path, "")
        if missing:
            return f"{' '.join((program, *path))}: {sorted(missing)}"
    return ""


def python_finds_it(tree: Tree) -> str:
    """Debian's Python has a folder of the prefix among those where it looks, if the prefix were /usr/local; empty, or what is wrong."""
    place = f"/usr/local/{tree.python.relative_to(tree.prefix)}"
    if not os.access("/usr/bin/python3", os.X_OK):
        return ""
    looks = run_command("/usr/bin/python3", "-c", "import sys; print(*sys.path, sep='\\n')", PYTHONPATH="").splitlines()
    return "" if place in looks else f"targe.py is in {place}, which is none of {looks}"


def serves(daemon: Targed, lun: int, device: str, *command: str) -> str:
    data = os.urandom(4096)
    with Handler(daemon, device, *command) as handler:
        await_ready(daemon, lun)
        with Session(daemon.target().port, NAME, timeout=LIMIT_S) as session:
            if not settled(session, write16(8, 8), data=data, lun=lun).good:
                return "it takes no data"
            read = session.command(read16(8, 8), read=4096, lun=lun)
    if bytes(read.data_in) != data:
        return f"other data came back: {read}"
    return "" if handler.status == 0 else f"it left with status {handler.status}"


def check(tree: Tree, folder: pathlib.Path) -> list[Result]:
    found: dict[str, str] = {"the shared library": shared_library(tree), "programs, manual and units": whole_tree(folder / "whole"),
                             "completion for bash": completion(folder / "whole"),
                             "the place of the Python module": python_finds_it(tree)}
    named = tree.flags("--variable=prefix")
    found["the prefix in libtarge.pc"] = "" if named == [str(tree.prefix)] else f"it is {named}"
    shared = tree.build("clang-19", EXAMPLES / "gzdisk.c", folder / "gzdisk", "-lz")
    static = folder / "gzdisk-static"
    run_command("clang-19", "-Wall", "-Werror", *tree.flags("--cflags"), EXAMPLES / "gzdisk.c", "-o", static, tree.lib / "libtarge.a", "-pthread", "-lz")
    for example in ("httpdisk", "filetape"):
        tree.build("clang++-19", EXAMPLES / f"{example}.cc", folder / example, "-std=c++20", "-pthread")
    os.environ["LD_LIBRARY_PATH"] = str(tree.lib)
    devices = tuple(Device(name, handler="user", size="") for name in ("shared", "static", "python"))
    with Targed(Setup(devices, (Target(NAME, {0: "shared", 1: "static", 2: "python"}),))) as daemon:
        for lun, (name, program) in enumerate((("shared", shared), ("static", static))):
            found[f"gzdisk, {name}"] = serves(daemon, lun, name, str(program), socket_of(daemon, name), str(folder / f"{name}.gz"), str(SIZE_MIB))
        module = f"import sys; sys.path.insert(0, {str(tree.python)!r}); sys.argv = sys.argv[1:]; import runpy; runpy.run_path(sys.argv[0], run_name='__main__')"
        found["dictdisk"] = serves(daemon, 2, "python", "env", "-u", "TARGE_LIBRARY", "-u", "PYTHONPATH", sys.executable, "-c", module,
                                   str(EXAMPLES / "dictdisk.py"), socket_of(daemon, "python"), str(SIZE_MIB))
    results = [report.failed(SUITE, name, wrong) if wrong else report.passed(SUITE, name) for name, wrong in found.items()]
    return results + debian_package.check(SUITE, folder / "whole", folder)


def run() -> list[Result]:
    before = os.environ.get("LD_LIBRARY_PATH")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="targe-installed-"))
    try:
        return check(Tree(folder / "prefix"), folder)
    except Failed as failed:
        return [report.failed(SUITE, "commands", str(failed))]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if before is None:
            os.environ.pop("LD_LIBRARY_PATH", None)
        else:
            os.environ["LD_LIBRARY_PATH"] = before


if __name__ == "__main__":
    report.finish(run())
