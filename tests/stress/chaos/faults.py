"""What goes wrong, by a seed: Redis killed and stalled, connections killed and cut half-open, servers killed."""
import asyncio
import random as randomness

import redis.exceptions

from world import N_SERVERS


class Faults:
    def __init__(self, world, seed, seconds, kills, log):
        self.world, self.seconds, self.kills, self.log = world, seconds, kills, log
        self.seed = seed
        self.counts = {"killed": 0, "stalled": 0, "cut": 0, "zombies": 0, "connections": 0, "servers": 0}

    def random(self, what):
        return randomness.Random(f"{self.seed} {what}")

    async def redis(self):
        """Kills at even distances, a stall between any two."""
        random, each = self.random("redis"), self.seconds / max(self.kills, 1)
        for _ in range(self.kills):
            stalled = random.uniform(0.2, min(0.35 * each, 7))
            await asyncio.sleep(each * random.uniform(0.1, 0.2))
            self.say("stalled", f"Redis for {stalled:.1f} s")
            self.world.redis.stall(True)
            await asyncio.sleep(stalled)
            self.world.redis.stall(False)
            await asyncio.sleep(each * random.uniform(0.15, 0.25))
            away = random.uniform(0, min(0.2 * each, 3))
            self.say("killed", f"Redis, away for {away:.1f} s")
            await self.world.kill_redis(away)
            await asyncio.sleep(each * 0.15)

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
        random = self.random("cuts")
        while True:
            await asyncio.sleep(random.uniform(1, 5))
            number, seconds, zombies = random.randrange(N_SERVERS), random.choice([0.5, 2, 7]) * random.uniform(0.5, 1), random.random() < 0.4
            self.say("zombies" if zombies else "cut", f"server {number} from Redis for {seconds:.1f} s{', for good' if zombies else ''}")
            await self.world.cutter.cut(number, seconds, zombies)

    async def servers(self):
        random = self.random("servers")
        while True:
            await asyncio.sleep(random.uniform(2, 6))
            server = random.choice(self.world.servers)
            self.say("servers", f"server {server.number}")
            await asyncio.to_thread(server.kill)
            await asyncio.sleep(random.uniform(0, 1))
            server.start()

    def say(self, what, text):
        self.counts[what] += 1
        self.log(f"{what}: {text}")
