"""Tokens in Redis: minted on one server, good on every other, gone with their download."""
import json

import pytest

from redis_fleet import Gathering, fleet, log_of
from waiting import wait

__all__ = ["fleet"]
KEY = "a-long-enough-key"
BEARER = {"Authorization": f"Bearer {KEY}"}


def mint(server, scope, ttl=300):
    status, _, body = server.request("/api/v1/events/token", "POST", {"scope": scope, "ttl": ttl}, BEARER)
    assert status == 200, body
    return json.loads(body)


def download(server, url):
    return json.loads(server.request("/api/v1/download", "POST", {"url": url}, BEARER)[2])["download_id"]


@pytest.mark.parametrize("mode", ["pubsub", "streams"])
def test_minted_here_good_there(fleet, mode):
    one, other = fleet.start(2, mode, HERMES_API_KEYS=KEY)
    token = mint(one, "queue", 60)
    key = f"sse:token:{token['token']}"
    there = json.loads(fleet.redis.client.get(key))
    assert there == {"scope": "queue", "permissions": ["read"], "expires_at": token["expires_at"]}
    assert list(there) == ["scope", "permissions", "expires_at"] and 50 <= fleet.redis.client.ttl(key) <= 60
    for server in (other, one, other):
        assert server.stream(f"/api/v1/events/queue?token={token['token']}").status == 200
        assert server.stream(f"/api/v1/events/system?token={token['token']}").status == 403
    fleet.redis.client.delete(key)
    assert other.stream(f"/api/v1/events/queue?token={token['token']}").status == 401
    assert token["token"] not in log_of(one) + log_of(other)


def test_no_token_while_redis_is_away(fleet):
    server = fleet.start(1, HERMES_API_KEYS=KEY)[0]
    token = mint(server, "queue")["token"]
    fleet.redis.kill()
    wait(lambda: server.request(f"/api/v1/events/queue?token={token}", "HEAD")[0] == 503)
    assert server.request("/api/v1/events/token", "POST", {"scope": "queue"}, BEARER)[0] == 503
    fleet.redis.start()
    wait(lambda: server.request("/api/v1/events/ready")[0] == 200)
    assert server.request(f"/api/v1/events/queue?token={token}", "HEAD")[0] == 401  # this Redis keeps nothing


@pytest.mark.parametrize("minted,runs,streams", [(0, 0, 0), (0, 0, 1), (1, 0, 0), (1, 0, 1), (1, 0, 2)])
def test_revoked_when_its_download_has_ended(fleet, files, minted, runs, streams):
    servers = fleet.start(3, HERMES_API_KEYS=KEY)
    ident = download(servers[runs], files + "/slow.bin")
    token = mint(servers[minted], f"download:{ident}")["token"]
    client = Gathering(servers[streams], f"/api/v1/events/downloads/{ident}?token={token}")
    assert client.stream.status == 200
    client.until('"completed"')
    wait(lambda: not fleet.redis.client.exists(f"sse:token:{token}"), seconds=5)
    assert client.next() is None  # closed, after the final event
    for server in servers:
        assert server.stream(f"/api/v1/events/downloads/{ident}?token={token}").status == 401
