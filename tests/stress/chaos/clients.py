"""Clients as browsers are: each follows some topic at some server, comes back with the last id it has, and writes down what it was given. Of
three one goes elsewhere whenever it likes, one comes and goes at one server, and one stays as long as it is let."""
import asyncio
import re

HEAD_S, CONNECT_S = 10, 5
MOVES, RETURNS, STAYS = "moves", "returns", "stays"
CONNECTED, EVENT, GAP = "connected", "event", "gap"
_NAMED = re.compile(rb'"p":"(\w+)","n":(\d+)')
_QUEUE = re.compile(rb'"action":"(\w+)","download_id":"(\w+)","status":"(\w+)"')


class Client:
    """`seen`: (what, name, id, server, head): of an event its name, of a gap its data; how many entries the stream had then, or in pub/sub mode the time."""

    def __init__(self, number, path, world, random, figures, head):
        self.number, self.path, self.world, self.random, self.figures, self.head = number, path, world, random, figures, head
        self.kind = (MOVES, RETURNS, STAYS)[number // 2 % 3]
        self.last_id, self.seen, self.names = None, [], set()
        self.greeted = asyncio.Event()
        self.is_calm = False
        self.server = None

    async def run(self):
        self.server = self.world.servers[self.number // 6 % len(self.world.servers)]
        while True:
            try:
                await self.stay()
                self.figures["ended"] += 1
            except (OSError, asyncio.TimeoutError, asyncio.IncompleteReadError, ValueError):
                self.figures["broken"] += 1
            if self.kind == MOVES and self.random.random() < 0.7:
                self.server = self.random.choice(self.world.servers)
            await asyncio.sleep(self.random.uniform(0, 0.15))

    async def stay(self):
        """One connection: until it ends, or for a random while."""
        reader, writer = await asyncio.wait_for(asyncio.open_connection("127.0.0.1", self.server.port), CONNECT_S)
        try:
            resume = f"Last-Event-ID: {self.last_id}\r\n" if self.last_id else ""
            writer.write(f"GET {self.path} HTTP/1.0\r\nHost: localhost\r\n{resume}\r\n".encode())
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), HEAD_S)
            if b" 200 " not in head.split(b"\r\n")[0] + b" ":
                raise ValueError(head)
            self.figures["connections"] += 1
            await self.read(reader, asyncio.get_running_loop().time() + self.random.uniform(0.3, 6))
        finally:
            writer.transport.abort() if self.random.random() < 0.5 else writer.close()

    async def read(self, reader, leave_at):
        loop, rest = asyncio.get_running_loop(), b""
        while True:
            left = leave_at - loop.time()
            if left <= 0 and not self.is_calm and self.kind != STAYS:
                self.figures["left"] += 1
                return
            try:
                data = await asyncio.wait_for(reader.read(262144), left if left > 0 and not self.is_calm else 1)
            except asyncio.TimeoutError:
                continue
            if not data:
                return
            *events, rest = (rest + data).split(b"\n\n")
            for event in events:
                self.take(event)

    def take(self, event):
        kind = data = ident = b""
        for line in event.split(b"\n"):
            if line.startswith(b"data: "):
                data = line[6:]
            elif line.startswith(b"id: "):
                ident = line[4:]
            elif line.startswith(b"event: "):
                kind = line[7:]
        if kind == b"gap":
            self.seen.append((GAP, data.decode(), ident.decode(), self.server.number, self.head()))
            self.figures["gaps"] += 1
        elif not kind and b'"type":"connected"' in data:
            self.seen.append((CONNECTED, None, ident.decode(), self.server.number, self.head()))
            self.greeted.set()
        elif kind and kind != b"heartbeat":
            self.event(data, ident)
        if ident:
            self.last_id = ident.decode()

    def event(self, data, ident):
        name = name_of(data)
        self.names.add(name)
        self.seen.append((EVENT, name, ident.decode(), self.server.number, self.head()))
        self.figures["delivered"] += 1


def name_of(data):
    """What an event is called in the books: (publisher, number); of a download on a server its own words."""
    found = _NAMED.search(data)
    if found:
        return found[1].decode(), int(found[2])
    found = _QUEUE.search(data)
    return ("server", b"/".join(found.groups()).decode()) if found else ("other", data.decode())
