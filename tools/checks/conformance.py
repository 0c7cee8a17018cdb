"""The table of clauses: docs/clauses/*.toml, a file a document, say what each clause asks, whether it is done, and what shows it.

`tools/generate` makes two blocks of docs/conformance.md of them. What is checked is what would make the tables lie: a `yes`
without a test, a test that is not there, a clause that the sources cite or a command that is offered, and that has no row.
"""
import collections.abc
import dataclasses
import functools
import pathlib
import re
import shutil
import subprocess
import tomllib

from .clauses import REFERENCES, cited, labels
from .finding import Finding
from .tree import ROOT, cpp_files, read

FOLDER = pathlib.Path("docs/clauses")
DONE = ("yes", "partly", "no")
WHERE = f"<!-- edit {FOLDER}/*.toml, one row a line, and run tools/generate -->\n"
_NUMBER = re.compile(r"Appendix [A-Z]|[A-Z]\.\d+(?:\.\d+)*|\d+(?:\.\d+)*")
_COMMAND = re.compile(r"^\| ([A-Z][^|]*?) \| [0-9A-F]{2}h", re.MULTILINE)
_TEST = re.compile(r"^\s*TEST(?:_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\)", re.MULTILINE)
_TITLE = re.compile(r"^\|\s*`([^`]+)`\s*\|\s*([^|]+?)\s*\|", re.MULTILINE)


@dataclasses.dataclass(frozen=True)
class Row:
    """One clause, or one of the things that it asks. `deviation` and `why` say what is otherwise; the first goes among the deviations."""
    path: str
    line: int
    document: str
    subject: str
    clause: str
    asks: str
    done: str
    tests: tuple[str, ...]
    why: str
    deviation: str


def _rows_of(path: pathlib.Path) -> list[Row]:
    text = path.read_text()
    lines = {line.strip().rstrip(","): number for number, line in enumerate(text.splitlines(), 1)}
    document = tomllib.loads(text)
    found: list[Row] = []
    for subject in document["subject"]:
        for row in subject["rows"]:
            number = next((number for line, number in lines.items() if f'asks = "{row["asks"]}"' in line), 1)
            found.append(Row(str(path), number, document["document"], subject["name"], row["clause"], row["asks"], row["done"],
                             tuple(row.get("tests", ())), row.get("why", ""), row.get("deviation", "")))
    return found


@functools.cache
def rows() -> tuple[Row, ...]:
    """In the order of docs/references.md, and within a document in that of its file."""
    order = {label: place for place, (label, _) in enumerate(titles())}
    found = [row for path in sorted((ROOT / FOLDER).glob("*.toml")) for row in _rows_of(path.relative_to(ROOT))]
    return tuple(sorted(found, key=lambda row: order.get(row.document, len(order))))


def titles() -> list[tuple[str, str]]:
    return _TITLE.findall((ROOT / REFERENCES).read_text())


def numbers(clause: str) -> list[str]:
    """The clauses that a text names: "5.11, 5.12", "5.11 to 5.13", "Appendix C"."""
    found: list[str] = []
    for part in clause.split(","):
        named = _NUMBER.findall(part)
        if " to " in part and len(named) == 2 and named[0].rpartition(".")[0] == named[1].rpartition(".")[0]:
            stem, _, first = named[0].rpartition(".")
            last = int(named[1].rpartition(".")[2])
            named = [f"{stem}.{number}" if stem else str(number) for number in range(int(first), last + 1)]
        found += named
    return found


@functools.cache
def unit_tests() -> dict[str, list[str]]:
    """Subject.SaysWhatHolds -> the files that have it, among those that are built."""
    found: dict[str, list[str]] = {}
    for path in cpp_files():
        folder, _, name = path.rpartition("/")
        if name.endswith("_test.cc") and name in read(f"{folder}/CMakeLists.txt"):
            for subject, fact in _TEST.findall(read(path)):
                found.setdefault(f"{subject}.{fact}", []).append(path)
    return found


@functools.cache
def suite() -> frozenset[str] | None:
    """What iscsi-test-cu has and must pass in some set-up; nothing where it is not installed."""
    if shutil.which("iscsi-test-cu") is None:
        return None
    listed = subprocess.run(["iscsi-test-cu", "-l"], capture_output=True, text=True).stdout.split()
    tests = {name.removeprefix("ALL.") for name in listed if name.startswith("ALL.") and name.count(".") == 2}
    lists = {path.stem: {line.split()[0]: line.split()[1] for line in path.read_text().splitlines() if line.strip() and not line.startswith("#")}
             for path in (ROOT / "conformance" / "expected").glob("*.txt")}
    of_all = lists.pop("all", {})
    return frozenset(name for name in tests if any("pass" in {**of_all, **case}.get(name, "pass") for case in lists.values()))


def place(test: str) -> str | None:
    """The file of a test as rows name it, or nothing when there is none:
    `Subject.SaysWhatHolds` of a unit test, `libiscsi Suite.Test` or `libiscsi Suite.*`, `file` or `file: result` of a script or a fuzzer."""
    if test.startswith("libiscsi "):
        known, name = suite(), test.removeprefix("libiscsi ")
        there = known is None or (any(each.startswith(name[:-1]) for each in known) if name.endswith(".*") else name in known)
        return "conformance/libiscsi_suite.py" if there else None
    if "/" in test:
        path, _, name = test.partition(": ")
        return path if path.startswith(("conformance/", "fuzz/")) and (ROOT / path).is_file() and (not name or name in read(path)) else None
    return (unit_tests().get(test) or [None])[0]


def is_test(name: str) -> bool:
    """What a row of docs/features.toml may name: a file of unit tests that is built, a stage of conformance/run.py, or what a clause may name."""
    if name.endswith("_test.cc"):
        return any(name in files for files in unit_tests().values())
    if name.startswith("conformance/") and name.endswith(".py"):
        return f"{pathlib.PurePath(name).stem}.run" in read("conformance/run.py")
    return place(name) is not None


def _linked(test: str) -> str:
    path = place(test)
    name = test.removeprefix("conformance/").removeprefix("guest/")
    return f"[{name}](../{path})" if path else name


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _ordered_by_document() -> dict[str, dict[str, list[Row]]]:
    found: dict[str, dict[str, list[Row]]] = {}
    for row in rows():
        found.setdefault(row.document, {}).setdefault(row.subject, []).append(row)
    return found


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _counts(of_document: list[Row]) -> list[int]:
    return [sum(row.done == done for row in of_document) for done in DONE]


def clause_tables() -> str:
    summary = [WHERE, "\n| document | rows | done | in part | not |\n|---|---|---|---|---|\n"]
    tables: list[str] = []
    for document, subjects in _ordered_by_document().items():
        of_document = [row for subject in subjects.values() for row in subject]
        heading = f"{document}: {dict(titles()).get(document, '')}"
        summary.append(f"| [{document}](#{_anchor(heading)}) | {len(of_document)} | " + " | ".join(map(str, _counts(of_document))) + " |\n")
        tables.append(f"\n### {heading}\n")
        if any("?" in row.clause for row in of_document):
            tables.append("A number with a question mark is a guess from the order of the clauses.\n")
        for subject, of_subject in subjects.items():
            tables.append(f"\n#### {subject}\n| clause | what it asks | done | shown by | what is otherwise |\n|---|---|---|---|---|\n")
            tables += [f"| {row.clause or '—'} | {_cell(row.asks)} | {row.done} | {', '.join(map(_linked, row.tests))} "
                       f"| {_cell(row.deviation or row.why)} |\n" for row in of_subject]
    return "".join(summary + tables)


def deviation_table() -> str:
    out = [WHERE, "\n| document | what it asks | what Targe does, and why |\n|---|---|---|\n"]
    out += [f"| {row.document} {row.clause}".rstrip() + f" | {_cell(row.asks)} | {_cell(row.deviation)} |\n" for row in rows() if row.deviation]
    return "".join(out)


def _of_row(row: Row) -> collections.abc.Iterator[tuple[str, str]]:
    if row.document not in labels():
        yield f"{row.document} is no document of {REFERENCES}", "name it as that list does, or add it there"
    if row.done not in DONE:
        yield f"done is {row.done!r}", f"one of {', '.join(DONE)}"
    if row.done == "yes" and not row.tests:
        yield f"{row.clause}: {row.asks!r} is done, and nothing shows it", "name the test, write it, or say partly"
    if row.done != "yes" and not row.why and not row.deviation:
        yield f"{row.clause}: {row.asks!r} is not done, and nothing says why", "say why, or deviation where Targe does otherwise on purpose"
    if row.why and row.deviation:
        yield f"{row.clause}: {row.asks!r} has both why and deviation", "one of them"
    for test in row.tests:
        if place(test) is None:
            yield f"{row.clause}: {test} is not there, or need not pass", "name a test that is"


def _near(cited_number: str, has: str) -> bool:
    return not cited_number or cited_number == has or cited_number.startswith(has + ".") or has.startswith(cited_number + ".")


def uncovered() -> list[tuple[str, int, str, str]]:
    """What the sources cite and no row has: neither the clause, nor one above it, nor one under it."""
    covered: dict[str, set[str]] = {}
    for row in rows():
        covered.setdefault(row.document, set()).update(numbers(row.clause) or {""})
    found: list[tuple[str, int, str, str]] = []
    for path in cpp_files():
        for line, document, clause in cited(read(path)):
            for number in numbers(clause) or [""]:
                if not any(_near(number, has) for has in covered.get(document, ())):
                    found.append((path, line, document, number))
    return found


def unnamed_commands() -> list[str]:
    """Commands of the command table, as docs/conformance.md has it, that no row names."""
    asked = " | ".join(row.asks.replace(",", "") for row in rows())
    found = []
    for name in _COMMAND.findall((ROOT / "docs" / "conformance.md").read_text()):
        service_action = name.rpartition(", ")[2]
        if re.sub(r"\(\d+\)", "", service_action) not in asked:
            found.append(name)
    return found


def check() -> list[Finding]:
    found = [Finding(row.path, row.line, what, "the table says what is known to be so, and no more", mend)
             for row in rows() for what, mend in _of_row(row)]
    found += [Finding(path, line, f"cites {document} {number}, of which {FOLDER} has no row", "what rests on a clause is to be found by it",
                      f"add a row to {FOLDER}, or cite the clause that has one") for path, line, document, number in uncovered()]
    found += [Finding(str(FOLDER), 1, f"no row names the command {name}", "what is offered is to be found with its tests",
                      "add a row that names it") for name in unnamed_commands()]
    return found
