"""A connection to Redis that is dead and says nothing (a box in between has forgotten it): found, replaced, and told."""
import pytest

from redis_fleet import Gathering, Mute, fleet, heard, is_heard, ready
from test_redis import note
from waiting import wait

__all__ = ["fleet"]
WITHIN_S = 25  # a proof every 5 s, an answer to it within 5 s


@pytest.fixture
def mute():
    running = []

    def start(port):
        running.append(Mute(port))
        return running[-1]

    yield start
    for one in running:
        one.close()


@pytest.mark.parametrize("mode", ["pubsub", "streams"])
@pytest.mark.parametrize("user", ["", None], ids=["least", "default"])
def test_silence_is_found(fleet, mute, mode, user):
    redis = fleet.redis_server()
    wire = mute(redis.port)
    server = fleet.start(1, mode, url=redis.url(f"hermes-{mode}" if user == "" else None, wire.port))[0]
    ready(server)
    heard(redis)
    client = Gathering(server, "/api/v1/events/system")
    redis.publish("system:notifications", note("before"))
    client.until("before")
    wire.mute()
    wait(lambda: not is_heard(redis, "system:notifications"))
    redis.publish("system:notifications", note("heard by nobody"))
    wait(lambda: is_heard(redis, "system:notifications"), WITHIN_S)
    redis.publish("system:notifications", note("after"))
    assert "gap" in [kind for kind, _, _ in client.until("after")]
    ready(server)
