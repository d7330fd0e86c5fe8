"""The Python that README.md and the package's own README.md show, run as it stands there."""
import pathlib
import re

import hermes_sse
import pytest

HERE = pathlib.Path(__file__).parent.parent
PAGES = [page for page in (HERE / "README.md", HERE.parent.parent / "README.md") if page.exists()]
BLOCKS = [(page.parent.name + "/" + page.name, text) for page in PAGES for text in re.findall(r"^```python\n(.*?)^```$", page.read_text(), re.M | re.S)]


@pytest.mark.parametrize("page, text", BLOCKS)
def test_snippet(page, text):
    handled, chunk = [], b"data: 1\n\nid: 2\ndata: 2\n\n"
    parser = hermes_sse.Parser()
    exec(compile(text, page, "exec"), {"chunk": chunk, "response": [chunk[:5], chunk[5:]], "parser": parser, "handle": handled.append,
                                       "LimitError": hermes_sse.LimitError, "log": None})
    for line in re.findall(r"^(encode\(.*)$", text, re.M):
        call, _, shown = line.partition("  # ")
        shown = re.match(r"b\".*?\"(?=$|:)", shown.strip())
        assert shown and eval(call, {"encode": hermes_sse.encode}) == eval(shown.group()), line
    if "handle(" in text:
        assert [event.data for event in handled] == ["1", "2"]


def test_there_are_snippets():
    assert len(BLOCKS) >= 3
