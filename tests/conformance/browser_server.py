"""Serves jobs to browser.html: scripted answers, one for each request of a stream, and a record of the requests.

A browser opens six connections to an origin at most, so there are several origins, each a port of its own.
"""
import http.server
import itertools
import json
import os
import threading
import time

ORIGINS = 8
CHUNK_PAUSE = 0.01
SEEN_WITHIN = 2.0  # an event that its chunk should have dispatched counts as late after so many seconds
LIMIT = 120        # seconds for all jobs


class Request:
    def __init__(self, last_event_id):
        self.last_event_id = last_event_id.encode("latin-1").decode("utf-8", "replace") if last_event_id is not None else None
        self.came, self.answered = time.monotonic(), None


class Job:
    ids = itertools.count()

    def __init__(self, name, answers):
        self.id, self.name, self.answers = next(self.ids), name, answers
        self.requests, self.events, self.seen, self.seen_after = [], None, 0, []
        self.changed = threading.Condition()

    def delay_before(self, index):
        """Seconds between the end of the answer before and this request; None if either never came."""
        if index >= len(self.requests) or self.requests[index - 1].answered is None:
            return None
        return self.requests[index].came - self.requests[index - 1].answered

    def wait_for(self, count):
        with self.changed:
            self.changed.wait_for(lambda: self.seen >= count, SEEN_WITHIN)
        time.sleep(2 * CHUNK_PAUSE)  # for one too many
        self.seen_after.append(self.seen)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def do_GET(self):
        if self.path == "/page":
            with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "browser.html"), "rb") as file:
                self.reply("text/html", file.read())
        elif self.path == "/jobs":
            self.reply("application/json", json.dumps({"types": self.server.types, "jobs": [job.for_page() for job in self.server.jobs.values()]}).encode())
        elif self.path.startswith("/stream/"):
            self.stream(self.server.jobs[int(self.path.split("/")[2])])
        else:
            self.reply("text/html", b"", 404)

    def do_POST(self):
        value = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        what, _, number = self.path[1:].partition("/")
        if what == "done":
            self.server.done.set()
        elif what == "seen":
            job = self.server.jobs[int(number)]
            with job.changed:
                job.seen = max(job.seen, value)
                job.changed.notify_all()
        elif what == "result":
            self.server.jobs[int(number)].events = [tuple(event) for event in value]
        self.reply("text/plain", b"")

    def reply(self, content_type, body, status=200):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")  # a reused one lets browsers ask again after 408
        self.end_headers()
        self.wfile.write(body)

    def stream(self, job):
        request = Request(self.headers["Last-Event-ID"])
        job.requests.append(request)
        self.close_connection = True
        try:
            if len(job.requests) <= len(job.answers):
                self.answer(job, job.answers[len(job.requests) - 1])
            else:
                self.send_error(410)
        except OSError:
            pass
        request.answered = time.monotonic()

    def answer(self, job, answer):
        if "network_error" in answer:  # not a closed connection, which browsers may try again at once and silently
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n")
            return
        self.send_response(answer["status"])
        if answer["content_type"] is not None:
            self.send_header("Content-Type", answer["content_type"])
        self.send_header("Connection", "close")
        breaks = answer.get("end") == "error"
        if breaks:  # the last chunk of the HTTP body is missing
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        after = answer.get("after")
        for i, chunk in enumerate(answer.get("chunks", [])):
            if chunk:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk) if breaks else chunk)
            if after:
                job.wait_for(after[i])
            else:
                time.sleep(answer.get("pause", CHUNK_PAUSE))


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, jobs, types):
        super().__init__(("127.0.0.1", 0), Handler)
        self.jobs, self.types, self.done = {job.id: job for job in jobs}, types, threading.Event()
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def handle_error(self, request, client_address):
        pass

    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


def run(driver, jobs, types):
    """All jobs in the browser; when it returns, each knows its events and its requests."""
    servers = [Server(jobs[i::ORIGINS], types) for i in range(ORIGINS)]
    try:
        driver.get("about:blank")
        main = driver.current_window_handle
        for server in servers:
            driver.switch_to.new_window("tab")
            driver.get(server.url() + "/page")
        end = time.monotonic() + LIMIT
        for server in servers:
            server.done.wait(max(0, end - time.monotonic()))
        for handle in driver.window_handles:
            if handle != main:
                driver.switch_to.window(handle)
                driver.close()
        driver.switch_to.window(main)
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
