import pytest

from parts import Files, Hermes, SlowWire
from chromium import chromium as start_chromium  # which parts has put on the path


@pytest.fixture(scope="session")
def chromium():
    with start_chromium("1100,900") as driver:
        yield driver


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
