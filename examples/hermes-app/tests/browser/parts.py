"""What the page is tried against: a real hermes-server that serves a build, files to download, and a slow wire."""
import functools
import http.server
import itertools
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
DIST = os.environ.get("HERMES_APP_DIST", os.path.join(HERE, "..", "..", "dist"))
CSP = ("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
       "base-uri 'none'; form-action 'self'; frame-ancestors 'none'")

# Below those that the kernel gives to clients, so that a stopped server finds its port free; apart for tests in parallel.
PORTS = itertools.cycle(range(16000 + os.getpid() * 53 % 8000, 32000))


def free_port():
    for port in PORTS:
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


@functools.cache
def serves_apps():
    usage = subprocess.run([os.environ["HERMES_SERVER"], "--help"], capture_output=True, text=True).stdout
    return "--app" in usage


def wait(condition, seconds=15, pause=0.05):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (found := condition()):
            return found
        time.sleep(pause)
    raise AssertionError("it did not come")


class Hermes:
    """A server with the app at `/`; `page` is where the browser goes."""

    def __init__(self, directory, config=None, **settings):
        self.directory, self.settings = str(directory), settings
        self.app = os.path.join(self.directory, "app")
        shutil.copytree(DIST, self.app)
        with open(os.path.join(self.app, "config.json"), "w") as f:
            json.dump({"sseEnabled": True, **(config or {})}, f)
        self.port = free_port()
        self.base = self.page = f"http://127.0.0.1:{self.port}"
        self.front = None
        if not serves_apps():
            self.front = Front(self.app, self.port)
            self.page = self.front.base
        self.start()

    def start(self, **changed):
        environment = {"PATH": os.environ["PATH"], "API_PORT": str(self.port), "HERMES_ENABLE_SSE": "true", **self.settings, **changed}
        command = [os.environ["HERMES_SERVER"], *(["--app", self.app] if serves_apps() else [])]
        self.log = open(os.path.join(self.directory, "log"), "ab")
        self.process = subprocess.Popen(command, cwd=self.directory, env=environment, stderr=self.log)
        wait(self.answers, 5, 0.02)

    def answers(self):
        try:
            return self.health()
        except OSError:
            return None

    def stop(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
            self.process.wait(10)
        self.log.close()

    def close(self):
        self.stop(signal.SIGKILL)
        if self.front:
            self.front.close()

    def json(self, path, body=None, key=None):
        headers = {**({"Content-Type": "application/json"} if body else {}), **({"Authorization": "Bearer " + key} if key else {})}
        asked = urllib.request.Request(self.base + path, json.dumps(body).encode() if body else None, headers)
        with urllib.request.urlopen(asked, timeout=10) as answer:
            return json.load(answer)

    def health(self):
        return self.json("/api/v1/events/health")

    def add(self, url, key=None):
        return self.json("/api/v1/download", {"url": url}, key)["download_id"]

    def requests(self, ending=""):
        """What was asked for, in order, as "METHOD path"."""
        found = re.findall(rb'method=(\S+) path="([^"]*)"', open(os.path.join(self.directory, "log"), "rb").read())
        return [line for line in (f"{method.decode()} {path.decode()}" for method, path in found) if line.endswith(ending)]


class DevServer:
    """What `npm run dev` starts."""

    def __init__(self, **environment):
        folder = os.path.join(HERE, "..", "..")
        port = free_port()
        self.base = f"http://localhost:{port}"
        command = ["node", "node_modules/vite/bin/vite.js", "--host", "localhost", "--port", str(port), "--strictPort"]
        self.process = subprocess.Popen(command, cwd=folder, env={**os.environ, **environment}, stdout=subprocess.DEVNULL)
        wait(self.answers, 20)

    def answers(self):
        try:
            return urllib.request.urlopen(self.base, timeout=5).status == 200
        except OSError:
            return False

    def close(self):
        self.process.terminate()
        self.process.wait(10)


class Front(http.server.ThreadingHTTPServer):
    """Serves a folder, and passes /api on: for servers that cannot serve an app themselves."""
    daemon_threads = True

    def __init__(self, folder, to):
        self.to = to
        super().__init__(("127.0.0.1", 0), functools.partial(FrontHandler, directory=folder))
        self.base = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self):
        self.shutdown()
        self.server_close()

    def handle_error(self, request, client_address):
        pass


class FrontHandler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def end_headers(self):
        self.send_header("Content-Security-Policy", CSP)
        super().end_headers()

    def do_GET(self):
        if self.path.startswith("/api/"):
            self.pass_on()
        else:
            super().do_GET()

    def do_POST(self):
        self.pass_on()

    do_DELETE = do_POST

    def pass_on(self):
        self.close_connection = True
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = "".join(f"{name}: {value}\r\n" for name, value in self.headers.items() if name.lower() != "connection")
        with socket.create_connection(("127.0.0.1", self.server.to)) as upstream:
            upstream.sendall(f"{self.command} {self.path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n".encode() + body)
            while True:
                ready = select.select([upstream, self.connection], [], [])[0]
                data = upstream.recv(65536) if upstream in ready else b""
                if not data:
                    return  # either side has left
                self.connection.sendall(data)


class Files(http.server.ThreadingHTTPServer):
    """`/NAME?SECONDS`: 2 MB that take so long."""
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), FilesHandler)
        self.base = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass


class FilesHandler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *args):
        pass

    def do_GET(self):
        name, _, seconds = self.path.partition("?")
        if name == "/none":
            return self.send_error(404)
        self.send_response(200)
        self.send_header("Content-Length", "2000000")
        self.end_headers()
        for _ in range(50):
            self.wfile.write(b"x" * 40_000)
            time.sleep(float(seconds or 0) / 50)


class SlowWire:
    """A mobile network: what the server says takes its time, and comes at so many bytes a second."""

    def __init__(self, port, bytes_a_second, delay):
        self.port, self.rate, self.delay = port, bytes_a_second, delay
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{self.listening.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listening.accept()[0]
                server = socket.create_connection(("127.0.0.1", self.port))
            except OSError:
                return
            threading.Thread(target=self.carry, args=(client, server, False), daemon=True).start()
            threading.Thread(target=self.carry, args=(server, client, True), daemon=True).start()

    def carry(self, source, sink, is_slow):
        try:
            while (data := source.recv(4096)):
                time.sleep(self.delay + len(data) / self.rate if is_slow else 0)
                sink.sendall(data)
        except OSError:
            pass
        for one in (source, sink):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self.listening.close()
