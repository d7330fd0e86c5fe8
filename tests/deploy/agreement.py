"""What the files of examples/deploy say of each other, and of the quick reference: agreement.py DIRECTORY."""
import os
import re
import sys

import yaml

deploy = sys.argv[1]
wrong = []


def read(name):
    with open(os.path.join(deploy, name)) as f:
        return f.read()


def expect(holds, what):
    if not holds:
        wrong.append(what)


def bytes_of(text):
    number, unit = re.fullmatch(r"(\d+)([kmg])b?", text.lower()).groups()
    return int(number) * {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30}[unit]


compose = yaml.safe_load(read("docker-compose.yml"))
services = compose["services"]
environment = dict(re.findall(r"^([A-Z_]+)=(\S*)", read(".env.example"), re.M))
unit = dict(re.findall(r"^([A-Za-z]+)=(.*)$", read("systemd/hermes-server.service"), re.M))
redis = dict(re.findall(r"^([a-z-]+) (\S+)$", read("redis/redis.conf"), re.M))
users = {line.split()[1]: line.split() for line in read("redis/users.acl").splitlines()}
rules = yaml.safe_load(read("prometheus/hermes.rules.yml"))["groups"][0]["rules"]
tests = yaml.safe_load(read("prometheus/hermes.rules.test.yml"))["tests"]

expect(list(services) == ["api", "redis", "proxy"], "services are api, redis, proxy")
expect([services[name]["container_name"] for name in ("api", "redis")] == ["hermes-api", "hermes-redis"], "containers are hermes-api, hermes-redis")
expect("ports" not in services["api"] and "ports" not in services["redis"], "only the proxy is reachable from outside")

for service in services.values():
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        if source == "./.env":
            continue  # made from .env.example
        there = os.path.exists(os.path.join(deploy, source)) if source.startswith(".") else source in compose["volumes"]
        expect(there, f"{source}: mounted, and not there")

limit = bytes_of(services["api"]["mem_limit"])
memory_alert = next(rule for rule in rules if rule["alert"] == "HermesApiMemoryNearLimit")
expect(str(limit) in memory_alert["expr"], f"HermesApiMemoryNearLimit is about mem_limit, {limit}")
expect(bytes_of(unit["MemoryMax"]) == limit, "MemoryMax= is mem_limit")
expect(bytes_of(redis["maxmemory"]) < bytes_of(services["redis"]["mem_limit"]), "maxmemory leaves the container room")
expect(redis["maxmemory-policy"] == "noeviction", "nothing is evicted")

subnet = compose["networks"]["inside"]["ipam"]["config"][0]["subnet"]
expect(environment["HERMES_TRUSTED_PROXIES"] == subnet, "HERMES_TRUSTED_PROXIES is the network of docker-compose.yml")
expect(environment["HERMES_ALLOWED_ORIGINS"] == "https://" + environment["HERMES_SITE"], "HERMES_ALLOWED_ORIGINS is the site")
expect(">" + re.match(r"redis://hermes:([^@]+)@redis:6379", environment["HERMES_REDIS_URL"])[1] in users["hermes"], "the password of hermes in users.acl")
expect(">" + environment["HERMES_REDIS_OPERATOR_PASSWORD"] in users["default"], "the password of default in users.acl")
expect(int(unit["LimitNOFILE"]) >= int(environment["HERMES_SSE_MAX_CONNECTIONS"]) + 64, "LimitNOFILE= is enough")

for name in ("HERMES_ENABLE_SSE=true", "HERMES_SSE_HEARTBEAT_INTERVAL=30 ", "HERMES_SSE_MAX_CONNECTIONS=1000 ", "HERMES_SSE_CONNECTION_TIMEOUT=300 "):
    expect(name in read(".env.example"), f".env.example has the quick reference's {name}")
expect("VITE_SSE_ENABLED=true" in read("hermes-app.env.example"), "hermes-app.env.example has the front end's switch")

tested = {case["alertname"] for test in tests for case in test["alert_rule_test"] if case["exp_alerts"]}
expect(len(rules) == 4 and tested == {rule["alert"] for rule in rules}, "each of the four alerts has a case in which it is raised")

for problem in wrong:
    print(problem)
sys.exit(bool(wrong))
