"""Streams mode: Redis's ids on the wire, so a client may come back to any server, and to one that was started anew."""
import asyncio
import json
import signal

import pytest

from redis_fleet import Gathering, fleet, heard, ready
from test_redis import RedisService, note

__all__ = ["fleet"]


def publish(fleet, texts):
    async def run():
        service = RedisService(fleet.redis.url("worker"), stream=True)
        return [await service.publish_system_notification("info", text) for text in texts]

    return asyncio.run(run())


def texts_of(events):
    assert all(kind == "system_notification" for kind, _, _ in events), events
    return [json.loads(data)["message"] for _, data, _ in events]


def test_the_ids_are_those_of_redis(fleet):
    servers = fleet.start(2, "streams")
    clients = [Gathering(server) for server in servers]
    ids = publish(fleet, ["a", "b", "the end"])
    for client in clients:
        assert [ident for _, _, ident in client.until("the end")] == ids[:2]


def test_a_client_goes_on_at_another_server(fleet):
    servers = fleet.start(3, "streams")
    client = Gathering(servers[0])
    publish(fleet, [str(n) for n in range(10)])
    last = client.until('"9"')[-1][2]
    client.close()
    publish(fleet, [str(n) for n in range(10, 20)] + ["the end"])
    for server in servers[1:]:
        assert texts_of(Gathering(server, headers={"Last-Event-ID": last}).until("the end")) == [str(n) for n in range(9, 20)]
    # one that has heard only its greeting
    greeted = Gathering(servers[2]).first[2]
    publish(fleet, ["x", "the very end"])
    assert texts_of(Gathering(servers[0], headers={"Last-Event-ID": greeted}).until("the very end")) == ["x"]


def test_a_server_that_was_killed_and_started_anew_has_it_all(fleet):
    servers = fleet.start(2, "streams")
    client = Gathering(servers[0])
    publish(fleet, ["0", "1", "2"])
    last = client.until('"2"')[-1][2]
    servers[0].stop(signal.SIGKILL)
    publish(fleet, ["3", "4"])
    servers[0].start()
    ready(servers[0])
    publish(fleet, ["5", "the end"])
    assert texts_of(Gathering(servers[0], headers={"Last-Event-ID": last}).until("the end")) == ["2", "3", "4", "5"]


def test_an_outage_of_redis_loses_nothing_and_tells_nothing(fleet):
    fleet.redis_server(durable=True)
    servers = fleet.start(2, "streams")
    clients = [Gathering(server, "/api/v1/events/system") for server in servers]
    publish(fleet, ["before"])
    fleet.redis.kill()
    for server in servers:
        ready(server, False)
    fleet.redis.start()
    publish(fleet, ["while they come back"])
    for server in servers:
        ready(server)
    publish(fleet, ["after", "the end"])
    for client in clients:
        seen = client.until("the end")
        # whoever takes up the lease again says that something may be missing of what came by channel
        assert texts_of([event for event in seen if event[0] != "gap"]) == ["before", "while they come back", "after"]
        assert [kind for kind, _, _ in seen].count("gap") <= 1


@pytest.mark.parametrize("wiped_by", [("XTRIM", "hermes:events", "MAXLEN", 0), ("DEL", "hermes:events"), ("FLUSHALL",)], ids=lambda words: words[0])
def test_what_is_trimmed_or_wiped_is_told(fleet, wiped_by):
    server = fleet.start(1, "streams")[0]
    client = Gathering(server)
    publish(fleet, ["a"])
    last = client.next()[2]
    client.close()
    publish(fleet, ["lost"])
    fleet.redis.client.execute_command(*wiped_by)
    server.stop(signal.SIGKILL)
    server.start()
    ready(server)
    publish(fleet, ["b", "the end"])
    seen = Gathering(server, headers={"Last-Event-ID": last}).until("the end")
    assert [kind for kind, _, _ in seen].index("gap") == 0
    assert texts_of([one for one in seen if one[0] != "gap"]) == ["b"]


def test_old_workers_publish_is_in_the_stream_once(fleet):
    servers = fleet.start(3, "streams")
    heard(fleet.redis)
    clients = [Gathering(server) for server in servers]
    for n in range(50):
        fleet.redis.publish("system:notifications", note(str(n)))
    fleet.redis.publish("system:notifications", note("the end"))
    for client in clients:
        assert texts_of(client.until("the end")) == [str(n) for n in range(50)]
    assert fleet.redis.client.xlen("hermes:events") >= 51
    assert sum(1 for _, entry in fleet.redis.client.xrange("hermes:events") if entry.get("t") == "system:notifications") == 51
