"""The page in headless Chromium, against a real server. SCREENSHOTS: a folder for pictures of each state, light and dark.
HERMES_APP_SLOW=1: probes at their real pace of 30 s."""
import os
import re
import signal
import time

from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from parts import DIST, DevServer, wait

KEY = "a-long-enough-key"
SLOW = os.environ.get("HERMES_APP_SLOW") == "1"
STREAM = "GET /api/v1/events/stream"


def find(browser, selector):
    return browser.find_elements(By.CSS_SELECTOR, selector)


def text_of(browser, selector):
    """In one step, as React may exchange an element between two."""
    return browser.execute_script("return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)", selector)


def state(browser):
    return browser.execute_script("return document.getElementById('status')?.dataset.state")


def is_connected(browser):
    return state(browser) == "connected"


def progress(browser):
    return browser.execute_script("return document.querySelector('[data-status=downloading] progress')?.value ?? 0")


def add(browser, url):
    browser.find_element(By.ID, "url").send_keys(url)
    find(browser, "#add-form button")[0].click()


def completed(browser):
    return len(find(browser, "#ended [data-status=completed]"))


def gaps(browser):
    return [note for note in text_of(browser, ".note-warning") if "missed" in note]


def picture(browser, name):
    if "SCREENSHOTS" not in os.environ:
        return
    for scheme in ("light", "dark"):
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
        browser.save_screenshot(os.path.join(os.environ["SCREENSHOTS"], f"{name}-{scheme}.png"))


def test_the_build_tells_its_flag_and_has_nothing_inline():
    page = open(os.path.join(DIST, "index.html")).read()
    assert re.search(r'<meta name="VITE_SSE_ENABLED" content="(true|false)">', page)
    assert not re.search(r"<style|style=|<script(?![^>]*src=)| on\w+=", page)


def test_progress_is_live_to_the_end_without_a_single_poll(browser, hermes, files):
    server = hermes()
    browser.get(server.base)
    wait(lambda: is_connected(browser))
    time.sleep(0.5)
    asked = len(server.requests())
    add(browser, files + "/first.iso?2.5")
    add(browser, files + "/second.iso?3.5")
    add(browser, files + "/none")
    seen = set()
    wait(lambda: seen.add(progress(browser)) or len(seen) > 5)
    words = next(text for text in text_of(browser, "[data-status=downloading] .detail") if "left" in text)
    assert "MB/s" in words or "kB/s" in words, words
    picture(browser, "downloading")
    wait(lambda: completed(browser) == 2)
    assert browser.execute_script("return [...document.querySelectorAll('[data-status=completed] progress')].every((bar) => bar.value === 100)")
    assert "404" in text_of(browser, "#ended [data-status=failed] .detail")[0]
    wait(lambda: len(find(browser, ".note")) == 3)
    wait(lambda: "Completed2" in "".join(text_of(browser, ".bars tr")))
    picture(browser, "finished")
    later = [line for line in server.requests()[asked:] if line != "POST /api/v1/download"]
    assert [line for line in later if "/stats" not in line] == [] and len(later) <= 2, later
    assert server.health()["active_connections"] == 1


def test_cancel(browser, hermes, files):
    server = hermes()
    browser.get(server.base)
    wait(lambda: is_connected(browser))
    add(browser, files + "/large.iso?60")
    wait(lambda: find(browser, "#queue [data-status=downloading]"))
    find(browser, "#queue .quiet")[0].click()
    wait(lambda: find(browser, "#ended [data-status=cancelled]"))


def test_killed_and_restarted(browser, hermes, files):
    server = hermes()
    browser.get(server.base)
    wait(lambda: is_connected(browser))
    add(browser, files + "/small.iso")
    wait(lambda: completed(browser) == 1)
    add(browser, files + "/lost.iso?60")
    wait(lambda: find(browser, "#queue [data-status=downloading]"))
    server.stop(signal.SIGKILL)
    wait(lambda: state(browser) == "reconnecting")
    assert "attempt 1" in text_of(browser, "#status")[0]
    picture(browser, "reconnecting")
    server.start()
    started = time.monotonic()
    wait(lambda: is_connected(browser), 30)
    print(f"connected {time.monotonic() - started:.1f} s after the start")
    assert "restarted" in wait(lambda: gaps(browser))[0]
    wait(lambda: not find(browser, "#queue li"))
    assert completed(browser) == 1
    reopened = server.requests()[len(server.requests()) - server.requests()[::-1].index(STREAM):]
    assert "GET /api/v1/download/queue" in reopened
    picture(browser, "gap")


def test_switched_off_and_on_again(browser, hermes, files):
    server = hermes({} if SLOW else {"probeIntervalSeconds": 3})
    browser.get(server.base)
    wait(lambda: is_connected(browser))
    server.stop()
    server.start(HERMES_ENABLE_SSE="false")
    wait(lambda: state(browser) == "polling", 30)
    streams = len(server.requests(STREAM))
    add(browser, files + "/polled.iso?4")
    seen = set()
    wait(lambda: seen.add(progress(browser)) or len(seen - {0}) >= 2)
    picture(browser, "polling")
    wait(lambda: completed(browser) == 1)
    assert len(server.requests(STREAM)) == streams
    server.stop()
    server.start(HERMES_ENABLE_SSE="true")
    wait(lambda: is_connected(browser), 40 if SLOW else 10)


def test_the_flag_off_for_one_user(browser, hermes, files):
    server = hermes({"sseEnabled": False})
    browser.get(server.base)
    wait(lambda: state(browser) == "polling")
    add(browser, files + "/polled.iso")
    wait(lambda: completed(browser) == 1)
    assert [line for line in server.requests() if "/events/" in line and not line.endswith("/health")] == []


def test_eight_tabs_share_one_connection_and_lose_nothing_with_its_leader(browser, hermes, files):
    server = hermes()
    browser.get(server.base)
    wait(lambda: is_connected(browser))
    for _ in range(7):
        browser.switch_to.new_window("tab")
        browser.get(server.base)
        wait(lambda: is_connected(browser))
    tabs = browser.window_handles
    assert server.health()["active_connections"] == 1
    add(browser, files + "/shared.iso?4")
    wait(lambda: progress(browser) > 0)
    assert text_of(browser, "#queue .name") == ["shared.iso"]
    picture(browser, "follower")
    leader, *followers = tabs
    asked = len(server.requests())
    server.add(files + "/before.iso?0.2")
    browser.switch_to.window(leader)
    browser.close()
    closed = time.monotonic()
    server.add(files + "/during.iso?0.1")
    wait(lambda: len(server.requests(STREAM)) == 2 and server.health()["active_connections"] == 1, 2, 0.02)
    print(f"a new leader {time.monotonic() - closed:.2f} s after the old one closed")
    for tab in followers:
        browser.switch_to.window(tab)
        wait(lambda: completed(browser) == 3)
        wait(lambda: len(find(browser, ".note")) == 3)
        assert is_connected(browser) and gaps(browser) == []
    later = [line for line in server.requests()[asked:] if "/download/queue" in line]
    assert later == []
    assert server.health()["active_connections"] == 1


def test_a_key_is_asked_for_and_tokens_are_renewed(browser, hermes, files):
    server = hermes({"tokenTtlSeconds": 60, "tokenRenewAt": 0.03}, HERMES_API_KEYS=KEY)
    browser.get(server.base)
    wait(lambda: find(browser, "#key"))
    wait(lambda: state(browser) == "disconnected")
    picture(browser, "key")
    find(browser, "#key")[0].send_keys("not-the-right-key", Keys.ENTER)
    wait(lambda: "not accepted" in "".join(text_of(browser, "#key-error")))
    picture(browser, "wrong-key")
    find(browser, "#key")[0].send_keys(KEY, Keys.ENTER)
    wait(lambda: is_connected(browser))
    assert not find(browser, "#key")
    add(browser, files + "/kept.iso?5")
    wait(lambda: completed(browser) == 1)
    assert len(server.requests("POST /api/v1/events/token")) >= 3
    assert gaps(browser) == [] and is_connected(browser)
    wait(lambda: server.health()["active_connections"] == 1, 1)
    browser.refresh()
    wait(lambda: is_connected(browser))  # the tab keeps the key
    assert KEY.encode() not in open(os.path.join(server.directory, "log"), "rb").read()


def test_a_slow_network(browser, hermes, files, slow_wire):
    server = hermes()
    wire = slow_wire(server.port, 300_000, 0.03)
    browser.get(wire.base)
    wait(lambda: is_connected(browser), 20)
    add(browser, files + "/slow.iso?3")
    seen = set()
    wait(lambda: seen.add(progress(browser)) or len(seen) > 4)
    wait(lambda: completed(browser) == 1)
    assert gaps(browser) == []


def test_by_keyboard_and_by_name(browser, hermes, files):
    server = hermes()
    browser.get(server.base)
    wait(lambda: is_connected(browser))
    reached = []
    for _ in range(4):
        browser.switch_to.active_element.send_keys(Keys.TAB)
        reached.append(browser.switch_to.active_element.accessible_name)
    assert reached[0].startswith("Skip") and reached[1].startswith("Colours") and reached[2:] == ["Address to download", "Download"]
    browser.find_element(By.ID, "url").send_keys(files + "/typed.iso", Keys.ENTER)
    wait(lambda: completed(browser) == 1)
    assert find(browser, "#ended progress")[0].accessible_name == "Progress of typed.iso"
    assert all(svg.accessible_name for svg in find(browser, "svg[role=img]"))
    theme = browser.find_element(By.ID, "theme")
    for expected in ("light", "dark", None):
        theme.click()
        assert browser.execute_script("return document.documentElement.dataset.theme ?? null") == expected


def test_a_narrow_window(browser, hermes, files):
    server = hermes()
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True})
    try:
        browser.get(server.base)
        wait(lambda: is_connected(browser))
        add(browser, files + "/a-name-that-is-much-longer-than-the-window-is-wide-2026.iso?2")
        wait(lambda: progress(browser) > 20)
        picture(browser, "narrow")
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 390
    finally:
        browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_scenario_1_the_dev_server_and_a_server_at_another_origin(browser, hermes, files):
    server = hermes(HERMES_DEBUG="true", HERMES_API_KEYS=KEY)
    dev = DevServer(VITE_SSE_ENABLED="true", VITE_API_BASE_URL=server.base.replace("127.0.0.1", "localhost"))
    try:
        browser.get(dev.base + "/icon.svg")
        browser.execute_script("sessionStorage.setItem('hermes-api-key', arguments[0])", KEY)
        browser.get(dev.base)
        wait(lambda: is_connected(browser), 30)
        add(browser, files + "/elsewhere.iso?1")
        wait(lambda: completed(browser) == 1)
        server.stop(signal.SIGKILL)
        wait(lambda: state(browser) == "reconnecting")
        server.start()
        wait(lambda: is_connected(browser), 30)
        assert "restarted" in wait(lambda: gaps(browser))[0]
    finally:
        dev.close()
