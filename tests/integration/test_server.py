"""hermes-server as its users see it: curl-like requests, streams, real transfers, bad input, shutdown."""
import json
import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time


def test_health_is_as_the_quick_reference_prints_it(hermes):
    health = hermes().health()
    assert list(health)[:4] == ["enabled", "active_connections", "max_connections", "heartbeat_interval"]
    assert list(health.values())[:4] == [True, 0, 1000, 30]


def test_a_download_reaches_the_end_on_every_stream(hermes, files):
    server = hermes()
    streams = [server.stream(), server.stream("/api/v1/events/stream?channels=download:updates")]
    for stream in streams:
        assert stream.status == 200 and stream.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert stream.headers["x-accel-buffering"] == "no" and stream.headers["cache-control"] == "no-cache, no-transform"
        kind, data, ident, _ = stream.event()
        assert kind == "message" and json.loads(data)["type"] == "connected" and ident
    ident = server.add(files + "/slow.bin")
    started = time.monotonic()
    for stream in streams:
        seen = stream.until(lambda kind, data: kind == "download_progress" and data["status"] == "completed")
        progress = [json.loads(data) for kind, data, _, _ in seen if kind == "download_progress"]
        assert progress[0]["status"] == "queued" and progress[-1]["progress"] == 100
        assert all(p["download_id"] == ident for p in progress)
        assert len(progress) <= 5 * (time.monotonic() - started) + 4
        stream.close()
    path = os.path.join(server.directory, "downloads", "slow.bin")
    assert os.path.getsize(path) == 400_000


def test_failures_say_what_happened(hermes, files):
    server = hermes(HERMES_DOWNLOAD_MAX_BYTES="100000")
    for url, text in [(files + "/none", "404"), ("http://127.0.0.1:1/x", "connect"), ("http://nowhere.invalid/", "resolve"),
                      (files + "/big.bin", "HERMES_DOWNLOAD_MAX_BYTES"), (files + "/drop.bin", "")]:
        state = server.wait(server.add(url), "failed")
        assert text in state["error_message"], state
    status, _, body = server.request("/api/v1/download", "POST", {"url": "file:///etc/passwd"})
    assert status == 400 and "http" in body
    assert os.listdir(os.path.join(server.directory, "downloads")) == []


def test_a_full_disk_fails_and_leaves_nothing(hermes, files, tmp_path):
    directory = tmp_path / "full"
    directory.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", directory], check=False).returncode:
        return  # needs a small file system of its own
    try:
        server = hermes(HERMES_DOWNLOAD_DIR=str(directory))
        assert "disk is full" in server.wait(server.add(files + "/big.bin"), "failed")["error_message"]
        assert os.listdir(directory) == []
    finally:
        subprocess.run(["umount", "-l", directory], check=True)


def test_names_are_harmless_and_nothing_is_overwritten(hermes, files):
    server = hermes()
    for path in ["/small.txt", "/small.txt", "/redirect", "/.hidden", "/..%2f..%2fevil"]:
        server.wait(server.add(files + path), "completed")
    names = sorted(os.listdir(os.path.join(server.directory, "downloads")))
    assert names == sorted(["small.txt", "small (2).txt", "redirect", "_hidden", "_._2f.._2fevil"])


def test_cancel_removes_the_part(hermes, files):
    server = hermes()
    ident = server.add(files + "/slow.bin")
    server.wait(ident, "downloading")
    assert server.json("/api/v1/download/queue")["total"] == 1
    status, _, body = server.request(f"/api/v1/download/{ident}", "DELETE")
    assert status == 200 and json.loads(body)["status"] == "cancelled"
    assert server.request(f"/api/v1/download/{ident}", "DELETE")[0] == 409
    assert server.json("/api/v1/download/queue") == {"items": [], "total": 0}
    assert os.listdir(os.path.join(server.directory, "downloads")) == []
    assert server.request("/api/v1/download/ffffffffffffffff")[0] == 404


def test_a_stream_resumes_where_it_was(hermes, files):
    server = hermes()
    stream = server.stream("/api/v1/events/queue")
    last = stream.event()[2]
    stream.close()
    server.wait(server.add(files + "/small.txt"), "completed")
    stream = server.stream("/api/v1/events/queue", {"Last-Event-ID": last})
    stream.event()
    kind, data, _, _ = stream.event()
    assert kind == "queue_update" and json.loads(data)["action"] == "added"
    stream.close()
    server.stop()
    server.start()
    stream = server.stream("/api/v1/events/queue", {"Last-Event-ID": last})
    assert stream.headers["hermes-sse-gap"] == "restarted"
    stream.event()
    kind, data, _, _ = stream.event()
    assert kind == "gap" and json.loads(data) == {"from": last, "to": None, "missed": None, "reason": "restarted"}
    stream.close()


def test_keys_and_tokens(hermes, files):
    server = hermes(HERMES_API_KEYS="a-long-enough-key")
    key = {"Authorization": "Bearer a-long-enough-key"}
    assert server.request("/api/v1/events/stream")[0] == 401
    assert server.request("/api/v1/events/stream?token=a-long-enough-key")[0] == 401
    assert server.request("/api/v1/download", "POST", {"url": files})[0] == 401
    assert server.request("/")[0] == 200
    status, _, body = server.request("/api/v1/download", "POST", {"url": files + "/slow.bin"}, key)
    ident = json.loads(body)["download_id"]
    token = json.loads(server.request("/api/v1/events/token", "POST", {"scope": "download:" + ident}, key)[2])["token"]
    assert server.stream(f"/api/v1/events/queue?token={token}").status == 403
    stream = server.stream(f"/api/v1/events/downloads/{ident}?token={token}")
    stream.until(lambda kind, data: kind == "download_progress" and data["status"] == "completed")
    assert stream.event() is None  # revoked once its download has ended
    assert server.stream(f"/api/v1/events/downloads/{ident}?token={token}").status == 401
    log = open(os.path.join(server.directory, "log")).read()
    assert "a-long-enough-key" not in log and token not in log


def test_off_is_a_plain_503(hermes, files):
    server = hermes(HERMES_ENABLE_SSE="false")
    status, _, body = server.request("/api/v1/events/stream")
    assert (status, body) == (503, '{"detail":"SSE is not enabled on this server"}')
    assert server.wait(server.add(files + "/small.txt"), "completed")["progress"] == 100


def test_bad_requests_are_answered(hermes):
    server = hermes()
    assert server.request("/" + "x" * 30000)[0] in (400, 413, 414, 431)
    assert server.request("/api/v1/download", "POST", {"url": "x" * 100_000})[0] == 413
    assert server.request("/nothing") [0] == 404
    assert server.request("/api/v1/download", "PUT", {})[0] == 405
    assert server.request("/api/v1/events/stream?channels=x")[0] == 400
    assert server.request("/api/v1/download", "POST", {"url": "ftp://x"})[0] == 400
    assert server.request("/api/v1/download", "POST", {}, {"Content-Type": "text/plain"})[0] == 415
    assert server.request("/api/v1/download", "POST", {}, {"Host": "evil.example"})[0] == 403
    assert server.health()["active_connections"] == 0


def refused(directory, **settings):
    environment = {"PATH": os.environ["PATH"], **settings}
    done = subprocess.run([os.environ["HERMES_SERVER"]], cwd=directory, env=environment, capture_output=True, timeout=10, check=False)
    assert done.returncode == 2
    return done.stderr.decode()


def test_a_bad_start_is_refused_in_one_line(hermes, tmp_path):
    server = hermes()
    assert f":{server.port}" in refused(tmp_path, API_PORT=str(server.port))
    assert "HERMES_SSE_MAX_CONNECTIONS" in refused(tmp_path, HERMES_SSE_MAX_CONNECTIONS="0")
    both = refused(tmp_path, HERMES_SSE_MAX_CONNECTIONS="1000000000")
    assert "1000000000" in both and re.search(r"limit of \d+", both)
    assert "HERMES_DOWNLOAD_DIR" in refused(tmp_path, HERMES_DOWNLOAD_DIR="/proc/nothing")
    assert "HERMES_ALLOW_OPEN" in refused(tmp_path, API_HOST="0.0.0.0")


def test_resets_leave_nothing_behind(hermes):
    server = hermes(HERMES_SSE_MAX_CONNECTIONS="5000")
    before = server.descriptors()
    count = 100_000 if os.environ.get("HERMES_SSE_TESTS") == "long" else 3000
    request = b"GET /api/v1/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"
    for number in range(count):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.connect(("127.0.0.1", server.port))
        s.send(request[:number % (len(request) + 1)])
        s.close()
    for _ in range(200):
        if server.health()["active_connections"] == 0 and server.descriptors() <= before + 2:
            break
        time.sleep(0.05)
    assert server.health()["active_connections"] == 0
    assert server.descriptors() <= before + 2
    metrics = server.request("/api/v1/events/metrics")[2]
    assert "hermes_sse_connections 0\n" in metrics


def test_a_client_that_never_reads_costs_nobody(hermes, files):
    server = hermes()
    stuck, healthy = server.stream(), server.stream()
    for _ in range(20):
        server.add("http://127.0.0.1:1/x")
    healthy.until(lambda kind, data: kind == "system_notification")
    stuck.close()
    healthy.close()


def test_sigterm_drains_with_a_retry(hermes):
    server = hermes()
    streams = [server.stream() for _ in range(20)]
    codes = []
    waiting = threading.Thread(target=lambda: codes.append(server.stop()))
    waiting.start()
    retries = []
    for stream in streams:
        stream.event()
        retries.append(stream.event()[3])
        assert stream.event() is None
    waiting.join()
    assert codes == [0] and all(1000 <= r <= 5000 for r in retries) and len(set(retries)) > 5


def test_a_killed_server_is_only_a_reconnect_away(hermes):
    server = hermes()
    stream = server.stream()
    stream.event()
    server.stop(signal.SIGKILL)
    server.start()
    assert server.stream().status == 200


def test_an_open_server_beyond_loopback_is_only_started_on_purpose(hermes, tmp_path):
    assert "HERMES_ALLOW_OPEN" in refused(tmp_path, API_HOST="0.0.0.0", API_PORT="1", HERMES_ENABLE_SSE="true")
    server = hermes(API_HOST="0.0.0.0", HERMES_ALLOW_OPEN="true")
    assert server.health()["enabled"] is True


def test_any_origin_with_credentials_is_refused_at_the_start(tmp_path):
    said = refused(tmp_path, HERMES_ALLOWED_ORIGINS='["*"]', HERMES_ENABLE_SSE="true")
    assert "HERMES_ALLOWED_ORIGINS" in said and said.count("\n") == 1


def test_the_grace_is_how_long_a_drain_may_take(hermes):
    server = hermes(HERMES_SHUTDOWN_GRACE="3")
    streams = [server.stream() for _ in range(30)]
    closed = []

    def follow(stream):
        while stream.event():
            pass
        closed.append(time.monotonic())

    followers = [threading.Thread(target=follow, args=(stream,)) for stream in streams]
    for one in followers:
        one.start()
    began = time.monotonic()
    server.process.terminate()
    while server.process.poll() is None and time.monotonic() < began + 10:
        try:
            status = server.request("/api/v1/events/ready")[0]
        except OSError:
            break
        assert status in (200, 503) if time.monotonic() < began + 0.2 else status == 503
        time.sleep(0.1)
    assert server.process.wait(10) == 0
    for one in followers:
        one.join()
    assert 1 < max(closed) - began < 4 and max(closed) - min(closed) > 1
