"""What the page is tried against: a real hermes-server that serves a build, files to download, and a slow wire."""
import http.server
import json
import os
import re
import shutil
import signal
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


class Hermes(hermes_server.Hermes):
    """A server with the app at `/`."""

    def __init__(self, directory, config=None, **settings):
        app = os.path.join(str(directory), "app")
        shutil.copytree(DIST, app)
        with open(os.path.join(app, "config.json"), "w") as f:
            json.dump({"sseEnabled": True, **(config or {})}, f)
        super().__init__(directory, ["--app", app], **settings)

    def close(self):
        self.stop(signal.SIGKILL)

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
