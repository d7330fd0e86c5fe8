#!/usr/bin/python3
"""Breaks the reference in one place after another: each time a vector has to notice.

    mutants.py [--all]      --all prints every vector that noticed, not only the first
"""
import argparse
import sys
import types

import check
import reference

# what is broken: text of reference.py (found once), and what stands there instead
MUTANTS = [
    # lines
    ("CR ends no line", '"\\r\\n|\\r|\\n", text)', '"\\r\\n|\\n", text)'),
    ("CRLF ends two lines", '"\\r\\n|\\r|\\n", text)', '"\\n|\\r", text)'),
    ("only LF ends a line", '"\\r\\n|\\r|\\n", text)', '"\\n", text)'),
    ("LF CR is one line end", '"\\r\\n|\\r|\\n", text)', '"\\r\\n|\\n\\r|\\n|\\r", text)'),
    ("Unicode's line ends count", '"\\r\\n|\\r|\\n", text)', '"\\r\\n|[\\n\\r\\v\\f\\x1c-\\x1e\\x85\\u2028\\u2029]", text)'),
    ("the last line needs no end", '*lines, unfinished = re.split("\\r\\n|\\r|\\n", text)', 'lines, unfinished = re.split("\\r\\n|\\r|\\n", text), ""'),
    ("LF after CR in the next chunk is a line", "if byte == 10 and after_cr:", "if False:"),
    ("every LF after a CR line is swallowed", "after_cr, self.after_cr = self.after_cr, byte == 13", "after_cr, self.after_cr = self.after_cr, byte == 13 or self.after_cr and byte != 10"),
    ("a final CR waits", "if byte in (10, 13):", "if byte == 13:\n            return\n        if after_cr and byte != 10:\n            self.line(bytes(self.bytes_of_line))\n            self.bytes_of_line = []\n        if byte == 10:"),
    ("CR is taken for LF by its low bits", "if byte in (10, 13):", "if byte & 127 in (10, 13):"),
    ("lines are trimmed", "def line(self, line):\n        if line == \"\":", "def line(self, line):\n        line = line.strip()\n        if line == \"\":"),
    # fields
    ("names are folded", "def field(self, name, value):", "def field(self, name, value):\n        name = name.lower()"),
    ("names are compared by prefix", 'elif name == "data":', 'elif name.startswith("data"):'),
    ("names are trimmed", "def field(self, name, value):", "def field(self, name, value):\n        name = name.strip()"),
    ("all spaces are removed", 'value[1:] if value.startswith(" ") else value)', 'value.lstrip(" "))'),
    ("a tab is removed", 'value[1:] if value.startswith(" ") else value)', 'value[1:] if value[:1] in (" ", "\\t") else value)'),
    ("no space is removed", 'value[1:] if value.startswith(" ") else value)', "value)"),
    ("values are trimmed", 'value[1:] if value.startswith(" ") else value)', "value.strip())"),
    ("the last colon counts", 'name, _, value = line.partition(":")', 'name, _, value = line.rpartition(":") if ":" in line else (line, "", "")'),
    ("a line without a colon is skipped", 'name, _, value = line.partition(":")', 'name, colon, value = line.partition(":")\n        if not colon:\n            return None'),
    ("data is overwritten", 'self.data += value + "\\n"', 'self.data = value + "\\n"'),
    ("data is joined without LF", 'self.data += value + "\\n"', "self.data += value"),
    ("data ends at NUL", 'self.data += value + "\\n"', 'self.data += value.split("\\0")[0] + "\\n"'),
    ("empty data is not dispatched", "if self.data:", 'if self.data.strip("\\n"):'),
    ("blocks without data are dispatched", "if self.data:", "if True:"),
    ("all trailing LF are removed", "self.data[:-1]", 'self.data.rstrip("\\n")'),
    ("no trailing LF is removed", "self.data[:-1]", "self.data"),
    ("an empty type is a type", "self.type or \"message\"", 'self.type if self.type is not None else "message"'),
    ("an empty type does not clear", "            self.type = value", "            self.type = value or self.type"),
    ("the first type counts", "            self.type = value", "            self.type = self.type or value"),
    ("the type is never reset", 'self.last_event_id))\n        self.data, self.type = "", ""', 'self.last_event_id))\n        self.data = ""'),
    ("the type is reset by dispatch only", 'self.last_event_id))\n        self.data, self.type = "", ""', 'self.last_event_id))\n            self.data, self.type = "", ""'),
    # comments
    ("a comment ends the event", 'if line.startswith(":"):', 'if line.startswith(":"):\n            self.blank_line()'),
    ("a comment is a field", 'if line.startswith(":"):', 'if line.startswith(": "):'),
    ("the space of a comment is kept", 'line[2:] if line.startswith(": ") else line[1:]', "line[1:]"),
    # ids
    ("an id with NUL counts", 'if "\\0" not in value and not', "if not"),
    ("an id with NUL resets", 'if "\\0" not in value and not self.exceeds("id", len(value.encode())):\n                self.id_buffer = value', 'self.id_buffer = "" if "\\0" in value else value'),
    ("an id ends at NUL", 'if "\\0" not in value and not self.exceeds("id", len(value.encode())):\n                self.id_buffer = value', 'self.id_buffer = value.split("\\0")[0]'),
    ("an empty id is ignored", "                self.id_buffer = value", "                self.id_buffer = value or self.id_buffer"),
    ("an id counts at its line", "                self.id_buffer = value", "                self.id_buffer = self.last_event_id = value"),
    ("an id counts with data only", "        self.last_event_id = self.id_buffer\n        if self.data:", "        if self.data:\n            self.last_event_id = self.id_buffer"),
    ("an id is forgotten after its event", 'self.data, self.type = "", ""\n\n\ndef', 'self.data, self.type, self.id_buffer = "", "", ""\n\n\ndef'),
    ("ids are numbers", "                self.id_buffer = value", "                self.id_buffer = value if value.isdigit() else self.id_buffer"),
    # retry
    ("retry takes a sign", '"[0-9]+", value', '"[+-]?[0-9]+", value'),
    ("retry takes spaces", '"[0-9]+", value', '" *[0-9]+ *", value'),
    ("retry takes any digit", '"[0-9]+", value', '"\\\\d+", value'),
    ("retry takes the digits in front", 'if re.fullmatch("[0-9]+", value):\n                self.retry = int(value)', 'if (digits := re.match("[0-9]+", value)):\n                self.retry = int(digits[0])'),
    ("retry takes exponents", 'if re.fullmatch("[0-9]+", value):\n                self.retry = int(value)', 'if re.fullmatch("[0-9]+(e[0-9]+)?", value):\n                self.retry = int(float(value))'),
    ("an empty retry is 0", '"[0-9]+", value):\n                self.retry = int(value)', '"[0-9]*", value):\n                self.retry = int(value or "0")'),
    ("retry is octal with a leading 0", "self.retry = int(value)", "self.retry = int(value, 8 if value[0] == '0' and not set(value) & set('89') else 10)"),
    ("retry wraps at 32 bits", "self.retry = int(value)", "self.retry = int(value) % 2 ** 32"),
    ("retry wraps at 64 bits", "self.retry = int(value)", "self.retry = int(value) % 2 ** 64"),
    ("retry is ignored beyond 64 bits", "self.retry = int(value)", "self.retry = int(value) if int(value) < 2 ** 64 else self.retry"),
    ("retry dispatches", "self.retry = int(value)", 'self.retry = int(value)\n                self.events.append(("message", "", ""))'),
    ("the first retry counts", "self.retry = int(value)", "self.retry = self.retry or int(value)"),
    # decoding
    ("no byte order mark is removed", "        text = text[1:]", "        pass"),
    ("all leading byte order marks are removed", "        text = text[1:]", '        text = text.lstrip("\\ufeff")'),
    ("every byte order mark is removed", '    text = stream.decode("utf-8", "replace")\n', '    text = stream.decode("utf-8", "replace").replace("\\ufeff", "")\n'),
    ("each value loses a byte order mark", 'part.decode("utf-8", "replace")', 'part.decode("utf-8-sig", "replace")'),
    ("a byte order mark in pieces is kept", "elif self.BOM.startswith(head):", "elif False:"),
    ("what looked like a byte order mark is lost", "for b in head:", "for b in head[-1:]:"),
    ("invalid bytes vanish", 'text = stream.decode("utf-8", "replace")', 'text = stream.decode("utf-8", "ignore")'),
    ("invalid bytes are Latin-1", 'part.decode("utf-8", "replace")', 'part.decode("latin-1")'),
    ("UTF-16 is taken for a character set", 'text = stream.decode("utf-8", "replace")', 'text = stream.decode("utf-16" if stream[:2] == b"\\xff\\xfe" else "utf-8", "replace")'),
    ("invalid bytes in a row are one", 'part.decode("utf-8", "replace")', 're.sub("\ufffd+", "\ufffd", part.decode("utf-8", "replace"))'),
    # limits
    ("limits count characters", "len(line.encode())):\n            return None", "len(line)):\n            return None"),
    ("limits are one too low", "if size > self.limits.get(name, size):", "if size >= self.limits.get(name, size + 1):"),
    ("limits are one too high", "if size > self.limits.get(name, size):", "if size > self.limits.get(name, size) + 1:"),
    ("the last LF counts", 'len((self.data + value).encode())', 'len((self.data + value).encode()) + 1'),
    ("each line is an event", 'len((self.data + value).encode())', "len(value.encode())"),
    ("the rest of a dropped event is read", "if self.dropping or self.exceeds", "if self.exceeds"),
    ("a dropped event's id counts", 'self.data, self.type, self.id_buffer = "", "", self.last_event_id', 'self.data, self.type = "", ""'),
    ("a dropped event forgets the last id", 'self.data, self.type, self.id_buffer = "", "", self.last_event_id', 'self.data, self.type, self.id_buffer = "", "", ""'),
    ("dropping never ends", "        self.dropping = False\n        self.last", "        self.last"),
    ("the error of a line waits for its end", "    if not model.dropping:\n        model.exceeds", "    if False:\n        model.exceeds"),
    # encoder
    ("the encoder does not split at CR", 're.split(rb"\\r\\n|\\r|\\n", event["data"])', 're.split(rb"\\r\\n|\\n", event["data"])'),
    ("the encoder splits CRLF twice", 're.split(rb"\\r\\n|\\r|\\n", event["data"])', 're.split(rb"\\r|\\n", event["data"])'),
    ("the encoder splits nothing", 're.split(rb"\\r\\n|\\r|\\n", event["data"])', '[event["data"]]'),
    ("the encoder splits at Unicode's line ends", 're.split(rb"\\r\\n|\\r|\\n", event["data"])', '[part.encode("utf-8", "surrogateescape") for part in event["data"].decode("utf-8", "surrogateescape").splitlines()]'),
    ("the encoder does not split comments", 're.split(rb"\\r\\n|\\r|\\n", event["comment"])', '[event["comment"]]'),
    ("the encoder writes no space", 'b"data: " + line', 'b"data:" + line'),
    ("the encoder drops empty data", 'if "data" in event:', 'if event.get("data"):'),
    ("the encoder takes NUL", '[\\r\\n\\0]', '[\\r\\n]'),
    ("the encoder takes CR", '[\\r\\n\\0]', '[\\n\\0]'),
    ("the encoder looks at ids only", 'for name in ("event", "id"):', 'for name in ("id",):'),
    ("the encoder looks at types only", 'for name in ("event", "id"):', 'for name in ("event",):'),
    ("the encoder ignores an empty id", 'if "id" in event:', 'if event.get("id"):'),
    ("the encoder writes an empty type", 'if event.get("event"):', 'if "event" in event:'),
    ("the encoder ignores retry 0", 'if "retry" in event:', 'if event.get("retry"):'),
    ("the encoder's retry has no line end", 'b"retry: %d" % event["retry"]]', 'b"retry: %d" % event["retry"] + (b"data: " if "data" in event else b"")]'),
    ("the encoder writes a blank line for nothing", "if lines else b\"\"", 'if True else b""'),
    # reconnecting
    ("any 2xx is a stream", 'if answer["status"] != 200 or', 'if answer["status"] // 100 != 2 or answer["status"] == 200 and'),
    ("any status but 204 comes back", 'if answer["status"] != 200 or mime_type != "text/event-stream":', 'if answer["status"] not in (200, 204):\n            return "reconnect"\n        if answer["status"] != 200 or mime_type != "text/event-stream":'),
    ("any type is a stream", 'or mime_type != "text/event-stream"', ""),
    ("a type by its beginning", 'or mime_type != "text/event-stream"', 'or not mime_type.startswith("text/event-stream")'),
    ("a type with parameters is none", '.split(";")[0].strip(" \\t").lower()', ".lower()"),
    ("a type in capitals is none", '.strip(" \\t").lower()', '.strip(" \\t")'),
    ("an empty header is sent", "return self.last_event_id or None", "return self.last_event_id"),
    ("the id of an incomplete event is sent", "model.events, model.last_event_id\n", "model.events, model.id_buffer\n"),
    ("each stream forgets the id", "decode_text(answer[\"body\"], last_event_id=self.last_event_id)", 'decode_text(answer["body"])'),
    ("each stream forgets retry", "        if model.retry is not None:\n            self.retry = model.retry", '        self.retry = "default" if model.retry is None else model.retry'),
    ("a network error stops", 'self.failed_attempts += 1\n            return "reconnect"', 'return "stop"'),
    ("failed attempts are never forgotten", "        self.failed_attempts = 0\n        model", "        model"),
]


def broken(old, new):
    with open(reference.__file__, encoding="utf-8") as file:
        source = file.read()
    if source.count(old) != 1:
        raise SystemExit(f"found {source.count(old)} times, not once, in reference.py: {old}")
    module = types.ModuleType("broken")
    source = source.replace(old, new).replace("class Refused(Exception):", "from reference import Refused\nclass Unused(Exception):")
    exec(compile(source, "broken", "exec"), module.__dict__)  # the file beside this one, with one line changed
    return module.DEFAULT


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--all", action="store_true")
    every = arguments.parse_args().all
    among = [(kind, v) for kind, v in check.all_vectors() if "times" not in str(v)]
    survivors = 0
    for name, old, new in MUTANTS:
        noticed = []
        for vector, _ in check.failures(broken(old, new), 1, among):
            noticed.append(vector)
            if not every:
                break
        survivors += not noticed
        print(f"{name}: {', '.join(noticed) or 'NOBODY NOTICED'}")
    print(f"{len(MUTANTS)} mutants, {survivors} unnoticed, {len(among)} of {len(check.all_vectors())} vectors used")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
