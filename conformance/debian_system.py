"""A Debian of a few packages, copied from this machine's into a folder, where dpkg installs and removes as on a machine of its own."""
from __future__ import annotations

import os
import pathlib
import re
import stat
import subprocess

from commands import run_command

ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive", "LD_LIBRARY_PATH": ""}
# Says what it was asked, and that a service is active where the test has made it so.
SYSTEMCTL = """#!/bin/sh
echo "$*" >>/systemctl.log
case $* in *is-active*) [ -e /active ] ;; esac
"""


class Missing(Exception):
    """A package that is not installed on this machine."""


def closure(wanted: set[str]) -> list[str]:
    """What every Debian has, the packages that are wanted, and what these depend on, as dpkg names them here."""
    fields = "${binary:Package}\t${Package}\t${Essential}\t${Provides}\t${Pre-Depends}, ${Depends}\t${db:Status-Status}\n"
    names: dict[str, str] = {}
    needs: dict[str, str] = {}
    wanted = set(wanted)
    for line in run_command("dpkg-query", "-W", "-f", fields, LC_ALL="C").splitlines():
        unique, name, essential, provides, depends, status = line.split("\t")
        if status != "installed":
            continue
        needs[unique] = depends
        names[name] = unique
        for virtual in re.findall(r"[a-z0-9][a-z0-9+.-]+(?= |,|$)", re.sub(r"\(.*?\)", "", provides)):
            names.setdefault(virtual, unique)
        if essential == "yes":
            wanted.add(name)
    found: set[str] = set()
    left = list(wanted)
    while left:
        choices = [re.split(r"[ (:]", choice.strip())[0] for choice in left.pop().split("|")]
        there = [names[choice] for choice in choices if choice in names]
        if not there:
            raise Missing(f"{' or '.join(choices)} is not installed here")
        if there[0] not in found:
            found.add(there[0])
            left += [need for need in needs[there[0]].split(",") if need.strip()]
    return sorted(found)


class System:
    """Ends with its folder. Paths below the folder mean the same inside as outside."""

    def __init__(self, root: pathlib.Path, wanted: set[str]) -> None:
        self.root = root
        packages = closure(wanted)
        for name in ("proc", "run/systemd/system", "tmp", "dev", "usr/bin", "usr/lib", "usr/lib64", "usr/sbin"):
            (root / name).mkdir(parents=True)
        for name in ("bin", "lib", "lib64", "sbin"):
            if os.path.islink(f"/{name}"):
                (root / name).symlink_to(f"usr/{name}")
        self._copy_files(packages)
        self._copy_database(packages)
        (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\n")
        (root / "etc/group").write_text("root:x:0:\n")
        null = root / "dev/null"
        try:
            os.mknod(null, stat.S_IFCHR | 0o666, os.makedev(1, 3))
            null.write_bytes(b"")
        except OSError:  # no devices here: a file does
            null.unlink(missing_ok=True)
            null.touch()
        (root / "usr/bin/systemctl").write_text(SYSTEMCTL)
        (root / "usr/bin/systemctl").chmod(0o755)
        itself = root / root.relative_to("/")
        itself.parent.mkdir(parents=True, exist_ok=True)
        itself.symlink_to("/")

    def _copy_files(self, packages: list[str]) -> None:
        listed = set(run_command("dpkg-query", "-L", *packages, LC_ALL="C").splitlines())
        skipped = ("/usr/share/doc/", "/usr/share/man/", "/usr/share/locale/", "/usr/share/info/")
        paths = sorted(path for path in listed if path.startswith("/") and path != "/." and not path.startswith(skipped) and os.path.lexists(path))
        archive = subprocess.run(["tar", "-c", "-C", "/", "--no-recursion", "--null", "-T", "-"], input="\0".join(f".{path}" for path in paths).encode(),
                                 stdout=subprocess.PIPE, check=True)
        subprocess.run(["tar", "-x", "--keep-directory-symlink", "-C", self.root], input=archive.stdout, check=True)

    def _copy_database(self, packages: list[str]) -> None:
        database = pathlib.Path("/var/lib/dpkg")
        copy = self.root / "var/lib/dpkg"
        for name in ("info", "updates", "triggers"):
            (copy / name).mkdir(parents=True, exist_ok=True)
        (copy / "status").write_text(run_command("dpkg-query", "-s", *packages, LC_ALL="C") + "\n")
        for kept in database.glob("info/*"):
            if kept.name.rpartition(".")[0] in packages or kept.name == "format":
                (copy / "info" / kept.name).write_bytes(kept.read_bytes())
                (copy / "info" / kept.name).chmod(kept.stat().st_mode)
        (copy / "triggers/Unincorp").touch()  # without which dpkg takes itself for new here
        for kept in database.glob("triggers/[!LU]*"):  # lines end with a package and "/noawait", or have its name alone
            lines = kept.read_text().splitlines(keepends=True)
            (copy / "triggers" / kept.name).write_text("".join(line for line in lines if line.split()[-1].removesuffix("/noawait") in packages))

    def run(self, *command: object) -> str:
        return run_command("chroot", self.root, *command, **ENVIRONMENT)

    def path(self, name: str) -> pathlib.Path:
        return self.root / name.lstrip("/")

    def asked_of_systemd(self) -> list[str]:
        """Since it was last looked at."""
        log = self.path("/systemctl.log")
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return [line for line in lines if not re.search("is-active|daemon-reload", line)]

    def say_active(self, active: bool) -> None:
        self.path("/active").touch() if active else self.path("/active").unlink(missing_ok=True)

    def files(self) -> set[str]:
        """All but what dpkg and ldconfig keep for themselves."""
        found = {str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_symlink() or not path.is_dir()}
        return {name for name in found if not re.match("var/(lib/dpkg|cache|log)/|etc/ld.so.cache|dev/|tmp/|active|systemctl.log", name)}
