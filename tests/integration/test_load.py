"""sse-load against a real hermes-server, and against servers that lose, double, reorder and break off on purpose."""
import http.server
import json
import os
import subprocess
import threading
import time
import urllib.parse

import pytest

LOAD = os.environ.get("SSE_LOAD") or os.path.join(os.path.dirname(os.environ["HERMES_SERVER"]), "../../tests/bench/sse-load")
EVENTS = 20


def order(script):
    """The sequence numbers that a new client gets."""
    numbers = list(range(1, EVENTS + 1))
    if script == "lossy":
        return [n for n in numbers if n % 5 != 0 or n == EVENTS]
    if script == "doubling":
        return [n for n in numbers for _ in range(2 if n % 4 == 0 else 1)]
    if script == "reordering":
        numbers[4], numbers[5] = numbers[5], numbers[4]
        numbers[9], numbers[10] = numbers[10], numbers[9]
    return numbers


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    refusals = 0

    def log_message(self, *args):
        pass

    def head(self, status=200, kind="text/event-stream", **headers):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def say(self, text, chunked):
        data = text.encode()
        for at in range(0, len(data), 7):  # cut anywhere
            piece = data[at:at + 7]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        self.wfile.flush()

    def do_POST(self):
        """What is posted comes in pairs, the second first: "late" answers each at once, "together" both when it has both."""
        body, server = self.rfile.read(int(self.headers["Content-Length"])).decode(), self.server
        with server.changed:
            server.posted.append(body)
            server.changed.notify_all()
            if self.path == "/together":
                mine = len(server.posted)
                server.changed.wait_for(lambda: len(server.posted) >= mine + mine % 2, 5)
        self.head(kind="text/plain", Content_Length="0")

    def tell_posted(self):
        server, told = self.server, 0
        while True:
            with server.changed:
                if not server.changed.wait_for(lambda: len(server.posted) >= told + 2, 3):
                    return
            for n in (told + 1, told):
                self.say(f"data: {server.posted[n]}\n\n", False)
            told += 2

    def do_GET(self):
        script = urllib.parse.urlsplit(self.path).path[1:]
        self.close_connection = True
        if script == "gone":
            return self.head(204, Content_Length="0")
        if script == "page":
            return self.head(200, "text/html", Content_Length="0")
        if script == "refusing" and self.server.refusals < 2:
            self.server.refusals += 1
            return self.head(503, "text/plain", Content_Length="0")
        chunked = script == "chunked"
        self.head(**({"Transfer_Encoding": "chunked"} if chunked else {"Connection": "close"}))
        if script in ("late", "together"):
            return self.tell_posted()
        self.say("retry: 20\n\n: a comment\n\nevent: gap\ndata: {}\n\n", chunked)
        last = int(self.headers.get("Last-Event-ID", "0"))
        self.server.asked.append((self.headers.get("X-Key"), last))
        for n in order(script):
            if n <= last and script == "breaking":
                continue
            text = 'id: %d\nevent: n\ndata: {"at":%.6f,"sequence":{"number":%d}}\n\n' % (n, time.time(), n)
            if script == "breaking" and n == last + 6:
                return self.say(text[:-1], chunked)  # the event is not whole: it must come again
            self.say(text, chunked)
        time.sleep(3)


class Listening(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 100


@pytest.fixture
def server():
    one = Listening(("127.0.0.1", 0), Server)
    one.refusals, one.asked, one.posted, one.changed = 0, [], [], threading.Condition()
    threading.Thread(target=one.serve_forever, daemon=True).start()
    one.base = f"http://127.0.0.1:{one.server_address[1]}/"
    yield one
    one.shutdown()
    one.server_close()


def load(*arguments, code=0):
    ran = subprocess.run([LOAD, "--json", "-", *arguments], capture_output=True, text=True, timeout=60)
    assert ran.returncode == code, ran.stderr
    return json.loads(ran.stdout), ran.stderr


def measured(server, script, *arguments, code=0, clients=3):
    return load("--clients", str(clients), "--duration", "0.8", "--settle", "0.2", "--sequence-field", "sequence.number", "--time-field", "at",
                *arguments, server.base + script, code=code)[0]


@pytest.mark.parametrize("script", ["plain", "chunked"])
def test_a_whole_stream(server, script):
    seen = measured(server, script, "--strict", "--header", "X-Key: k")
    assert (seen["clients_that_read"], seen["connects"], seen["reconnects"], seen["answers"]) == (3, 3, 0, {"200": 3})
    assert (seen["came"], seen["lost"], seen["doubled"], seen["out_of_order"]) == (3 * EVENTS, 0, 0, 0)
    assert (seen["events"], seen["gaps"], seen["comments"]) == (3 * EVENTS + 3, 3, 3)
    assert seen["latency_ms"]["count"] == 3 * EVENTS and 0 < seen["latency_ms"]["p50"] <= seen["latency_ms"]["max"] < 2000
    assert seen["connect_ms"]["count"] == 3
    assert server.asked == [("k", 0)] * 3


@pytest.mark.parametrize("script, lost, doubled, out_of_order", [("lossy", 3, 0, 0), ("doubling", 0, 5, 0), ("reordering", 0, 0, 2)])
def test_faults_are_counted(server, script, lost, doubled, out_of_order):
    seen = measured(server, script, "--strict", code=1)
    assert (seen["lost"], seen["doubled"], seen["out_of_order"]) == (3 * lost, 3 * doubled, 3 * out_of_order)


@pytest.mark.parametrize("script, is_out_of_order", [("late", True), ("together", False)])
def test_what_was_published_at_once_has_no_order(server, script, is_out_of_order):
    seen = load("--clients", "2", "--duration", "1", "--settle", "0.5", "--rate", "40", "--publish", server.base + script, "--body", "{mark}",
                server.base + script)[0]
    assert seen["came"] >= 2 * 20 and seen["doubled"] == 0
    assert (seen["out_of_order"] > 0) == is_out_of_order


def test_broken_streams_resume_from_their_last_id(server):
    seen = measured(server, "breaking", "--strict", clients=1)
    assert (seen["came"], seen["lost"], seen["doubled"]) == (EVENTS, 0, 0)
    assert [last for _, last in server.asked] == [0, 5, 10, 15] and seen["reconnects"] == 3


def test_where_streams_begin(server):
    measured(server, "plain", "--last-event-id", "17", clients=1)
    assert server.asked == [(None, 17)]


def test_refusals_are_tried_again(server):
    seen = measured(server, "refusing", "--strict", clients=1)
    assert seen["answers"] == {"200": 1, "503": 2} and seen["came"] == EVENTS


@pytest.mark.parametrize("script, answer", [("gone", "204"), ("page", "200")])
def test_what_ends_for_good(server, script, answer):
    seen = measured(server, script)
    assert (seen["answers"], seen["stopped"], seen["clients_that_read"], seen["events"]) == ({answer: 3}, 3, 0, 0)


@pytest.mark.skipif(os.environ.get("HERMES_SSE_TESTS") != "long", reason="it tries for a minute")
def test_nobody_listens():
    seen, text = load("--clients", "2", "--duration", "0.3", "--settle", "0", "--strict", "http://127.0.0.1:1/", code=1)
    assert seen["failed"] >= 2 and seen["clients_that_read"] == 0 and "no stream could be opened" in text


def test_hermes_server(hermes, files):
    server = hermes()
    seen, text = load("--clients", "50", "--duration", "1.5", "--rate", "20", "--event", "system_notification", "--pid", str(server.process.pid),
                      "--publish", server.base + "/api/v1/download", "--body", json.dumps({"url": files + "/named/{mark}"}),
                      "--source", "127.0.0.2-127.0.0.9", server.base + "/api/v1/events/stream")
    assert seen["published"] >= 25 and seen["publish_failures"] == 0
    assert seen["came"] == 50 * seen["published"] and (seen["lost"], seen["doubled"]) == (0, 0)  # downloads end in any order
    assert seen["latency_ms"]["count"] == seen["came"] and seen["latency_ms"]["p99"] < 1000
    assert seen["server"]["rss_connected"] > 0 and seen["server"]["cpu_s"] >= 0
    assert "publish to receipt, ms: p50" in text and "us per event received" in text


@pytest.mark.parametrize("arguments, said", [
    ([], "one URL is needed"),
    (["ftp://127.0.0.1/"], "accepted: http://... or https://..."),
    (["--clients", "none", "http://127.0.0.1/"], "--clients: \"none\" is not accepted; accepted: 1 to 1000000"),
    (["--clients", "999999", "http://127.0.0.1/"], "descriptors here, so at most"),
    (["--rate", "0", "http://127.0.0.1/"], "accepted: 0.01 to 100000"),
    (["--time-unit", "h", "http://127.0.0.1/"], "accepted: s, ms, us, ns"),
    (["--header", "nothing", "http://127.0.0.1/"], "accepted: NAME: VALUE"),
    (["--source", "127.0.0.9-127.0.0.2", "http://127.0.0.1/"], "two IPv4 addresses in order"),
    (["--publish", "http://127.0.0.1/", "http://127.0.0.1/"], "--body with {mark}"),
    (["--pid", "4194304", "http://127.0.0.1/"], "there is no process"),
    (["--last-event-id", "x" * 5000, "http://127.0.0.1/"], "--last-event-id"),
])
def test_bad_options(arguments, said):
    ran = subprocess.run([LOAD, *arguments], capture_output=True, text=True, timeout=20)
    assert ran.returncode == 2 and said in ran.stderr, ran.stderr


def test_version():
    assert subprocess.run([LOAD, "--version"], capture_output=True, text=True).stdout.startswith("sse-load 0.")
