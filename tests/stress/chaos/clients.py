"""Clients as browsers are: each follows some topic at some server, comes back with the last id it has, and writes down what it was given. Of
three one goes elsewhere whenever it likes, one comes and goes at one server, and one stays as long as it is let."""
import asyncio
import functools
import re
import time

HEAD_S, CONNECT_S = 10, 5
MOVES, RETURNS, STAYS = "moves", "returns", "stays"
CONNECTED, EVENT, GAP, OTHER = "connected", "event", "gap", "other"
_NAMED = re.compile(rb'"p":"(\w+)","n":(\d+)')
_QUEUE = re.compile(rb'"action":"(\w+)","download_id":"(\w+)","status":"(\w+)"')


def name_of(data):
    """What an event is called in the books: (publisher, number); of a download on a server its own words."""
    found = _NAMED.search(data)
    if found:
        return found[1].decode(), int(found[2])
    found = _QUEUE.search(data)
    return ("server", b"/".join(found.groups()).decode()) if found else ("other", data.decode())


def place_of(ident):
    high, low = ident.split(b"-")
    return int(high), int(low)


# Most frames come to many clients, and their books share what was read of one: 60 clients at 600 events/s cost a machine little.
@functools.lru_cache(maxsize=4096)
def read(frame):
    """(what, name or data, place)"""
    kind = data = b""
    place = None
    for line in frame.split(b"\n"):
        if line.startswith(b"data: "):
            data = line[6:]
        elif line.startswith(b"id: "):
            place = place_of(line[4:])
        elif line.startswith(b"event: "):
            kind = line[7:]
    if kind == b"gap":
        return GAP, data.decode(), place
    if not kind:
        return (CONNECTED if b'"type":"connected"' in data else OTHER), None, place
    return (OTHER, None, place) if kind == b"heartbeat" else (EVENT, name_of(data), place)


class Connection(asyncio.Protocol):
    """`opened` once it is a stream of events; `over` when it has ended, or its client has had enough."""

    def __init__(self, client, request):
        loop = asyncio.get_running_loop()
        self.client, self.request, self.rest = client, request, b""
        self.opened, self.over = loop.create_future(), loop.create_future()

    def connection_made(self, transport):
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data):
        if self.over.done():
            return
        self.rest += data
        if not self.opened.done():
            head, end, rest = self.rest.partition(b"\r\n\r\n")
            if not end:
                return
            if b" 200 " not in head.split(b"\r\n")[0] + b" ":
                self.fail(ValueError(head))
                return
            self.rest = rest
            self.opened.set_result(None)
        *frames, self.rest = self.rest.split(b"\n\n")
        for frame in frames:
            self.client.take(read(frame))

    def connection_lost(self, exc):
        self.fail(exc or ConnectionError("ended"))

    def fail(self, exc):
        if not self.opened.done():
            self.opened.set_exception(exc)
        self.leave()

    def leave(self):
        if not self.over.done():
            self.over.set_result(None)


class Client:
    """`seen`: its book: of an event (EVENT, name, place), of a gap (GAP, data, place, seconds of the wall clock), of a greeting
    (CONNECTED, server, place); `words`: the names of what came when nothing breaks."""

    def __init__(self, number, topic, path, world, random, figures):
        self.number, self.topic, self.path, self.world, self.random, self.figures = number, topic, path, world, random, figures
        self.kind = (MOVES, RETURNS, STAYS)[number // 2 % 3]
        self.last, self.seen, self.words = None, [], set()
        self.greeted, self.wanted = asyncio.Event(), asyncio.Event()
        self.is_calm = self.is_out = False
        self.connection = None
        self.server = world.servers[number // 6 % len(world.servers)]
        self.wanted.set()

    def begin(self):
        """A new round."""
        self.is_calm, self.words = False, set()
        self.wanted.set()

    async def run(self):
        while True:
            await self.wanted.wait()
            self.is_out = True
            try:
                await self.stay()
                self.figures["ended"] += 1
            except (OSError, asyncio.TimeoutError, ValueError):
                self.figures["broken"] += 1
            self.is_out = False
            if self.kind == MOVES and self.random.random() < 0.7:
                self.server = self.random.choice(self.world.servers)
            await asyncio.sleep(self.random.uniform(0, 0.15))

    async def stay(self):
        """One connection: until it ends, or for a random while."""
        resume = "Last-Event-ID: %d-%d\r\n" % self.last if self.last else ""
        request = f"GET {self.path} HTTP/1.0\r\nHost: localhost\r\n{resume}\r\n".encode()
        loop = asyncio.get_running_loop()
        transport, self.connection = await asyncio.wait_for(
            loop.create_connection(lambda: Connection(self, request), "127.0.0.1", self.server.port), CONNECT_S)
        leaving = loop.call_later(self.random.uniform(0.3, 6), self.leave) if self.kind != STAYS else None
        try:
            await asyncio.wait_for(self.connection.opened, HEAD_S)
            self.figures["connections"] += 1
            if self.wanted.is_set():
                await self.connection.over
        finally:
            if leaving:
                leaving.cancel()
            self.connection.leave()
            transport.abort() if self.random.random() < 0.5 else transport.close()

    def leave(self):
        if not self.is_calm and not self.connection.over.done():
            self.figures["left"] += 1
            self.connection.leave()

    async def send_away(self):
        """Until it is wanted again."""
        self.wanted.clear()
        while self.is_out:
            if self.connection:
                self.connection.leave()
            await asyncio.sleep(0.01)

    def take(self, seen):
        what, name, place = seen
        if place:
            self.last = place
        if what is EVENT:
            self.seen.append(seen)
            self.figures["delivered"] += 1
            if self.is_calm:
                self.words.add(name)
        elif what is GAP:
            self.seen.append((GAP, name, place, time.time()))
            self.figures["gaps"] += 1
        elif what is CONNECTED:
            self.seen.append((CONNECTED, self.server.number, place))
            self.greeted.set()
