"""Soak by argument: servers that live through every fault but their own end have, whenever all clients are away and all is well, as many
descriptors as before the first client came, and their memory is flat."""
import asyncio
import collections
import os
import time

import flat
from publishers import fill

HISTORY = 10000  # the most that a server keeps of a topic
SHORTEST_S, LONGEST_S = 3, 24
LOOK_S = 15


def memory_kib(pid):
    """What the process has for itself alone."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        return sum(int(line.split()[1]) for line in rollup if line.startswith(("Private_Dirty:", "Private_Clean:")))


def descriptors(server):
    """What they are, and how many: connections to Redis, of others what they are to the kernel."""
    pid, kinds = server.process.pid, collections.Counter()
    with open(f"/proc/{pid}/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    to_redis = {f"socket:[{row[9]}]" for row in rows if int(row[2].split(":")[1], 16) == server.redis_port}
    for number in os.listdir(f"/proc/{pid}/fd"):
        try:
            link = os.readlink(f"/proc/{pid}/fd/{number}")
        except FileNotFoundError:
            continue
        kinds["redis" if link in to_redis else "file" if link.startswith("/") else link.split(":")[0]] += 1
    return dict(kinds)


class Soak:
    def __init__(self, run):
        self.run, self.rounds = run, 0
        self.before, self.now, self.memory = [], [], []
        flat.prove()

    async def go(self, seconds):
        run, round_s = self.run, min(max(seconds / 5, SHORTEST_S), LONGEST_S)
        await run.begin()
        await fill(run.world.redis.url(), run.is_streams, HISTORY)
        self.memory = [[] for _ in run.world.servers]
        await self.look()
        self.before = self.now
        await run.come()
        while self.rounds < flat.LEAST or time.monotonic() - run.started + round_s < seconds:
            await run.round(round_s, 1, (run.faults.connections, run.faults.cuts))
            self.rounds += 1
            if not await self.look():
                run.verdict.complain("descriptors", f"after round {self.rounds} {self.now}, before the first client {self.before}")
            for server, series in zip(run.world.servers, self.memory):
                series.append((time.monotonic() - run.started, memory_kib(server.process.pid)))
            run.log(f"round {self.rounds}: {self.now} {[series[-1][1] for series in self.memory]} KiB")
            if run.verdict.complaints:
                break
        await run.end()
        for number, series in enumerate(self.memory):
            if self.rounds >= flat.LEAST and not flat.is_flat(series):
                run.verdict.complain("memory", f"server {number}: {[kib for _, kib in series]} KiB")

    async def look(self):
        """Until all servers are ready and have what they had before, or what they have does not change any more."""
        for _ in range(LOOK_S * 10):
            is_ready = all([await server.is_ready() for server in self.run.world.servers])
            was, self.now = self.now, [descriptors(server) for server in self.run.world.servers]
            if is_ready and (self.is_as_before() if self.before else self.now == was):
                return True
            await asyncio.sleep(0.1)
        return False

    def is_as_before(self):
        """In streams mode one server has a connection more, on which it listens to channels; which one may change."""
        def to_redis(all_servers):
            return sorted(one["redis"] for one in all_servers)

        def others(all_servers):
            return [{**one, "redis": 0} for one in all_servers]

        return to_redis(self.now) == to_redis(self.before) and others(self.now) == others(self.before)

    def figures(self):
        return {"rounds": self.rounds,
                **{f"server{number}": f"{sum(self.now[number].values())}fd,{flat.thirds(series)[0][1]:.0f}/{flat.thirds(series)[2][1]:.0f}KiB"
                   for number, series in enumerate(self.memory) if len(series) >= flat.LEAST}}
