"""Chaos on the bridge to Redis: everything that can be killed, stalled or cut is, while events flow; then each client's book is judged.

    HERMES_SERVER=... python3 tests/stress/chaos --mode streams|pubsub [--kills 5] [--seconds 25] [--seed 1] [--clients 60] [--cuts auto|proxies]

Streams mode: every client has exactly what was acknowledged to publishers, once and in Redis's order. Pub/sub mode: whoever misses an event was
told of a gap. The last line has the counts; the exit status is 1 if there is any complaint."""
import argparse
import asyncio
import os
import random
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import cuts
import judge
from clients import Client, name_of
from faults import Faults
from publishers import TOPICS, Acknowledged, Plain, Truth, downloads
from world import PUBLISHERS_ADDRESS, World

PATHS = {"queue:updates": "/api/v1/events/queue", "system:notifications": "/api/v1/events/system"}
ACKNOWLEDGED, PLAIN, PER_SECOND = 10, 2, 500
SETTLE_S = 40


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mode", choices=["streams", "pubsub"], required=True)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=25)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clients", type=int, default=60)
    parser.add_argument("--cuts", choices=["auto", "proxies"], default="auto")
    parser.add_argument("--keep", action="store_true", help="keep the logs")
    return parser.parse_args()


class Run:
    def __init__(self, options, directory):
        self.options, self.started = options, time.monotonic()
        self.world = World(directory, options.mode, cuts.cutter(options.cuts))
        self.faults = Faults(self.world, options.seed, options.seconds, options.kills, self.log)
        self.figures = dict.fromkeys(("connections", "left", "ended", "broken", "gaps", "delivered"), 0)
        self.directory = directory

    def log(self, text):
        with open(os.path.join(self.directory, "faults.log"), "a", encoding="utf-8") as log:
            log.write(f"{time.strftime('%H:%M:%S')} {time.monotonic() - self.started:7.2f} {text}\n")

    def make(self):
        url, topics = self.world.redis.url("worker").replace("127.0.0.1", PUBLISHERS_ADDRESS), list(TOPICS)
        is_streams = self.options.mode == "streams"
        self.publishers = []
        for n in range(ACKNOWLEDGED):
            one = Acknowledged(f"a{n}", topics[n % 2], url, random, is_streams)
            one.must_be_there, one.is_tagged = is_streams, True
            self.publishers.append(one)
        for n in range(PLAIN):
            one = Plain(f"p{n}", topics[n % 2], url, random)
            one.must_be_there = one.is_tagged = False
            self.publishers.append(one)
        self.truth = Truth(self.world.redis.url())
        self.clients = []
        for n in range(self.options.clients):
            now = (lambda: len(self.truth.entries)) if is_streams else time.monotonic
            one = Client(n, PATHS[topics[n % 2]], self.world, self.faults.random(f"client {n}"), self.figures, now)
            one.topic = topics[n % 2]
            self.clients.append(one)

    async def go(self):
        await self.world.start()
        self.make()
        background = [asyncio.create_task(one.run()) for one in self.clients]
        if self.options.mode == "streams":
            background.append(asyncio.create_task(self.truth.run(name_of)))
        await asyncio.gather(*(one.greeted.wait() for one in self.clients))
        per_second = PER_SECOND / len(self.publishers)
        publishing = [asyncio.create_task(one.run(per_second)) for one in self.publishers]
        others = [asyncio.create_task(downloads(self.world, self.faults.random("downloads"), 4))]
        breaking = [asyncio.create_task(one()) for one in (self.faults.connections, self.faults.cuts, self.faults.servers)]
        await self.faults.redis()
        await self.calm(publishing, others, breaking)
        await self.settle()
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        for one in self.publishers:
            await one.close()
        await self.world.cutter.close()

    async def calm(self, publishing, others, breaking):
        """Nothing breaks any more; what is broken heals, then each publisher says a last word."""
        for task in others + breaking:
            task.cancel()
        for result in await asyncio.gather(*others, *breaking, return_exceptions=True):
            if isinstance(result, Exception):
                raise result
        self.world.redis.stall(False)
        self.world.cutter.heal()
        for server in self.world.servers:
            if server.process.poll() is not None:
                server.start()
        self.log("calm")
        await self.world.all_ready(30)
        for one in self.publishers:
            one.is_over = True
        await asyncio.gather(*publishing)
        for client in self.clients:
            client.is_calm = True

    async def settle(self):
        """Until everyone has a last word of each publisher it follows; a plain one may have to say it again, as it may be heard by nobody."""
        waiting = list(self.publishers)
        for tenth in range(SETTLE_S * 10):
            for one in waiting if tenth % 20 == 0 else []:
                if tenth == 0 or not one.must_be_there:
                    await one.last_word()
            waiting = [one for one in waiting if not all(one.words & client.names for client in self.clients if client.topic == one.topic)]
            if not waiting:
                break
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.3)

    def verdict(self):
        verdict = judge.Verdict()
        if self.options.mode == "streams":
            judge.check_truth(verdict, self.truth, self.publishers)
            truths = {topic: judge.Truth(self.truth, topic) for topic in TOPICS}
            for client in self.clients:
                judge.Reader(verdict, client, truths[client.topic]).judge()
        else:
            for client in self.clients:
                judge.pubsub_client(verdict, client, [one for one in self.publishers if one.topic == client.topic])
        return verdict


def main():
    options = arguments()
    if options.cuts == "auto":
        cuts.own_network()
    directory = tempfile.mkdtemp(prefix="hermes-chaos-")
    run = Run(options, directory)
    try:
        asyncio.run(run.go())
        verdict = run.verdict()
    finally:
        codes = run.world.close()
    verdict.complaints += [f"a server ended with {code}" for code in codes]
    for line in verdict.complaints:
        print(f"chaos: {line}")
    figures = {"acknowledged": sum(len(one.said) for one in run.publishers), **run.figures, **{f"fault_{k}": v for k, v in run.faults.counts.items()},
               **verdict.counts}
    print(f"chaos {options.mode}: seed={options.seed} cuts={run.world.cutter.name} seconds={time.monotonic() - run.started:.0f} " +
          " ".join(f"{name}={value}" for name, value in figures.items()))
    if verdict.complaints or options.keep:
        print(f"chaos: logs in {directory}")
    else:
        shutil.rmtree(directory)
    return 1 if verdict.complaints else 0


if __name__ == "__main__":
    sys.exit(main())
