"""Workers: through redis_service, which tries until Redis has it, and by a plain PUBLISH, as any program may. And servers, by downloads that
fail at once."""
import asyncio
import time

from redis.asyncio import Redis
from redis.exceptions import RedisError

from redis_service import RedisService

TOPICS = {"queue:updates": "queue_update", "system:notifications": "system_notification"}


class Publisher:
    """`said`: the numbers that Redis has, in order; `words`: those said when nothing breaks any more."""

    def __init__(self, name, topic, url, random):
        self.name, self.topic, self.url, self.random = name, topic, url, random
        self.number, self.said, self.words, self.is_over = 0, [], set(), False
        self.when, self.wall_ms = {}, {}  # number -> when it was about to be said

    def data(self):
        self.number += 1
        self.when[self.number], self.wall_ms[self.number] = time.monotonic(), time.time() * 1000 - 2
        return {"p": self.name, "n": self.number}

    async def last_word(self):
        before = len(self.said)
        while len(self.said) == before:
            await self.publish()
        self.words.add((self.name, self.number))

    async def run(self, per_second):
        loop = asyncio.get_running_loop()
        at = loop.time()
        while not self.is_over:
            await self.publish()
            at = max(at + 1 / per_second, loop.time() - 1)  # what an outage held up is made up for, but not all of it
            if at > loop.time():
                await asyncio.sleep(at - loop.time())


class Acknowledged(Publisher):
    def __init__(self, name, topic, url, random, stream):
        super().__init__(name, topic, url, random)
        self.service = RedisService(url, stream=stream, retry_for=600, timeout=3)

    async def publish(self):
        await self.service.publish(self.topic, TOPICS[self.topic], self.data())
        self.said.append(self.number)

    async def close(self):
        await self.service.close()


class Plain(Publisher):
    """Sends each once; what came to nothing is not said, and what nobody can tell is not either."""

    def __init__(self, name, topic, url, random):
        super().__init__(name, topic, url, random)
        self.client = Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)

    async def publish(self):
        data = self.data()
        envelope = '{"type":"%s","data":{"p":"%s","n":%d},"timestamp":"x"}' % (TOPICS[self.topic], data["p"], data["n"])
        try:
            await self.client.execute_command("PUBLISH", self.topic, envelope)
            self.said.append(self.number)
        except (RedisError, OSError):
            await self.client.connection_pool.disconnect()
            await asyncio.sleep(0.05)

    async def close(self):
        await self.client.connection_pool.disconnect()


class Truth:
    """Follows the Redis Stream from outside, as no server does: what is in it, in which order."""

    def __init__(self, url):
        self.client = Redis.from_url(url, socket_timeout=5, socket_connect_timeout=1, decode_responses=True)
        self.last, self.entries = "0-0", []  # (id, topic, name); of a mark the name is None

    async def run(self, name_of):
        while True:
            try:
                answer = await self.client.execute_command("XREAD", "COUNT", 2000, "BLOCK", 1000, "STREAMS", "hermes:events", self.last)
            except (RedisError, OSError):
                await self.client.connection_pool.disconnect()
                await asyncio.sleep(0.05)
                continue
            for ident, fields in answer[0][1] if answer else []:
                fields = dict(zip(fields[::2], fields[1::2])) if isinstance(fields, list) else fields
                self.last = ident
                self.entries.append((ident, fields.get("t", "*"), None if "g" in fields else name_of(fields["d"].encode())))


async def downloads(world, random, per_second):
    while True:
        await random.choice(world.servers).post("/api/v1/download", '{"url":"http://127.0.0.1:1/x"}')
        await asyncio.sleep(random.expovariate(per_second))
