"""snippets.py ROOT: what the documentation shows is cut from files that the tests build and run. A block of C stands under a comment
with its file, `<!-- examples/hosts/first.c -->`, and is a run of whole lines of it. Python runs here. Commands must exist."""
import ast
import pathlib
import re
import shlex
import sys

BLOCK = re.compile(r"(?:^<!-- (?P<source>\S+) -->\n)?^```(?P<kind>\w*)\n(?P<text>.*?)^```$", re.M | re.S)
# What the tests run: tests/abi/install.sh, tests/integration/test_tools.py, and README's two commands in a fresh clone.
PROGRAMS = {"sh", "meson", "cc", "curl", "echo", "sse-decode", "sse-encode", "jq", "apt-get", "python3", "sse-load", "ninja"}


def commands(text):
    for line in text.replace("\\\n", " ").splitlines():
        for part in re.split(r" \| ", line.split(" # ")[0]):
            yield shlex.split(part, comments=True)


def fault(root, source, kind, text):
    if kind == "c":
        if not source:
            return "C without the file that it is cut from above it"
        return None if f"\n{text}" in "\n" + (root / source).read_text() else f"differs from {source}"
    if kind == "sh":
        for words in commands(text):
            if words and words[0] not in PROGRAMS:
                return f"{words[0]}: nothing runs this"
            if words[:1] == ["sh"] and not (root / words[1]).exists():
                return f"{words[1]} does not exist"
    if kind == "python":
        compile(text, "snippet", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return None


def main():
    root = pathlib.Path(sys.argv[1])
    pages = [root / "README.md", *sorted((root / "docs").glob("*.md")), *sorted((root / "bindings").rglob("README.md")), *sorted((root / "tests").rglob("README.md"))]
    blocks, wrong = 0, []
    for page in pages:
        if "node_modules" in page.parts:
            continue
        for match in BLOCK.finditer(page.read_text()):
            blocks += 1
            found = fault(root, match["source"], match["kind"], match["text"])
            if found:
                wrong.append(f"{page.relative_to(root)}, \"{match['text'].splitlines()[0]}\": {found}")
    print("\n".join(wrong) if wrong else f"{blocks} blocks")
    return len(wrong) > 0 or blocks == 0


sys.exit(main())
