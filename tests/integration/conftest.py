"""A real hermes-server per test, and a file server for it to fetch from; both on free loopback ports, stopped by pid."""
import http.server
import itertools
import json
import os
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

import pytest

BIG = os.urandom(400_000)


# Below those that the kernel gives to clients, so that a stopped server finds its port free; apart for tests in parallel.
PORTS = itertools.cycle(range(16000 + os.getpid() * 61 % 8000, 32000))


def free_port():
    for port in PORTS:
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


class Files(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        name = self.path.split("?")[0]
        if name == "/redirect":
            self.send_response(302)
            self.send_header("Location", "/small.txt")
            self.send_header("Content-Length", "0")
            self.end_headers()
        elif name in ("/small.txt", "/.hidden", "/..%2f..%2fevil") or name.startswith("/named/"):
            self.body(b"small")
        elif name == "/slow.bin":
            self.slow()
        elif name == "/drop.bin":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"x" * 10)
            self.close_connection = True
        elif name == "/big.bin":
            self.body(BIG)
        else:
            self.send_error(404)

    def body(self, data):
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def slow(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(BIG)))
        self.end_headers()
        try:
            for at in range(0, len(BIG), 10_000):
                self.wfile.write(BIG[at:at + 10_000])
                time.sleep(0.05)
        except OSError:
            self.close_connection = True


@pytest.fixture(scope="session")
def files():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()


class Hermes:
    def __init__(self, directory, options=(), **settings):
        self.directory = str(directory)
        self.options = options
        self.port = settings.pop("port", None) or free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.settings = settings
        self.start()

    def start(self):
        environment = {"PATH": os.environ["PATH"], "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", ""), "API_PORT": str(self.port), "UBSAN_OPTIONS": os.environ.get("UBSAN_OPTIONS", ""), "HERMES_ENABLE_SSE": "true", **self.settings}
        self.log = open(os.path.join(self.directory, "log"), "ab")
        self.process = subprocess.Popen([os.environ["HERMES_SERVER"], *self.options], cwd=self.directory, env=environment, stderr=self.log)
        for _ in range(200):
            try:
                self.health()
                return
            except OSError:
                time.sleep(0.02)
        raise AssertionError("the server did not start: " + open(self.log.name).read())

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        code = self.process.wait(10)
        self.log.close()
        return code

    def request(self, path, method="GET", body=None, headers=None):
        """Status, headers, body."""
        data = json.dumps(body).encode() if body is not None else None
        headers = {**({"Content-Type": "application/json"} if data else {}), **(headers or {})}
        asked = urllib.request.Request(self.base + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=10) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read().decode()

    def json(self, path, **how):
        return json.loads(self.request(path, **how)[2])

    def health(self):
        return self.json("/api/v1/events/health")

    def add(self, url):
        status, _, text = self.request("/api/v1/download", "POST", {"url": url})
        assert status == 202, text
        return json.loads(text)["download_id"]

    def wait(self, download_id, *states):
        for _ in range(400):
            state = self.json(f"/api/v1/download/{download_id}")
            if state["status"] in states:
                return state
            time.sleep(0.025)
        raise AssertionError(state)

    def stream(self, path="/api/v1/events/stream", headers=None):
        return Stream(self.port, path, headers or {})

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))


class Stream:
    """A client that reads the event stream as the standard says, on a bare socket."""

    def __init__(self, port, path, headers, version="1.0"):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.socket.sendall(f"GET {path} HTTP/{version}\r\nHost: localhost\r\n{lines}\r\n".encode())
        self.reader = self.socket.makefile("rb")
        self.status = int(self.reader.readline().split()[1])
        self.headers = {}
        while (line := self.reader.readline().strip()):
            name, value = line.decode().split(": ", 1)
            self.headers[name.lower()] = value

    def event(self):
        """(type, data, id, retry), None at the end."""
        kind, data, ident, retry = "message", [], None, None
        while True:
            line = self.reader.readline()
            if not line:
                return None
            name, _, value = line.decode().rstrip("\n").partition(": ")
            if not name:
                return kind, "\n".join(data), ident, retry
            if name == "event":
                kind = value
            elif name == "data":
                data.append(value)
            elif name == "id":
                ident = value
            elif name == "retry":
                retry = int(value)

    def until(self, wanted):
        """Events up to and with the first for which wanted(type, data) holds."""
        seen = []
        while (event := self.event()):
            seen.append(event)
            if wanted(event[0], json.loads(event[1]) if event[1] else None):
                return seen
        raise AssertionError(f"the stream ended: {seen}")

    def close(self):
        self.reader.close()
        self.socket.close()


@pytest.fixture
def hermes(tmp_path):
    running = []

    def start(options=(), **settings):
        running.append(Hermes(tmp_path, options, **settings))
        return running[-1]

    yield start
    for server in running:
        if server.process.poll() is None:
            assert server.stop() == 0, open(server.log.name).read()


class Proxy:
    """A wire between a client and a server that can be cut, and keeps what the server said."""

    def __init__(self, port):
        self.to, self.said, self.connections, self.is_cut = port, b"", 0, False
        self.pairs = []
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.base = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listening.accept()[0]
                self.connections += 1
                server = None if self.is_cut else socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                server = None
                if self.listening.fileno() < 0:
                    return
            if not server:
                client.close()
                continue
            self.pairs += [client, server]
            threading.Thread(target=self.carry, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self.carry, args=(server, client, True), daemon=True).start()

    def carry(self, source, sink, keep):
        try:
            while (data := source.recv(65536)):
                self.said += data if keep else b""
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def cut(self):
        self.is_cut = True
        for one in self.pairs:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.pairs = []

    def restore(self):
        self.is_cut = False

    def close(self):
        self.listening.close()
        self.cut()


@pytest.fixture
def proxy():
    running = []

    def start(port):
        running.append(Proxy(port))
        return running[-1]

    yield start
    for one in running:
        one.close()
