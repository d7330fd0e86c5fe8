"""Server-Sent Events: an encoder and a parser, to the letter of the WHATWG HTML standard, section 9.2.

    encode("line one\\nline two", event="note", id="7")   the bytes of one event
    for event in Parser().feed(chunk): ...               the events in bytes, cut anywhere
"""
from hermes_sse._core import UNLIMITED, Comment, Event, FieldError, LimitError, Parser, __version__, encode

__all__ = ["UNLIMITED", "Comment", "Event", "FieldError", "LimitError", "Parser", "__version__", "encode"]
