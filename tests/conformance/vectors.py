"""Reads the vectors: files, the values that stand for bytes and text, and their schema."""
import glob
import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))
DECODER_FILES = ["line-ends", "fields", "comments", "ids", "retry", "bom", "encodings", "incomplete", "limits", "large", "others-bugs"]


def to_bytes(value):
    """A bytes value: text (sent as UTF-8), {"hex"}, {"repeat", "times"}, or an array of these, one after another."""
    if isinstance(value, list):
        return b"".join(to_bytes(part) for part in value)
    if isinstance(value, dict):
        return bytes.fromhex(value["hex"]) if "hex" in value else value["repeat"].encode() * value["times"]
    return value.encode()


def to_text(value):
    """A text value: the same without {"hex"}."""
    return to_bytes(value).decode()


def to_events(events):
    """(type, data, lastEventId) of each event, `times` over."""
    return [tuple(to_text(e[k]) for k in ("type", "data", "lastEventId")) for e in events for _ in range(e.get("times", 1))]


def retry_matches(expected, got):
    if isinstance(expected, dict):
        return got is not None and got >= expected["at_least"]
    return got == expected and type(got) is type(expected)


def load(name):
    def no_doubles(pairs):
        keys = [key for key, _ in pairs]
        if len(set(keys)) != len(keys):
            raise ValueError(f"{name}: a member occurs twice: {keys}")
        return dict(pairs)

    with open(os.path.join(HERE, name + ".json"), encoding="utf-8") as file:
        return json.load(file, object_pairs_hook=no_doubles)


def decoder_vectors():
    return [vector for name in DECODER_FILES for vector in load(name)["vectors"]]


class Wrong(Exception):
    pass


def need(condition, what):
    if not condition:
        raise Wrong(what)


def members(value, required, optional=()):
    need(isinstance(value, dict), f"not an object: {value!r}")
    missing, unknown = set(required) - set(value), set(value) - set(required) - set(optional)
    need(not missing, f"members are missing: {sorted(missing)}")
    need(not unknown, f"members nobody knows: {sorted(unknown)}")


def natural(value):
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def check_bytes(value, hex_allowed=True):
    if isinstance(value, list):
        need(value and not any(isinstance(part, list) for part in value), "an array of parts is empty or nested")
        for part in value:
            check_bytes(part, hex_allowed)
    elif isinstance(value, dict) and "hex" in value and hex_allowed:
        members(value, ["hex"])
        bytes.fromhex(value["hex"])
    elif isinstance(value, dict):
        members(value, ["repeat", "times"])
        need(isinstance(value["repeat"], str) and natural(value["times"]), "repeat is text, times a count")
    else:
        need(isinstance(value, str), f"neither text nor bytes: {value!r}")


def check_texts(values):
    need(isinstance(values, list), "not an array")
    for value in values:
        check_bytes(value, hex_allowed=False)


def check_events(events):
    need(isinstance(events, list), "events is an array")
    for event in events:
        members(event, ["type", "data", "lastEventId"], ["times"])
        check_texts([event["type"], event["data"], event["lastEventId"]])
        need(natural(event.get("times", 1)), "times is a count")


def check_retry(value):
    if isinstance(value, dict):
        members(value, ["at_least"])
        value = value["at_least"]
    need(value is None or natural(value) and value < 2 ** 53, "retry is null, a number below 2^53 (exact in every JSON reader), or at_least")


def check_said(vector):
    need(vector["section"] in ("9.2.1", "9.2.2", "9.2.3", "9.2.5", "9.2.6") and vector["says"], "section and says name a sentence of the standard")


def check_chunks(chunks):
    need(isinstance(chunks, list) and chunks, "chunks is an array, and not empty")
    for chunk in chunks:
        check_bytes(chunk)


COMMON = ["note", "seen_in"]


def check_decoder(v):
    limited = "limits" in v
    members(v, ["name", "chunks", "events", "lastEventId", "retry", "comments"] + (["limits", "errors"] if limited else ["section", "says"]), COMMON + ["dispatched_after_chunk"])
    check_chunks(v["chunks"])
    check_events(v["events"])
    check_texts(v["comments"] + [v["lastEventId"]])
    check_retry(v["retry"])
    if limited:
        members(v["limits"], ["line", "event", "id"])
        need(all(n is None or natural(n) and n > 0 for n in v["limits"].values()), "a limit is null or a count of bytes")
        need(set(v["errors"]) <= {"line", "event", "id"}, "errors are names of limits")
    else:
        check_said(v)
    after = v.get("dispatched_after_chunk")
    if after:
        need(len(after) == len(v["chunks"]) and after == sorted(after) and after[-1] == len(to_events(v["events"])), "dispatched_after_chunk: one count a chunk, the last one all events")


def check_encoder(v):
    refused = "refused" in v
    members(v, ["name", "event"] + (["refused"] if refused else ["bytes", "decoded"]), COMMON)
    members(v["event"], [], ["comment", "event", "retry", "data", "id"])
    for name, value in v["event"].items():
        if name == "retry":
            need(isinstance(value, int), "retry is a number")
        else:
            check_bytes(value)
    if refused:
        need(v["refused"] in v["event"], "refused names a member of the event")
    else:
        check_bytes(v["bytes"])
        members(v["decoded"], ["events", "lastEventId", "retry", "comments"])
        check_events(v["decoded"]["events"])
        check_retry(v["decoded"]["retry"])
        check_texts(v["decoded"]["comments"] + [v["decoded"]["lastEventId"]])


def check_injection(v):
    members(v, ["name", "value", "arrives", "one_line"], COMMON)
    check_bytes(v["value"])
    check_texts([v["arrives"]])
    need(isinstance(v["one_line"], bool), "one_line is true or false")


def check_reconnect(v):
    members(v, ["name", "section", "says", "steps"], COMMON + ["may_retry"])
    check_said(v)
    for i, step in enumerate(v["steps"]):
        stops, answer = step["then"] == "stop", step["answer"]
        last = i == len(v["steps"]) - 1
        need(stops == last, "the last step stops, and no other")
        members(step, ["sends", "answer", "then"] + ([] if stops else ["delay", "failed_attempts"]), ["events"])
        check_texts([step["sends"]] if step["sends"] is not None else [])
        if "network_error" in answer:
            members(answer, ["network_error"])
        else:
            members(answer, ["status", "content_type"], ["chunks", "end"])
            need(("chunks" in answer) == (answer["status"] == 200) == ("events" in step), "200 has a body and events, no other status")
        if "chunks" in answer:
            check_chunks(answer["chunks"])
            check_events(step["events"])
            need(answer["end"] in ("closed", "error"), "end is closed or error")
        need(stops or step["delay"] == "default" or natural(step["delay"]), "delay is \"default\" or milliseconds")


CHECKS = {"decoder": check_decoder, "encoder": check_encoder, "injection": check_injection, "reconnect": check_reconnect}


def check_files():
    """All files against the schema: the number of vectors by kind."""
    names, counts = set(), dict.fromkeys(CHECKS, 0)
    files = {os.path.basename(path)[:-5] for path in glob.glob(os.path.join(HERE, "*.json"))}
    files -= {"known-differences", "package", "package-lock"}
    need(files == set(DECODER_FILES) | {"encoder", "injection", "reconnect"}, f"the files are not those that vectors.py lists: {sorted(files)}")
    for name in sorted(files):
        file = load(name)
        members(file, ["kind", "about", "vectors"])
        need(file["kind"] == (name if name in CHECKS else "decoder"), f"{name}: kind")
        for vector in file["vectors"]:
            try:
                need(vector["name"] not in names, "the name occurs twice")
                names.add(vector["name"])
                CHECKS[file["kind"]](vector)
            except (Wrong, KeyError, TypeError, ValueError) as error:
                raise Wrong(f"{name}.json, {vector.get('name')}: {error!r}") from error
            counts[file["kind"]] += 1
    return counts, names
