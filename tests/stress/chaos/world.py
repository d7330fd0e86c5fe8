"""What the chaos happens to: one durable redis-server, hermes-servers that reach it by an address of their own, and what is between them."""
import asyncio
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.join(HERE, "..", "..", "..")
sys.path.insert(0, os.path.join(ROOT, "tests", "integration"))
sys.path.insert(0, os.path.join(ROOT, "bindings", "python", "redis_service", "src"))
from redis_server import RedisServer, free_port  # noqa: E402

N_SERVERS = 3
PUBLISHERS_ADDRESS = "127.0.0.1"


def address(number):
    """Where server `number` finds Redis, so that a rule for this address cuts that server alone."""
    return f"127.0.0.{number + 2}"


class Hermes:
    """One hermes-server, which may be killed at any time. Even ones are users that may do no more than they must."""

    def __init__(self, number, directory, mode, redis_port, at=None):
        self.number, self.directory, self.port, self.redis_port = number, directory, free_port(), redis_port
        os.makedirs(directory)
        user = f"hermes-{mode}:s3cret-of-redis@" if number % 2 == 0 else ""
        self.url = f"redis://{user}{at or address(number)}:{redis_port}/0"
        self.mode, self.process, self.crashes = mode, None, []

    def start(self):
        self.look()
        environment = {"PATH": os.environ["PATH"], "API_PORT": str(self.port), "HERMES_ENABLE_SSE": "true",
                       "HERMES_REDIS_URL": self.url, "HERMES_REDIS_MODE": self.mode,
                       "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", ""), "UBSAN_OPTIONS": os.environ.get("UBSAN_OPTIONS", "")}
        with open(os.path.join(self.directory, "log"), "ab") as log:
            self.process = subprocess.Popen([os.environ["HERMES_SERVER"]], cwd=self.directory, env=environment, stderr=log)

    def look(self):
        """One that has ended and was not killed by us has crashed."""
        code = self.process.poll() if self.process else None
        if code is not None and code != -signal.SIGKILL:
            self.crashes.append(code)

    def kill(self):
        self.look()
        self.process.kill()
        self.process.wait()

    def stop(self):
        """Statuses of those that ended by themselves, or not well."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            code = self.process.wait(20)
            return self.crashes + ([code] if code else [])
        self.look()
        return self.crashes

    async def get(self, path):
        """Status and body, or None."""
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                writer.write(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
                text = (await asyncio.wait_for(reader.read(), 5)).decode()
            finally:
                writer.close()
            return int(text.split()[1]), text.partition("\r\n\r\n")[2]
        except (OSError, IndexError, ValueError, asyncio.TimeoutError):
            return None

    async def is_ready(self):
        answer = await self.get("/api/v1/events/ready")
        return answer is not None and answer[0] == 200

    async def post(self, path, body):
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            writer.write(f"POST {path} HTTP/1.0\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
            await writer.drain()
            writer.close()
        except OSError:
            pass


class Uptime:
    """Seconds that Redis was there to be asked."""

    def __init__(self):
        self.away_s, self.since = 0, None

    def now(self):
        return (self.since or time.monotonic()) - self.away_s

    def away(self):
        self.since = time.monotonic()

    def back(self):
        self.away_s += time.monotonic() - self.since
        self.since = None


class World:
    def __init__(self, directory, mode, cutter):
        os.makedirs(os.path.join(directory, "redis"))
        bind = ["--bind", *[address(number) for number in range(-1, N_SERVERS)]]
        self.directory, self.mode, self.cutter = directory, mode, cutter
        self.redis = RedisServer(os.path.join(directory, "redis"), *bind, durable=True)
        self.servers, self.uptime = [], Uptime()

    async def start(self):
        for number in range(N_SERVERS):
            port, at = await self.cutter.join(number, self.redis.port)
            self.servers.append(Hermes(number, os.path.join(self.directory, f"hermes{number}"), self.mode, port, at))
            self.servers[-1].start()
        await self.all_ready(20)

    async def all_ready(self, within):
        answers = []
        for _ in range(within * 20):
            answers = [await server.is_ready() for server in self.servers]
            if all(answers):
                return
            await asyncio.sleep(0.05)
        raise SystemExit(f"chaos: not ready within {within} s: {answers}; logs in {self.directory}")

    def stall_redis(self, on):
        (self.uptime.away if on else self.uptime.back)()
        self.redis.stall(on)

    async def kill_redis(self, pause):
        self.uptime.away()
        await asyncio.to_thread(self.redis.kill)
        await asyncio.sleep(pause)
        await asyncio.to_thread(self.redis.start)
        self.uptime.back()

    def close(self):
        """What servers ended with that should not have; a sanitizer makes a status of what it found."""
        codes = [code for server in self.servers for code in server.stop()]
        self.redis.close()
        return codes
