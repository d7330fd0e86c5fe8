"""The package as the models that tests/conformance/check.py asks for."""
import types

import reference

import hermes_sse


def read(parser, into=None):
    """Everything that the bytes fed hold: events, comments, and the limits that lost one."""
    into = into or types.SimpleNamespace(events=[], comments=[], errors=[])
    while True:
        try:
            for found in parser:
                if isinstance(found, hermes_sse.Comment):
                    into.comments.append(found.text)
                else:
                    into.events.append((found.type, found.data, found.id))
            return into
        except hermes_sse.LimitError as error:
            into.errors.append(error.limit)


class Model:
    def __init__(self, limits=None, last_event_id=""):
        limits = {"line": None, "event": None, "id": None, **(limits or {})}
        given = {f"max_{name}_bytes": hermes_sse.UNLIMITED if n is None else n for name, n in limits.items()}
        self.parser = hermes_sse.Parser(comments=True, last_event_id=last_event_id, **given)
        self.events, self.comments, self.errors = [], [], []

    def feed(self, chunk):
        read(self.parser.feed(chunk), self)

    @property
    def last_event_id(self):
        return self.parser.last_event_id

    @property
    def retry(self):
        return self.parser.retry


class ByteParser:
    def __init__(self, limits=None):
        self.model = Model(limits)
        self.feed = self.model.feed


def decode_text(stream, limits=None):
    model = Model(limits)
    model.feed(stream)
    return model


def encode(event):
    try:
        return hermes_sse.encode(event.get("data"), **{name: value for name, value in event.items() if name != "data"})
    except hermes_sse.FieldError as error:
        raise reference.Refused(error.field) from error
