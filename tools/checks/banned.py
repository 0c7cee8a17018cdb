"""Words and constructs that the tree does not contain."""
import dataclasses
import re

from .finding import Finding
from .tree import code_only, cpp_files, read, tracked


@dataclasses.dataclass(frozen=True)
class Ban:
    pattern: re.Pattern[str]
    what: str
    why: str
    mend: str
    in_comments: bool = False
    only_in: tuple[str, ...] = ()
    not_in: tuple[str, ...] = ()


def _ban(pattern: str, *rest: str, **more: object) -> Ban:
    return Ban(re.compile(pattern), *rest, **more)  # type: ignore[arg-type]


BANS = (
    _ban(r"\b(TODO|FIXME|XXX|HACK)\b", "a note to do it later", "what is merged is finished", "do it, or open an issue", in_comments=True),
    _ban(r"\bNOLINT", "a silenced lint", "a rule that does not fit is changed for all, in .clang-tidy", "mend the code or the rule", in_comments=True),
    _ban(r"\bDISABLED_\w+", "a disabled test", "a test that does not run shows nothing", "make it run or take it out"),
    _ban(r"\breinterpret_cast\b", "reinterpret_cast in a room that reads what peers sent",
         "bytes of a peer are read with wire::get: no alignment, aliasing or byte-order surprises", "use wire/field.h",
         only_in=("src/scsi/", "src/iscsi/", "src/wire/", "src/engine/")),
    _ban(r"\b(ntohl|ntohs|htonl|htons|be\d\dtoh|htobe\d\d|bswap_\d\d)\b", "a byte-order function",
         "layouts are lists of coordinates, read by one reader", "use wire/field.h", not_in=("src/transport/", "bench/")),
    _ban(r"\bstd::(f|s)?printf\b|\bstd::(cout|cerr)\b", "printing from a library room", "logs go through the daemon's logger",
         "return a value, or log",
         only_in=("src/base/", "src/wire/", "src/scsi/", "src/iscsi/", "src/engine/", "src/device/", "src/reactor/", "src/transport/"), not_in=("src/base/assert.h",)),
    _ban(r"\bassert\s*\(", "assert()", "an invariant is checked in every build", "TARGE_ASSERT", only_in=("src/",)),
    _ban(r"^using namespace (?!.*literals)", "using namespace at file scope", "a name says where it comes from", "write it out, or using for one name",
         not_in=("_test.cc",)),
    _ban(r"\b(throw|catch)\b", "an exception in a room that meets peers' input", "peer input never throws",
         "return std::expected or a scsi::Outcome",
         only_in=("src/wire/", "src/scsi/", "src/iscsi/", "src/engine/", "src/transport/"), not_in=("src/wire/field.h",)),  # consteval: it stops the compiler
    _ban(r"#\s*include\s*<(format|print)>", "a header that libstdc++ 12 lacks", "Debian 12 must build this", "use fmt"),
    _ban(r"^\s*#\s*define\s+\w+_H_?\b", "an include guard", "one way for all", "#pragma once"),
)
# Paths of one machine. The home of a named user counts, /tmp as such does not.
_MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|home/\w+|tmp/(?:b|bash_jobs|gc)\b)/?")


def _applies(ban: Ban, path: str) -> bool:
    wanted = not ban.only_in or any(part in path for part in ban.only_in)
    spared = any(part in path for part in ban.not_in)
    tests = path.endswith("_test.cc") and ban.what.startswith(("reinterpret_cast", "printing", "an exception"))
    return wanted and not spared and not tests


def check() -> list[Finding]:
    found: list[Finding] = []
    for path in cpp_files():
        text = read(path)
        bare = code_only(text).splitlines()
        for number, line in enumerate(text.splitlines(), 1):
            for ban in BANS:
                subject = line if ban.in_comments else bare[number - 1] if number <= len(bare) else ""
                if _applies(ban, path) and ban.pattern.search(subject):
                    found.append(Finding(path, number, ban.what, ban.why, ban.mend))
    for path in tracked():
        if path.endswith((".png", ".bin", ".xz")) or path.startswith(("fuzz/corpus", "tools/checks/banned.py")):
            continue
        for number, line in enumerate(read(path).splitlines(), 1):
            if _MACHINE_PATH.search(line):
                found.append(Finding(path, number, "a path of one machine", "the tree must work wherever it is cloned",
                                     "make it relative, or find it at run time"))
    return found
