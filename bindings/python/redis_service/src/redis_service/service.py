"""The service: events by their names in the Hermes contract."""
import asyncio
import os
import threading
from typing import Any

from redis_service import events
from redis_service.session import Session, Stream, connect


class RedisService:
    """Publishes to every server on one Redis. One instance serves any number of loops, threads and forked processes.

    url: as HERMES_REDIS_URL. stream: events are put into the Redis Stream of the servers' streams mode, and so outlive every
    connection; otherwise they are PUBLISHed. timeout: seconds, to connect and for an answer. retry_for: seconds for which a
    message is tried again while Redis is away, before the error of the client is raised. stream_key, max_entries: as the servers
    have them."""

    def __init__(self, url: str, *, stream: bool = False, timeout: float = 5.0, retry_for: float = 10.0,
                 stream_key: str = "hermes:events", max_entries: int = 10000) -> None:
        connect(url, timeout)  # refused here rather than in the first publish
        self.url, self.stream, self.timeout, self.retry_for = url, stream, timeout, retry_for
        self.stream_key, self.max_entries = stream_key, max_entries
        self._mine = threading.local()

    @classmethod
    def from_environment(cls) -> "RedisService":
        """By HERMES_REDIS_URL and HERMES_REDIS_MODE, as the servers read them."""
        url = os.environ.get("HERMES_REDIS_URL", "")
        mode = os.environ.get("HERMES_REDIS_MODE") or "pubsub"
        if mode not in ("pubsub", "streams"):
            raise ValueError(f"HERMES_REDIS_MODE: {mode!r} is not accepted; accepted: pubsub, streams")
        try:
            return cls(url, stream=mode == "streams")
        except ValueError as error:
            raise ValueError(f"HERMES_REDIS_URL: {error}") from None

    def _sessions(self) -> list[Session]:
        sessions: list[Session] = getattr(self._mine, "sessions", [])
        if not sessions or sessions[0].pid != os.getpid():
            # those of before a fork are the parent's: its numbers are not to be used twice
            sessions = self._mine.sessions = [Session(self.url, self.timeout)]
        return sessions

    async def _session(self) -> Session:
        """The session of this thread and loop. One that another loop has no message under way in is taken over, so that a loop for each
        message costs a connection but no name."""
        loop, sessions = asyncio.get_running_loop(), self._sessions()
        for session in sessions:
            if session.loop is loop:
                return session
        for session in sessions:
            if session.users == 0 or session.loop is None or session.loop.is_closed():
                session.users = 0
                break
        else:
            session = Session(self.url, self.timeout)
            sessions.append(session)
        await session.attach(loop)
        return session

    async def publish(self, channel: str, type: str, data: Any, *, stream: bool | None = None) -> str | None:
        """Any event on any channel. Returns when Redis has it: in streams mode its id (None: an earlier try, whose answer was lost, has put
        it there), else None. FieldError: nothing was sent. Any other error is the Redis client's; whether the event got there is
        then not known."""
        events.check_channel(channel)
        events.check_type(type)
        text = events.data_text(data)
        where = None
        if self.stream if stream is None else stream:
            where = Stream(self.stream_key, self.max_entries, events.key_of(data))
        session = await self._session()
        session.users += 1
        try:
            return await session.publish(channel, type, text, self.retry_for, where)
        finally:
            session.users -= 1

    async def publish_download_progress(self, download_id: str, status: str, progress: float, *, downloaded_bytes: int | None = None,
                                        total_bytes: int | None = None, download_speed: float | None = None,
                                        eta: float | None = None, error_message: str | None = None,
                                        stream: bool | None = None, **more: Any) -> str | None:
        """status: queued, downloading, processing, completed, failed or cancelled; progress: 0 to 100; download_speed: bytes/s; eta:
        seconds; `more`: further members of the data."""
        data = events.download_progress(download_id, status, progress, downloaded_bytes, total_bytes, download_speed, eta,
                                        error_message, more)
        return await self.publish(events.DOWNLOAD_UPDATES, "download_progress", data, stream=stream)

    async def publish_queue_update(self, action: str, download_id: str, status: str, *, stream: bool | None = None) -> str | None:
        """action: added, removed or status_changed; status: as of a download."""
        data = events.queue_update(action, download_id, status)
        return await self.publish(events.QUEUE_UPDATES, "queue_update", data, stream=stream)

    async def publish_system_notification(self, notification_type: str, message: str, *, stream: bool | None = None) -> str | None:
        """notification_type: info, warning or error."""
        data = events.system_notification(notification_type, message)
        return await self.publish(events.SYSTEM_NOTIFICATIONS, "system_notification", data, stream=stream)

    async def close(self) -> None:
        """Closes this loop's connection; the next publish opens another."""
        for session in self._sessions():
            if session.loop is asyncio.get_running_loop():
                await session.close()
