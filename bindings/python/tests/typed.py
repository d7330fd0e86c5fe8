"""Read by mypy --strict, never run: what the types say, and, as an ignore that has to be needed, what they refuse."""
from array import array
from collections.abc import Iterator
from typing import assert_type

import hermes_sse
from hermes_sse import UNLIMITED, Comment, Event, FieldError, LimitError, Parser, encode

assert_type(encode("x"), bytes)
assert_type(encode(None, comment="x"), bytes)
assert_type(encode(b"x", bytearray(b"x"), memoryview(b"x"), 5, array("B")), bytes)
assert_type(hermes_sse.__version__, str)

encode()  # type: ignore[call-arg]
encode(5)  # type: ignore[arg-type]
encode("x", event=5)  # type: ignore[arg-type]
encode("x", id=5)  # type: ignore[arg-type]
encode("x", retry="5")  # type: ignore[arg-type]
encode("x", retry=1.5)  # type: ignore[arg-type]
encode("x", comment=["x"])  # type: ignore[arg-type]
encode("x", name="x")  # type: ignore[call-arg]

parser = Parser()
assert_type(parser, Parser[Event])
assert_type(parser.feed(b""), Parser[Event])
assert_type(next(parser), Event)
assert_type(parser.last_event_id, str)
assert_type(parser.retry, int | None)
iterator: Iterator[Event] = parser
for event in parser.feed(bytearray()):
    assert_type(event, Event)
    assert_type((event.type, event.data, event.id), tuple[str, str, str])

with_comments = Parser(comments=True, max_event_bytes=UNLIMITED, max_line_bytes=None, last_event_id="5")
assert_type(with_comments, Parser[Event | Comment])
for found in with_comments.feed(b""):
    found.data  # type: ignore[union-attr]
    match found:
        case Comment(text=text):
            assert_type(text, str)
        case Event():
            assert_type(found, Event)


def perhaps(wanted: bool) -> Parser[Event | Comment]:
    return Parser(comments=wanted)


parser.feed("text")  # type: ignore[arg-type]
parser.retry = 5  # type: ignore[misc]
event.data = "x"  # type: ignore[misc]
Parser(5)  # type: ignore[call-overload]
Parser(max_line_bytes="5")  # type: ignore[call-overload]
Event("t")  # type: ignore[call-arg]
Event("t", b"d")  # type: ignore[arg-type]


class Sub(Event):  # type: ignore[misc]
    pass


def caught(error: FieldError | LimitError) -> str:
    assert_type(FieldError("x").field, str)
    return error.field if isinstance(error, FieldError) else error.limit
