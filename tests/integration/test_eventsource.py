"""A client that is not ours: npm's eventsource under node reads the server's streams."""
import json
import os
import queue
import signal
import subprocess
import threading

import pytest

FOLLOW = os.path.join(os.path.dirname(__file__), "eventsource", "follow.mjs")
TYPES = ["download_progress", "queue_update", "system_notification", "analytics_update", "heartbeat", "gap"]
EARLY_MS, LATE_MS = 100, 1000


class Client:
    def __init__(self, url):
        self.process = subprocess.Popen(["node", FOLLOW, url, *TYPES], stdout=subprocess.PIPE)
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            self.lines.put(json.loads(line))
        self.lines.put(None)

    def until(self, on, **members):
        """What happened up to and with the first of this kind that has these members."""
        seen = []
        while True:
            try:
                line = self.lines.get(timeout=15)
            except queue.Empty:
                line = None
            assert line is not None, f"no {on} {members} after {seen}"
            seen.append(line)
            if line["on"] == on and all(line.get(name) == value for name, value in members.items()):
                return seen

    def event(self, kind):
        return self.until("event", type=kind)[-1]


@pytest.fixture
def follow():
    running = []

    def start(server, path="/api/v1/events/stream"):
        running.append(Client(server.base + path))
        return running[-1]

    yield start
    for client in running:
        client.process.kill()
        client.process.wait()
        client.process.stdout.close()


def test_named_events_arrive_live_until_a_download_is_done(hermes, files, follow):
    server = hermes()
    client = follow(server)
    assert client.until("request")[-1]["last_event_id"] is None
    greeting = client.event("message")
    assert greeting["data"]["type"] == "connected" and greeting["id"]
    ident = server.add(files + "/slow.bin")
    added = client.event("queue_update")
    assert added["data"]["action"] == "added" and added["data"]["download_id"] == ident
    half = client.until("event", type="download_progress")
    while not 0 < half[-1]["data"].get("progress", 0) < 100:
        half = client.until("event", type="download_progress")
    assert server.json(f"/api/v1/download/{ident}")["status"] == "downloading"  # told while it runs
    while half[-1]["data"]["status"] != "completed":
        half = client.until("event", type="download_progress")
    assert half[-1]["data"]["progress"] == 100 and half[-1]["data"]["downloaded_bytes"] == 400_000
    assert client.event("system_notification")["data"]["notification_type"] == "info"


def test_after_a_kill_it_comes_back_with_its_id_and_is_told_of_the_gap(hermes, files, follow):
    server = hermes()
    client = follow(server, "/api/v1/events/queue")
    client.until("open")
    server.wait(server.add(files + "/small.txt"), "completed")
    last = client.until("event", type="queue_update")
    while last[-1]["data"]["action"] != "removed":
        last = client.until("event", type="queue_update")
    server.stop(signal.SIGKILL)
    assert client.until("error")[-1]["closed"] is False
    server.start()
    assert client.until("request")[-1]["last_event_id"] == last[-1]["id"]
    gap = client.event("gap")
    assert gap["data"] == {"from": last[-1]["id"], "to": None, "missed": None, "reason": "restarted"}
    server.add(files + "/small.txt")
    again = client.event("queue_update")  # and goes on, with ids of the new run
    assert again["data"]["action"] == "added" and again["id"].split("-")[0] == gap["id"].split("-")[0] != last[-1]["id"].split("-")[0]


def test_within_a_run_nothing_is_missed_or_doubled(hermes, files, follow):
    server = hermes(HERMES_SSE_MAX_LIFETIME="2")
    client = follow(server, "/api/v1/events/queue")
    client.until("open")
    client.until("error")  # its life is over; it is away for three seconds
    ident = server.add(files + "/small.txt")
    server.wait(ident, "completed")
    seen = client.until("event", type="queue_update", data={"action": "removed", "download_id": ident, "status": "completed"})
    assert not [e for e in seen if e.get("type") == "gap"]
    assert [e["data"]["action"] for e in seen if e.get("type") == "queue_update"] == ["added", "status_changed", "status_changed", "removed"]


def test_the_retry_of_a_drain_is_honoured(hermes, follow):
    server = hermes()
    client = follow(server)
    client.event("message")
    assert server.stop() == 0
    seen = client.until("error")
    told = [line["ms"] for line in seen if line["on"] == "retry"]
    server.start()
    assert len(told) == 1 and 1000 <= told[0] <= 5000
    waited = client.until("request")[-1]["at_ms"] - seen[-1]["at_ms"]
    assert told[0] - EARLY_MS <= waited <= told[0] + LATE_MS
    client.event("gap")


def test_a_full_server_that_refuses_softly_is_asked_again(hermes, follow):
    server = hermes(HERMES_SSE_MAX_CONNECTIONS="1")
    stream = server.stream()
    client = follow(server, "/api/v1/events/stream?refusal=soft")
    seen = client.until("error")
    told = [line["ms"] for line in seen if line["on"] == "retry"]
    assert len(told) == 1 and seen[-1]["closed"] is False
    stream.close()
    assert told[0] - EARLY_MS <= client.until("request")[-1]["at_ms"] - seen[-1]["at_ms"] <= told[0] + LATE_MS
    client.event("message")


@pytest.mark.parametrize("path, settings, code", [("/api/v1/events/stream", {"HERMES_ENABLE_SSE": "false"}, 503),
                                                  ("/api/v1/events/stream", {"HERMES_API_KEYS": "a-long-enough-key"}, 401),
                                                  ("/api/v1/events/stream?channels=x", {}, 400)])
def test_a_hard_refusal_ends_it(hermes, follow, path, settings, code):
    error = follow(hermes(**settings), path).until("error")[-1]
    assert error["code"] == code and error["closed"]
