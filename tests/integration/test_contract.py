"""The contract's rows and the quick reference's commands, asked of the running server by curl as an operator would."""
import datetime
import json
import os
import re
import socket
import subprocess
import threading
import time

import pytest

KEY = "a-long-enough-key"
BEARER = {"Authorization": "Bearer " + KEY}
OFF = {"HERMES_ENABLE_SSE": "false"}
OFF_BODY = '{"detail":"SSE is not enabled on this server"}'
STREAMS = ["stream", "downloads/x", "queue", "system", "analytics"]
REFUSED_URL = "http://127.0.0.1:1/x"


def curl(server, path, *options, seconds=10):
    """Status, headers in lower case, body; -N and a time limit for streams, whose end curl is not told."""
    quiet = ["-o", os.devnull] if "-I" in options else []  # whose body is the head once more
    done = subprocess.run(["curl", "-sS", "-D-", "-N", "--max-time", str(seconds), *quiet, *options, server.base.replace("127.0.0.1", "localhost") + path],
                          capture_output=True, check=False)
    assert done.returncode in (0, 28), done.stderr  # 28: its time was over
    head, _, body = done.stdout.decode().partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    return int(first.split()[1]), {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}, body


def detail(answer):
    body = json.loads(answer[2])
    assert answer[1]["content-type"] == "application/json" and isinstance(body["detail"], str)
    return body["detail"]


def metric(server, name):
    return float(re.search(rf"^hermes_sse_{re.escape(name)} (\S+)$", server.request("/api/v1/events/metrics")[2], re.M)[1])


def eventually(condition):
    for _ in range(200):
        if condition():
            return
        time.sleep(0.025)
    raise AssertionError("it did not come")


# ---- the quick reference's verification commands ----

@pytest.mark.parametrize("enabled", [True, False])
def test_health_command(hermes, enabled):
    status, headers, body = curl(hermes(HERMES_ENABLE_SSE=str(enabled).lower()), "/api/v1/events/health")
    assert status == 200 and headers["content-type"] == "application/json"
    assert body.startswith(f'{{"enabled":{str(enabled).lower()},"active_connections":0,"max_connections":1000,"heartbeat_interval":30')


@pytest.mark.parametrize("settings, options", [({}, []), ({}, ["-H", "Authorization: Bearer YOUR_API_KEY"]),
                                               ({"HERMES_API_KEYS": "other-key-entirely," + KEY}, ["-H", "Authorization: Bearer " + KEY])])
def test_stream_command(hermes, settings, options):
    status, headers, body = curl(hermes(HERMES_SSE_HEARTBEAT_INTERVAL="1", **settings), "/api/v1/events/stream", *options, seconds=1.5)
    assert status == 200
    assert headers["content-type"] == "text/event-stream; charset=utf-8" and headers["cache-control"] == "no-cache, no-transform"
    greeting, heartbeat = body.split("\n\n")[:2]
    assert re.fullmatch(r'data: \{"type":"connected","data":\{"connection_id":"[^"]+","timestamp":"[^"]+"\}\}\nid: [0-9]+-[0-9]+', greeting)
    assert re.fullmatch(r'event: heartbeat\ndata: \{"timestamp":"[^"]+"\}\nid: [0-9]+-[0-9]+', heartbeat)
    stamp = datetime.datetime.fromisoformat(json.loads(heartbeat.split("\n")[1][6:])["timestamp"].replace("Z", "+00:00"))
    assert abs(datetime.datetime.now(datetime.timezone.utc) - stamp) < datetime.timedelta(seconds=10)


def test_stream_command_when_disabled(hermes):
    assert curl(hermes(**OFF), "/api/v1/events/stream", "-H", "Authorization: Bearer YOUR_API_KEY")[::2] == (503, OFF_BODY)


# ---- settings ----

def test_off_is_a_503_everywhere_but_where_polling_needs_it(hermes):
    server = hermes(**OFF)
    for name in STREAMS:
        assert curl(server, "/api/v1/events/" + name)[::2] == (503, OFF_BODY)
        assert curl(server, f"/api/v1/events/{name}?refusal=soft")[::2] == (503, OFF_BODY)
    assert curl(server, "/api/v1/events/token", "--json", '{"scope":"all"}')[::2] == (503, OFF_BODY)
    for path in ["events/ready", "events/metrics", "download/queue", "stats/"]:
        assert curl(server, "/api/v1/" + path)[0] == 200


def test_dotenv_is_read_and_the_environment_wins(hermes, tmp_path):
    (tmp_path / ".env").write_text("export HERMES_SSE_HEARTBEAT_INTERVAL='7' # often\r\nHERMES_SSE_MAX_CONNECTIONS=77\nOTHER=1\n")
    health = hermes(options=("--preset", "HERMES_SSE_MAX_CONNECTIONS=5", "--preset", "HERMES_SSE_MAX_PER_CLIENT=1"),
                    HERMES_SSE_HEARTBEAT_INTERVAL="9").health()
    assert (health["heartbeat_interval"], health["max_connections"]) == (9, 77)


def test_an_idle_stream_is_never_silent_for_longer(hermes):
    stream = hermes(HERMES_SSE_HEARTBEAT_INTERVAL="1").stream()
    ident = stream.event()[2]
    for _ in range(3):
        before = time.monotonic()
        kind, _, beat, _ = stream.event()
        assert kind == "heartbeat" and beat == ident and time.monotonic() - before <= 1.1
    stream.close()


def test_full_is_told_and_places_come_back(hermes):
    server = hermes(HERMES_SSE_MAX_CONNECTIONS="2")
    assert curl(server, "/api/v1/events/stream", "-I")[0] == 200
    assert server.health()["active_connections"] == 0  # HEAD takes no place
    streams = [server.stream(), server.stream("/api/v1/events/queue")]
    status, headers, body = curl(server, "/api/v1/events/stream")
    assert (status, body) == (503, '{"detail":"Maximum SSE connections reached","code":"MAX_CONNECTIONS"}')
    assert int(headers["retry-after"]) >= 1
    assert curl(server, "/api/v1/events/stream", "-I")[0] == 503
    status, headers, body = curl(server, "/api/v1/events/stream?refusal=soft")
    assert status == 200 and headers["content-type"].startswith("text/event-stream") and re.fullmatch(r"retry: \d+\n\n", body)
    assert metric(server, "connections") == metric(server, "connections_max") == 2
    assert metric(server, 'connection_attempts_total{result="full"}') == 2  # HEAD is no attempt
    streams.pop().close()
    eventually(lambda: server.health()["active_connections"] == 1)
    server.stream().close()
    streams.pop().close()


def test_too_many_of_one_client_is_a_429(hermes):
    server = hermes(HERMES_SSE_MAX_PER_CLIENT="1", HERMES_TRUSTED_PROXIES="127.0.0.0/8")
    stream = server.stream(headers={"X-Forwarded-For": "192.0.2.1"})
    answer = curl(server, "/api/v1/events/stream", "-H", "X-Forwarded-For: 192.0.2.1")
    assert answer[0] == 429 and int(answer[1]["retry-after"]) >= 1 and detail(answer)
    other = server.stream(headers={"X-Forwarded-For": "192.0.2.2"})
    assert other.status == 200
    other.close()
    stream.close()


def test_an_untrusted_forwarded_address_does_not_count(hermes):
    server = hermes(HERMES_SSE_MAX_PER_CLIENT="1")
    stream = server.stream(headers={"X-Forwarded-For": "192.0.2.1"})
    assert server.stream(headers={"X-Forwarded-For": "192.0.2.2"}).status == 429
    stream.close()


def test_a_life_has_an_end(hermes):
    stream = (server := hermes(HERMES_SSE_MAX_LIFETIME="1")).stream()
    stream.event()
    before = time.monotonic()
    assert stream.event() is None and 0.7 <= time.monotonic() - before <= 2.4  # a fifth, and a second
    assert metric(server, 'closes_total{reason="lifetime"}') == 1
    assert server.health()["active_connections"] == 0


def test_a_client_that_takes_nothing_is_given_up(hermes):
    server = hermes(HERMES_SSE_CONNECTION_TIMEOUT="1", HERMES_SSE_HEARTBEAT_INTERVAL="1")
    reading, stuck = server.stream(), socket.socket()
    stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stuck.connect(("127.0.0.1", server.port))
    stuck.sendall(b"GET /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
    reader = threading.Thread(target=list, args=(iter(reading.event, None),), daemon=True)
    reader.start()
    eventually(lambda: server.health()["active_connections"] == 2)
    for number in range(6000):
        server.add(REFUSED_URL)
        if number % 100 == 0 and server.health()["active_connections"] == 1:
            break
    assert server.health()["active_connections"] == 1
    assert reader.is_alive()
    stuck.close()
    server.stop()
    reader.join(10)


# ---- requests ----

def test_checks_come_in_order(hermes):
    off, full = hermes(HERMES_API_KEYS=KEY, **OFF), hermes(HERMES_API_KEYS=KEY, HERMES_SSE_MAX_CONNECTIONS="1")
    key = ["-H", "Authorization: Bearer " + KEY]
    stream = full.stream(headers=BEARER)
    for server, path, options, status in [
            (off, "/api/v1/events/none", ["-XDELETE"], 404), (off, "/none", [], 404), (off, "/api/v1/events/stream", ["-XDELETE"], 405),
            (off, "/api/v1/events/stream?channels=x", [], 503), (full, "/api/v1/events/stream?channels=x", [], 401),
            (full, "/api/v1/download/none", [], 404), (full, "/api/v1/download", ["--json", "{}"], 401),
            (full, "/api/v1/events/stream?token=sse_x&channels=x", [], 401), (full, "/api/v1/events/stream?channels=x", key, 400),
            (full, "/api/v1/events/stream", key, 503), (full, "/api/v1/events/health", [], 200)]:
        answer = curl(server, path, *options)
        assert answer[0] == status, (path, options)
        assert status == 200 or detail(answer)
        assert status != 405 or answer[1]["allow"] == "GET, HEAD, OPTIONS"
        assert status != 401 or answer[1]["www-authenticate"] == "Bearer"
    stream.close()


def test_methods(hermes):
    server = hermes()
    for path, allow in [("/api/v1/events/health", "GET, HEAD, OPTIONS"), ("/api/v1/events/token", "POST, OPTIONS"), ("/api/v1/download", "POST, OPTIONS"),
                        ("/api/v1/download/0", "GET, HEAD, DELETE, OPTIONS"), ("/api/v1/download/queue", "GET, HEAD, OPTIONS"), ("/", "GET, HEAD, OPTIONS")]:
        for method in ["PATCH", "TRACE", "CONNECT", "BREW"]:
            answer = curl(server, path, "-X" + method)
            assert answer[0] == 405 and answer[1]["allow"] == allow and detail(answer), (path, method)


def test_streams_carry_what_they_name(hermes, files):
    server = hermes()
    first = server.add(files + "/slow.bin")
    names = {"all": "stream", "two": "stream?channels=download:updates,queue:updates", "one": "downloads/" + first,
             "same": "stream?download_id=" + first, "queue": "queue", "system": "system", "analytics": "analytics"}
    streams = {name: server.stream("/api/v1/events/" + path) for name, path in names.items()}
    assert curl(server, "/api/v1/events/stream?channels=download:updates,nothing")[0] == 400
    for channel in ["download:updates", "queue:updates", "system:notifications", "analytics:updates"]:
        assert channel in detail(curl(server, "/api/v1/events/stream?channels=x"))
    second = server.add(files + "/small.txt")
    server.wait(first, "completed")
    server.stop()
    seen = {}
    for name, stream in streams.items():
        events = iter(stream.event, None)
        seen[name] = {(kind, json.loads(data).get("download_id")) for kind, data, _, _ in events if data and kind != "message"}
    of = {kind: {(kind, first), (kind, second)} for kind in ["download_progress", "queue_update"]}
    notes, figures = {("system_notification", None)}, {("analytics_update", None)}
    assert seen == {"all": of["download_progress"] | of["queue_update"] | notes | figures, "two": of["download_progress"] | of["queue_update"],
                    "one": {("download_progress", first)}, "same": {(kind, first) for kind in of}, "queue": of["queue_update"],
                    "system": notes, "analytics": figures}


def test_download_requests(hermes, files):
    server = hermes()
    ident = None
    for path in ["/api/v1/download", "/api/v1/download/"]:
        status, headers, body = curl(server, path, "--json", json.dumps({"url": files + "/slow.bin"}))
        answer = json.loads(body)
        assert status == 202 and headers["content-type"] == "application/json" and set(answer) == {"download_id", "status"}
        ident = answer["download_id"]
    queue = server.json("/api/v1/download/queue/")
    assert queue["total"] == len(queue["items"]) == 2
    state = server.wait(ident, "completed")
    assert {**state, "download_speed": 0} == {"download_id": ident, "status": "completed", "progress": 100, "downloaded_bytes": 400_000,
                                              "total_bytes": 400_000, "download_speed": 0, "eta": state.get("eta"), "error_message": None}
    assert server.json("/api/v1/stats")["completed"] >= 1
    for body in ["", "{", "[]", "1", '{"url":1}', "{}", "[" * 60_000, '{"url":"ht\\u0000tp://x"}']:
        answer = curl(server, "/api/v1/download", "--json", body)
        assert answer[0] == 400 and detail(answer), body


def test_cors(hermes):
    server = hermes(HERMES_ALLOWED_ORIGINS='["https://app.example","https://other.example"]')
    preflight = ["-XOPTIONS", "-H", "Access-Control-Request-Method: GET", "-H"]
    status, headers, _ = curl(server, "/api/v1/events/stream", *preflight, "Origin: https://app.example")
    assert status == 204 and headers["access-control-allow-origin"] == "https://app.example" and headers["vary"] == "Origin"
    assert headers["access-control-allow-headers"] == "authorization, content-type, last-event-id"
    assert headers["access-control-allow-credentials"] == "true"
    for path, options in [("events/stream", ["-I"]), ("events/health", []), ("stats/", []), ("events/stream?channels=x", [])]:
        headers = curl(server, "/api/v1/" + path, *options, "-H", "Origin: https://other.example")[1]
        assert headers["access-control-allow-origin"] == "https://other.example" and headers["vary"] == "Origin"
        assert headers["access-control-expose-headers"] == "Retry-After, Hermes-SSE-Gap"
        headers = curl(server, "/api/v1/" + path, *options, "-H", "Origin: https://evil.example")[1]
        assert "access-control-allow-origin" not in headers and headers["vary"] == "Origin"
    stream = server.stream(headers={"Origin": "https://app.example"})
    assert stream.headers["access-control-allow-origin"] == "https://app.example" and stream.headers["vary"] == "Origin"
    stream.close()


def test_debug_lets_loopback_origins_pass_and_says_so(hermes):
    server = hermes(HERMES_DEBUG="true")
    headers = curl(server, "/api/v1/events/health", "-H", "Origin: http://localhost:5173")[1]
    assert headers["access-control-allow-origin"] == "http://localhost:5173"
    assert "access-control-allow-origin" not in curl(server, "/api/v1/events/health", "-H", "Origin: http://evil.example")[1]
    assert "loopback origins of any port pass CORS" in open(os.path.join(server.directory, "log")).read()


def test_tokens(hermes):
    server = hermes(HERMES_API_KEYS=KEY)

    def ask(body, *options):
        return curl(server, "/api/v1/events/token", "--json", body, *(options or ["-H", "Authorization: Bearer " + KEY]))

    assert ask('{"scope":"all"}', "-H", "X-Nothing: 1")[0] == 401
    for body in ["{}", '{"scope":"x"}', '{"scope":"queue","ttl":59}', '{"scope":"queue","ttl":3601}', '{"scope":"queue","ttl":"x"}', "[]"]:
        assert ask(body)[0] == 400 and detail(ask(body)), body
    status, _, body = ask('{"scope":"queue"}')
    answer = json.loads(body)
    assert status in (200, 201) and list(answer) == ["token", "expires_at", "scope", "permissions", "ttl"]
    assert re.fullmatch(r"sse_[A-Za-z0-9_-]{22,}", answer["token"]) and answer["permissions"] == ["read"] and answer["ttl"] == 300
    left = datetime.datetime.fromisoformat(answer["expires_at"].replace("Z", "+00:00")) - datetime.datetime.now(datetime.timezone.utc)
    assert 290 <= left.total_seconds() <= 301
    for path, status in [("queue", 200), ("stream?channels=queue:updates", 200), ("stream", 403), ("system", 403)]:
        assert curl(server, f"/api/v1/events/{path}{'&' if '?' in path else '?'}token={answer['token']}", "-I")[0] == status, path
    assert curl(server, "/api/v1/events/queue?token=" + answer["token"][:-1] + "!", "-I")[0] == 401


@pytest.mark.skipif(os.environ.get("HERMES_SSE_TESTS") != "long", reason="takes the shortest life of a token, a minute")
def test_a_stream_ends_with_its_token(hermes):
    server = hermes(HERMES_API_KEYS=KEY)
    started = time.monotonic()
    token = json.loads(server.request("/api/v1/events/token", "POST", {"scope": "queue", "ttl": 60}, BEARER)[2])["token"]
    stream = server.stream("/api/v1/events/queue?token=" + token)
    stream.socket.settimeout(90)
    assert {event[0] for event in iter(stream.event, None)} == {"message", "heartbeat"}
    assert 58 <= time.monotonic() - started <= 63
    assert server.stream("/api/v1/events/queue?token=" + token).status == 401


# ---- what a stream carries ----

def test_ids_come_back_by_header_or_query(hermes, files):
    server = hermes()
    stream = server.stream("/api/v1/events/queue")
    last = stream.event()[2]
    stream.close()
    server.wait(server.add(files + "/small.txt"), "completed")
    now = server.stream("/api/v1/events/queue").event()[2]
    for path, headers, kinds in [("?last_event_id=" + last, {}, ["message", "queue_update"]), ("?last_event_id=" + last, {"Last-Event-ID": ""}, ["message", "queue_update"]),
                                 ("?last_event_id=" + now, {"Last-Event-ID": last}, ["message", "queue_update"]),
                                 ("", {"Last-Event-ID": "not an id"}, ["message", "gap"])]:
        stream = server.stream("/api/v1/events/queue" + path, headers)
        events = [stream.event() for _ in kinds]
        assert [kind for kind, *_ in events] == kinds, (path, headers)
        stream.close()
    assert json.loads(events[1][1]) == {"from": None, "to": None, "missed": None, "reason": "unknown"}


def test_events_are_as_the_table_says(hermes, files):
    server = hermes()
    stream = server.stream()
    ident = server.add(files + "/small.txt")
    events = stream.until(lambda kind, data: kind == "system_notification")
    progress = [json.loads(data) for kind, data, *_ in events if kind == "download_progress"]
    queue = [json.loads(data) for kind, data, *_ in events if kind == "queue_update"]
    note = json.loads(events[-1][1])
    for one in progress:
        assert set(one) >= {"download_id", "status", "progress", "downloaded_bytes", "total_bytes", "download_speed", "eta", "error_message"}
        assert one["download_id"] == ident and one["status"] in ("queued", "downloading", "processing", "completed") and 0 <= one["progress"] <= 100
    assert [one["action"] for one in queue] == ["added", "status_changed", "status_changed", "removed"]
    assert all(set(one) == {"action", "download_id", "status"} and one["download_id"] == ident for one in queue)
    assert set(note) == {"notification_type", "message"} and note["notification_type"] == "info" and "small.txt" in note["message"]
    idents = [tuple(map(int, ident.split("-"))) for *_, ident, _ in events]
    assert idents == sorted(set(idents))


def test_metrics_are_prometheus_text(hermes):
    server = hermes()
    stream = server.stream()
    status, headers, body = curl(server, "/api/v1/events/metrics")
    assert status == 200 and headers["content-type"].startswith("text/plain")
    lines = [line for line in body.splitlines() if not line.startswith("#")]
    assert lines and all(re.fullmatch(r'hermes_sse_[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? [0-9.e+]+', line) for line in lines), lines
    assert metric(server, "connections") == 1 and metric(server, "connections_max") == 1000
    for name in ["connection_attempts_total{result=", "closes_total{reason=", "events_published_total", "deliveries_total", "sent_bytes_total", "heartbeats_total"]:
        assert any(line.startswith("hermes_sse_" + name) for line in lines), name
    assert metric(server, "process_resident_memory_bytes") > 1 << 20
    if not any(os.environ.get(name) for name in ("ASAN_OPTIONS", "TSAN_OPTIONS")):  # whose allocators do not tell
        assert 10_000 < metric(server, "process_heap_bytes") < metric(server, "process_resident_memory_bytes")
    stream.close()
