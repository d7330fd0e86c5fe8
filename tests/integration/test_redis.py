"""Several servers on one real Redis, in pub/sub mode: who gets what, in which order, and what an operator sees."""
import asyncio
import json
import os
import re
import subprocess
import sys
import threading

import pytest

from conftest import BIG
from redis_fleet import Gathering, fleet, heard, log_of, metric, ready
from redis_server import PASSWORD
from test_eventsource import follow
from test_server import refused
from waiting import wait

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "..", "bindings", "python", "redis_service", "src"))
from redis_service import RedisService  # noqa: E402

__all__ = ["fleet", "follow"]
MODES = ["pubsub", "streams"]


def note(text):
    return json.dumps({"type": "system_notification", "data": {"notification_type": "info", "message": text},
                       "timestamp": "2026-01-01T00:00:00Z"})


async def work(url, count, stream=False):
    """A worker that publishes as Hermes's do."""
    service = RedisService(url, stream=stream)
    for n in range(count):
        await service.publish_download_progress(f"worker-{n % 3}", "downloading", n * 100 / count, downloaded_bytes=n)
        await service.publish_queue_update("status_changed", f"worker-{n % 3}", "downloading")
        await service.publish_system_notification("info", f"worker {n}")
    await service.close()


@pytest.mark.parametrize("mode", MODES)
def test_everywhere_once_and_in_one_order(fleet, files, mode):
    servers = fleet.start(3, mode)
    heard(fleet.redis)
    clients = [Gathering(server) for server in servers]
    worker = threading.Thread(target=lambda: asyncio.run(work(fleet.redis.url("worker"), 40)))
    worker.start()
    downloads = [server.add(files + "/slow.bin") for server in servers]
    for n in range(40):
        fleet.redis.cli("PUBLISH", "system:notifications", note(f"cli {n}"))
    worker.join()
    for server, ident in zip(servers, downloads):
        server.wait(ident, "completed")
        wait(lambda: metric(server, "redis_waiting") == 0)
    fleet.redis.publish("system:notifications", note("the end"))
    seen = [client.until("the end") for client in clients]
    assert seen[0] and [event[:2] for event in seen[0]] == [event[:2] for event in seen[1]] == [event[:2] for event in seen[2]]
    if mode == "streams":
        assert [event[2] for event in seen[0]] == [event[2] for event in seen[1]]
    assert "gap" not in [kind for kind, _, _ in seen[0]]
    messages = [json.loads(data)["message"] for kind, data, _ in seen[0] if kind == "system_notification"]
    for who in ("cli", "worker"):
        assert [text for text in messages if text.startswith(who + " ")] == [f"{who} {n}" for n in range(40)]
    updates = [json.loads(data) for kind, data, _ in seen[0] if kind == "queue_update"]
    assert len([one for one in updates if one["download_id"].startswith("worker-")]) == 40
    for ident in downloads:
        assert [one["action"] for one in updates if one["download_id"] == ident] == ["added", "status_changed", "status_changed", "removed"]
        progress = [json.loads(data) for kind, data, _ in seen[0] if kind == "download_progress" and ident in data]
        assert progress[0]["status"] == "queued" and progress[-1]["status"] == "completed"
        assert progress[-1]["downloaded_bytes"] == len(BIG)
    assert sum(metric(server, "redis_malformed_total") for server in servers) == 0


@pytest.mark.parametrize("mode", MODES)
def test_data_comes_byte_for_byte(fleet, mode):
    servers = fleet.start(2, mode)
    heard(fleet.redis)
    clients = [Gathering(server) for server in servers]
    datas = ['12345678901234567890123', '1e400', '-0', '1.10', '"\\u0000\\ud83d\\ude00\\/"', '{"a":1,"a":2,"\\u0061":3}', '{ "x" : [ 1 ,\t2 ] }',
             'null', 'true', '[]', '"' + "ä€😀" * 100 + '"', '{"type":"gap","data":1}', '"\\r\\n\\n"']
    for data in datas:
        fleet.redis.publish("analytics:updates", f'{{"type":"analytics_update","data":{data},"timestamp":"x","more":[{data}]}}')
    fleet.redis.publish("analytics:updates", '{"data":{"a":\n[1,\r\n2]},"type":"split.over-lines_2"}')
    fleet.redis.publish("analytics:updates", '{"type":"analytics_update","data":"the end"}')
    for client in clients:
        seen = client.until("the end")
        assert [data for _, data, _ in seen[:-1]] == datas
        assert seen[-1][0] == "split.over-lines_2" and json.loads(seen[-1][1]) == {"a": [1, 2]} and "\n" not in seen[-1][1]


MALFORMED = ["", "hello", "{", "[]", "7", '"x"', "{}", '{"type":"t"}', '{"data":1}', '{"type":5,"data":1}', '{"type":"","data":1}',
             '{"type":"a b","data":1}', '{"type":"gap","data":1}', '{"type":"heartbeat","data":1}', '{"type":"connected","data":1}',
             '{"type":"message","data":1}', '{"type":"t","data":NaN}', '{"type":"t","data":01}', '{"type":"t","data":1,}', '{"type":"t","data":1}x',
             '{"type":"t","data":"a\nb"}', '{"type":"t","data":"\\x"}', '{"type":"t\\u0041","data":1}',
             '{"type":"t","type":"u","data":1}', '{"type":"t","data":1,"data":2}', '{"type":"' + "x" * 65 + '","data":1}',
             '{"type":"t","data":' + "[" * 64 + "]" * 64 + "}", '{"type":"t","data":"' + "x" * (1 << 20) + '"}', '{"type":"t","data":1}\0']


@pytest.mark.parametrize("mode", MODES)
def test_what_is_no_event_is_counted_and_reaches_nobody(fleet, mode):
    servers = fleet.start(2, mode)
    heard(fleet.redis)
    clients = [Gathering(server) for server in servers]
    for message in MALFORMED:
        fleet.redis.publish("queue:updates", message)
    fleet.redis.publish("system:notifications", note("the end"))
    for client in clients:
        assert client.until("the end") == []
    counts = [metric(server, "redis_malformed_total") for server in servers]
    assert sorted(counts) == [len(MALFORMED) if mode == "pubsub" else 0, len(MALFORMED)]
    assert log_of(servers[counts.index(len(MALFORMED))]).count("queue:updates refused") <= 6  # at the powers of two


def test_bytes_that_are_no_utf8_are_no_json(fleet):
    server = fleet.start(1)[0]
    client = Gathering(server)
    for data in (b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc3"):
        fleet.redis.publish("queue:updates", b'{"type":"t","data":"%s"}' % data)
    fleet.redis.publish("system:notifications", note("the end"))
    assert client.until("the end") == []
    assert metric(server, "redis_malformed_total") == 5


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("user", [None, ""], ids=["default", "least"])
def test_the_quick_references_monitor_section_works_as_printed(fleet, files, mode, user):
    servers = fleet.start(3, mode, user=user)
    printed = '1) "download:updates"\n2) "queue:updates"\n3) "system:notifications"\n'
    wait(lambda: fleet.redis.cli("PUBSUB", "CHANNELS").count("\n") >= 3)
    channels = re.findall(r'^\d+\) "(.*)"$', fleet.redis.cli("PUBSUB", "CHANNELS"), re.M)
    assert sorted(set(channels) - {"analytics:updates"}) == re.findall(r'"(.*)"', printed)
    monitor = subprocess.Popen(["redis-cli", "-p", str(fleet.redis.port), "SUBSCRIBE", "download:updates"], stdout=subprocess.PIPE)
    assert [monitor.stdout.readline() for _ in range(3)] == [b"subscribe\n", b"download:updates\n", b"1\n"]
    ident = servers[1].add(files + "/small.txt")
    assert [monitor.stdout.readline() for _ in range(2)] == [b"message\n", b"download:updates\n"]
    message = json.loads(monitor.stdout.readline())
    assert list(message)[:3] == ["type", "data", "timestamp"] and message["data"]["download_id"] == ident
    assert "used_memory" in fleet.redis.cli("INFO", "memory")
    monitor.kill()
    monitor.wait()
    monitor.stdout.close()
    for server in servers:
        assert "refuse" not in log_of(server)


@pytest.mark.parametrize("mode", MODES)
def test_off_is_no_subscription_and_publishing_goes_on(fleet, files, mode):
    off = fleet.start(1, mode, HERMES_ENABLE_SSE="false")[0]
    assert fleet.redis.client.pubsub_channels() == []
    names = wait(lambda: [one["name"] for one in fleet.redis.client.client_list() if one["name"]])
    assert names == ["hermes-commands"]
    on = fleet.start(1, mode)[0]
    client = Gathering(on, "/api/v1/events/queue")
    ident = off.add(files + "/small.txt")
    seen = [data for kind, data, _ in client.until('"removed"') if kind == "queue_update"]
    assert json.loads(seen[0]) == {"action": "added", "download_id": ident, "status": "queued"}


def test_health_readiness_and_metrics(fleet):
    server = fleet.start(1)[0]
    off = fleet.start(1, HERMES_ENABLE_SSE="false")[0]
    health = server.health()
    assert list(health)[:4] == ["enabled", "active_connections", "max_connections", "heartbeat_interval"]
    assert health["redis"] == "through"
    text = server.request("/api/v1/events/metrics")[2]
    names = set(re.findall(r"^([a-z_]+)[ {]", text, re.M))
    assert all(name.startswith("hermes_sse_") for name in names)
    assert {f"hermes_sse_redis_{name}" for name in
            ("up", "connects_total", "losses_total", "resubscriptions_total", "received_total", "malformed_total", "confirmed_total",
             "refused_total", "overflowed_total", "waiting", "waiting_bytes", "probe_seconds", "silence_seconds",
             "memory_used_bytes", "memory_max_bytes")} <= names
    assert metric(server, "redis_up") == 1
    wait(lambda: metric(server, "redis_memory_used_bytes") > 100_000)
    fleet.redis.kill()
    assert ready(server, False) == {"ready": False, "reasons": ["Redis is away"]}
    assert server.health()["redis"] == "away" and metric(server, "redis_up") == 0
    assert off.request("/api/v1/events/ready")[0] == 200
    fleet.redis.start()
    assert ready(server) == {"ready": True, "reasons": []}
    assert server.health()["redis"] == "through"


@pytest.mark.parametrize("mode", MODES)
def test_redis_need_not_be_there_at_the_start(fleet, files, mode):
    redis = fleet.redis_server()
    url = redis.url(f"hermes-{mode}")
    redis.kill()
    server = fleet.start(1, mode, url=url)[0]
    assert server.request("/api/v1/events/ready")[0] == 503
    client = Gathering(server, "/api/v1/events/queue")
    ident = server.add(files + "/small.txt")
    server.wait(ident, "completed")
    if mode == "pubsub":
        assert ident in client.next()[1]  # served here at once
    redis.start()
    ready(server)
    heard(redis)
    fleet.redis.publish("queue:updates", '{"type":"queue_update","data":"the end"}')
    seen = client.until("the end")
    actions = [json.loads(data)["action"] for kind, data, _ in seen if kind == "queue_update"]
    wanted = ["added", "status_changed", "status_changed", "removed"]
    assert actions == (wanted if mode == "streams" else wanted[1:]) or "gap" in [kind for kind, _, _ in seen], seen
    client.close()


@pytest.mark.parametrize("url", ["redis://u:hunter2@localhost:port/0", "redis://u:hunter2@:6379", "http://u:hunter2@localhost",
                                 "redis://u:hunter2@localhost:6379/x", "redis://u:hunter2@localhost:99999", "unix://", "u:hunter2@localhost"])
def test_a_malformed_url_is_refused_without_its_password(tmp_path, url):
    said = refused(tmp_path, HERMES_ENABLE_SSE="true", HERMES_REDIS_URL=url, API_PORT="1")
    assert "HERMES_REDIS_URL" in said and "accepted" in said and "redis://" in said and "hunter2" not in said


def test_the_password_is_never_logged(fleet):
    server = fleet.start(1, HERMES_DEBUG="true")[0]
    fleet.redis.client.acl_setuser("hermes-pubsub", enabled=True, reset_passwords=True, passwords=["+another"])
    fleet.redis.client.client_kill_filter(_type="pubsub")
    fleet.redis.client.client_kill_filter(_type="normal", skipme=True)
    ready(server, False)
    wait(lambda: "WRONGPASS" in log_of(server))
    assert PASSWORD not in log_of(server) and "127.0.0.1" in log_of(server)
    assert PASSWORD not in server.request("/api/v1/events/metrics")[2] + server.request("/api/v1/events/health")[2]


def test_a_client_that_is_not_ours_sees_the_gap_of_an_outage(fleet, follow):
    servers = fleet.start(2)
    clients = [follow(server, "/api/v1/events/system") for server in servers]
    for client in clients:
        client.event("message")
    fleet.redis.publish("system:notifications", note("before"))
    for client in clients:
        assert client.event("system_notification")["data"]["message"] == "before"
    fleet.redis.kill()
    for server in servers:
        ready(server, False)
    fleet.redis.start()
    for server in servers:
        ready(server)
    fleet.redis.publish("system:notifications", note("after"))
    for client in clients:
        seen = client.until("event", type="system_notification")
        gaps = [one["data"] for one in seen if one["on"] == "event" and one["type"] == "gap"]
        assert [gap["reason"] for gap in gaps] == ["bridge"] and seen[-1]["data"]["message"] == "after"
