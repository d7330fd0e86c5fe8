"""What is refused, and how that is said; nothing here needs Redis."""
import asyncio
import json
import os
import re

import pytest

from redis_service import FieldError, RedisService, events, script


def refused(coroutine):
    with pytest.raises(FieldError) as caught:
        asyncio.run(coroutine)
    assert str(caught.value).startswith(caught.value.field + ": ") and caught.value.accepted in str(caught.value)
    return caught.value


@pytest.fixture
def nowhere(tmp_path):
    """Refusals come before any connection."""
    return RedisService(f"unix://{tmp_path}/none", retry_for=0)


@pytest.mark.parametrize("field,wanted,changed", [
    ("download_id", "1 to 255", {"download_id": ""}), ("download_id", "1 to 255", {"download_id": 7}),
    ("download_id", "255", {"download_id": "ä" * 128}), ("download_id", "NUL", {"download_id": "a\0b"}),
    ("download_id", "UTF-8", {"download_id": "\ud800"}),
    ("status", "queued, downloading, processing, completed, failed, cancelled", {"status": "done"}),
    ("status", "queued", {"status": None}),
    ("progress", "0 to 100", {"progress": -1}), ("progress", "0 to 100", {"progress": 100.1}),
    ("progress", "0 to 100", {"progress": float("nan")}), ("progress", "0 to 100", {"progress": True}),
    ("progress", "0 to 100", {"progress": "5"}),
    ("downloaded_bytes", "from 0", {"downloaded_bytes": -1}), ("total_bytes", "from 0", {"total_bytes": 1 << 53}),
    ("download_speed", "from 0", {"download_speed": float("inf")}), ("eta", "from 0", {"eta": "soon"}),
    ("error_message", "string", {"error_message": 5}), ("data", "json.dumps", {"extra": float("nan")}),
    ("data", "json.dumps", {"extra": object()}), ("data", "json.dumps", {"extra": "\ud800"}),
])
def test_progress(nowhere, field, wanted, changed):
    good = {"download_id": "d", "status": "downloading", "progress": 5}
    error = refused(nowhere.publish_download_progress(**{**good, **changed}))
    assert error.field == field and wanted in error.accepted


def test_the_others(nowhere):
    assert refused(nowhere.publish_queue_update("moved", "d", "queued")).accepted == "added, removed, status_changed"
    assert refused(nowhere.publish_queue_update("added", "", "queued")).field == "download_id"
    assert refused(nowhere.publish_queue_update("added", "d", "")).field == "status"
    assert refused(nowhere.publish_system_notification("fatal", "x")).accepted == "info, warning, error"
    assert refused(nowhere.publish_system_notification("info", None)).field == "message"
    for kind in ("", "a b", "x" * 65, "gap", "heartbeat", "connected", "message", "a\n", None):
        assert refused(nowhere.publish("c", kind, {})).field == "type"
    for channel in ("", None, "x" * 256):
        assert refused(nowhere.publish(channel, "t", {})).field == "channel"
    assert "1048576" in refused(nowhere.publish("c", "t", "x" * (1 << 20))).accepted


def test_as_deep_as_the_servers_take(nowhere):
    deep = 0
    for _ in range(events.DEPTH - 1):
        deep = [deep]
    assert events.data_text(deep) == b"[" * 63 + b"0" + b"]" * 63
    assert refused(nowhere.publish("c", "t", [deep])).field == "data"
    itself = []
    itself.append(itself)
    assert refused(nowhere.publish("c", "t", itself)).field == "data"


def test_the_envelope_ends_where_the_script_puts_the_id():
    whole = events.envelope("t", events.data_text({"n": 1 << 70, "s": "ä\n"}), "00ff", 7)
    assert whole.endswith(b'"number":7}}') and b"\n" not in whole
    read = json.loads(whole)
    assert read["data"] == {"n": 1 << 70, "s": "ä\n"} and read["hermes_sse"] == {"origin": "00ff", "number": 7}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", read["timestamp"])


def test_the_script_is_that_of_the_servers():
    path = os.path.join(os.path.dirname(__file__), "..", "..", "..", "..", "lib", "redis", "scripts.c")
    text = open(path, encoding="utf-8").read()
    literal = text.split("hermes_sse__script_publish[] =")[1].split(";\n\nconst")[0]
    assert json.loads("[" + ",".join(re.findall(r'"(?:[^"\\]|\\.)*"', literal)) + "]") != []
    assert "".join(json.loads(part) for part in re.findall(r'"(?:[^"\\]|\\.)*"', literal)) == script.PUBLISH


@pytest.mark.parametrize("url", ["", "http://x", "redis://", "unix://", "redis://:s3cret@h:port/0", "redis://u:s3/cret@h/0"])
def test_a_bad_url_is_refused_without_its_password(url, monkeypatch):
    with pytest.raises(ValueError) as caught:
        RedisService(url)
    assert "accepted: redis://" in str(caught.value) and "s3" not in str(caught.value)
    monkeypatch.setenv("HERMES_REDIS_URL", url)
    with pytest.raises(ValueError, match="HERMES_REDIS_URL"):
        RedisService.from_environment()


def test_the_mode_is_one_of_the_servers(monkeypatch):
    monkeypatch.setenv("HERMES_REDIS_URL", "redis://localhost")
    for value, stream in (("", False), ("pubsub", False), ("streams", True)):
        monkeypatch.setenv("HERMES_REDIS_MODE", value)
        assert RedisService.from_environment().stream is stream
    monkeypatch.setenv("HERMES_REDIS_MODE", "stream")
    with pytest.raises(ValueError, match="HERMES_REDIS_MODE.*pubsub, streams"):
        RedisService.from_environment()
