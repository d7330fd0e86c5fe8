#!/usr/bin/python3
"""encode() beside a pure-Python encoder of the shape that sse-starlette's has: median of the ratios of CPU time, all in one run.

    PYTHONPATH=where/hermes_sse/is encode.py [--short]

Exits with 1 if an event is not encoded at least TARGET times as fast. Texts outside ASCII have no target: most of their time is the
interpreter's, which makes UTF-8 of them in both.
"""
import argparse
import io
import json
import re
import statistics
import sys
import time

import hermes_sse

TARGET = 10


class PureEvent:
    """The usual shape: an object per event, a pattern that splits and cleans, a text buffer, UTF-8 at the end."""

    line_end = re.compile("\r\n|\r|\n")

    def __init__(self, data=None, *, event=None, id=None, retry=None, comment=None, separator=None):
        self.data, self.event, self.id, self.retry, self.comment = data, event, id, retry, comment
        self.separator = "\r\n" if separator is None else separator

    def encode(self):
        buffer = io.StringIO()
        if self.comment is not None:
            for line in self.line_end.split(str(self.comment)):
                buffer.write(f": {line}")
                buffer.write(self.separator)
        if self.id is not None:
            buffer.write(self.line_end.sub("", f"id: {self.id}"))
            buffer.write(self.separator)
        if self.event is not None:
            buffer.write(self.line_end.sub("", f"event: {self.event}"))
            buffer.write(self.separator)
        if self.data is not None:
            for line in self.line_end.split(str(self.data)):
                buffer.write(f"data: {line}")
                buffer.write(self.separator)
        if self.retry is not None:
            if not isinstance(self.retry, int):
                raise TypeError("retry must be int")
            buffer.write(f"retry: {self.retry}")
            buffer.write(self.separator)
        buffer.write(self.separator)
        return buffer.getvalue().encode("utf-8")


def pure(data, **fields):
    return PureEvent(data, **fields).encode()


def progress(extra):
    return json.dumps({"id": 4711, "state": "running", "done": 123456, "of": 999999, "text": extra}, ensure_ascii=False)


KINDS = {
    "data alone, 12 bytes": {"data": "hello, world"},
    "JSON, type and id, 100 bytes": {"data": progress("x" * 30), "event": "progress", "id": "4143627023247909-17"},
    "JSON, type and id, 1 KiB": {"data": progress("x" * 950), "event": "progress", "id": "4143627023247909-17"},
    "JSON, CJK, 1 KiB": {"data": progress("下載" * 160), "event": "progress", "id": "4143627023247909-17"},
    "16 KiB in one line": {"data": progress("x" * 16300), "event": "progress"},
    "40 lines of 60 bytes": {"data": "\n".join(["x" * 60] * 40), "event": "log"},
    "a comment": {"data": None, "comment": "still here"},
}


# Direct calls, as programs write them; {} is the keyword arguments that do not change.
LOOP = """
def loop(encode, values):
    start = clock()
    for value in values:
        encode({})
    return (clock() - start) / len(values)
"""


def loop_of(fields):
    """The loop over values of what is long in the event, its data or its comment."""
    changing = "data" if fields["data"] is not None else "comment"
    arguments = ["value" if changing == "data" else "None"]
    arguments += [f"{name}={'value' if name == changing else repr(value)}" for name, value in fields.items() if name != "data"]
    scope = {"clock": time.process_time_ns}
    exec(LOOP.format(", ".join(arguments)), scope)
    return fields[changing], scope["loop"]


def pair(fields, times):
    """Nanoseconds per event of both, for texts that neither has seen: a str keeps its UTF-8 once it was asked for it."""
    text, loop = loop_of(fields)
    return [loop(encode, [(text + "-")[:-1] for _ in range(times)]) for encode in (pure, hermes_sse.encode)]


def is_ascii(fields):
    return all(str(value).isascii() for value in fields.values())


def check(fields):
    """Both say the same to a client."""
    found = [list(hermes_sse.Parser(comments=True).feed(encode(**fields))) for encode in (pure, hermes_sse.encode)]
    if found[0] != found[1]:
        raise SystemExit(f"the encoders differ: {fields}")


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--short", action="store_true", help="enough to see that it works and about where it is")
    rounds, round_ms = (5, 4) if options.parse_args().short else (31, 40)
    missed = 0
    print(f"{'event':30} {'pure, ns':>9} {'ours, ns':>9} {'ratio':>7}   (CPU time, medians of {rounds} alternating pairs)")
    for name, fields in KINDS.items():
        check(fields)
        times = max(3, int(round_ms * 1e6 / pair(fields, 20)[0]))
        pairs = [pair(fields, times) for _ in range(rounds)]
        ratio = statistics.median(a / b for a, b in pairs)
        verdict = "no target" if not is_ascii(fields) else "ok" if ratio >= TARGET else "MISS"
        missed += verdict == "MISS"
        medians = [statistics.median(column) for column in zip(*pairs)]
        print(f"{name:30} {medians[0]:9.0f} {medians[1]:9.0f} {ratio:6.1f}x   {verdict}")
    print(f"target: {TARGET}x, {missed} missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
