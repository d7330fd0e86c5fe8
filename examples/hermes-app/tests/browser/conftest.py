import tempfile

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

from parts import Files, Hermes, SlowWire

ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=1100,900"]


def start_chromium(profile):
    options = Options()
    for argument in ARGUMENTS + ["--user-data-dir=" + profile]:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)


@pytest.fixture(scope="session")
def chromium():
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        driver = start_chromium(profile)
        yield driver
        driver.quit()


@pytest.fixture
def browser(chromium):
    """One tab, with nothing in it."""
    yield chromium
    first, *others = chromium.window_handles
    for tab in others:
        chromium.switch_to.window(tab)
        chromium.close()
    chromium.switch_to.window(first)
    forbidden = [entry["message"] for entry in chromium.get_log("browser") if "Content Security Policy" in entry["message"]]
    chromium.get("about:blank")
    assert forbidden == []


@pytest.fixture(scope="session")
def files():
    server = Files()
    yield server.base
    server.shutdown()
    server.server_close()


@pytest.fixture
def hermes(tmp_path):
    running = []

    def start(config=None, **settings):
        running.append(Hermes(tmp_path, config, **settings))
        return running[-1]

    yield start
    for one in running:
        one.close()


@pytest.fixture
def slow_wire():
    running = []

    def start(*how):
        running.append(SlowWire(*how))
        return running[-1]

    yield start
    for one in running:
        one.close()
