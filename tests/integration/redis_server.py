"""A real redis-server on a free loopback port, with a user for each mode that may do no more than it must."""
import os
import signal
import subprocess
import time

import redis

from ports import free_port

# The least that hermes-server needs, and a worker that only publishes. A pattern that is subscribed to has to be in the list letter by letter.
CHANNELS = "resetchannels &download:updates &queue:updates &system:notifications &analytics:updates"
TOKENS = "~sse:token:* +get +set +del"
ACL = {
    "hermes-pubsub": f"{CHANNELS} &hermes:probe:* {TOKENS} -@all +get +set +del +info +ping +select +client|setname "
                     "+publish +subscribe +psubscribe",
    "hermes-streams": f"~hermes:events ~hermes:events:* {CHANNELS} {TOKENS} -@all +get +set +del +info +ping +select +client|setname "
                      "+publish +subscribe +unsubscribe +script|load +eval +evalsha +exists +xadd +xsetid +xread +xrange +xrevrange +xinfo|stream +time",
    "worker": f"~hermes:events ~hermes:events:* {CHANNELS} -@all +publish +eval +evalsha +get +set +xadd +xsetid",
}
PASSWORD = "s3cret-of-redis"


class RedisServer:
    def __init__(self, directory, *options, durable=False):
        self.directory = str(directory)
        self.port = free_port()
        self.options = [*options, *(["--appendonly", "yes", "--appendfsync", "always"] if durable else ["--save", ""])]
        self.acl = os.path.join(self.directory, "users.acl")
        with open(self.acl, "w", encoding="utf-8") as f:
            f.write("user default on nopass ~* &* +@all\n")
            for user, rules in ACL.items():
                f.write(f"user {user} on >{PASSWORD} {rules}\n")
        self.process = None
        self.start()

    def start(self):
        with open(os.path.join(self.directory, "redis.log"), "ab") as log:
            self.process = subprocess.Popen(
                ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.directory, "--aclfile", self.acl,
                 "--loglevel", "warning", *self.options], stdout=log, stderr=log)
        self.client = redis.Redis(port=self.port, decode_responses=True, socket_timeout=10)
        self.wait()

    def wait(self):
        for _ in range(1000):
            assert self.process.poll() is None, open(os.path.join(self.directory, "redis.log"), encoding="utf-8").read()[-2000:]
            try:
                self.client.ping()
                return
            except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError):
                time.sleep(0.01)
        raise AssertionError("redis-server did not start")

    def url(self, user=None, port=None):
        return f"redis://{f'{user}:{PASSWORD}@' if user else ''}127.0.0.1:{port or self.port}/0"

    def cli(self, *words):
        """What redis-cli prints at a terminal."""
        done = subprocess.run(["redis-cli", "--no-raw", "-p", str(self.port), *words], capture_output=True, timeout=10, check=True)
        return done.stdout.decode()

    def publish(self, channel, message):
        """As `redis-cli PUBLISH`, with bytes as they are."""
        return self.client.publish(channel, message)

    def kill(self):
        self.client.close()
        self.process.kill()
        self.process.wait()

    def stall(self, on):
        self.process.send_signal(signal.SIGSTOP if on else signal.SIGCONT)

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
        self.kill()
