"""Half-open connections: what one side sends does not arrive, and neither side is told. By nftables where the kernel lets us have a network
of our own, and else by a proxy in between that stops carrying."""
import asyncio
import os
import shutil
import subprocess
import sys

from world import address

IN_OWN_NETWORK = "CHAOS_IN_OWN_NETWORK"


def own_network():
    """Starts this program again in a network of its own, if it can; returns if it cannot."""
    if IN_OWN_NETWORK in os.environ or os.geteuid() != 0 or not shutil.which("nft") or not shutil.which("unshare"):
        return
    if subprocess.run(["unshare", "-n", "nft", "add", "table", "ip", "chaos"], capture_output=True, check=False).returncode == 0:
        os.environ[IN_OWN_NETWORK] = "1"
        os.execvp("unshare", ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable, *sys.argv])


class Rules:
    """Packets to and from the address by which a server finds Redis are dropped."""
    name = "nftables"

    def __init__(self):
        self.nft("add table ip chaos", "add chain ip chaos cuts { type filter hook output priority 0; }")

    @staticmethod
    def nft(*lines):
        subprocess.run(["nft", "-f", "-"], input="\n".join(lines).encode(), check=True)

    async def join(self, number, redis_port):
        return redis_port, None

    async def cut(self, number, seconds, zombies):
        """`zombies`: what is open now stays dead for good, and only new connections come through again."""
        where = address(number)
        self.nft(f"add rule ip chaos cuts ip daddr {where} tcp dport 1-65535 drop", f"add rule ip chaos cuts ip saddr {where} tcp sport 1-65535 drop")
        await asyncio.sleep(seconds)
        lines = ["flush chain ip chaos cuts"]
        if zombies:
            for port in clients_of(where):
                lines += [f"add rule ip chaos cuts ip daddr {where} tcp sport {port} drop", f"add rule ip chaos cuts ip saddr {where} tcp dport {port} drop"]
        self.nft(*lines)

    def heal(self):
        self.nft("flush chain ip chaos cuts")

    async def close(self):
        self.nft("delete table ip chaos")


def clients_of(where):
    """Ports of the connections to this address."""
    packed = "".join(f"{int(part):02X}" for part in reversed(where.split(".")))
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return [int(row[1].split(":")[1], 16) for row in rows if row[2].startswith(packed) and row[3] == "01"]


class Proxies:
    """Between each server and Redis one that stops carrying, and answers connections without ever saying anything."""
    name = "proxies"

    def __init__(self):
        self.flowing, self.pairs, self.listening, self.tasks = {}, {}, [], set()

    async def join(self, number, redis_port):
        self.flowing[number] = asyncio.Event()
        self.flowing[number].set()
        self.pairs[number] = set()

        async def accept(reader, writer):
            self.tasks.add(asyncio.current_task())
            await self.serve(number, redis_port, reader, writer)

        self.listening.append(await asyncio.start_server(accept, "127.0.0.1", 0))
        return self.listening[-1].sockets[0].getsockname()[1], "127.0.0.1"

    async def serve(self, number, redis_port, reader, writer):
        await self.flowing[number].wait()
        try:
            to_reader, to_writer = await asyncio.open_connection(address(number), redis_port)
        except OSError:
            writer.close()
            return
        pair = [False, writer, to_writer]  # the first: dead for good
        self.pairs[number].add(id(pair))
        self.pairs[id(pair)] = pair
        await asyncio.gather(self.carry(number, pair, reader, to_writer), self.carry(number, pair, to_reader, writer))
        self.pairs[number].discard(id(pair))
        del self.pairs[id(pair)]

    async def carry(self, number, pair, reader, writer):
        try:
            while data := await reader.read(65536):
                await self.flowing[number].wait()
                if not pair[0]:
                    writer.write(data)
                    await writer.drain()
        except OSError:
            pass
        await self.flowing[number].wait()
        if not pair[0] or writer is pair[2]:
            writer.close()

    async def cut(self, number, seconds, zombies):
        self.flowing[number].clear()
        await asyncio.sleep(seconds)
        for pair in list(self.pairs[number]) if zombies else []:
            self.pairs[pair][0] = True
            self.pairs[pair][2].close()
        self.flowing[number].set()

    def heal(self):
        for number in range(len(self.listening)):
            self.flowing[number].set()

    async def close(self):
        for one in self.listening:
            one.close()
        for task in self.tasks:
            task.cancel()


def cutter(how):
    if how == "proxies" or IN_OWN_NETWORK not in os.environ:
        return Proxies()
    return Rules()
