"""The size ratchet: files and functions that stay small, and exceptions that may only shrink."""
from .finding import Finding
from .functions import functions
from .tree import ROOT, cpp_files, read, tracked

SOURCE_LINES = 400
HEADER_LINES = 250
FUNCTION_LINES = 60
EXCEPTIONS = "tools/size-exceptions.txt"


def exceptions() -> dict[str, int]:
    path = ROOT / EXCEPTIONS
    lines = path.read_text().splitlines() if path.exists() else []
    rows = (line.split("#")[0].split() for line in lines)
    return {row[0]: int(row[1]) for row in rows if row}


def measure() -> dict[str, tuple[int, int, int]]:
    """path or path:function -> lines, limit, line number."""
    sizes: dict[str, tuple[int, int, int]] = {}
    scripts = [path for path in tracked() if path.endswith((".py", ".sh")) or path.startswith("tools/check")]
    for path in sorted(set(cpp_files() + scripts)):
        text = read(path)
        limit = HEADER_LINES if path.endswith(".h") else SOURCE_LINES
        sizes[path] = (text.count("\n"), limit, 1)
        if path.endswith((".h", ".cc")):
            for function in functions(text):
                key = f"{path}:{function.name}"
                if key not in sizes or sizes[key][0] < function.lines:
                    sizes[key] = (function.lines, FUNCTION_LINES, function.line)
    return sizes


def check() -> list[Finding]:
    allowed = exceptions()
    sizes = measure()
    found: list[Finding] = []
    for key, (lines, limit, number) in sizes.items():
        path, _, function = key.partition(":")
        what = f"function {function}" if function else "file"
        if lines > max(limit, allowed.get(key, 0)):
            found.append(Finding(path, number, f"{what} has {lines} lines; the limit is {max(limit, allowed.get(key, 0))}",
                                 "what fits one view is read whole, and one subject a file keeps it findable",
                                 "split it by subject (never into part 1 and part 2)"))
        elif key in allowed and lines < allowed[key]:
            mend = f"take {key} off" if lines <= limit else f"write {lines} there"
            found.append(Finding(EXCEPTIONS, 1, f"{key} has {lines} lines and may have {allowed[key]}",
                                 "the list may only shrink, so it must follow what was won", mend))
    gone = sorted(set(allowed) - set(sizes))
    found += [Finding(EXCEPTIONS, 1, f"{key} is not there any more", "the list may only shrink", "take it off") for key in gone]
    return found
