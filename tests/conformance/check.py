#!/usr/bin/python3
"""Checks the vectors' form, and that naive models of the standard agree with every one of them.

    check.py [--seed N]     the seed of the random cuts, printed at each run
"""
import argparse
import random
import sys

import reference
import vectors

CUTS = 20
LARGE = 10_000  # bytes; larger streams are run once, in their chunks


class Failure(Exception):
    pass


def same(what, expected, got, ok=None):
    if not (expected == got if ok is None else ok):
        raise Failure(f"{what}: expected {str(expected)[:300]!r}, got {str(got)[:300]!r}")


def compare_decoded(how, expected, model):
    same(f"{how}: events", vectors.to_events(expected["events"]), model.events)
    same(f"{how}: lastEventId", vectors.to_text(expected["lastEventId"]), model.last_event_id)
    same(f"{how}: retry", expected["retry"], model.retry, vectors.retry_matches(expected["retry"], model.retry))
    same(f"{how}: comments", [vectors.to_text(c) for c in expected["comments"]], model.comments)
    same(f"{how}: errors", expected.get("errors", []), model.errors)


def random_cuts(stream, rng):
    places = sorted(rng.randrange(len(stream) + 1) for _ in range(CUTS))
    return [stream[a:b] for a, b in zip([0] + places, places + [len(stream)])]


def run_chunks(vector, how, chunks, models):
    parser = models.ByteParser(vector.get("limits"))
    counts = []
    for chunk in chunks:
        parser.feed(chunk)
        counts.append(len(parser.model.events))
    compare_decoded(how, vector, parser.model)
    return counts


def run_decoder(vector, rng, models):
    chunks = [vectors.to_bytes(chunk) for chunk in vector["chunks"]]
    stream = b"".join(chunks)
    compare_decoded("whole", vector, models.decode_text(stream, vector.get("limits")))
    counts = run_chunks(vector, "in its chunks", chunks, models)
    same("dispatched after each chunk", vector.get("dispatched_after_chunk", counts), counts)
    if len(stream) > LARGE:
        return
    run_chunks(vector, "byte by byte", [stream[i:i + 1] for i in range(len(stream))], models)
    cuts = random_cuts(stream, rng)
    run_chunks(vector, f"cut into {[len(c) for c in cuts]}", cuts, models)


def run_cuts_against_prefixes(vector, rng):
    """At each cut the bytes so far have dispatched what they would dispatch if the stream ended here."""
    stream = b"".join(vectors.to_bytes(chunk) for chunk in vector["chunks"])
    parser, so_far = reference.ByteParser(vector.get("limits")), b""
    for chunk in random_cuts(stream, rng) if len(stream) <= LARGE else []:
        parser.feed(chunk)
        so_far += chunk
        same(f"events of the first {len(so_far)} bytes", reference.decode_text(so_far, vector.get("limits")).events, parser.model.events)


def run_encoder(vector, rng, models):
    event = {name: value if name == "retry" else vectors.to_bytes(value) for name, value in vector["event"].items()}
    try:
        encoded = models.encode(event)
    except reference.Refused as refused:
        same("refused", vector.get("refused"), str(refused))
        return
    same("refused", vector.get("refused"), None)
    same("bytes", vectors.to_bytes(vector["bytes"]), encoded)
    compare_decoded("decoded", vector["decoded"], models.decode_text(encoded))


def run_injection(vector, rng, models):
    value, arrives = vectors.to_bytes(vector["value"]), vectors.to_text(vector["arrives"])
    before, after = models.encode({"data": b"before", "id": b"1"}), models.encode({"data": b"after"})
    first, last = ("message", "before", "1"), ("message", "after", "1")

    def through(event, expected, comments=()):
        model = models.decode_text(before + models.encode(event) + after)
        same(f"events with {sorted(event)}", [first] + expected, model.events)
        same("retry", None, model.retry)
        same("comments", list(comments), model.comments)

    through({"data": value}, [("message", arrives, "1"), last])
    through({"comment": value}, [last], arrives.split("\n"))
    through({"comment": value, "data": value}, [("message", arrives, "1"), last], arrives.split("\n"))
    if vector["one_line"]:
        through({"event": value, "data": value}, [(arrives, arrives, "1"), last])
        through({"id": value, "data": b"x"}, [("message", "x", arrives), ("message", "after", arrives)])
        return
    for name in ("event", "id"):
        try:
            models.encode({name: value, "data": b"x"})
        except reference.Refused as refused:
            same("refused", name, str(refused))
        else:
            raise Failure(f"taken as {name}, which it breaks out of")


def run_reconnect(vector, rng, models):
    client = models.Client()
    for number, step in enumerate(vector["steps"], 1):
        same(f"step {number}: Last-Event-ID", step["sends"], client.header())
        answer = step["answer"]
        answer = {**answer, "body": b"".join(vectors.to_bytes(chunk) for chunk in answer.get("chunks", []))}
        same(f"step {number}", step["then"], client.decide(answer))
        same(f"step {number}: events", vectors.to_events(step.get("events", [])), client.events)
        if step["then"] == "reconnect":
            same(f"step {number}: delay", step["delay"], client.retry)
            same(f"step {number}: failed attempts", step["failed_attempts"], client.failed_attempts)


RUNNERS = {"decoder": run_decoder, "encoder": run_encoder, "injection": run_injection, "reconnect": run_reconnect}


def all_vectors():
    return [("decoder", v) for v in vectors.decoder_vectors()] + [(kind, v) for kind in ("encoder", "injection", "reconnect") for v in vectors.load(kind)["vectors"]]


def failures(models, seed, among):
    """(name, what is wrong) of each vector that the models do not agree with."""
    rng = random.Random(seed)
    for kind, vector in among:
        try:
            RUNNERS[kind](vector, rng, models)
            if kind == "decoder" and models is reference.DEFAULT:
                run_cuts_against_prefixes(vector, rng)
        except Failure as failure:
            yield vector["name"], str(failure)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    arguments.add_argument("--seed", type=int, default=20240229)
    seed = arguments.parse_args().seed
    try:
        counts, _ = vectors.check_files()
    except vectors.Wrong as error:
        print(f"FAIL {error}")
        return 1
    found = list(failures(reference.DEFAULT, seed, all_vectors()))
    for name, what in found:
        print(f"FAIL {name}: {what}")
    print(", ".join(f"{n} {kind}" for kind, n in counts.items()) + f"; {len(found)} failed; seed {seed}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
