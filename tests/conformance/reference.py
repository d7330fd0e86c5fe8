"""Naive models of the standard, written to be read beside it: slow, whole, and without cleverness.

decode_text   decodes all bytes to text first, then takes lines, as the standard tells it
ByteParser    takes one byte after another and decodes single values last, as a parser in C would
encode        the event as bytes
Client        what an EventSource does after each answer
"""
import re
import types


class Refused(Exception):
    """The argument is the member of the event that cannot be sent."""


def encode(event):
    """The event's lines in the order comment, event, retry, data, id, and a blank line."""
    for name in ("event", "id"):
        if re.search(rb"[\r\n\0]", event.get(name, b"")):
            raise Refused(name)
    if event.get("retry", 0) < 0:
        raise Refused("retry")
    lines = []
    if event.get("comment"):
        lines += [b": " + line for line in re.split(rb"\r\n|\r|\n", event["comment"])]
    if event.get("event"):
        lines += [b"event: " + event["event"]]
    if "retry" in event:
        lines += [b"retry: %d" % event["retry"]]
    if "data" in event:
        lines += [b"data: " + line for line in re.split(rb"\r\n|\r|\n", event["data"])]
    if "id" in event:
        lines += [b"id: " + event["id"] if event["id"] else b"id"]
    return b"".join(line + b"\n" for line in lines + [b""]) if lines else b""


class Model:
    """The steps of [9.2.6] for one line and for the blank line; lines come from elsewhere."""

    def __init__(self, limits=None, last_event_id=""):
        self.limits = {name: n for name, n in (limits or {}).items() if n is not None}
        self.events, self.comments, self.errors, self.retry = [], [], [], None
        self.last_event_id = self.id_buffer = last_event_id
        self.data, self.type = "", ""
        self.dropping = False

    def exceeds(self, name, size):
        """Beyond a limit the event is dropped: nothing is looked at up to its blank line, and its id does not count."""
        if size > self.limits.get(name, size):
            self.errors.append(name)
            self.dropping = True
            self.data, self.type, self.id_buffer = "", "", self.last_event_id
            return True
        return False

    def line(self, line):
        if line == "":
            return self.blank_line()
        if self.dropping or self.exceeds("line", len(line.encode())):
            return None
        if line.startswith(":"):
            return self.comments.append(line[2:] if line.startswith(": ") else line[1:])
        name, _, value = line.partition(":")
        return self.field(name, value[1:] if value.startswith(" ") else value)

    def field(self, name, value):
        if name == "event":
            self.type = value
        elif name == "data":
            if not self.exceeds("event", len((self.data + value).encode())):
                self.data += value + "\n"
        elif name == "id":
            if "\0" not in value and not self.exceeds("id", len(value.encode())):
                self.id_buffer = value
        elif name == "retry":
            if re.fullmatch("[0-9]+", value):
                self.retry = int(value)

    def blank_line(self):
        self.dropping = False
        self.last_event_id = self.id_buffer
        if self.data:
            self.events.append((self.type or "message", self.data[:-1], self.last_event_id))
        self.data, self.type = "", ""


def decode_text(stream, limits=None, last_event_id=""):
    """A whole stream. One that ends in CR is taken as it is then: the CR ends a line."""
    text = stream.decode("utf-8", "replace")
    if text.startswith("\ufeff"):
        text = text[1:]
    *lines, unfinished = re.split("\r\n|\r|\n", text)
    model = Model(limits, last_event_id)
    for line in lines:
        model.line(line)
    if not model.dropping:
        model.exceeds("line", len(unfinished.encode()))
    return model


class ByteParser:
    BOM = b"\xef\xbb\xbf"

    def __init__(self, limits=None, last_event_id=""):
        self.model = Model(limits, last_event_id)
        self.head, self.bytes_of_line, self.after_cr = b"", [], False
        self.limit = self.model.limits.get("line")

    def feed(self, chunk):
        for byte in chunk:
            if self.head is None:
                self.byte(byte)
            else:
                self.first_bytes(byte)

    def first_bytes(self, byte):
        """Held back only as long as they may be a byte order mark."""
        head = self.head + bytes([byte])
        if head == self.BOM:
            self.head = None
        elif self.BOM.startswith(head):
            self.head = head
        else:
            self.head = None
            for b in head:
                self.byte(b)

    def byte(self, byte):
        after_cr, self.after_cr = self.after_cr, byte == 13
        if byte == 10 and after_cr:
            return
        if byte in (10, 13):
            line, self.bytes_of_line = bytes(self.bytes_of_line), []
            self.line(line)
        elif self.limit is None or len(self.bytes_of_line) <= self.limit:
            self.bytes_of_line.append(byte)
            if not self.model.dropping:
                self.model.exceeds("line", len(self.bytes_of_line))

    def line(self, line):
        """Colon and space are found among bytes, and what stands between them is decoded."""
        name, colon, value = line.partition(b":")
        if value.startswith(b" "):
            colon, value = b": ", value[1:]
        self.model.line("".join(part.decode("utf-8", "replace") for part in (name, colon, value)))


class Client:
    """Takes the answers to its requests one by one: decide() says "stop" or "reconnect"."""

    def __init__(self):
        self.last_event_id, self.retry, self.failed_attempts, self.events = "", "default", 0, []

    def header(self):
        return self.last_event_id or None

    def decide(self, answer):
        self.events = []
        if "network_error" in answer:
            self.failed_attempts += 1
            return "reconnect"
        mime_type = (answer["content_type"] or "").split(";")[0].strip(" \t").lower()
        if answer["status"] != 200 or mime_type != "text/event-stream":
            return "stop"
        self.failed_attempts = 0
        model = decode_text(answer["body"], last_event_id=self.last_event_id)
        self.events, self.last_event_id = model.events, model.last_event_id
        if model.retry is not None:
            self.retry = model.retry
        return "reconnect"


DEFAULT = types.SimpleNamespace(encode=encode, decode_text=decode_text, ByteParser=ByteParser, Client=Client)
