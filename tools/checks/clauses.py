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


def cited(text: str) -> list[tuple[int, str, str]]:
    """Line, document and what stands behind it, of every citation."""
    return [(number, match[1], match[0][len(match[1]) + 1:-1].strip())
            for number, line in enumerate(text.splitlines(), 1) for match in _CITED.finditer(line)]


def check() -> list[Finding]:
    known = labels()
    pages = [path for path in tracked() if path.startswith(("docs/", "man/")) and path.endswith(".md") and path != REFERENCES]
    found: list[Finding] = []
    for path in cpp_files() + pages:
        said: set[str] = set()
        for number, document, clause in cited(read(path)):
            if document not in known | said:
                said.add(document)
                found.append(Finding(path, number, f"cites {document} {clause}".rstrip() + f", but {REFERENCES} does not list {document}",
                                     "clause numbers differ between revisions of a standard",
                                     f"cite a revision of {REFERENCES}, or add the document there"))
    return found
