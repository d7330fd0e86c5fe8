"""A real redis-server per test, on a unix socket in its own directory."""
import json
import os
import subprocess
import sys
import time

import pytest
import redis

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "src"))


class Server:
    def __init__(self, directory):
        self.directory, self.path = str(directory), str(directory / "redis.sock")
        self.url = f"unix://{self.path}"
        self.start()

    def start(self):
        self.process = subprocess.Popen(["redis-server", "--port", "0", "--unixsocket", self.path, "--dir", self.directory,
                                         "--appendonly", "yes", "--appendfsync", "always", "--loglevel", "warning"])
        for _ in range(500):
            try:
                self.client = redis.Redis(unix_socket_path=self.path, decode_responses=True)
                self.client.ping()
                return
            except redis.exceptions.ConnectionError:
                time.sleep(0.01)
        raise AssertionError("redis-server did not start")

    def kill(self):
        self.client.close()
        self.process.kill()
        self.process.wait()

    def listen(self, *channels):
        """Messages of these channels from here on."""
        pubsub = self.client.pubsub(ignore_subscribe_messages=False)
        pubsub.subscribe(*channels)
        for _ in channels:
            assert pubsub.get_message(timeout=5)["type"] == "subscribe"
        return pubsub

    def entries(self, key="hermes:events"):
        return [fields for _, fields in self.client.xrange(key)]


@pytest.fixture
def server(tmp_path):
    one = Server(tmp_path)
    yield one
    one.kill()


def next_of(pubsub):
    """(channel, envelope) of the next message."""
    message = pubsub.get_message(timeout=5)
    return message["channel"], json.loads(message["data"])
