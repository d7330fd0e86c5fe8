"""What the page is tried against: a real hermes-server that serves a build, files to download, and a slow wire."""
import functools
import http.server
import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.append(os.path.join(HERE, "..", "..", "..", "..", "tests", "integration"))
import hermes_server  # noqa: E402
from ports import free_port  # noqa: E402
from proxy import Proxy  # noqa: E402
from waiting import wait  # noqa: E402

DIST = os.environ.get("HERMES_APP_DIST", os.path.join(HERE, "..", "..", "dist"))
CSP = ("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
       "base-uri 'none'; form-action 'self'; frame-ancestors 'none'")


@functools.cache
def serves_apps():
    usage = subprocess.run([os.environ["HERMES_SERVER"], "--help"], capture_output=True, text=True).stdout
    return "--app" in usage


class Hermes(hermes_server.Hermes):
    """A server with the app at `/`; `page` is where the browser goes."""

    def __init__(self, directory, config=None, **settings):
        app = os.path.join(str(directory), "app")
        shutil.copytree(DIST, app)
        with open(os.path.join(app, "config.json"), "w") as f:
            json.dump({"sseEnabled": True, **(config or {})}, f)
        super().__init__(directory, ["--app", app] if serves_apps() else [], **settings)
        self.front = None if serves_apps() else Front(app, self.port)
        self.page = self.front.base if self.front else self.base

    def close(self):
        self.stop(signal.SIGKILL)
        if self.front:
            self.front.close()

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


class SlowWire(Proxy):
    """A mobile network: what the server says takes its time, and comes at so many bytes a second."""
    AT_ONCE = 4096

    def __init__(self, port, bytes_a_second, delay):
        self.rate, self.delay = bytes_a_second, delay
        super().__init__(port)

    def passes(self, data, is_answer):
        time.sleep(self.delay + len(data) / self.rate if is_answer else 0)
