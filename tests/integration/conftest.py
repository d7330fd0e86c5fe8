"""A real hermes-server per test, a file server for it to fetch from, and a wire to it that can be cut."""
import http.server
import os
import threading
import time

import pytest

from hermes_server import Hermes
from proxy import Proxy

BIG = os.urandom(400_000)


def pytest_configure(config):
    config.addinivalue_line("markers", "browser: drives Chromium")
    config.addinivalue_line("markers", "many_runs: starts a program so often that the sanitizers' share of it is most of the time")


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


@pytest.fixture
def proxy():
    running = []

    def start(port):
        running.append(Proxy(port))
        return running[-1]

    yield start
    for one in running:
        one.close()
