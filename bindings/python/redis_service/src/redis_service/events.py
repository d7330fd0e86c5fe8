"""What may be published, by the Hermes contract, and the envelope it travels in."""
import json
import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

DOWNLOAD_UPDATES = "download:updates"
QUEUE_UPDATES = "queue:updates"
SYSTEM_NOTIFICATIONS = "system:notifications"
ANALYTICS_UPDATES = "analytics:updates"

STATUSES = ("queued", "downloading", "processing", "completed", "failed", "cancelled")
ACTIONS = ("added", "removed", "status_changed")
NOTIFICATION_TYPES = ("info", "warning", "error")

NAME_BYTES = 255
ENVELOPE_BYTES = 1 << 20
DEPTH = 64
# of what a browser's JSON.parse holds exactly
MOST_BYTES = (1 << 53) - 1

_TYPE = re.compile(r"[A-Za-z0-9_.-]{1,64}\Z")
_TAKEN_TYPES = ("connected", "heartbeat", "gap", "message")


class FieldError(ValueError):
    """A value that the contract does not have; nothing was published."""

    def __init__(self, field: str, value: object, accepted: str) -> None:
        shown = repr(value)
        super().__init__(f"{field}: {shown if len(shown) <= 60 else shown[:57] + '...'} is not accepted; accepted: {accepted}")
        self.field = field
        self.accepted = accepted


def _one_of(field: str, value: object, words: Sequence[str]) -> None:
    if not isinstance(value, str) or value not in words:
        raise FieldError(field, value, ", ".join(words))


def _name(field: str, value: object) -> None:
    try:
        good = isinstance(value, str) and 1 <= len(value.encode()) <= NAME_BYTES and "\0" not in value
    except UnicodeEncodeError:
        good = False
    if not good:
        raise FieldError(field, value, f"a string of 1 to {NAME_BYTES} bytes of UTF-8, without NUL")


def _text(field: str, value: object) -> None:
    if not isinstance(value, str):
        raise FieldError(field, value, "a string")


def _number(field: str, value: object, most: float, accepted: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or not 0 <= value <= most:
        raise FieldError(field, value, accepted)


def check_channel(channel: object) -> None:
    _name("channel", channel)


def check_type(type: object) -> None:
    if not isinstance(type, str) or not _TYPE.match(type) or type in _TAKEN_TYPES:
        raise FieldError("type", type, f"1 to 64 of A-Z a-z 0-9 _ . -, and none of {', '.join(_TAKEN_TYPES)}")


def _depth(value: object, left: int) -> bool:
    """Whether the value is nested no deeper than the servers take."""
    if isinstance(value, Mapping):
        return left > 0 and all(_depth(one, left - 1) for one in value.values())
    if isinstance(value, (list, tuple)):
        return left > 0 and all(_depth(one, left - 1) for one in value)
    return True


def data_text(data: object) -> bytes:
    """The data as it reaches the browser: on one line, and JSON to the letter."""
    accepted = "what json.dumps takes: no NaN, no infinity, no lone surrogate, nothing that contains itself"
    if not _depth(data, DEPTH - 1):
        raise FieldError("data", type(data).__name__, f"at most {DEPTH - 1} objects and arrays in each other")
    try:
        return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise FieldError("data", data, f"{accepted} ({error})") from None


def key_of(data: object) -> str | None:
    """By what one download's events are found: what the servers take from an event that comes by a channel."""
    ident = data.get("download_id") if isinstance(data, Mapping) else None
    return ident if isinstance(ident, str) and 1 <= len(ident.encode()) <= NAME_BYTES and "\0" not in ident else None


def envelope(type: str, data: bytes, origin: str, number: int) -> bytes:
    """{"type","data","timestamp"} and the member that names the message, so that nobody takes it twice. It ends in "number":N}},
    before which the script puts the id."""
    now = datetime.now(timezone.utc)
    stamp = f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z"
    whole = b'{"type":"%s","data":%s,"timestamp":"%s","hermes_sse":{"origin":"%s","number":%d}}' % (
        type.encode(), data, stamp.encode(), origin.encode(), number)
    if len(whole) > ENVELOPE_BYTES:
        raise FieldError("data", f"{len(data)} bytes", f"less than {ENVELOPE_BYTES} bytes with its envelope")
    return whole


def download_progress(download_id: str, status: str, progress: float, downloaded_bytes: int | None, total_bytes: int | None,
                      download_speed: float | None, eta: float | None, error_message: str | None,
                      more: Mapping[str, Any]) -> dict[str, Any]:
    _name("download_id", download_id)
    _one_of("status", status, STATUSES)
    _number("progress", progress, 100, "a number from 0 to 100")
    data: dict[str, Any] = {"download_id": download_id, "status": status, "progress": progress}
    for field, value in (("downloaded_bytes", downloaded_bytes), ("total_bytes", total_bytes),
                         ("download_speed", download_speed), ("eta", eta)):
        if value is not None:
            _number(field, value, MOST_BYTES, "a number from 0 up, or None")
        data[field] = value
    if error_message is not None:
        _text("error_message", error_message)
    data["error_message"] = error_message
    return {**data, **more}


def queue_update(action: str, download_id: str, status: str) -> dict[str, Any]:
    _one_of("action", action, ACTIONS)
    _name("download_id", download_id)
    _one_of("status", status, STATUSES)
    return {"action": action, "download_id": download_id, "status": status}


def system_notification(notification_type: str, message: str) -> dict[str, Any]:
    _one_of("notification_type", notification_type, NOTIFICATION_TYPES)
    _text("message", message)
    return {"notification_type": notification_type, "message": message}
