"""Starts the server on the shipped .env.example with a Redis on the shipped redis.conf and users.acl, in both modes, and looks for
every metric that dashboard and rules name: live.py DIRECTORY SERVER."""
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

deploy, program = sys.argv[1:]


def read(name):
    with open(os.path.join(deploy, name)) as f:
        return f.read()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def expressions():
    """Of the dashboard and of the rules, each with where it is from."""
    for panel in json.loads(read("grafana/hermes.json"))["panels"]:
        for target in panel.get("targets", []):
            yield f"panel {panel['title']!r}", target["expr"]
    for name in re.findall(r"hermes_sse_\w+", read("prometheus/hermes.rules.yml")):
        yield "rules", name


def problems(metrics):
    there = set(re.findall(r"^(hermes_sse_\w+)", metrics, re.M))
    shown = set()
    for where, expression in expressions():
        for name in re.findall(r"hermes_sse_\w+", expression):
            shown.add(re.sub(r"_(bucket|sum|count)$", "", name))
            if name not in there:
                yield f"{where}: {name} is no metric of the server"
        for label in re.findall(r"by \((\w+)\)", expression):
            if label not in ("le", "instance", "job") and not re.search(rf"{re.findall(r'hermes_sse_[a-z_]+', expression)[0]}{{{label}=", metrics):
                yield f"{where}: no label {label}"
    for name in sorted({re.sub(r"_(bucket|sum|count)$", "", name) for name in there} - shown):
        yield f"no panel shows {name}"


def wait_for(port, path, pattern, seconds=8):
    """What the server says there, once the pattern is found in it."""
    until = time.monotonic() + seconds
    while not re.search(pattern, text := get(port, path), re.M):
        if time.monotonic() > until:
            raise SystemExit(f"not within {seconds} s: {pattern} in {path}: {text}")
        time.sleep(0.05)
    return text


def get(port, path):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/events/{path}", timeout=2) as answer:
            return answer.read().decode()
    except OSError:
        return ""


class Stack:
    def __init__(self, directory):
        self.directory, self.port, self.processes = directory, free_port(), []
        conf = read("redis/redis.conf").replace("/etc/redis", directory).replace("dir /data", f"dir {directory}")
        conf = conf.replace("port 6379", f"port {self.port}").replace("bind * -::*", "bind 127.0.0.1")
        for name, text in (("redis.conf", conf), ("users.acl", read("redis/users.acl"))):
            with open(os.path.join(directory, name), "w") as f:
                f.write(text)
        self.run(directory, ["redis-server", "redis.conf"], {})

    def run(self, directory, command, environment):
        log = open(os.path.join(directory, "printed"), "ab")
        self.processes.append(subprocess.Popen(command, cwd=directory, env={"PATH": os.environ["PATH"], **environment}, stdout=log, stderr=log))

    def server(self, mode):
        directory, port = os.path.join(self.directory, mode), free_port()
        os.mkdir(directory)
        with open(os.path.join(directory, ".env"), "w") as f:
            f.write(read(".env.example").replace("@redis:6379", f"@127.0.0.1:{self.port}"))
        self.run(directory, [program], {"API_PORT": str(port), "HERMES_REDIS_MODE": mode})
        return port

    def redis(self, *words, user="default", password="change-me-operator"):
        command = ["redis-cli", "-p", str(self.port), "--user", user, "--pass", password, "--no-auth-warning", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def stop(self):
        for process in self.processes:
            process.terminate()
            process.wait(10)


def check(stack):
    ports = [stack.server(mode) for mode in ("pubsub", "streams")]
    for port in ports:
        wait_for(port, "ready", '"ready":true')
    channels = set(stack.redis("PUBSUB", "CHANNELS").split())
    if channels != {"download:updates", "queue:updates", "system:notifications", "analytics:updates"}:
        yield f"PUBSUB CHANNELS: {channels}"
    message = '{"type":"queue_update","data":{"action":"added","download_id":"1","status":"queued"}}'
    stack.redis("PUBLISH", "queue:updates", message, user="worker", password="change-me-worker")
    for port in ports:
        metrics = wait_for(port, "metrics", "^hermes_sse_events_published_total 1$")
        yield from re.findall("^hermes_sse_redis_(?:refused_total|channels_denied|malformed_total|losses_total) [^0].*", metrics, re.M)
        yield from problems(metrics)
    if "NOPERM" not in stack.redis("PUBLISH", "queue:updates", message) or "NOPERM" not in stack.redis("FLUSHALL", user="hermes", password="change-me-redis"):
        yield "users.acl allows more than is needed"


def main():
    with tempfile.TemporaryDirectory() as directory:
        stack = Stack(directory)
        try:
            found = list(check(stack))
        finally:
            stack.stop()
    for problem in dict.fromkeys(found):
        print(problem)
    return bool(found)


sys.exit(main())
