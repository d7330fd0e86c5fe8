"""sse-encode and sse-decode, as a shell uses them: real pipes. They are those of the build that HERMES_SERVER is of, or of SSE_TOOLS."""
import contextlib
import json
import os
import pathlib
import random
import select
import shutil
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "conformance"))
import check  # noqa: E402
import reference  # noqa: E402
import vectors  # noqa: E402

SERVER = pathlib.Path(os.environ.get("HERMES_SERVER", ROOT / "build" / "unit" / "examples" / "hermes-server" / "hermes-server"))
TOOLS = pathlib.Path(os.environ.get("SSE_TOOLS", SERVER.parent.parent / "tools")).resolve()
ENCODE, DECODE = str(TOOLS / "sse-encode"), str(TOOLS / "sse-decode")
MIB = 1 << 20
EXAMPLES = settings(max_examples=40, deadline=None, database=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])


def run(tool, data, *options, code=0):
    """(standard output, lines of standard error without the tool's name)."""
    done = subprocess.run([tool, *options], input=data, capture_output=True, timeout=120)
    prefix = os.path.basename(tool) + ": "
    errors = [line.removeprefix(os.path.dirname(tool) + "/") for line in done.stderr.decode().splitlines()]  # getopt_long() says argv[0]
    assert done.returncode == code, errors[:20]
    assert all(line.startswith(prefix) for line in errors), errors
    assert code or not errors
    return done.stdout, [line[len(prefix):] for line in errors]


def as_lines(lines):
    return b"".join((line if isinstance(line, str) else json.dumps(line)).encode() + b"\n" for line in lines)


def encode(*lines):
    return run(ENCODE, as_lines(lines))[0]


def decode(stream, *options, code=0):
    out, errors = run(DECODE, stream, *options, code=code)
    return [json.loads(line) for line in out.splitlines()], errors


def refused(line, *options):
    """The message to the only line."""
    out, [error] = run(ENCODE, as_lines([line]), *options, code=1)
    assert out == b""
    return error


@contextlib.contextmanager
def live(*command, **how):
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, **how)
    try:
        yield process
    finally:
        process.stdin.close()
        process.stdout.close()
        process.kill()
        process.wait(10)


def lines_now(process, count):
    """The next lines, while the pipe to the process stays open."""
    got = b""
    while got.count(b"\n") < count:
        assert select.select([process.stdout], [], [], 10)[0], f"nothing comes after {got!r}"
        part = os.read(process.stdout.fileno(), 1 << 16)
        assert part, f"ended after {got!r}"
        got += part
    return got


# What sse-encode sends

def test_members_as_lines():
    event = {"event": "load", "data": "a\nb\r\nc\rd", "id": "1-2", "retry": 0, "comment": "x\ny"}
    assert encode(event) == b": x\n: y\nevent: load\nretry: 0\ndata: a\ndata: b\ndata: c\ndata: d\nid: 1-2\n\n"


@pytest.mark.parametrize("text", [
    "1.0", "-0", "1E+2", "12345678901234567890123456789", "0.1000000000000000055511151231257827", "9" * 63, "null", "true", "[ ]",
    '{"b":1.50,"a":[1.0, 2],"b":2}', '{ "z" : "\\u0041\\u0000\\/" }', '[[[[]]]]', '["é", "\\ud83d\\ude00"]', '["}", "\\"]", "\\\\"]'])
def test_what_is_no_string_is_sent_as_it_was(text):
    for line in ('{"data":%s}', ' { "id" : "" ,\t"data"\t:  %s \t, "retry":5 } \r', '{"event":"\\u0000","data":%s}'):
        if "u0000" in line:
            assert 'contains CR, LF or NUL' in refused(line % text)
        else:
            assert b"data: %s\n" % text.encode() in encode(line % text)


def test_a_string_is_sent_as_what_it_says():
    assert encode('{"data":"\\u00e9\\ud83d\\ude00\\/\\"\\\\\\t"}') == 'data: é😀/"\\\t\n\n'.encode()


@pytest.mark.parametrize("text", ["\0", "a\0b", "\0\0a\0", "\\u0000\0\\", "x" * 5000 + "\0" + "é\0" * 5000])
def test_nul_is_sent(text):
    assert encode({"data": text, "comment": text}) == b": %s\ndata: %s\n\n" % (text.encode(), text.encode())


def test_no_data_is_no_data_line():
    assert encode({"event": "x"}, {"retry": 7}, {"id": ""}, {"data": ""}) == b"event: x\n\nretry: 7\n\nid\n\ndata: \n\n"
    assert encode('{"comment":""}', "", " \t\r") == b""


def test_names_of_members_may_be_escaped():
    assert encode('{"\\u0064ata":1}') == b"data: 1\n\n"


def test_the_last_line_needs_no_end():
    assert run(ENCODE, b'{"data":1}\n{"data":2}')[0] == b"data: 1\n\ndata: 2\n\n"


RETRY = '"retry" is no whole number of milliseconds; accepted: digits alone, from 0 to 9223372036854775807'
SYNTAX = ('no JSON (RFC 8259), half of a surrogate pair, or nested deeper than 1000; '
          'accepted: one object a line, such as {"data":"text"}')
CONTROL = "a control character; accepted: its escape in a string, such as \\u0001"
NUMBER = "no number of JSON; accepted: such as 0, -1.5 or 2e9"
MEMBERS = "event, data, id, retry and comment"
REFUSED = [
    ("{}", f": an object without members; accepted: one or more of {MEMBERS}"),
    ('{"dta":1}', f': unknown member "dta"; accepted: {MEMBERS}'),
    ('{"data\\u0000":1}', f': unknown member "data?"; accepted: {MEMBERS}'),
    ('{"Data":1}', f': unknown member "Data"; accepted: {MEMBERS}'),
    ('{"":1}', f': unknown member ""; accepted: {MEMBERS}'),
    ('{"%s":1}' % ("é" * 100), ': unknown member "%s"; accepted: %s' % ("?" * 40, MEMBERS)),
    ('{"data":1,"\\u0064ata":1}', ': "data" occurs twice; accepted: once'),
    ('{"comment":null}', ': "comment" is no string; accepted: a string'),
    ('{"event":["x"]}', ': "event" is no string; accepted: a string'),
    ('{"id":7}', ': "id" is no string; accepted: a string'),
    ('{"event":"a\\nb"}', ': "event" contains CR, LF or NUL; accepted: text of one line'),
    ('{"event":"a\\rb"}', ': "event" contains CR, LF or NUL; accepted: text of one line'),
    ('{"id":"a\\u0000b"}', ': "id" contains CR, LF or NUL; accepted: text of one line'),
    *[('{"retry":%s}' % retry, f": {RETRY}") for retry in ("-1", "-0", "1.5", "1.0", "1e3", '"5"', '""', "null", "9223372036854775808", "9" * 40)],
    ("[1]", f", byte 1: {SYNTAX}"),
    ("null", f", byte 1: {SYNTAX}"),
    ("data: x", f", byte 1: {SYNTAX}"),
    ('{"data":1', f", byte 10: {SYNTAX}"),
    ('{"data":[1,]}', f", byte 12: {SYNTAX}"),
    ('{"data":1,}', f", byte 11: {SYNTAX}"),
    ('{"data" 1}', f", byte 9: {SYNTAX}"),
    ('{data:1}', f", byte 2: {SYNTAX}"),
    ('{"data":"\\ud800"}', f", byte 10: {SYNTAX}"),
    ('{"data":"\\ud83d\\u0000"}', f", byte 10: {SYNTAX}"),
    ('{"data":"a', f", byte 11: {SYNTAX}"),
    ('{"data":%s}' % ("[" * 1001 + "]" * 1001), f", byte 1009: {SYNTAX}"),
    ('{"data":\ufeff1}', f", byte 9: {SYNTAX}"),
    ('\ufeff{"data":1}', f", byte 1: {SYNTAX}"),
    ('{"data":1} {"data":2}', ", byte 12: more behind the object; accepted: one object a line"),
    ('{"data":["\t"]}', f", byte 11: {CONTROL}"),
    ('{"data":\0}', f", byte 9: {CONTROL}"),
    ('{"data":[\x0b]}', f", byte 10: {CONTROL}"),
    ('{"data":[01]}', f", byte 10: {NUMBER}"),
    ('{"data":1.}', f", byte 9: {NUMBER}"),
    ('{"data":-}', f", byte 9: {NUMBER}"),
    ('{"data":[1e]}', f", byte 10: {NUMBER}"),
    ('{"data":%s}' % ("9" * 64), ", byte 9: a number of more than 63 characters; accepted: a shorter one, or a string"),
    ('{"data":"\\u00g0"}', ", byte 10: \\u without four hexadecimal digits; accepted: such as \\u00e9"),
]


@pytest.mark.parametrize("line,message", REFUSED, ids=range(len(REFUSED)))
def test_refused_with_its_line(line, message):
    """At the fault the tool ends, or goes on; of the line nothing is sent."""
    given = b'{"data":"before"}\n\n' + line.encode() + b'\n{"data":"behind"}\n'
    before, behind = b"data: before\n\n", b"data: behind\n\n"
    assert run(ENCODE, given, code=1) == (before, ["line 3" + message])
    assert run(ENCODE, given, "--keep-going", code=1) == (before + behind, ["line 3" + message])


def test_a_fault_behind_good_members_sends_nothing():
    assert run(ENCODE, b'{"data":"x","event":"y","id":1}\n', code=1)[0] == b""


def test_max_line():
    text = '{"data":"%s"}' % ("x" * 89)
    message = "line 1: longer than 99 bytes; accepted: at most that, or more with --max-line"
    assert encode(text) == run(ENCODE, text.encode(), "--max-line", "100")[0]
    assert refused(text, "--max-line", "99") == message
    out, errors = run(ENCODE, (text + "z" * 10000 + '\n{"data":1}').encode(), "--max-line=99", "--keep-going", code=1)
    assert (out, errors) == (b"data: 1\n\n", [message])


def mutated(text, rng):
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(text) + 1)
        text = text[:at] + rng.choice(['"', "\\", "{", "}", "[", "]", ",", ":", "0", "1", "-", ".", "e", "+", " ", "\t", "\x01", "u", "n", "é", "\\u", ""]) + text[at + rng.randrange(3):]
    return text


def no_constants(name):
    raise ValueError(name)


def test_json_is_taken_where_python_takes_it():
    """Mutated JSON within an array, where only the JSON itself can be at fault."""
    rng = random.Random(seed := random.randrange(1 << 32))
    seeds = ['{"a":[1,-2.5e+3,"x\\u00e9\\n"]}', '[true,false,null,{}]', '"\\"\\\\\\/\\b"', '[0.5,-0,10E2]', '{"":"\\ud83d\\ude00"}']
    texts = [mutated(rng.choice(seeds), rng) for _ in range(3000)]
    lines = ['{"data":[%s]}' % text for text in texts]
    out, errors = run(ENCODE, "".join(line + "\n" for line in lines).encode(), "--keep-going", code=1)
    bad = {int(error.removeprefix("line ").replace(",", ":").split(":")[0]) for error in errors}
    expected = set()
    for number, line in enumerate(lines, 1):
        try:
            pairs = json.loads(line, object_pairs_hook=lambda pairs: pairs, parse_constant=no_constants)
            json.dumps(pairs, ensure_ascii=False).encode()
            if [name for name, _ in pairs] != ["data"]:
                expected.add(number)
        except ValueError:
            expected.add(number)
    assert bad == expected, (seed, [lines[n - 1] for n in bad ^ expected][:5])
    assert 200 < len(bad) < 2900
    good = [text for number, text in enumerate(texts, 1) if number not in bad]
    assert out.decode() == "".join(f"data: [{text}]\n\n" for text in good), seed


# What sse-decode writes

def test_events_retries_comments():
    stream = b"\xef\xbb\xbfretry: 20\n:hello\nid: 7\ndata: a\ndata: b\n\nevent: x\ndata\n\n: \nevent: unseen\n\ndata: cut off"
    events = [{"event": "message", "data": "a\nb", "id": "7"}, {"event": "x", "data": "", "id": "7"}]
    assert decode(stream)[0] == [{"retry": 20}, *events]
    assert decode(stream, "--comments")[0] == [{"retry": 20}, {"comment": "hello"}, *events, {"comment": ""}]


def test_what_is_no_utf8_becomes_replacement_characters():
    rng = random.Random(seed := random.randrange(1 << 32))
    special = b"\x00\x1f\x22\x5c\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xec\xed\xee\xef\xf0\xf1\xf3\xf4\xf5\xff"
    values = [bytes(rng.choice(special) for _ in range(rng.randrange(30))) for _ in range(3000)]
    values += [first + b"x" * n + second for n in range(4080, 4104) for first in (b"", b"\0") for second in ("😀é".encode(), b"\xf0\x9f", b"\0")]
    values += [bytes([a, b, c]) for a in special[7:] for b in special for c in special]
    got, _ = decode(b"".join(b"data: " + value + b"\nevent: " + value + b"\n\n" for value in values))
    wanted = [value.decode("utf-8", "replace") for value in values]
    assert [event["data"] for event in got] == wanted, seed
    assert [event["event"] for event in got] == [text or "message" for text in wanted], seed


def test_limits_lose_one_event_and_say_where():
    stream = (b"data: a\r\n\r\nid: 1\rdata: 12345678901\r\rdata: b\n\nid: 12345\ndata: c\n\n: 34567890123456789\n\n"
              b"data: 1234567\ndata: 8901\r\n\ndata: d\n\ndata: 345678901234567")
    options = ["--max-event", "10", "--max-line=16", "--max-id=4"]
    lost = "line {}: an event was lost: {} is longer than max_{}_bytes; --max-{} accepts more".format
    wanted = [lost(4, "a line of it", "line", "line"), lost(8, "its id", "id", "id"), lost(11, "a line of it", "line", "line"),
              lost(14, "its data", "event", "event"), lost(18, "a line of it", "line", "line")]
    for chunk in ("1", "2", "3", "7", "64K"):
        got, errors = decode(stream, *options, "--chunk", chunk, code=1)
        assert [event["data"] for event in got] == ["a", "b", "d"]
        assert {event["id"] for event in got} == {""}
        assert errors == wanted


def test_a_large_event_and_one_too_large():
    data = (b"0123456789abcde\n" * (4 * MIB))[:64 * MIB]
    stream = b"data: " + data.replace(b"\n", b"\ndata: ") + b"\n\n"
    got, _ = decode(stream)
    assert len(got) == 1 and got[0]["data"].encode() == data
    got, errors = decode(b"data: x" + stream[6:] + b"data: behind\n\n", code=1)
    assert [event["data"] for event in got] == ["behind"] and len(errors) == 1 and "max_event_bytes" in errors[0]


def test_a_large_event_there_and_back():
    data = ('"\\\n\0é\x01' + "x" * 57) * (MIB // 4)
    [event], _ = decode(encode({"data": data}))
    assert len(data.encode()) == 16 * MIB and event["data"] == data


# The decoder vectors, by what can be seen of them: the last event id is seen in events alone

ERRORS = {"max_line_bytes": "line", "max_event_bytes": "event", "max_id_bytes": "id"}


class NotSeen:
    def __eq__(self, other):
        return True


def decoded(vector, stream, *options):
    limits = vector.get("limits") or {}
    options = [*options, "--comments", *(f"--max-{name}={limits.get(name) or '1G'}" for name in ("line", "event", "id"))]
    found, errors = decode(stream, *options, code=1 if vector.get("errors") else 0)
    retries = [one["retry"] for one in found if "retry" in one]
    return type("Seen", (), {
        "events": [(one["event"], one["data"], one["id"]) for one in found if "event" in one],
        "comments": [one["comment"] for one in found if "comment" in one],
        "retry": retries[-1] if retries else None,
        "errors": [name for error in errors for limit, name in ERRORS.items() if limit in error],
        "last_event_id": NotSeen()})


def bytes_of(vector):
    return [vectors.to_bytes(chunk) for chunk in vector["chunks"]]


@pytest.mark.many_runs
@pytest.mark.parametrize("part", range(8))
def test_decoder_vectors(part):
    among = vectors.decoder_vectors()[part::8]
    assert len(among) > 20
    for vector in among:
        stream = b"".join(bytes_of(vector))
        try:
            check.compare_decoded("whole", vector, decoded(vector, stream))
            check.compare_decoded("byte by byte", vector, decoded(vector, stream, "--chunk=1"))
        except (check.Failure, AssertionError) as failure:
            raise AssertionError(f"{vector['name']}: {failure}") from failure


def test_decoder_vectors_dispatch_at_once():
    """What each chunk dispatches is there before the next is sent."""
    among = [vector for vector in vectors.decoder_vectors() if "dispatched_after_chunk" in vector and not vector["retry"]]
    assert len(among) > 15
    for vector in among:
        with live(DECODE) as process:
            seen = 0
            for chunk, count in zip(bytes_of(vector), vector["dispatched_after_chunk"]):
                process.stdin.write(chunk)
                process.stdin.flush()
                if count > seen:
                    assert lines_now(process, count - seen).count(b"\n") == count - seen, vector["name"]
                seen = count


# There and back

ONE_LINE = st.text(st.characters(blacklist_characters="\r\n\0", blacklist_categories=["Cs"]), max_size=12)
TEXT = st.text(st.one_of(st.sampled_from("\r\n\0: \ufeff\"\\"), st.characters(blacklist_categories=["Cs"])), max_size=40)
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
                    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner | TEXT, max_size=4), max_leaves=8)
EVENT = st.fixed_dictionaries({}, optional={
    "event": ONE_LINE, "data": TEXT | JSON, "id": ONE_LINE, "retry": st.integers(0, 2 ** 63 - 1), "comment": TEXT}).filter(bool)


def text_lines(text):
    return text.replace("\r\n", "\n").replace("\r", "\n")


def expected(events, ascii_only):
    """What a client sees, in the order in which it does."""
    last_id, found = "", []
    for event in events:
        if event.get("comment"):
            found += [{"comment": line} for line in text_lines(event["comment"]).split("\n")]
        if "retry" in event:
            found.append({"retry": event["retry"]})
        last_id = event.get("id", last_id)
        if "data" in event:
            data = event["data"]
            data = text_lines(data) if isinstance(data, str) else json.dumps(data, ensure_ascii=ascii_only)
            found.append({"event": event.get("event") or "message", "data": data, "id": last_id})
    return found


@pytest.mark.many_runs
@EXAMPLES
@given(st.lists(EVENT, max_size=30), st.booleans())
def test_there_and_back(events, ascii_only):
    lines = "".join(json.dumps(event, ensure_ascii=ascii_only) + "\n" for event in events)
    stream, _ = run(ENCODE, lines.encode())
    whole, _ = run(DECODE, stream, "--comments")
    assert [json.loads(line) for line in whole.splitlines()] == expected(events, ascii_only)
    assert run(DECODE, stream, "--comments", "--chunk=1")[0] == whole
    again, _ = run(DECODE, run(ENCODE, whole)[0])
    assert again == b"".join(line + b"\n" for line in whole.split(b"\n") if line and not line.startswith(b'{"comment"'))


@pytest.mark.many_runs
@EXAMPLES
@given(st.lists(st.sampled_from([b"data", b"id", b"event", b"retry", b":", b": ", b"\n", b"\r", b"\0", b"\xff", b"5", b"x", "é".encode()]), max_size=60).map(b"".join))
def test_any_bytes_are_read_as_the_reference_reads_them(stream):
    whole, _ = run(DECODE, stream, "--comments")
    assert run(DECODE, stream, "--comments", "--chunk=1")[0] == whole
    found = [json.loads(line) for line in whole.splitlines()]
    model = reference.decode_text(stream, None)
    assert [(one["event"], one["data"], one["id"]) for one in found if "event" in one] == model.events
    assert [one["comment"] for one in found if "comment" in one] == model.comments


# Pipes, ends and misuse

def test_events_leave_at_once():
    with live(ENCODE) as process:
        for n in range(3):
            process.stdin.write(b'{"data":%d}\n' % n)
            process.stdin.flush()
            assert lines_now(process, 2) == b"data: %d\n\n" % n
    with live(DECODE, "--comments") as process:
        for given, found in [(b"data: 1\n\n", b'{"event":"message","data":"1","id":""}\n'), (b":x\r", b'{"comment":"x"}\n'), (b"retry:5\n", b'{"retry":5}\n')]:
            process.stdin.write(given)
            process.stdin.flush()
            assert lines_now(process, 1) == found


@pytest.mark.parametrize("tool,endless", [(ENCODE, b'{"data":1}\n'), (DECODE, b"data: 1\n\n")])
@pytest.mark.parametrize("ignored", [False, True])
def test_quiet_when_nobody_reads(tool, endless, ignored):
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.Popen([tool], stdin=subprocess.PIPE, stdout=writer, stderr=subprocess.PIPE, restore_signals=not ignored)
    os.close(writer)
    _, errors = process.communicate(endless)
    assert errors == b""
    assert process.returncode == (1 if ignored else -13)


@pytest.mark.parametrize("tool", [ENCODE, DECODE])
def test_a_large_event_that_cannot_be_written(tool):
    given = (b'{"data":"%s"}\n' if tool == ENCODE else b"data:%s\n\n") % (b"x" * MIB)
    with open("/dev/full", "wb") as full:
        done = subprocess.run([tool], input=given, stdout=full, stderr=subprocess.PIPE, timeout=20)
    assert (done.returncode, done.stderr.decode()) == (1, f"{os.path.basename(tool)}: standard output: No space left on device\n")


@pytest.mark.parametrize("tool,options,behind", [
    (ENCODE, ["--keep-going"], b'\n{"comment":"x"}\n'), (DECODE, ["--comments"], b"\n\n:x\n")])
def test_a_line_beyond_the_limit_takes_no_memory(tool, options, behind):
    with live(tool, "--max-line=1K", *options, stderr=subprocess.DEVNULL) as process:
        process.stdin.write(b"x" * (96 * MIB) + behind)
        process.stdin.flush()
        lines_now(process, 1)
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        assert int(status.split("VmHWM:")[1].split()[0]) < 64 * 1024


@pytest.mark.parametrize("tool,given", [(ENCODE, b'{"data":1}\n'), (DECODE, b"data: 1\n\n")])
def test_faults_of_reading_and_writing(tool, given):
    name = os.path.basename(tool)
    for command, message in [('"$0" >/dev/full', "standard output: No space left on device"), ('"$0" >&-', "standard output: Bad file descriptor"),
                             ('"$0" --help >/dev/full', "standard output: No space left on device"),
                             ('"$0" <&-', "standard input: Bad file descriptor"), ('"$0" </', "standard input: Is a directory")]:
        done = subprocess.run(["sh", "-c", command, tool], input=given, capture_output=True, timeout=20)
        assert (done.returncode, done.stderr.decode()) == (1, f"{name}: {message}\n"), command


@pytest.mark.parametrize("tool,options", [
    (ENCODE, ["--max-line"]), (DECODE, ["--max-line", "--max-event", "--max-id", "--chunk"])])
def test_misuse(tool, options):
    name = os.path.basename(tool)

    def misused(*given):
        return run(tool, b"", *given, code=2)[1]

    for option in options:
        for value in ("0", "", "-1", "+1", " 1", "1x", "1KB", "0x10", "99999999999999999999", "9007199254740992K"):
            wanted = f'{option}: "{value}"; accepted: a count of bytes from 1 to 9223372036854775807, also with K, M or G for powers of 1024'
            assert misused(option, value) == [wanted]
        assert misused(option) == [f"option '{option}' requires an argument", "--help tells what is accepted"]
        for value in ("1", "8K", "1M", "8G", "9223372036854775807"):
            run(tool, b"", option, value)
    assert misused("--no-such")[1:] == ["--help tells what is accepted"]
    assert misused("file") == ['"file" is no option; accepted: input on standard input, and the options of --help']
    usage, _ = run(tool, b"", "--help")
    assert usage.decode().startswith(f"usage: {name} ")
    version, _ = run(tool, b"", "--version")
    assert version.decode().split()[0] == name and version.decode().split()[1] in (ROOT / "meson.build").read_text()


@pytest.mark.parametrize("tool", [ENCODE, DECODE])
def test_manual(tool):
    """Has every option of --help, and formats without a warning."""
    page = ROOT / "examples" / "tools" / (os.path.basename(tool) + ".1")
    options = {word.strip("[])") for word in run(tool, b"", "--help")[0].decode().split() if word.strip("[])").startswith("--")}
    manual = page.read_text()
    assert options and all(f".It Fl Fl {option[2:]}" in manual for option in options)
    if shutil.which("groff"):
        done = subprocess.run(["groff", "-mandoc", "-wall", "-Tutf8", page], capture_output=True, timeout=20)
        assert (done.returncode, done.stderr) == (0, b"")


def test_the_server_s_stream_through_curl(hermes, files):
    server = hermes()
    curl = subprocess.Popen(["curl", "-sN", server.base + "/api/v1/events/stream"], stdout=subprocess.PIPE)
    tool = subprocess.Popen([DECODE], stdin=curl.stdout, stdout=subprocess.PIPE)
    curl.stdout.close()
    try:
        first = json.loads(lines_now(tool, 1).split(b"\n")[0])
        assert first.keys() in ({"event", "data", "id"}, {"retry"})
        server.add(files + "/small.txt")
        found = b""
        while b"completed" not in found:
            found += lines_now(tool, 1)
        for line in found.splitlines():
            event = json.loads(line)
            assert "retry" in event or isinstance(json.loads(event["data"]), dict)
    finally:
        curl.kill()
        curl.wait(10)
        assert tool.wait(10) == 0
        tool.stdout.close()
