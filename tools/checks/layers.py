"""The arrows between rooms: what a room includes is what its CMakeLists.txt says it depends on."""
import re

from .finding import Finding
from .tree import ROOT, cpp_files, read

ROOMS = ("base", "wire", "scsi", "iscsi", "gateway", "reactor", "device", "engine", "transport", "initiator", "admin", "vtl", "daemon", "cli", "sim")
# No room, but the library for programs outside.
OTHERS = {"libtarge": {"gateway"}}
# Rooms that talk to the kernel. Above them the daemon and the tools are free: they are the process.
SYSTEM_ROOMS = ("libtarge", "reactor", "device", "transport", "initiator", "admin", "vtl", "daemon", "cli")
SANS_IO = ("base", "wire", "scsi", "iscsi", "engine", "sim")
SYSTEM_HEADER = re.compile(
    r"^(sys/|linux/|net/|netinet/|arpa/|liburing|unistd\.h|fcntl\.h|poll\.h|signal\.h|pthread\.h|sched\.h|netdb\.h|dirent\.h|spawn\.h)")
# What a room without I/O must not see: it gets time as an argument, and has no threads, files or streams.
IMPURE_HEADER = re.compile(r"^(thread|mutex|condition_variable|fstream|iostream|filesystem|future|shared_mutex|semaphore)$")
_INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
_MODULE = re.compile(r"\b(?:module|program)\(\s*(?P<name>\w+)(?P<body>[^)]*)\)", re.DOTALL)


def depends() -> dict[str, set[str]]:
    """What each room's CMakeLists.txt lists, with everything that its rooms depend on in turn left out."""
    found: dict[str, set[str]] = {}
    for room in ROOMS:
        path = ROOT / "src" / room / "CMakeLists.txt"
        if not path.exists():
            continue
        text = re.sub(r"#[^\n]*", "", path.read_text())
        allowed: set[str] = set()
        for match in _MODULE.finditer(text):
            words = match["body"].split()
            if "DEPENDS" in words:
                for word in words[words.index("DEPENDS") + 1:]:
                    if word.isupper():
                        break
                    allowed.add(word)
        for match in re.finditer(r"target_link_libraries\(([^)]*)\)", text):
            allowed.update(word for word in match[1].split() if word in ROOMS)
        found[room] = allowed - {room}
    return found


def cycles(graph: dict[str, set[str]]) -> list[Finding]:
    found: list[Finding] = []

    def reach(start: str, at: str, seen: set[str]) -> bool:
        for room in graph.get(at, ()):
            if room == start:
                return True
            if room not in seen:
                seen.add(room)
                if reach(start, room, seen):
                    return True
        return False

    for room in graph:
        if reach(room, room, set()):
            found.append(Finding(f"src/{room}/CMakeLists.txt", 1, f"room {room} depends on itself through others",
                                 "arrows between rooms run only downward (docs/architecture.md)",
                                 "move what both need into a lower room"))
    return found


def check_include(path: str, number: int, header: str, allowed: set[str]) -> Finding | None:
    room = path.split("/")[1]
    first = header.split("/")[0]
    if first in ROOMS and first != room and first not in allowed:
        return Finding(path, number, f"room {room} includes \"{header}\", but does not depend on {first}",
                       "arrows between rooms run only downward, and DEPENDS is the whole list (docs/architecture.md)",
                       f"do without it, or add {first} to DEPENDS in src/{room}/CMakeLists.txt if the arrow is right")
    if room not in SYSTEM_ROOMS and SYSTEM_HEADER.match(header):
        return Finding(path, number, f"room {room} includes the system header <{header}>",
                       "only rooms that talk to the kernel may: the rest stays testable without sockets, files and sleep",
                       "pass the value in, or move the code into reactor, device or transport")
    if room in ("scsi", "iscsi", "wire") and IMPURE_HEADER.match(header) and not path.endswith("_test.cc"):
        return Finding(path, number, f"room {room} includes <{header}>",
                       f"{room} is sans-IO: no descriptor, clock, thread or log",
                       "take what is needed as an argument")
    return None


def check() -> list[Finding]:
    graph = depends()
    found = cycles(graph)
    found += [Finding(f"src/{room}/CMakeLists.txt", 1, f"room {room} depends on sim", "the simulator is for tests and fuzzers alone",
                      "do without it") for room in graph if "sim" in graph[room]]
    for path in cpp_files():
        parts = path.split("/")
        if parts[0] != "src" or len(parts) < 3:
            continue
        for number, line in enumerate(read(path).splitlines(), 1):
            include = _INCLUDE.match(line)
            finding = include and check_include(path, number, include[2], graph.get(parts[1], OTHERS.get(parts[1], set())))
            if finding:
                found.append(finding)
    return found
