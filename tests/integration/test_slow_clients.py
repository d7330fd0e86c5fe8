"""Clients that are slow to ask, or never do: 408 after the time-out in total, whatever trickles in meanwhile."""
import os
import select
import socket
import subprocess
import time

import pytest

LIMIT = 1.0
LINGER = 2.0
SLACK = 1.5  # the tests share their cores
HEAD = b"GET /api/v1/events/health HTTP/1.1\r\nHost: localhost\r\nX-Filler: " + b"x" * 200
BODY_HEAD = b"POST /api/v1/download HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n"


@pytest.fixture
def server(hermes):
    return hermes(options=("--request-timeout", str(int(LIMIT))))


def connect(server):
    return socket.create_connection(("127.0.0.1", server.port), timeout=10)


def ask(s, path="/api/v1/events/health"):
    """Sends a request on a connection that is kept, and returns the status of the answer once its body is there."""
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    answer = b""
    while b"}" not in answer:
        answer += s.recv(4096)
    return int(answer.split()[1])


def cut(s, trickle=b""):
    """Sends the trickle a byte at a time; the answer and the seconds until the end."""
    started, answer = time.monotonic(), b""
    while time.monotonic() - started < 10:
        if select.select([s], [], [], 0.05)[0]:
            if not (got := s.recv(4096)):
                return answer, time.monotonic() - started
            answer += got
        elif trickle:
            s.send(trickle[:1])
            trickle = trickle[1:]
    raise AssertionError(f"never cut: {answer}")


@pytest.mark.parametrize("first, trickle", [(b"", b""), (b"GET", b""), (b"", HEAD), (BODY_HEAD, b""), (BODY_HEAD, b"{" + b" " * 400)],
                         ids=["idle", "half a line", "a head byte by byte", "no body", "a body byte by byte"])
def test_a_request_that_does_not_come_is_answered_408(server, first, trickle):
    with connect(server) as s:
        s.sendall(first)
        answer, seconds = cut(s, trickle)
    head, body = answer.split(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 Request Timeout\r\n") and b"Connection: close" in head
    assert f"Content-Length: {len(body)}".encode() in head and body.startswith(b'{"detail":')
    assert LIMIT - 0.1 <= seconds <= LIMIT + SLACK


def test_a_request_that_comes_after_its_408_does_nothing(server, files):
    body = b'{"url":"' + files.encode() + b'/small.txt"}'
    head = BODY_HEAD.replace(b"500", str(len(body)).encode())
    with connect(server) as s:
        s.sendall(head + body[:-1])
        assert cut(s)[0].startswith(b"HTTP/1.1 408")
        s.sendall(body[-1:])
        time.sleep(0.2)
    assert server.json("/api/v1/stats/")["completed"] == 0
    assert server.json("/api/v1/download/queue")["total"] == 0


def test_a_late_client_that_goes_on_talking_is_cut_off(server):
    started = time.monotonic()
    with connect(server) as s, pytest.raises(OSError):
        while time.monotonic() - started < 10:
            s.send(b"x")
            time.sleep(0.05)
    assert time.monotonic() - started <= LIMIT + LINGER + SLACK


def test_a_descriptor_in_other_hands_is_let_alone(server, files):
    clients = [connect(server) for _ in range(10)]
    server.health()
    for s in clients:
        s.close()
    time.sleep(0.2)  # the descriptors are free, and go to the transfers
    for ident in [server.add(files + "/slow.bin") for _ in range(3)]:
        server.wait(ident, "completed")
    assert "request-timeout" not in open(os.path.join(server.directory, "log")).read()


def test_each_request_on_a_kept_connection_has_the_whole_time(server):
    with connect(server) as s:
        for _ in range(3):
            assert ask(s) == 200
            time.sleep(0.7 * LIMIT)
        s.sendall(HEAD)
        answer, seconds = cut(s)
        assert answer.startswith(b"HTTP/1.1 408") and LIMIT - 0.1 <= seconds <= LIMIT + SLACK


def test_a_kept_connection_that_is_idle_is_only_closed(server):
    with connect(server) as s:
        assert ask(s) == 200
        assert cut(s)[0] == b""


def test_a_stream_lives_on(server, files):
    stream = server.stream()
    time.sleep(LIMIT + LINGER + 0.5)  # and past the time that a late client has to read its answer
    ident = server.add(files + "/small.txt")
    stream.until(lambda kind, data: kind == "download_progress" and data["status"] == "completed" and data["download_id"] == ident)
    stream.close()


def test_late_clients_leave_nothing_behind(server):
    before = server.descriptors()
    clients = [connect(server) for _ in range(200)]
    for number, s in enumerate(clients):
        s.send(HEAD[:number % 5])
    assert all(cut(s)[0].startswith(b"HTTP/1.1 408") for s in clients)
    for s in clients[::2]:
        s.close()  # the others are closed by the server, after a while
    for _ in range(100):
        if server.descriptors() <= before + 2:
            break
        time.sleep(0.05)
    assert server.descriptors() <= before + 2
    for s in clients:
        s.close()


@pytest.mark.parametrize("value", ["0", "-1", "3601", "x", "", "1x", "99999999999999999999"])
def test_a_bad_time_out_is_refused(value):
    done = subprocess.run([os.environ["HERMES_SERVER"], "--request-timeout", value], capture_output=True, timeout=10, check=False)
    assert done.returncode == 2 and f'"{value}"' in done.stderr.decode() and "3600" in done.stderr.decode()
