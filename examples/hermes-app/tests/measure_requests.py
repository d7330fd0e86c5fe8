"""Counts the HTTP requests of one open page: by polling, by SSE, and by SSE with a key. Prints markdown.

    HERMES_SERVER=/path/to/hermes-server python3 tests/measure_requests.py [--seconds 60]

The page is the built one (npm run build); one row for each kind of request, as the server's log has them.
"""
import argparse
import collections
import pathlib
import re
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent / "browser"))
from parts import Files, Hermes, wait  # noqa: E402
from chromium import chromium  # noqa: E402

KEY = "a-long-enough-key"
WAYS = {"polling": ({"sseEnabled": False}, {}, None), "SSE": ({}, {}, None), "SSE, with a key": ({}, {"HERMES_API_KEYS": KEY}, KEY)}
SETTLING = 3


def kind(line):
    return re.sub(r"download/[0-9a-f]{16}$", "download/{id}", line)


def asked(server):
    ours = ("POST /api/v1/download", "GET /api/v1/events/health")
    return collections.Counter(kind(line) for line in server.requests() if "/api/" in line and line not in ours)


def measure(driver, files, downloads, seconds, config, settings, key):
    with tempfile.TemporaryDirectory() as directory:
        server = Hermes(directory, config, HERMES_DOWNLOAD_DIR=directory + "/downloads", **settings)
        try:
            for i in range(downloads):
                server.add(f"{files}/{i}.bin?{seconds + 60}", key)
            if key:
                driver.get(server.base + "/config.json")
                driver.execute_script("sessionStorage.setItem('hermes-api-key', arguments[0])", key)
            driver.get(server.base)
            wanted = "polling" if config else "connected"
            wait(lambda: driver.execute_script("return document.getElementById('status')?.dataset.state") == wanted)
            time.sleep(SETTLING)
            loading = asked(server)
            time.sleep(seconds)
            later = asked(server) - loading
            driver.get("about:blank")
            return loading, later
        finally:
            server.close()


def table(downloads, seconds, results):
    loaded = [loading for loading, _ in results.values()]
    laters = [later for _, later in results.values()]
    rows = sorted(set().union(*loaded, *laters))
    print(f"\n{downloads} download{'s' * (downloads > 1)}, requests in the {seconds} s after the page has loaded (and while it loaded)\n")
    print("| request | " + " | ".join(results) + " |")
    print("|---|" + "---:|" * len(results))
    for row in rows:
        print(f"| `{row}` | " + " | ".join(f"{later[row]} ({loading[row]})" for loading, later in results.values()) + " |")
    print("| **all** | " + " | ".join(f"**{later.total()}** ({loading.total()})" for loading, later in results.values()) + " |", flush=True)


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--seconds", type=int, default=60)
    seconds = options.parse_args().seconds
    files = Files()
    try:
        with chromium("1100,900") as driver:
            for downloads in (1, 10):
                table(downloads, seconds, {way: measure(driver, files.base, downloads, seconds, *how) for way, how in WAYS.items()})
    finally:
        files.shutdown()


if __name__ == "__main__":
    main()
