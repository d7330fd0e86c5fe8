import os
import re

import models
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes_sse import UNLIMITED, Comment, Event, Parser, encode

# HERMES_SSE_TESTS=long as for the other tests; sanitizers make everything slower
EXAMPLES = 20_000 if os.environ.get("HERMES_SSE_TESTS") == "long" else 150
settings.register_profile("here", max_examples=EXAMPLES // (3 if os.environ.get("HERMES_SSE_SANITIZED") else 1), deadline=None)
settings.load_profile("here")

SPECIAL = ["\r", "\n", "\r\n", "\0", ":", " ", "data", "id", "event", "retry", "\ufeff", "\ud800", "\udfff", "\u2028", "é", "下", "\U0001f600"]
character = st.characters()
texts = st.lists(st.one_of(character, st.sampled_from(SPECIAL)), max_size=60).map("".join)
soup = st.lists(st.one_of(st.binary(max_size=4), st.sampled_from(SPECIAL).map(lambda s: s.encode("utf-8", "surrogatepass"))), max_size=120)
soups = soup.map(b"".join)
one_line = texts.map(lambda text: re.sub("[\r\n\0]", "", text))
either = st.one_of(texts, soups)


def as_text(value):
    """What a client can see of a text: no lone surrogates, no bytes that are no UTF-8."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "".join("\ufffd" if 0xD800 <= ord(c) < 0xE000 else c for c in value)


def normalise(value):
    """Line ends are LF, nothing else differs."""
    return as_text(value).replace("\r\n", "\n").replace("\r", "\n")


@given(either)
def test_data_comes_back(data):
    assert list(Parser(max_event_bytes=UNLIMITED).feed(encode(data))) == [Event("message", normalise(data))]


@given(either, one_line, one_line, st.one_of(st.none(), st.integers(0, 2**63 - 1)), either)
def test_an_event_comes_back(data, event, id, retry, comment):
    parser = Parser(comments=True, last_event_id="before")
    found = list(parser.feed(encode(data, event, id, retry, comment)))
    assert found[-1] == Event(as_text(event) or "message", normalise(data), as_text(id))
    assert found[:-1] == [Comment(line) for line in normalise(comment).split("\n") if comment]
    assert parser.last_event_id == as_text(id)
    assert parser.retry == retry


@given(either)
def test_bytes_and_text_are_encoded_alike(data):
    raw = data if isinstance(data, bytes) else as_text(data).encode()
    assert encode(data) == encode(raw) == encode(bytearray(raw)) == encode(memoryview(raw))


@given(st.dictionaries(st.sampled_from(["data", "event", "id", "comment"]), either))
def test_bytes_are_those_of_the_reference(fields):
    fields = {name: value if isinstance(value, bytes) else as_text(value).encode() for name, value in fields.items()}
    outcomes = []
    for encoder in (models.encode, reference.encode):
        try:
            outcomes.append(encoder(fields))
        except reference.Refused as refused:
            outcomes.append(str(refused))
    assert outcomes[0] == outcomes[1]


@given(soups, st.lists(st.integers(0, 500)), st.fixed_dictionaries({}, optional={n: st.integers(1, 40) for n in ("line", "event", "id")}))
def test_any_bytes_at_any_cuts_are_read_as_the_reference_does(stream, cuts, limits):
    expected = reference.decode_text(stream, limits)
    places = sorted(min(cut, len(stream)) for cut in cuts)
    model = models.Model(limits)
    for a, b in zip([0, *places], [*places, len(stream)]):
        model.feed(stream[a:b])
    # limits count bytes as they came, the reference's texts have replaced some
    if limits and stream.decode("utf-8", "replace").encode() != stream:
        return
    for name in ("events", "comments", "errors", "last_event_id"):
        assert getattr(model, name) == getattr(expected, name), name
    assert model.retry == (None if expected.retry is None else min(expected.retry, 2**63 - 1))
