"""The small hosts of examples/hosts, each with real clients."""
import os
import socket
import subprocess
import time

import pytest

from hermes_server import Stream
from ports import free_port

HOSTS = os.environ.get("HERMES_HOSTS") or os.path.join(os.path.dirname(os.environ["HERMES_SERVER"]), "../hosts")


def descriptors(process):
    return len(os.listdir(f"/proc/{process.pid}/fd"))


@pytest.fixture(params=["epoll", "blocking"])
def host(request):
    port = free_port()
    process = subprocess.Popen([os.path.join(HOSTS, "host-" + request.param), str(port)])
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            time.sleep(0.02)
    time.sleep(0.3)
    process.port, process.empty = port, descriptors(process)
    yield process
    assert process.poll() is None
    process.kill()
    process.wait()


def follow(host, **headers):
    return Stream(host.port, "/", headers, version="1.1")


def place(event):
    return int(event[2].rsplit("-")[-1])


def test_P09_many_clients_at_once_and_one_that_never_reads(host):
    stalled = socket.create_connection(("127.0.0.1", host.port))
    stalled.sendall(b"GET / HTTP/1.1\r\n\r\n")
    clients = [follow(host) for _ in range(200)]
    seen = [[client.event() for _ in range(2)] for client in clients]
    for events in seen:
        assert events[0][1] == events[1][1] == "tick" and place(events[1]) == place(events[0]) + 1
    for client in clients:
        client.close()
    stalled.close()
    for _ in range(100):  # a blocking host finds out when it writes
        if descriptors(host) <= host.empty:
            break
        time.sleep(0.1)
    assert descriptors(host) <= host.empty


def test_P17_each_client_comes_back_to_where_it_was(host):
    first, second = follow(host), follow(host)
    was = first.event()
    second.event()
    first.close()
    for _ in range(2):
        ahead = second.event()
    back = follow(host, **{"Last-Event-ID": was[2]})
    assert [place(back.event()), place(back.event())] == [place(was) + 1, place(was) + 2]
    assert place(ahead) == place(was) + 2
    lost = follow(host, **{"Last-Event-ID": "1-1"})
    assert lost.headers["hermes-sse-gap"] == "restarted" and lost.event()[0] == "gap"
    for client in (back, second, lost):
        client.close()
