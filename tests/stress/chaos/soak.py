"""Soak by argument: servers that live through every fault but their own end have, whenever all clients are away and all is well, as many
descriptors as before the first client came, and their memory is flat."""
import asyncio
import collections
import os
import re
import time

import flat
from publishers import fill

HISTORY = 10000  # the most that a server keeps of a topic
SHORTEST_S, LONGEST_S = 3, 24
LOOK_S = 15


def private_kib(pid):
    """What the process has for itself alone."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        return sum(int(line.split()[1]) for line in rollup if line.startswith(("Private_Dirty:", "Private_Clean:")))


async def heap_kib(server):
    """What it has allocated and not freed; it does not know under a sanitizer."""
    answer = await server.get("/api/v1/events/metrics")
    found = re.search(r"^hermes_sse_process_heap_bytes (\d+)$", answer[1], re.MULTILINE) if answer else None
    if not found:
        raise SystemExit("chaos: a soak needs a server that tells hermes_sse_process_heap_bytes, so none with a sanitizer")
    return int(found[1]) // 1024


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
        self.before, self.now, self.memory = [], [], []  # of memory for each server [(second, its own KiB, of them allocated)]
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
                series.append((time.monotonic() - run.started, private_kib(server.process.pid), await heap_kib(server)))
            run.log(f"round {self.rounds}: {self.now} {[series[-1][1:] for series in self.memory]} KiB")
            if run.verdict.complaints:
                break
        await run.end()
        for number in range(len(self.memory) if self.rounds >= flat.LEAST else 0):
            for which, most in (("private", flat.PRIVATE_KIB), ("heap", flat.HEAP_KIB)):
                if not flat.is_flat(self.series(number, which), most):
                    run.verdict.complain("memory", f"server {number}, {which}: {[kib for _, kib in self.series(number, which)]} KiB")

    def series(self, number, which):
        return [(at, private if which == "private" else heap) for at, private, heap in self.memory[number]]

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
        def first_and_last(number, which):
            first, _, last = flat.thirds(self.series(number, which))
            return f"{which}:{first[1]:.0f}/{last[1]:.0f}KiB"

        return {"rounds": self.rounds,
                **{f"server{number}": f"{sum(self.now[number].values())}fd,{first_and_last(number, 'private')},{first_and_last(number, 'heap')}"
                   for number, series in enumerate(self.memory) if len(series) >= flat.LEAST}}
