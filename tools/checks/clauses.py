"""Every clause that is cited names a document and a revision that docs/references.md fixes."""
import re

from .finding import Finding
from .tree import ROOT, cpp_files, read, tracked

REFERENCES = "docs/references.md"
_CITED = re.compile(r"\[((?:RFC \d+|(?:SPC|SBC|SAM|SSC|SMC|MMC|SPL|FCP|SRP|SAT|ZBC|VIRTIO)(?:-?\d+)?(?: r\d+[a-z]?)?))(?: [^\]\n]*)?\](?!\()")
_LABEL = re.compile(r"^\|\s*`?([A-Z]+[- ]?[\w.]*(?: r\d+[a-z]?)?)`?\s*\|", re.MULTILINE)


def labels() -> set[str]:
    path = ROOT / REFERENCES
    return set(_LABEL.findall(path.read_text())) if path.exists() else set()


def check() -> list[Finding]:
    known = labels()
    pages = [path for path in tracked() if path.startswith(("docs/", "man/")) and path.endswith(".md") and path != REFERENCES]
    found: list[Finding] = []
    for path in cpp_files() + pages:
        said: set[str] = set()
        for number, line in enumerate(read(path).splitlines(), 1):
            for match in _CITED.finditer(line):
                if match[1] not in known | said:
                    said.add(match[1])
                    found.append(Finding(path, number, f"cites {match[0]}, but {REFERENCES} does not list {match[1]}",
                                         "clause numbers differ between revisions of a standard",
                                         f"cite a revision of {REFERENCES}, or add the document there"))
    return found
