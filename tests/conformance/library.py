#!/usr/bin/python3
"""The vectors through the C library: library.py PROGRAM [--seed N], with PROGRAM built from library.c."""
import argparse
import random
import subprocess
import sys
import types

import check
import reference

ERRORS = {-3: "line", -4: "event", -5: "id"}
REFUSED = {-15: "event", -16: "id"}
NO_DATA, RETRY, RESET_ID = 1, 2, 4
READ, RECONNECT, STOP = 1, 2, 3
DEFAULT_RETRY = 777777


class Library:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def ask(self, command, *values):
        """The answer's (word, number or values) pairs."""
        self.process.stdin.write(command.encode() + b"\n" + b"".join(values))
        self.process.stdin.flush()
        answer = []
        while (line := self.process.stdout.readline().split()) != [b"end"]:
            if not line:
                raise SystemExit(f"the library's program ended during: {command}")
            word, numbers = line[0].decode(), [int(n) for n in line[1:]]
            reads = word in ("event", "comment", "bytes")
            answer.append((word, [self.process.stdout.read(n) for n in numbers] if reads else numbers[0]))
        return answer

    def end(self):
        self.process.stdin.close()
        return self.process.wait()


def text(value):
    return value.decode("utf-8", "replace")


class Model:
    """What a parser has found so far; its last event id and reconnection time are asked for."""

    def __init__(self, library):
        self.library, self.events, self.comments, self.errors = library, [], [], []

    def feed(self, chunk):
        for word, value in self.library.ask(f"feed {len(chunk)}", chunk):
            if word == "event":
                self.events.append(tuple(text(v) for v in value))
            elif word == "comment":
                self.comments.append(text(value[0]))
            else:
                self.errors.append(ERRORS[value])

    @property
    def last_event_id(self):
        return text(self.library.ask("state")[0][1][0])

    @property
    def retry(self):
        retry = self.library.ask("state")[1][1]
        return None if retry < 0 else retry


def models_of(library):
    class ByteParser:
        def __init__(self, limits=None):
            given = [(limits or {}).get(name) or 0 for name in ("line", "event", "id")]
            library.ask("parser {} {} {}".format(*given))
            self.model = Model(library)
            self.feed = self.model.feed

    def decode_text(stream, limits=None):
        parser = ByteParser(limits)
        parser.feed(stream)
        return parser.model

    def encode(event):
        if event.get("retry", 0) < 0:
            raise reference.Refused("retry")
        flags = (NO_DATA if "data" not in event else 0) | (RETRY if "retry" in event else 0) | (RESET_ID if event.get("id") == b"" else 0)
        values = [event.get(name, b"") for name in ("comment", "event", "data", "id")]
        [(word, value)] = library.ask("encode {} {} {} {} {} {}".format(flags, event.get("retry", 0), *map(len, values)), *values)
        if word == "error":
            raise reference.Refused(REFUSED.get(value, value))
        return value[0]

    class Client:
        def __init__(self):
            library.ask("client")
            self.model, self.failed_attempts = Model(library), 0

        @property
        def events(self):
            return self.model.events

        def header(self):
            return self.model.last_event_id or None

        def decide(self, answer):
            self.model.events = []
            verdict = RECONNECT
            if "network_error" not in answer:
                content_type = (answer["content_type"] or "").encode()
                verdict = library.ask(f"answered {answer['status']} {len(content_type)}", content_type)[0][1]
            if verdict == READ:
                self.model.feed(answer["body"])
            self.failed_attempts = 0 if verdict == READ else self.failed_attempts + 1
            delay = library.ask("ended")[0][1]
            self.retry = "default" if delay == DEFAULT_RETRY else delay
            return "stop" if verdict == STOP else "reconnect"

    return types.SimpleNamespace(encode=encode, decode_text=decode_text, ByteParser=ByteParser, Client=Client)


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("program")
    options.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    given = options.parse_args()
    library = Library(given.program)
    among = [(kind, vector) for kind, vector in check.all_vectors() if not vector.get("may_retry")]
    print(f"{len(among)} vectors through the library, seed {given.seed}")
    failed = 0
    for name, failure in check.failures(models_of(library), given.seed, among):
        print(f"{name}: {failure}")
        failed += 1
    if library.end() != 0:
        failed += 1
        print("the library's program failed at its end")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
