"""Several hermes-servers on one Redis, and clients that gather what they are sent; fixtures, imported by the tests that use them."""
import json
import os
import queue
import socket
import threading
import time

import pytest

from hermes_server import Hermes
from proxy import Proxy
from redis_server import RedisServer
from waiting import wait

CHANNELS = ["download:updates", "queue:updates", "system:notifications", "analytics:updates"]


class Fleet:
    def __init__(self, directory):
        self.directory, self.servers = directory, []
        os.makedirs(directory / "redis")
        self.redis = None

    def redis_server(self, *options, **how):
        self.redis = RedisServer(self.directory / "redis", *options, **how)
        return self.redis

    def start(self, count, mode="pubsub", user="", url=None, **settings):
        """Servers that are ready, each in a directory of its own."""
        if not self.redis and not url:
            self.redis_server()
        new = []
        for _ in range(count):
            directory = self.directory / f"hermes{len(self.servers)}"
            directory.mkdir()
            url_of = url or self.redis.url(f"hermes-{mode}" if user == "" else user)
            new.append(Hermes(directory, HERMES_REDIS_URL=url_of, HERMES_REDIS_MODE=mode, **settings))
            self.servers.append(new[-1])
        if not url:
            for server in new:
                ready(server)
        return new

    def close(self):
        for server in self.servers:
            if server.process.poll() is None:
                assert server.stop() == 0, log_of(server)
        if self.redis:
            self.redis.close()


def log_of(server):
    return open(server.log.name, encoding="utf-8").read()


def ready(server, is_ready=True, within=15):
    """Waits until the server says that it is, or is not."""
    for _ in range(within * 50):
        status, _, body = server.request("/api/v1/events/ready")
        if (status == 200) == is_ready:
            return json.loads(body)
        time.sleep(0.02)
    raise AssertionError(f"{body}\n{log_of(server)}")


def is_heard(redis, channel):
    return redis.client.execute_command("PUBSUB", "NUMSUB", channel)[1] > 0


def heard(redis):
    """Waits until a plain PUBLISH is: in streams mode servers are ready before one of them imports, and what comes earlier is told as a gap."""
    wait(lambda: all(is_heard(redis, channel) for channel in CHANNELS))


def metric(server, name):
    for line in server.request("/api/v1/events/metrics")[2].splitlines():
        if line.startswith(f"hermes_sse_{name} "):
            return int(float(line.split()[1]))
    raise AssertionError(f"no {name}")


class Gathering:
    """A stream read by a thread of its own: (type, data, id) of all but greeting and heartbeats."""

    def __init__(self, server, path="/api/v1/events/stream", headers=None):
        self.stream = server.stream(path, headers)
        self.events = queue.Queue()
        self.first = self.stream.event()
        self.stream.socket.settimeout(None)
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        try:
            while event := self.stream.event():
                if event[0] != "heartbeat":
                    self.events.put(event[:3])
        except (OSError, ValueError):
            pass
        self.events.put(None)

    def next(self, timeout=10):
        return self.events.get(timeout=timeout)

    def until(self, text):
        """Events up to the first whose data contains the text, without that one."""
        seen = []
        while True:
            try:
                event = self.next()
            except queue.Empty:
                event = None
            assert event, f"no {text} after {len(seen)} events, the last {seen[-3:]}"
            if text in event[1]:
                return seen
            seen.append(event)

    def silent(self, seconds=0.2):
        try:
            return self.next(seconds) is None
        except queue.Empty:
            return True

    def close(self):
        self.stream.socket.shutdown(2)


@pytest.fixture
def fleet(tmp_path):
    one = Fleet(tmp_path)
    yield one
    one.close()


class Mute(Proxy):
    """A wire to Redis whose connections can fall silent for good: Redis sees them closed, the server is told nothing."""
    muted = frozenset()

    def carry(self, source, sink, is_answer):
        try:
            while (data := source.recv(self.AT_ONCE)):
                sink.sendall(data)
        except OSError:
            pass
        if not is_answer or id(source) not in self.muted:
            self.shut(sink)

    @staticmethod
    def shut(one):
        try:
            one.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

    def mute(self):
        to_redis = self.pairs[1::2]
        self.muted = frozenset(id(one) for one in to_redis)
        self.silent, self.pairs = self.pairs, []  # kept, so that nothing is closed
        for one in to_redis:
            self.shut(one)
