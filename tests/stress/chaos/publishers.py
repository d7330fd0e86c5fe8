"""Workers: through redis_service, which tries until Redis has it, and by a plain PUBLISH, as any program may. And servers, by downloads that
fail at once."""
import asyncio
import json
import time

from redis.asyncio import Redis
from redis.exceptions import RedisError

from redis_service import RedisService

TOPICS = {"queue:updates": "queue_update", "system:notifications": "system_notification"}
STREAM = "hermes:events"
FIRST = 1_000_000  # so that events are equally long for as long as a soak may take


class Publisher:
    """`said`: the numbers that Redis has, in order; `when`: number -> seconds of the wall clock when it was about to be said; `word`: the last
    that is said while nothing breaks. All are of this round. `must_be_there`: what is said is in the stream."""
    must_be_there = is_tagged = False

    def __init__(self, name, topic, url):
        self.name, self.topic, self.url = name, topic, url
        self.number = FIRST - 1
        self.begin()

    def begin(self):
        self.said, self.when, self.word, self.is_over, self.over_at = [], {}, None, False, 0

    def data(self):
        self.number += 1
        self.when[self.number] = time.time()
        return {"p": self.name, "n": self.number}

    async def last_word(self):
        before = len(self.said)
        while len(self.said) == before:
            await self.publish()
        self.word = (self.name, self.number)

    async def run(self, per_second, clock):
        """So many per second of the clock, which stands still while Redis is away: what the way back takes is made up for."""
        due = clock()
        while not self.is_over or due < self.over_at:
            await self.publish()
            due += 1 / per_second
            if due > clock():
                await asyncio.sleep(due - clock())

    def end(self, at):
        self.is_over, self.over_at = True, at


class Acknowledged(Publisher):
    is_tagged = True

    def __init__(self, name, topic, url, stream):
        super().__init__(name, topic, url)
        self.service = RedisService(url, stream=stream, retry_for=600, timeout=3)
        self.must_be_there = stream

    async def publish(self):
        await self.service.publish(self.topic, TOPICS[self.topic], self.data())
        self.said.append(self.number)

    async def close(self):
        await self.service.close()


class Plain(Publisher):
    """Sends each once; what came to nothing is not said, and what nobody can tell is not either."""

    def __init__(self, name, topic, url):
        super().__init__(name, topic, url)
        self.client = Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)

    async def publish(self):
        try:
            await self.client.execute_command("PUBLISH", self.topic, envelope(self.topic, **self.data()))
            self.said.append(self.number)
        except (RedisError, OSError):
            await self.client.connection_pool.disconnect()
            await asyncio.sleep(0.05)

    async def close(self):
        await self.client.connection_pool.disconnect()


def envelope(topic, p, n):
    return '{"type":"%s","data":{"p":"%s","n":%d},"timestamp":"x"}' % (TOPICS[topic], p, n)


async def fill(url, is_streams, n):
    """So many events of each topic at once, each as large as those that come later."""
    client = Redis.from_url(url, socket_timeout=60)
    for topic, kind in TOPICS.items():
        pipe = client.pipeline(transaction=False)
        for number in range(n):
            data = {"p": "f0", "n": FIRST + number}
            if is_streams:
                pipe.execute_command("XADD", STREAM, "*", "t", topic, "e", kind, "d", json.dumps(data, separators=(",", ":")))
            else:
                pipe.execute_command("PUBLISH", topic, envelope(topic, **data))
        await pipe.execute()
    await client.connection_pool.disconnect()


class Tail:
    """Follows the Redis Stream from outside, as no server does: what is in it, in which order."""

    def __init__(self, url):
        self.client = Redis.from_url(url, socket_timeout=5, socket_connect_timeout=1, decode_responses=True)
        self.last, self.entries = "0-0", []  # (place, topic, name); of a mark the name is None

    async def run(self, name_of):
        while True:
            try:
                answer = await self.client.execute_command("XREAD", "COUNT", 2000, "BLOCK", 1000, "STREAMS", STREAM, self.last)
            except (RedisError, OSError):
                await self.client.connection_pool.disconnect()
                await asyncio.sleep(0.05)
                continue
            for ident, fields in answer[0][1] if answer else []:
                fields = dict(zip(fields[::2], fields[1::2])) if isinstance(fields, list) else fields
                high, low = ident.split("-")
                self.last = ident
                self.entries.append(((int(high), int(low)), fields.get("t", "*"), None if "g" in fields else name_of(fields["d"].encode())))

    def take(self):
        """What came since the last time."""
        entries, self.entries = self.entries, []
        return entries

    async def catch_up(self):
        """Until it has what is in Redis now."""
        info = await self.client.xinfo_stream(STREAM)
        while self.last != info["last-generated-id"]:
            await asyncio.sleep(0.01)


async def downloads(world, random, per_second):
    while True:
        await random.choice(world.servers).post("/api/v1/download", '{"url":"http://127.0.0.1:1/x"}')
        await asyncio.sleep(random.expovariate(per_second))
