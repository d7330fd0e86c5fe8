"""Against a real redis-server: what arrives, in which order, and what an outage does to it."""
import asyncio
import multiprocessing
import threading
import warnings

import pytest
import redis.exceptions

import redis_service
from conftest import next_of
from redis_service import RedisService


def test_the_channels_and_names_of_the_contract(server):
    async def publish():
        await service.publish_download_progress("d1", "downloading", 42.5, downloaded_bytes=425, total_bytes=1000, speed_text="fast")
        await service.publish_queue_update("added", "d1", "queued")
        await service.publish_system_notification("warning", "low disk")
        await service.publish("analytics:updates", "analytics_update", [1, {"a": None}])

    service = RedisService(server.url)
    heard = server.listen("download:updates", "queue:updates", "system:notifications", "analytics:updates")
    asyncio.run(publish())
    came = [next_of(heard) for _ in range(4)]
    assert [(channel, one["type"], one["data"]) for channel, one in came] == [
        ("download:updates", "download_progress",
         {"download_id": "d1", "status": "downloading", "progress": 42.5, "downloaded_bytes": 425, "total_bytes": 1000,
          "download_speed": None, "eta": None, "error_message": None, "speed_text": "fast"}),
        ("queue:updates", "queue_update", {"action": "added", "download_id": "d1", "status": "queued"}),
        ("system:notifications", "system_notification", {"notification_type": "warning", "message": "low disk"}),
        ("analytics:updates", "analytics_update", [1, {"a": None}])]
    assert [list(one)[:3] for _, one in came] == 4 * [["type", "data", "timestamp"]]
    assert [one["hermes_sse"]["number"] for _, one in came] == [1, 2, 3, 4]


def test_the_module_itself_by_the_environment(server, monkeypatch):
    monkeypatch.setenv("HERMES_REDIS_URL", server.url)
    monkeypatch.setattr(redis_service, "_default", None)
    heard = server.listen("download:updates")

    async def publish():
        await redis_service.publish_download_progress("d", "queued", 0)
        await redis_service.close()

    asyncio.run(publish())
    assert next_of(heard)[1]["data"]["status"] == "queued"


def test_into_the_stream(server):
    service = RedisService(server.url, stream=True)
    heard = server.listen("queue:updates")
    ident = asyncio.run(service.publish_queue_update("added", "d1", "queued"))
    entries = server.client.xrange("hermes:events")
    origin = entries[0][1].pop("o")
    assert entries == [(ident, {"t": "queue:updates", "k": "d1", "e": "queue_update",
                                "d": '{"action":"added","download_id":"d1","status":"queued"}'})]
    assert next_of(heard)[1]["hermes_sse"] == {"origin": origin, "number": 1, "id": ident}


def test_messages_of_one_loop_stay_in_order(server):
    async def publish():
        await asyncio.gather(*(service.publish_system_notification("info", str(n)) for n in range(200)))

    service = RedisService(server.url, stream=True)
    asyncio.run(publish())
    assert [entry["d"].split('"')[-2] for entry in server.entries()] == [str(n) for n in range(200)]


def test_a_loop_for_each_message_keeps_its_name_and_leaves_nothing(server):
    service = RedisService(server.url, stream=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for n in range(5):
            asyncio.run(service.publish_system_notification("info", str(n)))
    assert len({entry["o"] for entry in server.entries()}) == 1
    assert len([one for one in server.client.client_list() if not one["cmd"].startswith("client")]) == 0


def test_threads_and_forks_have_names_of_their_own(server):
    def publish(text):
        asyncio.run(service.publish_system_notification("info", text))

    service = RedisService(server.url, stream=True)
    publish("parent")
    thread = threading.Thread(target=publish, args=("thread",))
    thread.start()
    thread.join()
    child = multiprocessing.get_context("fork").Process(target=publish, args=("child",))
    child.start()
    child.join()
    publish("parent again")
    names = [entry["o"] for entry in server.entries()]
    assert len(names) == 4 and names[0] == names[3] and len(set(names)) == 3


def test_nothing_is_lost_or_doubled_by_a_redis_that_is_killed(server):
    async def publish():
        for n in range(150):
            if n % 50 == 10:
                server.kill()
                threading.Timer(0.3, server.start).start()
            await service.publish_system_notification("info", str(n))

    service = RedisService(server.url, stream=True, retry_for=30)
    asyncio.run(publish())
    assert [entry["d"].split('"')[-2] for entry in server.entries()] == [str(n) for n in range(150)]


def test_an_answer_that_was_lost_is_asked_for_again(server):
    """The request arrives, the connection is cut before the answer is read: the same number again is no second event."""
    async def relay(reader, writer):
        nonlocal scripts
        to_reader, to_writer = await asyncio.open_unix_connection(server.path)
        while data := await reader.read(65536):
            to_writer.write(data)
            answer = await to_reader.read(65536)
            if b"EVAL" in data and not answer.startswith(b"-"):
                scripts += 1
                if scripts % 2:
                    break
            writer.write(answer)
        writer.close()
        to_writer.close()

    async def publish():
        listening = await asyncio.start_unix_server(relay, server.directory + "/relay")
        ids = [await service.publish_system_notification("info", str(n)) for n in range(5)]
        listening.close()
        return ids

    scripts = 0
    service = RedisService(f"unix://{server.directory}/relay", stream=True)
    ids = asyncio.run(publish())
    assert scripts == 10 and ids == 5 * [None]
    assert [entry["d"].split('"')[-2] for entry in server.entries()] == [str(n) for n in range(5)]


def test_without_redis_it_gives_up_in_time(tmp_path):
    service = RedisService(f"unix://{tmp_path}/none", retry_for=0.3)
    started = asyncio.new_event_loop().time()
    with pytest.raises(redis.exceptions.ConnectionError):
        asyncio.run(service.publish_system_notification("info", "x"))
    assert asyncio.new_event_loop().time() - started < 2


def test_who_may_not_is_told_at_once(server):
    server.client.acl_setuser("worker", enabled=True, passwords=["+s3cret"], commands=["+publish"], channels=["queue:updates"])
    good = RedisService(server.url.replace("unix://", "unix://worker:s3cret@"))
    asyncio.run(good.publish_queue_update("added", "d", "queued"))
    with pytest.raises(redis.exceptions.NoPermissionError):
        asyncio.run(good.publish_system_notification("info", "x"))
    heard = server.listen("queue:updates")
    wrong = RedisService(server.url.replace("unix://", "unix://worker:wr0ng@"))
    with pytest.raises(redis.exceptions.ResponseError, match="WRONGPASS") as caught:
        asyncio.run(wrong.publish_queue_update("added", "d", "queued"))
    assert "wr0ng" not in str(caught.value)
    with pytest.raises(redis.exceptions.ResponseError, match="WRONGPASS"):
        asyncio.run(wrong.publish_queue_update("added", "d", "queued"))
    assert heard.get_message(timeout=0.1) is None


def test_a_cancelled_publish_disturbs_none_that_follow(server):
    async def publish():
        server.client.client_pause(400)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(service.publish_system_notification("info", "cut short"), 0.1)
        return [await service.publish_system_notification("info", str(n)) for n in range(3)]

    service = RedisService(server.url, stream=True)
    ids = asyncio.run(publish())
    there = {entry["d"].split('"')[-2]: ident for ident, entry in server.client.xrange("hermes:events")}
    assert [there[str(n)] for n in range(3)] == ids
