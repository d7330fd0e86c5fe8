"""What goes wrong, by a seed: Redis killed and stalled, connections killed and cut half-open, servers killed."""
import asyncio
import random as randomness
import time

import redis.exceptions

from world import N_SERVERS

NOTICED_S = 15  # within which a server has found out that a connection is dead, and is back


class Faults:
    def __init__(self, world, seed, log):
        self.world, self.seed, self.log = world, seed, log
        self.counts = {"killed": 0, "stalled": 0, "cut": 0, "zombies": 0, "connections": 0, "servers": 0}
        self.randoms, self.whole_at = {}, [0.0] * N_SERVERS

    def random(self, what):
        """One sequence for each, which goes on from round to round."""
        if what not in self.randoms:
            self.randoms[what] = randomness.Random(f"{self.seed} {what}")
        return self.randoms[what]

    async def redis(self, seconds, kills):
        """Kills at even distances, a stall between any two."""
        random, each, began = self.random("redis"), seconds / max(kills, 1), time.monotonic()
        for kill in range(1, kills + 1):
            stalled = random.uniform(0.2, min(0.35 * each, 7))
            await asyncio.sleep(each * random.uniform(0.1, 0.2))
            self.say("stalled", f"Redis for {stalled:.1f} s")
            self.world.stall_redis(True)
            await asyncio.sleep(stalled)
            self.world.stall_redis(False)
            await asyncio.sleep(each * random.uniform(0.15, 0.25))
            away = random.uniform(0, min(0.2 * each, 3))
            self.say("killed", f"Redis, away for {away:.1f} s")
            await self.world.kill_redis(away)
            await asyncio.sleep(max(began + kill * each - time.monotonic(), 0.15 * each))

    async def connections(self):
        random = self.random("connections")
        while True:
            await asyncio.sleep(random.uniform(0.3, 2))
            try:
                clients = await asyncio.to_thread(self.world.redis.client.client_list)
                victims = random.sample(clients, min(len(clients), random.choice([1, 1, 2, 6])))
                for victim in victims:
                    if victim["cmd"] != "client|list":
                        await asyncio.to_thread(self.world.redis.client.client_kill_filter, _id=victim["id"])
                        self.counts["connections"] += 1
            except (redis.exceptions.RedisError, OSError):
                pass

    async def cuts(self):
        """Not of a server that may still be without Redis: it would be away for as long as the stream lasts, which then has been trimmed, and
        that is a loss by right."""
        random = self.random("cuts")
        while True:
            await asyncio.sleep(random.uniform(1, 5))
            seconds, zombies = random.choice([0.5, 2, 7]) * random.uniform(0.5, 1), random.random() < 0.4
            while not (able := [n for n in range(N_SERVERS) if self.whole_at[n] <= time.monotonic() and await self.world.servers[n].is_ready()]):
                await asyncio.sleep(0.2)
            number = random.choice(able)
            self.whole_at[number] = time.monotonic() + NOTICED_S
            self.say("zombies" if zombies else "cut", f"server {number} from Redis for {seconds:.1f} s{', for good' if zombies else ''}")
            await self.world.cutter.cut(number, seconds, zombies)

    async def servers(self):
        random = self.random("servers")
        while True:
            await asyncio.sleep(random.uniform(2, 6))
            server = random.choice(self.world.servers)
            self.say("servers", f"server {server.number}")
            server.kill()
            await asyncio.sleep(random.uniform(0, 1))
            server.start()

    def say(self, what, text):
        self.counts[what] += 1
        self.log(f"{what}: {text}")
