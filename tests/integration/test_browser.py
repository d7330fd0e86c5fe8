"""Chromium's own EventSource on what the server sends, from a page of another origin."""
import http.server
import json
import threading
import time

import pytest

from chromium import browser  # noqa: F401
from waiting import wait

pytestmark = pytest.mark.browser

SCRIPT = """
const [url, credentials] = arguments;
const seen = window.seen = {events: [], opened: [], failed: [], source: new EventSource(url, {withCredentials: credentials})};
const keep = (e) => seen.events.push([e.type, e.data, e.lastEventId]);
for (const type of ["message", "download_progress", "queue_update", "system_notification", "analytics_update", "heartbeat", "gap"])
  seen.source.addEventListener(type, keep);
seen.source.onopen = () => seen.opened.push(Date.now());
seen.source.onerror = () => seen.failed.push(Date.now());
"""
CLOSED = 2


class Blank(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>another origin</title>")


@pytest.fixture(scope="module")
def origin():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Blank)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


class Source:
    def __init__(self, browser, origin, url, credentials=False):
        self.browser = browser
        browser.get(origin)
        browser.execute_script(SCRIPT, url, credentials)

    def __getattr__(self, name):
        return self.browser.execute_script("return window.seen." + name)

    @property
    def is_closed(self):
        return self.browser.execute_script("return window.seen.source.readyState") == CLOSED


def test_named_events_with_ids_and_a_reconnect_that_misses_nothing(browser, hermes, files, origin, proxy):
    server = hermes(HERMES_ALLOWED_ORIGINS=json.dumps([origin]))
    between = proxy(server.port)
    witness = server.stream("/api/v1/events/stream")
    witness.event()
    seen = Source(browser, origin, between.base + "/api/v1/events/stream", credentials=True)
    wait(lambda: seen.events)
    server.wait(server.add(files + "/small.txt"), "completed")
    wait(lambda: len(seen.events) > 3)
    between.cut()
    wait(lambda: seen.failed)
    server.wait(server.add(files + "/big.bin"), "completed")
    between.restore()
    wait(lambda: len(seen.opened) == 2)
    server.wait(server.add(files + "/named/last"), "completed")
    shown = witness.until(lambda kind, data: kind == "system_notification" and "last" in data["message"])
    last = shown[-1][2]
    wait(lambda: any(event[2] == last for event in seen.events))
    aside = ("message", "analytics_update")  # the figures are told after what ends a download, and at their own pace
    came = [event for event in seen.events if event[0] not in aside]
    sent = [[kind, data, ident] for kind, data, ident, *_ in shown if kind not in aside]
    assert [event for event in came if event[0] != "download_progress"] == [event for event in sent if event[0] != "download_progress"]
    assert [event for event in sent if event in came] == came  # in order, none twice, no gap
    last_of_each = {json.loads(data)["download_id"]: event for event in sent if event[0] == "download_progress" for data in event[1:2]}
    assert len(last_of_each) == 3 and all(event in came for event in last_of_each.values())
    witness.close()


def test_P39_the_retry_of_a_drain_is_honoured(browser, hermes, origin, proxy):
    server = hermes(HERMES_ALLOWED_ORIGINS=json.dumps([origin]))
    between = proxy(server.port)
    seen = Source(browser, origin, between.base + "/api/v1/events/stream")
    wait(lambda: seen.opened)
    assert server.stop() == 0
    wait(lambda: seen.failed)
    retry = int(between.said.rsplit(b"retry: ", 1)[1].split(b"\n")[0])
    server.start()
    wait(lambda: len(seen.opened) == 2)
    waited = seen.opened[1] - seen.failed[0]
    assert 1000 <= retry <= 5000 and retry - 50 <= waited <= retry + 1500, (retry, waited)


def test_P40_a_204_stops_it(browser, hermes, origin, proxy):
    server = hermes(HERMES_ALLOWED_ORIGINS=json.dumps([origin]), HERMES_SSE_MAX_CONNECTIONS="1")
    between = proxy(server.port)
    holder = server.stream("/api/v1/events/stream")
    seen = Source(browser, origin, between.base + "/api/v1/events/stream?refusal=stop")
    wait(lambda: seen.is_closed)
    asked = between.connections
    holder.close()
    time.sleep(1)
    assert between.connections == asked and not seen.opened
    assert b"204" in between.said.split(b"\r\n")[0]


def test_P40_a_soft_refusal_is_asked_again(browser, hermes, origin):
    server = hermes(HERMES_ALLOWED_ORIGINS=json.dumps([origin]), HERMES_SSE_MAX_CONNECTIONS="1")
    holder = server.stream("/api/v1/events/stream")
    seen = Source(browser, origin, server.base + "/api/v1/events/stream?refusal=soft")
    wait(lambda: seen.failed)
    assert not seen.is_closed
    holder.close()
    wait(lambda: seen.events, 30)


@pytest.mark.parametrize("settings, credentials, opens", [
    ({"HERMES_ALLOWED_ORIGINS": "this"}, True, True),
    ({"HERMES_ALLOWED_ORIGINS": "this"}, False, True),
    ({"HERMES_ALLOWED_ORIGINS": "this", "HERMES_ALLOW_CREDENTIALS": "false"}, True, False),
    ({"HERMES_ALLOWED_ORIGINS": "this", "HERMES_ALLOW_CREDENTIALS": "false"}, False, True),
    ({"HERMES_ALLOWED_ORIGINS": '["https://another.example"]'}, True, False),
    ({"HERMES_ALLOWED_ORIGINS": '["*"]', "HERMES_ALLOW_CREDENTIALS": "false"}, False, True),
])
def test_other_origins(browser, hermes, origin, settings, credentials, opens):
    settings = {name: json.dumps([origin]) if value == "this" else value for name, value in settings.items()}
    server = hermes(**settings)
    seen = Source(browser, origin, server.base + "/api/v1/events/stream", credentials)
    wait(lambda: seen.events if opens else seen.is_closed)
    assert bool(seen.opened) == opens
