#!/usr/bin/python3
"""The decoder and reconnect vectors through the EventSource of Debian's Chromium.

What differs from the standard has to be what known-differences.json lists, no more and no less.
"""
import os
import sys

import browser_server
import vectors

sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))
from chromium import chromium  # noqa: E402

PRIMED_MS = 100       # reconnection time that a stream in front of each vector sets; a browser's own is 3 s
PATIENCE_MS = 1500    # a longer reconnection time is known from nobody coming back so long
LATE_MS = 390         # less than the vectors' times are apart: how much later than the reconnection time a request may come
BROWSER_DEFAULT_MS = 3000
BYTE_BY_BYTE = 120    # bytes; longer streams are not sent byte by byte
TRIES = 4             # a shared machine is late now and then; a difference shows each time


class Difference(Exception):
    pass


def same(what, expected, got, ok=None):
    if not (expected == got if ok is None else ok):
        raise Difference(f"{what}: expected {str(expected)[:300]!r}, got {str(got)[:300]!r}")


def header_text(value):
    """As it arrives in a request: HTTP takes spaces at the ends away."""
    return (value or "").strip(" \t")


def check_delay(what, expected_ms, got_s):
    same(what, f"{expected_ms} ms", got_s and f"{got_s * 1000:.0f} ms", got_s is not None and expected_ms - 10 <= got_s * 1000 < expected_ms + LATE_MS)


class DecoderJob(browser_server.Job):
    """A stream that sets the reconnection time, then the vector; then what the browser asks next tells id and time."""

    def __init__(self, vector):
        stream = {"status": 200, "content_type": "text/event-stream", "end": "closed"}
        super().__init__(vector["name"], [
            {**stream, "chunks": [b"retry: %d\n\n" % PRIMED_MS]},
            {**stream, "chunks": [vectors.to_bytes(chunk) for chunk in vector["chunks"]], "after": vector.get("dispatched_after_chunk")},
            {"status": 204, "content_type": None}])
        self.vector = vector
        self.never_back = isinstance(vector["retry"], dict) or (vector["retry"] or 0) > 10_000

    def for_page(self):
        return {"id": self.id, "tell": "dispatched_after_chunk" in self.vector,
                "patience_after_opened": 2 if self.never_back else 0, "patience_ms": PATIENCE_MS}

    def check(self):
        same("events", vectors.to_events(self.vector["events"]), self.events)
        same("dispatched after each chunk", self.vector.get("dispatched_after_chunk"), self.seen_after, not self.answers[1]["after"] or None)
        if self.never_back:
            same(f"requests within {PATIENCE_MS} ms", 2, len(self.requests))
            return
        same("requests", 3, len(self.requests))
        same("Last-Event-ID", header_text(vectors.to_text(self.vector["lastEventId"])), header_text(self.requests[2].last_event_id))
        check_delay("reconnection time", PRIMED_MS if self.vector["retry"] is None else self.vector["retry"], self.delay_before(2))


class SplitJob(browser_server.Job):
    """The same bytes in other chunks: only the events are looked at."""

    def __init__(self, vector, how, chunks):
        super().__init__(vector["name"], [{"status": 200, "content_type": "text/event-stream", "end": "closed", "chunks": chunks, "pause": 0.001}])
        self.vector, self.how = vector, how

    def for_page(self):
        return {"id": self.id, "close_after_opened": 1}

    def check(self):
        same(f"{self.how}: events", vectors.to_events(self.vector["events"]), self.events)


class ReconnectJob(browser_server.Job):
    def __init__(self, vector):
        super().__init__(vector["name"], [
            {**step["answer"], **({"chunks": [vectors.to_bytes(c) for c in step["answer"]["chunks"]]} if "chunks" in step["answer"] else {})} for step in vector["steps"]])
        self.vector = vector

    def for_page(self):
        return {"id": self.id}

    def check(self):
        steps = self.vector["steps"]
        same("Last-Event-ID of each request", [header_text(step["sends"]) for step in steps], [header_text(r.last_event_id) for r in self.requests])
        same("events", [event for step in steps for event in vectors.to_events(step.get("events", []))], self.events)
        for i, step in enumerate(steps[:-1]):
            check_delay(f"delay after step {i + 1}", BROWSER_DEFAULT_MS if step["delay"] == "default" else step["delay"], self.delay_before(i + 1))


def jobs_for(kind, vector):
    if kind == "reconnect":
        return [ReconnectJob(vector)]
    stream = b"".join(vectors.to_bytes(chunk) for chunk in vector["chunks"])
    jobs = [DecoderJob(vector), SplitJob(vector, "whole", [stream])]
    if len(stream) <= BYTE_BY_BYTE:
        jobs.append(SplitJob(vector, "byte by byte", [stream[i:i + 1] for i in range(len(stream))]))
    return jobs


def differences(driver, chosen, types):
    """{name: what differs}"""
    found = {}
    jobs = [job for kind, vector in chosen for job in jobs_for(kind, vector)]
    browser_server.run(driver, jobs, types)
    for job in jobs:
        try:
            job.check()
        except Difference as difference:
            found.setdefault(job.name, str(difference))
    return found


def judge(found, known, names):
    """What is wrong with the list of known differences, or with the browser."""
    wrong = [f"{name}: {what}" for name, what in found.items() if name not in known]
    wrong += [f"{name}: is listed in known-differences.json, and does not differ any more" for name in known if name in names and name not in found]
    return wrong + [f"{name}: is listed in known-differences.json, and no vector has that name" for name in known if name not in names]


def main():
    chosen = [("decoder", v) for v in vectors.decoder_vectors() if "limits" not in v] + [("reconnect", v) for v in vectors.load("reconnect")["vectors"]]
    events = [e for kind, v in chosen for part in (v["steps"] if kind == "reconnect" else [v]) for e in vectors.to_events(part.get("events", []))]
    known = vectors.load("known-differences")["chromium"]
    types = sorted({"message"} | {event[0] for event in events})
    with chromium() as driver:
        found = differences(driver, chosen, types)
        for _ in range(TRIES - 1):
            doubtful = [(kind, v) for kind, v in chosen if v["name"] in found and v["name"] not in known]
            if doubtful:
                again = differences(driver, doubtful, types)
                found = {name: again.get(name, what) for name, what in found.items() if name in again or name in known}
        version = driver.capabilities["browserVersion"]
    wrong = judge(found, known, {v["name"] for _, v in chosen})
    for line in wrong:
        print("FAIL " + line)
    print(f"Chromium {version}: {len(chosen)} vectors, {len(found)} differ, {len(wrong)} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
