"""Free loopback ports, for programs that have to be told theirs."""
import itertools
import os
import socket

# Below those that the kernel gives to clients, so that what was stopped finds its port free; apart for tests in parallel.
FIRST, END = 10000, 32000
PORTS = itertools.cycle(range(FIRST + os.getpid() * 499 % (END - FIRST), END))


def free_port():
    for port in PORTS:
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass
