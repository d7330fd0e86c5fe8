"""The page in headless Chromium: real transfers, two tabs, a restart, keys."""
import os
import tempfile
import time

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync", "--window-size=900,900"]


@pytest.fixture(scope="module")
def browser():
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = Options()
        for argument in ARGUMENTS + ["--user-data-dir=" + profile]:
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
        yield driver
        driver.quit()


def wait(condition, seconds=15):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (found := condition()):
            return found
        time.sleep(0.05)
    raise AssertionError("it did not come")


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


def test_progress_appears_live_in_every_tab(browser, hermes, files):
    server = hermes()
    browser.get(server.base)
    first = browser.current_window_handle
    wait(lambda: state(browser) == "connected")
    browser.switch_to.new_window("tab")
    browser.get(server.base)
    wait(lambda: state(browser) == "connected")
    assert server.health()["active_connections"] == 2
    add(browser, files + "/slow.bin")
    add(browser, files + "/none")
    bar = wait(lambda: row(browser, "downloading"))[0].find_element(By.TAG_NAME, "progress")
    wait(lambda: 0 < float(bar.get_attribute("value") or 0) < 100)
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
