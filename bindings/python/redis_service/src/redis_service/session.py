"""One publisher as Redis and the servers see it: a name, numbers that count up by one, a connection, one message at a time."""
import asyncio
import hashlib
import os
import random
import secrets
import time
from collections.abc import AsyncGenerator
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.exceptions import AuthenticationError, ConnectionError, NoScriptError, ReadOnlyError, ResponseError, TimeoutError

from redis_service import events, script

# Redis is away, starting, or not the master: it may take the message a little later
_LATER = (ConnectionError, TimeoutError, ReadOnlyError, OSError)
_FIRST_PAUSE_S, _LAST_PAUSE_S = 0.05, 1.0
# how long Redis remembers the last number, for a request that was cut off and comes late
_REMEMBER_S = 3600
_SHA = hashlib.sha1(script.PUBLISH.encode()).hexdigest()


def connect(url: str, timeout: float) -> "Redis[Any]":
    """A client of this URL; nothing is sent yet. ValueError, which never shows the URL, as a password may be in it."""
    accepted = "redis://[[user]:password@]host[:port][/db], rediss://... or unix:///path[?db=N]"
    options: dict[str, Any] = {"socket_timeout": timeout, "socket_connect_timeout": timeout}
    try:
        parts = urlsplit(url)
        good = bool(parts.hostname) if parts.scheme in ("redis", "rediss") else parts.scheme == "unix" and len(parts.path) > 1
        if parts.scheme == "rediss":
            options["ssl_check_hostname"] = True  # the client's own default is not to look
        if good:
            client: Redis[Any] = Redis.from_url(url, **options)
            return client
    except ValueError:
        pass
    raise ValueError(f"the Redis URL is not accepted; accepted: {accepted}")


async def _until_the_loop_ends(client: "Redis[Any]") -> AsyncGenerator[None, None]:
    """A loop closes the generators that are open in it when it is over, as asyncio.run() does: in time to close a connection."""
    try:
        yield
    finally:
        await client.connection_pool.disconnect()


class Session:
    """Belongs to one event loop at a time."""

    def __init__(self, url: str, timeout: float) -> None:
        self.url, self.timeout = url, timeout
        self.origin = secrets.token_hex(8)
        self.number = 0
        self.pid = os.getpid()
        self.users = 0
        self.loop: asyncio.AbstractEventLoop | None = None
        self.client: Redis[Any] | None = None
        self.ending: AsyncGenerator[None, None] | None = None
        self.turn = asyncio.Lock()

    async def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """A connection lives in the loop that opened it, and ends with it."""
        self.loop, self.client, self.turn = loop, connect(self.url, self.timeout), asyncio.Lock()
        self.ending = _until_the_loop_ends(self.client)
        await anext(self.ending)

    async def close(self) -> None:
        if self.ending:
            await self.ending.aclose()
        self.client = self.loop = self.ending = None

    async def publish(self, channel: str, type: str, data: bytes, retry_for: float, stream: "Stream | None") -> str | None:
        """Numbered when it is its turn, so that numbers come to Redis in order; the same number at each try, so that it counts once."""
        async with self.turn:
            assert self.client is not None
            self.number += 1
            message = events.envelope(type, data, self.origin, self.number)
            until, pause = time.monotonic() + retry_for, _FIRST_PAUSE_S
            while True:
                try:
                    if stream is None:
                        await self.client.execute_command("PUBLISH", channel, message)
                        return None
                    return await self._add(stream, channel, type, data, message)
                except _LATER as error:
                    # the client keeps a connection whose AUTH was refused, which then is the default user's
                    await self.client.connection_pool.disconnect()
                    if isinstance(error.__cause__, ResponseError):
                        raise error.__cause__
                    if isinstance(error, AuthenticationError) or time.monotonic() + pause > until:
                        raise
                await asyncio.sleep(pause * random.uniform(0.5, 1))
                pause = min(2 * pause, _LAST_PAUSE_S)

    async def _add(self, stream: "Stream", channel: str, type: str, data: bytes, message: bytes) -> str | None:
        keys = [stream.key, f"{stream.key}:numbers:{self.origin}", f"{stream.key}:import"]
        fields: list[str | bytes] = ["t", channel]
        if key := stream.key_of_data:
            fields += ["k", key]
        fields += ["e", type, "d", data, "o", self.origin]
        arguments = [3, *keys, self.number, self.number, stream.max_entries, _REMEMBER_S, "", channel, message, *fields]
        assert self.client is not None
        try:
            answer = await self.client.execute_command("EVALSHA", _SHA, *arguments)
        except NoScriptError:
            answer = await self.client.execute_command("EVAL", script.PUBLISH, *arguments)
        return answer.decode() if answer is not None else None


class Stream:
    """Where an event goes in streams mode."""

    def __init__(self, key: str, max_entries: int, key_of_data: str | None) -> None:
        self.key, self.max_entries, self.key_of_data = key, max_entries, key_of_data
