"""Where the functions of a C++ file begin and end, by counting braces: good enough for a ratchet."""
import dataclasses
import re

from .tree import code_only

_NOT_A_FUNCTION = re.compile(r"^\s*(?:\}\s*)?(if|for|while|switch|do|else|try|catch|namespace|class|struct|enum|union|extern)\b")
_NAME = re.compile(r"([~\w:]+(?:<[^()]*>)?|operator\s*[^\s(]+|operator\(\))\s*\(")
_TEMPLATE = re.compile(r"^\s*template\s*<[^{;]*?>\s*(?=(?:class|struct|union|requires|\w))", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Function:
    name: str
    line: int
    lines: int


def _is_function(header: str) -> bool:
    header = _TEMPLATE.sub("", header)
    header = re.sub(r"\[\[.*?\]\]", "", header)
    if "(" not in header or _NOT_A_FUNCTION.match(header):
        return False
    before = header.split("(", 1)[0]
    return "=" not in before.replace("operator==", "").replace("operator=", "") and not before.rstrip().endswith(("return", ","))


def _name(header: str) -> str:
    test = re.search(r"\b(TEST|TEST_F|TEST_P)\s*\(\s*(\w+)\s*,\s*(\w+)", header)
    if test:
        return f"{test[2]}.{test[3]}"
    match = _NAME.search(_TEMPLATE.sub("", header))
    return match[1] if match else "?"


def functions(text: str) -> list[Function]:
    """Outermost functions only: a lambda or a block belongs to the function around it."""
    code = re.sub(r"^\s*#(?:[^\n]*\\\n)*[^\n]*", lambda m: "\n" * m[0].count("\n"), code_only(text), flags=re.MULTILINE)
    found: list[Function] = []
    depth, line, start_of_header, header_line = 0, 1, 0, 1
    open_function: tuple[str, int, int] | None = None
    parens = 0
    for at, char in enumerate(code):
        if char == "\n":
            line += 1
        elif char == "(":
            parens += 1
        elif char == ")":
            parens -= 1
        elif char == "{":
            header = code[start_of_header:at]
            if open_function is None and parens == 0 and _is_function(header):
                skipped = len(header) - len(header.lstrip())
                header_line = 1 + code.count("\n", 0, start_of_header + skipped)
                open_function = (_name(header), header_line, depth)
            depth += 1
            start_of_header = at + 1
        elif char == "}":
            depth -= 1
            # The braces of a member initialiser, S() : a_{1} {, end before the body opens.
            following = code[at + 1:at + 200].lstrip()[:1]
            if open_function is not None and depth == open_function[2] and following not in ("{", ","):
                found.append(Function(open_function[0], open_function[1], line - open_function[1] + 1))
                open_function = None
            start_of_header = at + 1
        elif char == ";" and parens == 0:
            start_of_header = at + 1
    return found
