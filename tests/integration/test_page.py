"""The page in headless Chromium: real transfers, two tabs, a restart, keys."""
import os

import pytest
from selenium.webdriver.common.by import By

from chromium import browser  # noqa: F401
from waiting import wait

pytestmark = pytest.mark.browser


def state(browser):
    return browser.find_element(By.ID, "status").get_attribute("data-state")


def row(browser, status):
    return browser.find_elements(By.CSS_SELECTOR, f'#downloads li[data-status="{status}"]')


def picture(browser, name):
    if "HERMES_SSE_SCREENSHOTS" in os.environ:
        browser.save_screenshot(os.path.join(os.environ["HERMES_SSE_SCREENSHOTS"], name + ".png"))


def add(browser, url):
    browser.find_element(By.ID, "url").send_keys(url)
    browser.find_element(By.CSS_SELECTOR, "#add-form button").click()


# The page's own record, as a busy driver may look too late.
WATCH_PROGRESS = """window.values = [];
new MutationObserver(() => document.querySelectorAll("progress").forEach((bar) => window.values.push(bar.value)))
    .observe(document.body, {subtree: true, childList: true, attributes: true});"""


def test_progress_appears_live_in_every_tab(browser, hermes, files):
    server = hermes()
    browser.get(server.base)
    first = browser.current_window_handle
    wait(lambda: state(browser) == "connected")
    browser.switch_to.new_window("tab")
    browser.get(server.base)
    wait(lambda: state(browser) == "connected")
    assert server.health()["active_connections"] == 2
    browser.execute_script(WATCH_PROGRESS)
    add(browser, files + "/slow.bin")
    add(browser, files + "/none")
    wait(lambda: any(0 < value < 100 for value in browser.execute_script("return window.values")))
    wait(lambda: row(browser, "failed"))
    picture(browser, "downloading")
    for tab in browser.window_handles:
        browser.switch_to.window(tab)
        wait(lambda: row(browser, "completed"))
        assert float(row(browser, "completed")[0].find_element(By.TAG_NAME, "progress").get_attribute("value")) == 100
        assert "404" in wait(lambda: row(browser, "failed"))[0].text
        assert len(browser.find_elements(By.CSS_SELECTOR, "#notes li")) == 2
    picture(browser, "done")
    browser.close()
    browser.switch_to.window(first)
    assert not [entry for entry in browser.get_log("browser") if "Content Security Policy" in entry["message"]]


def test_cancel_from_the_page(browser, hermes, files):
    server = hermes()
    browser.get(server.base)
    wait(lambda: state(browser) == "connected")
    add(browser, files + "/slow.bin")
    wait(lambda: row(browser, "downloading"))[0].find_element(By.TAG_NAME, "button").click()
    wait(lambda: row(browser, "cancelled"))


def test_a_restart_is_shown_and_survived(browser, hermes, files):
    server = hermes()
    browser.get(server.base)
    wait(lambda: state(browser) == "connected")
    server.stop()
    wait(lambda: state(browser) == "reconnecting")
    picture(browser, "reconnecting")
    server.start()
    wait(lambda: state(browser) == "connected", 30)
    add(browser, files + "/small.txt")
    wait(lambda: row(browser, "completed"))


def test_off_means_polling(browser, hermes, files):
    server = hermes(HERMES_ENABLE_SSE="false")
    browser.get(server.base)
    wait(lambda: state(browser) == "polling")
    add(browser, files + "/small.txt")
    wait(lambda: row(browser, "completed"))


def test_with_keys_the_page_asks_and_streams_with_a_token(browser, hermes, files):
    server = hermes(HERMES_API_KEYS="a-long-enough-key")
    browser.get(server.base)
    field = wait(lambda: (e := browser.find_element(By.ID, "key")).is_displayed() and e)
    picture(browser, "key")
    field.send_keys("wrong-key-here")
    browser.find_element(By.CSS_SELECTOR, "#key-form button").click()
    wait(lambda: "not accepted" in browser.find_element(By.ID, "key-error").text)
    field.clear()
    field.send_keys("a-long-enough-key")
    browser.find_element(By.CSS_SELECTOR, "#key-form button").click()
    wait(lambda: state(browser) == "connected")
    add(browser, files + "/small.txt")
    wait(lambda: row(browser, "completed"))
    browser.refresh()
    wait(lambda: state(browser) == "connected")  # the tab keeps it
    assert "a-long-enough-key" not in open(os.path.join(server.directory, "log")).read()


def missed(browser):
    return [note.text for note in browser.find_elements(By.CSS_SELECTOR, "#notes li.warning")]


def test_P17_after_the_network_was_cut_the_page_catches_up(browser, hermes, files, proxy):
    server = hermes()
    between = proxy(server.port)
    browser.get(between.base)
    wait(lambda: state(browser) == "connected")
    add(browser, files + "/slow.bin")
    wait(lambda: row(browser, "downloading"))
    between.cut()
    wait(lambda: state(browser) == "reconnecting")
    server.wait(server.json("/api/v1/download/queue")["items"][0]["download_id"], "completed")
    between.restore()
    wait(lambda: row(browser, "completed"), 30)
    wait(lambda: state(browser) == "connected")
    assert missed(browser) == []
    assert any("completed" in note.text for note in browser.find_elements(By.CSS_SELECTOR, "#notes li"))


def test_P12_after_a_restart_the_page_says_that_it_was_told_of_the_gap(browser, hermes, files):
    server = hermes()
    browser.get(server.base)
    wait(lambda: state(browser) == "connected")
    add(browser, files + "/small.txt")
    wait(lambda: row(browser, "completed"))
    server.stop(9)
    wait(lambda: state(browser) == "reconnecting")
    server.start()
    added = server.add(files + "/big.bin")
    server.wait(added, "completed")
    assert "restarted" in wait(lambda: missed(browser), 30)[0]
    wait(lambda: state(browser) == "connected")


def test_P13_when_too_much_was_lost_the_page_says_so(browser, hermes, files, proxy):
    server = hermes()
    between = proxy(server.port)
    browser.get(between.base)
    wait(lambda: state(browser) == "connected")
    between.cut()
    wait(lambda: state(browser) == "reconnecting")
    ids = [server.add(f"{files}/named/{i}") for i in range(400)]
    for one in ids[-3:]:
        server.wait(one, "completed")
    between.restore()
    assert "expired" in wait(lambda: missed(browser), 30)[0]
