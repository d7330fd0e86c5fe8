"""One run: a world, publishers, clients, and rounds in which things break and at whose end nothing does, so that all must be there."""
import asyncio
import os
import time

import judge_pubsub
import judge_streams
from clients import Client, name_of
from faults import Faults
from publishers import TOPICS, Acknowledged, Plain, Tail, downloads
from verdict import Verdict
from world import PUBLISHERS_ADDRESS, World

PATHS = {"queue:updates": "/api/v1/events/queue", "system:notifications": "/api/v1/events/system"}
ACKNOWLEDGED, PLAIN, EACH_PER_SECOND, DOWNLOADS_PER_SECOND = 10, 2, 50, 4
READY_S, SETTLE_S, CATCH_UP_S = 30, 40, 10


async def stop(tasks):
    """wait_for() takes a cancellation for nothing if what it waits for is done at that moment, so one may not be enough."""
    pending = set(tasks)
    while pending:
        for task in pending:
            task.cancel()
        _, pending = await asyncio.wait(pending, timeout=0.2)
    for task in tasks:
        if not task.cancelled() and task.exception():
            raise task.exception()


class Run:
    def __init__(self, options, directory, cutter):
        self.options, self.directory, self.started = options, directory, time.monotonic()
        self.is_streams = options.mode == "streams"
        self.world = World(directory, options.mode, cutter)
        self.faults = Faults(self.world, options.seed, self.log)
        self.verdict = Verdict()
        self.figures = dict.fromkeys(("connections", "left", "ended", "broken", "gaps", "delivered"), 0)
        self.acknowledged, self.publishing_s = 0, 0
        self.publishers = self.clients = self.background = ()

    def log(self, text):
        with open(os.path.join(self.directory, "faults.log"), "a", encoding="utf-8") as log:
            log.write(f"{time.strftime('%H:%M:%S')} {time.monotonic() - self.started:7.2f} {text}\n")

    def make(self):
        url, topics = self.world.redis.url("worker").replace("127.0.0.1", PUBLISHERS_ADDRESS), list(TOPICS)
        self.publishers = [Acknowledged(f"a{n}", topics[n % 2], url, self.is_streams) for n in range(ACKNOWLEDGED)]
        self.publishers += [Plain(f"p{n}", topics[n % 2], url) for n in range(PLAIN)]
        self.clients = [Client(n, topics[n % 2], PATHS[topics[n % 2]], self.world, self.faults.random(f"client {n}"), self.figures)
                        for n in range(self.options.clients)]
        self.tail = Tail(self.world.redis.url())
        self.judge = judge_streams.Judge(self.verdict, self.tail, self.publishers, self.clients) if self.is_streams else \
            judge_pubsub.Judge(self.verdict, self.publishers, self.clients)

    async def begin(self):
        await self.world.start()
        self.make()

    async def come(self):
        """The clients, and who writes down what there is for them."""
        self.background = [asyncio.create_task(one.run()) for one in self.clients]
        if self.is_streams:
            self.background.append(asyncio.create_task(self.tail.run(name_of)))
        await asyncio.gather(*(one.greeted.wait() for one in self.clients))

    async def round(self, seconds, kills, faults):
        """Ends with the verdict on it, and without clients."""
        for one in self.publishers:
            one.begin()
        for client in self.clients:
            client.begin()
        began = self.world.uptime.now()
        publishing = [asyncio.create_task(one.run(EACH_PER_SECOND, self.world.uptime.now)) for one in self.publishers]
        breaking = [asyncio.create_task(one()) for one in faults]
        breaking.append(asyncio.create_task(downloads(self.world, self.faults.random("downloads"), DOWNLOADS_PER_SECOND)))
        await self.faults.redis(seconds, kills)
        await self.calm(breaking)
        for one in self.publishers:
            one.end(self.world.uptime.now())
        await asyncio.gather(*publishing)
        self.publishing_s += self.world.uptime.now() - began
        self.acknowledged += sum(len(one.said) for one in self.publishers if one.is_tagged)
        await self.settle()
        await asyncio.gather(*(client.send_away() for client in self.clients))
        if self.is_streams:
            await asyncio.wait_for(self.tail.catch_up(), CATCH_UP_S)
        self.judge.judge()

    async def calm(self, breaking):
        """Nothing breaks any more, and what is broken heals."""
        await stop(breaking)
        self.world.cutter.heal()
        for server in self.world.servers:
            if server.process.poll() is not None:
                server.start()
        self.log("calm")
        await self.world.all_ready(READY_S)

    async def settle(self):
        """Each publisher says a last word, until everyone has that of all it follows, and all that is in the stream. What need not be there
        is said again, as it may be heard by nobody."""
        for client in self.clients:
            client.is_calm = True
        waiting = list(self.publishers)
        for tenth in range(SETTLE_S * 10):
            for one in waiting if tenth % 20 == 0 else ():
                if tenth == 0 or not one.must_be_there:
                    await one.last_word()
            waiting = [one for one in waiting if not all(one.word in client.words for client in self.clients if client.topic == one.topic)]
            if not waiting and self.judge.is_delivered():
                break
            await asyncio.sleep(0.1)

    async def end(self):
        await stop(self.background)
        for one in self.publishers:
            await one.close()
        await self.world.cutter.close()

    def rate(self):
        return self.acknowledged / self.publishing_s if self.publishing_s else 0
