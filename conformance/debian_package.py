"""Debian packages of the programs that are tested: what is in them, what they depend on, and what dpkg makes of them: installed, replaced, removed
and purged in a system that has nothing but what they depend on.

    conformance/installed.py
"""
from __future__ import annotations

import os
import pathlib
import re
import shutil
from collections.abc import Callable

import report
from commands import run_command
from debian_system import Missing, System
from harness import PROGRAMS, ROOT, Targed
from iscsi_client import Session, read16, write16
from report import Result
from setup import Device, Setup, Target

NAME = "iqn.2026-11.io.targe:package"
CONFIGURATION = "/etc/targe/targe.toml"
NAMES = ("targe", "libtarge0", "libtarge-dev", "python3-targe")
DOCUMENTS = {"targe": {"examples/multipath.conf", "README.Debian"}, "libtarge0": set(),
             "libtarge-dev": {f"examples/{name}" for name in ("filetape.cc", "gzdisk.c", "httpdisk.cc")}, "python3-targe": {"examples/dictdisk.py"}}


class Packages:
    """Made by tools/deb of what was built."""

    def __init__(self, folder: pathlib.Path) -> None:
        run_command(ROOT / "tools/deb", PROGRAMS.parent, folder, DEB_BUILD_OPTIONS="noautodbgsym", DPKG_DEB_COMPRESSOR_TYPE="none")
        self.version = run_command(PROGRAMS / "targed", "--version").split()[1]
        self.debs = {deb.name.partition("_")[0]: deb for deb in folder.glob("*.deb")}
        self.folder = folder

    def wrong_names(self) -> str:
        expected = {f"{name}_{self.version}_{'all' if name.startswith('python') else 'amd64'}.deb" for name in NAMES}
        made = {deb.name for deb in self.debs.values()}
        return "" if made == expected else f"there are {sorted(made)}"

    def files(self, name: str) -> dict[str, str]:
        """Path below the root, and mode and owner, of all but folders."""
        lines = (line.split(None, 5) for line in run_command("dpkg-deb", "-c", self.debs[name]).splitlines())
        return {path.partition(" -> ")[0].removeprefix("./"): f"{mode} {owner}" for mode, owner, _, _, _, path in lines if mode[0] != "d"}

    def field(self, name: str, field: str) -> str:
        return run_command("dpkg-deb", "-f", self.debs[name], field).strip()

    def depends(self, name: str) -> set[str]:
        """By name alone."""
        return {re.split("[ (:]", each.strip())[0] for each in self.field(name, "Depends").split(",")}

    def unpack(self, folder: pathlib.Path) -> pathlib.Path:
        for deb in self.debs.values():
            run_command("dpkg-deb", "-x", deb, folder)
        return folder


def belongs_to(path: str) -> str:
    if re.fullmatch(r"usr/lib/libtarge\.so\..*", path):
        return "libtarge0"
    if re.match(r"usr/(include/|lib/(libtarge\.|pkgconfig/))", path):
        return "libtarge-dev"
    return "python3-targe" if path.startswith("usr/lib/python3/") else "targe"


def as_packaged(path: str) -> str:
    """Where a file that is installed below a prefix is in a package."""
    path = re.sub(r"^lib/python3[^/]*/", "lib/python3/", path)
    if path.startswith("lib/systemd/"):
        return path
    return f"usr/{path}.gz" if path.startswith("share/man/") else f"usr/{path}"


def content(packages: Packages, prefix: pathlib.Path) -> str:
    """Each file that cmake --install installs is in the package where it belongs, and nothing else but documents and the configuration is."""
    installed = {as_packaged(str(path.relative_to(prefix))) for path in prefix.rglob("*") if path.is_symlink() or path.is_file()}
    for name in NAMES:
        found = packages.files(name)
        documents = {f"usr/share/doc/{name}/{document}" for document in DOCUMENTS[name] | {"copyright", "changelog.gz"}}
        expected = {path for path in installed if belongs_to(path) == name} | documents | ({CONFIGURATION[1:]} if name == "targe" else set())
        if set(found) != expected:
            return f"{name}: {sorted(set(found) ^ expected)}"
        wrong = {path: mode for path, mode in found.items() if not mode.endswith(" root/root") or mode[8] == "w" and mode[0] != "l"}
        if wrong:
            return f"{name}: {wrong}"
    mode = packages.files("targe")[CONFIGURATION[1:]]
    return "" if mode == "-rw-r----- root/root" else f"{CONFIGURATION} is {mode}"


def dependencies(packages: Packages, unpacked: pathlib.Path) -> str:
    """The packages of the libraries that the programs name, as dpkg knows them, and no others."""
    def providers(*files: pathlib.Path) -> set[str]:
        needed = {name for file in files for name in re.findall(r"NEEDED.*\[(.*)\]", run_command("readelf", "-d", file))}
        where = dict(re.findall(r"^\s*(\S+) \(.*x86-64.*\) => (\S+)$", run_command("/sbin/ldconfig", "-p"), re.MULTILINE))
        patterns = {f"*{os.path.realpath(where[name]).removeprefix('/usr')}" for name in needed}
        return set(re.findall(r"^([^:\s]+):", run_command("dpkg-query", "-S", *patterns), re.MULTILINE))

    expected = {"targe": providers(*(unpacked / "usr/bin").iterdir()), "libtarge0": providers(unpacked / "usr/lib/libtarge.so.0"),
                "libtarge-dev": {"libtarge0"}, "python3-targe": {"python3", "libtarge0"}}
    wrong = [f"{name} depends on {sorted(packages.depends(name))}, and needs {sorted(needs)}" for name, needs in expected.items() if packages.depends(name) != needs]
    if packages.field("libtarge-dev", "Depends") != f"libtarge0 (= {packages.version})":
        wrong.append("libtarge-dev goes with another libtarge0")
    return "; ".join(wrong)


def configuration(packages: Packages, unpacked: pathlib.Path) -> str:
    """It is a conffile, the only one; serves nothing; and is right where its examples are no comments any more, with a tape library, too."""
    conffiles = {name: run_command("dpkg-deb", "--ctrl-tarfile", packages.debs[name]).count("conffiles") for name in NAMES}
    if [name for name, count in conffiles.items() if count] != ["targe"] or run_command("dpkg-deb", "-I", packages.debs["targe"], "conffiles").split() != [CONFIGURATION]:
        return f"conffiles: {conffiles}"
    path = unpacked / CONFIGURATION[1:]
    if "0 devices and 0 targets" not in (said := run_command(unpacked / "usr/bin/targed", "--check", "--config", path)):
        return said
    secret = unpacked / "alice"
    secret.write_text("twelve bytes or more\n")
    example = unpacked / "example.toml"
    example.write_text(re.sub(r"^#(?=\S)", "", path.read_text(), flags=re.MULTILINE).replace("/etc/targe/alice", str(secret)))
    said = run_command(unpacked / "usr/bin/targed", "--check", "--config", example)
    if not said.endswith("OK, 1 devices and 1 targets\n") or "warning" in said:
        return said
    run_command(unpacked / "usr/bin/targe", "vtl", "create", unpacked / "tapes", "--generation", "LTO-8", "--slots", "2")
    with example.open("a") as file:
        file.write(run_command(unpacked / "usr/bin/targe", "vtl", "config", unpacked / "tapes"))
    said = run_command(unpacked / "usr/bin/targed", "--check", "--config", example)
    return "" if said.endswith("OK, 4 devices and 2 targets\n") else said


def lintian(packages: Packages) -> str:
    """What Debian's own checks take for an error."""
    said = run_command("lintian", "--fail-on=error", "--tag-display-limit=0", "--allow-root", *packages.debs.values())
    return said if re.search("^E:", said, re.MULTILINE) else ""


def setup(image: pathlib.Path, **daemon: object) -> Setup:
    return Setup((Device("disk0", size="8MiB", path=str(image)),), (Target(NAME, {0: "disk0"}),), daemon=daemon)


def serves(daemon: Targed, data: bytes, write: bool = True) -> str:
    with Session(daemon.target().port, NAME) as session:
        if write and not session.command(write16(8, len(data) // 512, fua=True), data=data).good:
            return "it takes no data"
        read = session.command(read16(8, len(data) // 512), read=len(data))
    return "" if bytes(read.data_in) == data else f"other data came back: {read}"


def unpacked_serves(unpacked: pathlib.Path, folder: pathlib.Path) -> str:
    with Targed(setup(folder / "unpacked.img"), programs=unpacked / "usr/bin") as daemon:
        return serves(daemon, os.urandom(4096))


class Life:
    """What an administrator does with the packages, one step after the other. Each is empty, or what is wrong."""

    def __init__(self, packages: Packages, folder: pathlib.Path) -> None:
        self.packages = packages
        needs = set().union(*(packages.depends(name) for name in NAMES)) - set(NAMES)
        self.system = System(folder / "system", needs)
        self.before = self.system.files()
        self.inbox = self.system.path("/tmp/packages")
        self.inbox.mkdir()
        for deb in packages.debs.values():
            shutil.copy(deb, self.inbox)
        self.data = os.urandom(4096)
        self.naa = ""

    def steps(self) -> dict[str, Callable[[], str]]:
        return {"installed": self.install, "serves": self.serve, "replaced by a newer one": self.replace, "removed": self.remove,
                "installed again": self.again, "purged": self.purge, "purged, with nothing of a user's": self.purge_alone}

    def _dpkg(self, *arguments: str) -> str:
        return self.system.run("dpkg", "--force-confdef", "--force-confold", *arguments)

    def _deb(self, name: str) -> str:
        return f"/tmp/packages/{self.packages.debs[name].name}"

    def _installed_wrong(self) -> str:
        wrong = self.system.run("dpkg", "--audit") + self.system.run("dpkg", "--verify", *(name for name in NAMES if name != "targe"))
        links = [name for name in self.system.files() if re.match(r"etc/systemd/.*/targe(d|-vtl@(?!tapes))[^/]*$", name)]
        return wrong or (f"enabled: {links}" if links else "")

    def install(self) -> str:
        self._dpkg("-i", *(self._deb(name) for name in NAMES))
        self.system.run("python3", "-c", "import targe, ctypes; ctypes.CDLL('libtarge.so.0').targe_attach")
        if self.system.path("/var/lib/targe-vtl").stat().st_mode & 0o777 != 0o700:
            return "others can look at tapes"
        asked = self.system.asked_of_systemd()
        return self._installed_wrong() or (f"systemctl {asked}" if asked else "")

    def serve(self, write: bool = True) -> str:
        folder = self.system.path("/tmp/served")
        folder.mkdir(exist_ok=True)
        state = self.system.path("/var/lib/targe")
        with Targed(setup(state / "disk0.img", state_dir=str(state)), folder, self.system.path("/usr/bin"), ("chroot", str(self.system.root))) as daemon:
            naa = daemon.targe_json("device", "list")[0]["naa"]
            if self.naa not in ("", naa):
                return f"disk {self.naa} is {naa} now"
            self.naa = naa
            return serves(daemon, self.data, write)

    def replace(self) -> str:
        """The administrator has changed the configuration, and the newer package another line of it."""
        config = self.system.path(CONFIGURATION)
        mine = config.read_text() + "# mine\n"
        config.write_text(mine)
        tree = self.system.path("/tmp/newer")
        run_command("dpkg-deb", "-R", self.packages.debs["targe"], tree)
        control = tree / "DEBIAN/control"
        control.write_text(control.read_text().replace(f"Version: {self.packages.version}\n", f"Version: {self.packages.version}+newer\n"))
        (tree / CONFIGURATION[1:]).write_text("# newer\n")
        run_command("dpkg-deb", "-Znone", "-b", tree, self.inbox)
        self.system.say_active(True)
        said = self._dpkg("-i", f"/tmp/packages/targe_{self.packages.version}+newer_amd64.deb")
        asked = self.system.asked_of_systemd()
        self.system.say_active(False)
        if asked:
            return f"systemctl {asked}"
        if "systemctl restart targed" not in said:
            return f"it does not say that the old one goes on: {said}"
        if config.read_text() != mine or config.stat().st_mode & 0o777 != 0o640:
            return "the configuration is another"
        return self._installed_wrong()

    def _user_data(self) -> dict[str, bytes]:
        kept = ("/var/lib/targe/disk0.img", "/var/lib/targe-vtl/tapes/library.json", "/var/lib/targe/unit.cut.atomic-write", "/etc/targe/alice")
        return {name: path.read_bytes() for name in kept if (path := self.system.path(name)).exists()}

    def remove(self) -> str:
        self.system.run("targe", "vtl", "create", "/var/lib/targe-vtl/tapes", "--generation", "LTO-8", "--slots", "2")
        self.system.path("/etc/targe/alice").write_text("twelve bytes or more\n")
        enabled = self.system.path("/etc/systemd/system/multi-user.target.wants/targe-vtl@tapes.service")
        enabled.parent.mkdir(parents=True, exist_ok=True)
        enabled.symlink_to("/lib/systemd/system/targe-vtl@.service")
        self.system.path("/var/lib/targe/unit.cut.atomic-write").write_bytes(b"targe-state 1 unit.cut.atomic-write 5 sha256=00\n\0\1\2\3\n")
        self.system.path("/var/lib/targe/unit.done.atomic-write").write_bytes(b"targe-state 1 unit.done.atomic-write 0 sha256=00\n")
        kept = self._user_data()
        config = self.system.path(CONFIGURATION).read_bytes()
        identities = self.system.path("/var/lib/targe/identities").read_bytes()
        self._dpkg("-r", "targe")
        asked = self.system.asked_of_systemd()
        if asked != ["stop targe-vtl@*.service targed.service"]:
            return f"systemctl {asked}"
        if self._user_data() != kept or self.system.path("/var/lib/targe/identities").read_bytes() != identities:
            return "data or state have changed"
        if self.system.path("/usr/bin/targed").exists():
            return "targed is there"
        return "" if self.system.path(CONFIGURATION).read_bytes() == config else "the configuration has changed"

    def again(self) -> str:
        self._dpkg("-i", self._deb("targe"))
        if not self.system.path(CONFIGURATION).read_text().endswith("# mine\n"):
            return "the configuration is another"
        return self._installed_wrong() or self.serve(write=False)

    def purge(self) -> str:
        kept = self._user_data()
        said = self._dpkg("--purge", *reversed(NAMES))
        for folder in ("/var/lib/targe", "/var/lib/targe-vtl"):
            if f"left in {folder} " not in said:
                return f"it does not say what it left: {said}"
        if self._user_data() != kept:
            return f"of {sorted(kept)} there is {sorted(self._user_data())}"
        left = {name for name in self.system.files() - self.before if not name.startswith("var/lib/targe-vtl/tapes/")}
        allowed = {name[1:] for name in kept if "tapes" not in name}
        missing = self.before - self.system.files()
        return "" if left == allowed and not missing else f"left: {sorted(left ^ allowed)}; gone: {sorted(missing)}"

    def purge_alone(self) -> str:
        for name in ("/var/lib/targe", "/var/lib/targe-vtl", "/etc/targe"):
            shutil.rmtree(self.system.path(name))
        self._dpkg("-i", self._deb("targe"))
        state = self.system.path("/var/lib/targe")
        self.naa = ""
        wrong = self.serve()
        (state / "disk0.img").unlink()
        said = self._dpkg("--purge", "targe")
        left = sorted(self.system.files() ^ self.before)
        return wrong or (f"left: {left}" if left or state.exists() else "") or (said if "left in" in said else "")


def looked_at(packages: Packages, prefix: pathlib.Path, folder: pathlib.Path) -> dict[str, str]:
    unpacked = packages.unpack(folder / "unpacked")
    found = {"content": content(packages, prefix), "dependencies": dependencies(packages, unpacked), "configuration": configuration(packages, unpacked),
             "unpacked, it serves": unpacked_serves(unpacked, folder)}
    if shutil.which("lintian"):
        found["lintian"] = lintian(packages)
    return found


def lived(packages: Packages, folder: pathlib.Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, step in Life(packages, folder).steps().items():
        found[name] = step()
        if found[name]:
            break
    return found


def check(suite: str, prefix: pathlib.Path, folder: pathlib.Path) -> list[Result]:
    """`prefix` is what cmake --install made."""
    packages = Packages(folder / "packages")
    if wrong := packages.wrong_names():
        return [report.failed(suite, "packages", wrong)]
    results = [verdict(suite, name, wrong) for name, wrong in looked_at(packages, prefix, folder).items()]
    if os.geteuid() != 0:
        return [*results, report.skipped(suite, "packages: dpkg", "only root may chroot")]
    try:
        return results + [verdict(suite, name, wrong) for name, wrong in lived(packages, folder).items()]
    except Missing as missing:
        return [*results, report.skipped(suite, "packages: dpkg", str(missing))]


def verdict(suite: str, name: str, wrong: str) -> Result:
    name = f"packages: {name}"
    return report.failed(suite, name, wrong) if wrong else report.passed(suite, name)
