"""A real hermes-server on a free loopback port, stopped by pid, and a client that reads its streams."""
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

from ports import free_port


class Hermes:
    """A server that is up, with its log and what it writes in the directory; every setting is one of its environment."""

    def __init__(self, directory, options=(), **settings):
        self.directory = str(directory)
        self.options = options
        self.port = settings.pop("port", None) or free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.settings = settings
        self.start()

    def start(self, **changed):
        """Again, perhaps with other settings for this time."""
        sanitizers = {name: os.environ.get(name, "") for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS")}
        environment = {"PATH": os.environ["PATH"], **sanitizers, "API_PORT": str(self.port), "HERMES_ENABLE_SSE": "true", **self.settings, **changed}
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

    def add(self, url, key=None):
        status, _, text = self.request("/api/v1/download", "POST", {"url": url}, {"Authorization": "Bearer " + key} if key else {})
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
        self.ask(socket.create_connection(("127.0.0.1", port), timeout=10), f"GET {path} HTTP/{version}\r\nHost: localhost", headers)

    def ask(self, to, request, headers):
        self.socket = to
        lines = "".join(f"\r\n{name}: {value}" for name, value in headers.items())
        self.socket.sendall(f"{request}{lines}\r\n\r\n".encode())
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
