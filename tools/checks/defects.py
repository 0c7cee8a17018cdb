"""Every defect of the simulator can still be put in: the text that it changes stands once in its file.

tools/defects shows that each is found; that takes minutes, and this no time, so a change that moves the text is told of at once."""
import tomllib

from .finding import Finding
from .tree import ROOT, read

LIST = "src/sim/defects.toml"


def _line_of(text: str, name: str) -> int:
    return text[:text.find(f'name = "{name}"')].count("\n") + 1


def check() -> list[Finding]:
    text = read(LIST)
    found: list[Finding] = []
    for defect in tomllib.loads(text)["defect"]:
        times = read(defect["file"]).count(defect["find"]) if (ROOT / defect["file"]).exists() else 0
        if times != 1:
            found.append(Finding(LIST, _line_of(text, defect["name"]), f"what \"{defect['name']}\" changes stands {times} times in {defect['file']}",
                                 "a defect that cannot be put in no longer shows that the simulator sees it",
                                 "follow the text to where it went, or take the defect out with what it was about"))
    return found
