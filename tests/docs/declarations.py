"""declarations.py INCLUDE_DIR LIST...: every exported symbol is declared in a public header right under a comment that says what it
does and where it may be called."""
import pathlib
import re
import sys


def declarations(text):
    """Names declared with HERMES_SSE_API, each with the comment right above it, or None."""
    for match in re.finditer(r"^HERMES_SSE_API[^;]*?(hermes_sse_\w+)\(", text, re.M):
        above = re.sub(r"#define [^\n]*\n$", "", text[:match.start()])  # a limit that belongs to the call
        yield match.group(1), above[above.rindex("/*"):] if above.endswith("*/\n") else None


def main():
    include, *lists = sys.argv[1:]
    documented = {}
    for header in sorted(pathlib.Path(include).rglob("*.h")):
        documented.update(declarations(header.read_text()))
    wrong = []
    for exported in lists:
        for symbol in pathlib.Path(exported).read_text().split():
            comment = documented.get(symbol)
            if symbol not in documented:
                wrong.append(f"{symbol} is exported, and declared in no public header")
            elif not comment:
                wrong.append(f"{symbol} is declared without a comment right above it")
            elif "Class: " not in comment and "thread" not in comment:
                wrong.append(f"{symbol}: its comment does not say where it may be called (Class: ...)")
    print("\n".join(wrong) if wrong else f"{len(documented)} declarations, all with a comment")
    return len(wrong) > 0


sys.exit(main())
