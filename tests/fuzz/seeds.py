"""Writes first inputs for the fuzz targets, in the form that each target's comment describes:

    seeds.py DIRECTORY        DIRECTORY/parser/..., DIRECTORY/encoder/..., and so on

Those of the parser and the encoder are made from tests/conformance. tests/fuzz/corpus holds what is left of them, and of what
fuzzing has found, after all that reaches nothing new is gone (README.md).
"""
import os
import random
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "conformance"))
sys.dont_write_bytecode = True
from vectors import DECODER_FILES, load, to_bytes  # noqa: E402

LONGEST = 600
COMMENTS_AND_RETRIES = 3


def parser():
    for file in DECODER_FILES:
        for vector in load(file)["vectors"]:
            chunks = [to_bytes(chunk) for chunk in vector["chunks"]]
            limits = vector.get("limits") or {}
            sizes = [limits.get(name) or 0 for name in ("line", "event", "id")]
            if sum(map(len, chunks)) > LONGEST or max(sizes) >= 240:
                continue
            cuts = [min(len(chunk), 255) for chunk in chunks][:16]
            head = sizes + [0, COMMENTS_AND_RETRIES, 0, len(cuts)] + cuts
            yield bytes(head) + b"".join(chunks)
            yield bytes([20, 30, 8, 5, 31, 40, 2, 3, 7]) + b"".join(chunks)


def encoded(event):
    flags = 0 if "data" in event else 1
    flags |= 2 if event.get("retry", -1) >= 0 else 0
    flags |= 4 if event.get("id", None) == "" else 0
    fields = [to_bytes(event.get(name, "")) for name in ("event", "id", "comment")]
    if max(map(len, fields)) > 255:
        return None
    retry = min(max(event.get("retry", 0), 0), 2**64 - 1)
    head = bytes([flags]) + retry.to_bytes(8, "big") + bytes(map(len, fields)) + b"\1"
    return head + b"".join(fields) + to_bytes(event.get("data", ""))


def encoder():
    events = [vector["event"] for vector in load("encoder")["vectors"]]
    for vector in load("injection")["vectors"]:
        events += [{name: vector["value"]} for name in ("comment", "event", "data", "id")]
    for event in events:
        seed = encoded(event)
        if seed and len(seed) <= LONGEST:
            yield seed


def ids():
    texts = ["", "0-0", "1-1", "12-7", "00-1", "1-01", "18446744073709551615-18446744073709551615", "18446744073709551616-1", "1-", "-1", "1", "+1-1",
             "1-1 ", "1-2-3"]
    yield from (bytes([0, 43]) + text.encode() for text in texts)
    yield from (bytes([1, 20]) + b"%d" % lo for lo in (0, 1, 3, 4, 5, 7, 8, 9, 10))


def settings():
    files = [
        b"HERMES_ENABLE_SSE=true\nexport HERMES_SSE_HEARTBEAT_INTERVAL = 15 # often\nHERMES_DEBUG='yes'\r\nAPI_PORT=\"9000\"\n",
        b"HERMES_API_KEYS=first-key, second-key\nAPI_HOST=0.0.0.0\nHERMES_TRUSTED_PROXIES=10.0.0.0/8,::1,fd00::/8\n",
        b"HERMES_ALLOWED_ORIGINS=[\"https://a.example\",\"http://b.example:81\"]\nHERMES_ALLOW_CREDENTIALS=off\n",
        b"HERMES_ALLOWED_ORIGINS=*\nHERMES_ALLOW_CREDENTIALS=false\nHERMES_REDIS_URL=rediss://u:p@[::1]:6379/1\nHERMES_REDIS_MODE=streams\n",
        b"HERMES_REDIS_URL=unix:///run/redis.sock\nHERMES_DOWNLOAD_DIR=\"/tmp/a b\"\nHERMES_SSE_MAX_LIFETIME=0\n",
        b"HERMES_SSE_MAX_CONNECTIONS=0\n", b"HERMES_API_KEYS=short\n", b"API_HOST=::\n", b"HERMES_ALLOW_OPEN=1\nAPI_HOST=::\n",
    ]
    yield from (b"\0\xff" + file for file in files)
    yield b"\0\xff\0HERMES_ENABLE_SSE=on\0API_PORT=0\0\0HERMES_SHUTDOWN_GRACE=5\0"
    yield b"\3\xff" + files[1]
    yield b"\0\x10" + files[6]


def service():
    key = "authorization: Bearer first-key\n"
    change = "host: localhost\ncontent-type: application/json\n"
    requests = [
        (0, 0x80, "GET /api/v1/events/stream\n"), (0, 0x41, "HEAD /api/v1/events/queue\n"), (0, 0xa0, "GET /api/v1/events/health\n"),
        (0, 0x80, "GET /api/v1/events/stream?channels=queue%3Aupdates,system:notifications&download_id=x&last_event_id=1-2\n"),
        (0, 0x02, "GET /api/v1/events/downloads/a%20b\nlast-event-id: 12-3\norigin: http://localhost:3000\n"),
        (0, 0x80, "POST /api/v1/events/token\n" + change + "\n{\"scope\":\"download:x\",\"ttl\":60}"), (0, 0x80, "GET /api/v1/events/metrics\n"),
        (0, 0x80, "GET /api/v1/events/ready\n"), (0, 0x80, "GET /index.html\n"), (0, 0x80, "GET /api/v1/events/none\n"),
        (1, 0x80, "GET /api/v1/events/stream\n" + key + "x-forwarded-for: 192.0.2.1, 10.1.2.3\n"), (1, 0x60, "GET /api/v1/events/stream?token=sse_abc\n"),
        (1, 0x80, "GET /api/v1/events/stream?key=first%2Dkey\n"), (1, 0x84, "GET /api/v1/events/analytics\norigin: https://a.example\n"),
        (1, 0x80, "OPTIONS /api/v1/events/token\norigin: http://b.example:81\naccess-control-request-method: POST\n"),
        (1, 0x80, "POST /api/v1/events/token\n" + key + change + "\n{\"scope\":\"all\"}"), (1, 0x80, "POST /api/v1/events/token\n" + key + "host: evil.example\n\n{}"),
        (1, 0x88, "DELETE /api/v1/queue/x\n" + key + "host: [::1]:8000\n"), (1, 0x98, "GET /api/v1/queue\n"), (1, 0x88, "PUT /api/v1/queue\n"),
        (2, 0x80, "GET /api/v1/events/stream?refusal=soft\n"), (2, 0x80, "GET /api/v1/events/stream\nx-forwarded-for: 2001:db8::1\norigin: https://any.example\n"),
        (3, 0x80, "GET /api/v1/events/stream\n" + key), (3, 0x80, "GET /api/v1/events/health\n"),
    ]
    for which, bits, text in requests:
        yield bytes([which, bits, 0]) + text.encode()
        yield bytes([which, bits, 3]) + text.encode()


def tokens():
    wishes = ["{\"scope\":\"%s\"}" % scope for scope in ("all", "queue", "system", "analytics", "download:x", "download:", "every")]
    wishes += ["{\"scope\":\"all\",\"ttl\":%s}" % ttl for ttl in ("59", "60", "3600", "3601", "60.5", "\"60\"", "1e3")]
    wishes += ["", "[]", "{\"scope\":\"download:\\u0001\"}", "{\"scope\":\"all\"} x"]
    records = ["{\"scope\":\"%s\",\"permissions\":[\"read\"],\"expires_at\":\"2099-01-01T00:00:00.000Z\"}" % s for s in ("all", "queue", "download:x", "no")]
    records += ["{\"scope\":\"all\",\"permissions\":[],\"expires_at\":\"2099-01-01T00:00:00Z\"}",
                "{\"scope\":\"all\",\"permissions\":[\"read\"],\"expires_at\":\"2001-02-29T24:60:60Z\"}",
                "{\"scope\":\"all\",\"permissions\":[\"read\"],\"expires_at\":\"2099-01-01T00:00:00+02:00\"}"]
    for how in range(8):
        yield from (bytes([0, how, 0, how % 5]) + wish.encode() for wish in wishes)
        yield from (bytes([1, how, 0, how % 5]) + record.encode() for record in records)
    yield from (bytes([0, 0, period, 0]) + wishes[0].encode() for period in range(2, 12))
    yield from (bytes([1, 1, period, 0]) + records[0].encode() for period in range(2, 12))


def model():
    """Random lives: one byte for how memory fails, four for each step (tests/model/trace.c)."""
    state = random.Random(7)
    for period in (0, 3, 200, 255):
        for length in (10, 40, 70):
            yield bytes([period]) + bytes(state.randrange(256) for _ in range(4 * length))


ENVELOPES = [
    '{"type":"download_progress","data":{"download_id":"x","status":"downloading","progress":42.5},"timestamp":"2026-01-02T03:04:05.678Z"}',
    '{"type":"t","data":{"download_id":"a\\u0000b","n":[18446744073709551615,1e400,1.10,-0]},"hermes_sse":{"origin":"00112233445566ff","number":7,"id":"5-1","key":"k","meta":3}}',
    ' {\n"data" :\r\n[ 1 ,\ttrue , {"a" : null} ] , "more":[{}] , "type" : "q"}', '{"type":"a","data":"\\ud83d\\ude00"}', '{"type":"a","data":"\\ud800"}',
    '{"type":"a","type":"b","data":1}', '{"type":"message","data":1}', '{"type":"a"}', '[{"type":"a","data":1}]', '{"type":"a","data":1}x', '{"type":"a","data":' + "1" * 70 + "}",
    '{"d\\u0061ta":{"download_id":"x"},"data":{"download_id":"y"},"type":"a"}', '{"type":"a","data":' + "[" * 63 + "]" * 63 + "}", '{"type":"a","data":{"download_id":""},"hermes_sse":{"origin":1}}',
]


def redis_envelope():
    for envelope in ENVELOPES:
        yield bytes(11) + envelope.encode()
        yield bytes([0, 3]) + bytes(9) + envelope.encode()
        yield bytes([1, 0]) + bytes([255] * 8) + b"\2k\xff" + envelope.encode()
    for data in ("[" * depth + "]" * depth for depth in (63, 64, 65)):
        yield bytes([1]) + bytes(10) + data.encode()
    yield bytes([1]) + bytes(9) + b"\4k\0l\n" + b' {"download_id":\n"x"} '


def redis_reply():
    wires = [b"+OK\r\n-ERR no\r\n:42\r\n$-1\r\n*-1\r\n*0\r\n", b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$5\r\nhello\r\n",
             b"*2\r\n*2\r\n:1\r\n:2\r\n*1\r\n*1\r\n$0\r\n\r\n", b"$999999999999\r\n", b"*999999999\r\n", b"*1\r\n" * 12, b":1\n", b"HTTP/1.1 400\r\n",
             b"%1\r\n+a\r\n:1\r\n~1\r\n:1\r\n>2\r\n+x\r\n_\r\n#t\r\n,1.5\r\n(12\r\n=5\r\ntxt:a\r\n", b"$3\r\na\0b\r\n"]
    for wire in wires:
        yield bytes([255, 255, 0, 63]) + wire
        yield bytes([255, 255, 0, 0]) + wire
        yield bytes([0, 16, 3, 2]) + wire


def redis_bridge():
    """Steps as redis_bridge.c has them: 8 answers all, 0 one, 1 bytes, 2 a message, 3 time, 4 publish, 5 hang up, 6 the store, 7 a stream."""
    up = bytes([7, 0, 8, 0, 8, 0, 8, 0])
    lives = [
        up, up + bytes([4, 1, 2]) + b"42" + bytes([8, 0]), up + bytes([4, 0, 2]) + b"42" + bytes([8, 0, 8, 0]), up + bytes([3, 100, 8, 0, 8, 0, 3, 255]),
        up + bytes([4, 1, 2]) + b"42" + bytes([5, 1, 3, 9, 8, 0, 8, 64, 8, 64]), up + bytes([5, 2, 3, 20, 8, 64, 8, 64, 8, 0]),
        up + bytes([5, 0, 4, 1, 1]) + b"1" + bytes([3, 50, 8, 0, 8, 0, 3, 200, 8, 0]), up + bytes([6, 0, 6, 1, 120, 6, 2, 8, 0]), up + bytes([3, 255, 3, 255, 8, 0]),
        up + bytes([7, 0, 3, 20, 8, 0, 7, 5, 8, 0]), up + bytes([4, 1, 1]) + b"1" + bytes([5, 0, 5, 1, 3, 100, 8, 0, 8, 0, 8, 0]),
    ]
    lives += [up[:steps] + bytes([1, which, len(wire)]) + wire + bytes([3, 50, 8, 0]) for steps in (2, 4, 8) for which in range(3)
              for wire in (b"-LOADING busy\r\n", b"$999999999999\r\n", b"*1\r\n" * 12, b"*0\r\n", b":1\r\n", b"-NOPERM no\r\n", b"*2\r\n$4\r\npong\r\n$0\r\n\r\n")]
    lives += [up + bytes([2, which, len(event)]) + event.encode() for which in (0, 1, 2, 8, 16, 17, 18) for event in ENVELOPES[:3] + ENVELOPES[6:8]]
    entries = [b"*1\r\n*2\r\n$1\r\nk\r\n*1\r\n*2\r\n$%d\r\n%s\r\n*2\r\n$1\r\ng\r\n$1\r\nb\r\n" % (len(id), id) for id in (b"9-1", b"4398046511104-0", b"18446744073709551615-7")]
    lives += [up + bytes([1, which, len(entry)]) + entry for entry in entries for which in range(3)]
    for life in lives:
        for how in (2, 3, 5, 10, 18, 34, 36):
            yield bytes([how, 0, how % 4]) + life
        yield bytes([2, 9, 0]) + life
        yield bytes([3, 13, 3]) + life


def main():
    for target in (parser, encoder, ids, settings, service, tokens, model, redis_envelope, redis_reply, redis_bridge):
        directory = os.path.join(sys.argv[1], target.__name__)
        os.makedirs(directory, exist_ok=True)
        for number, seed in enumerate(sorted(set(target()))):
            with open(os.path.join(directory, f"seed-{number:03}"), "wb") as file:
                file.write(seed)


if __name__ == "__main__":
    main()
