"""Publishing to Hermes's servers from its workers, over Redis.

    import redis_service

    await redis_service.publish_download_progress(download_id, "downloading", 42.5, downloaded_bytes=425, total_bytes=1000)

The coroutines of this module use HERMES_REDIS_URL and HERMES_REDIS_MODE; RedisService(url) is for any other."""
from typing import Any

from redis_service.events import FieldError
from redis_service.service import RedisService

__all__ = ["FieldError", "RedisService", "close", "publish", "publish_download_progress", "publish_queue_update",
           "publish_system_notification"]

_default: RedisService | None = None


def _service() -> RedisService:
    """Made at the first use, so that importing this needs no Redis, and settings may be loaded in between."""
    global _default
    if _default is None:
        _default = RedisService.from_environment()
    return _default


async def publish(channel: str, type: str, data: Any, *, stream: bool | None = None) -> str | None:
    return await _service().publish(channel, type, data, stream=stream)


async def publish_download_progress(download_id: str, status: str, progress: float, *, downloaded_bytes: int | None = None,
                                    total_bytes: int | None = None, download_speed: float | None = None, eta: float | None = None,
                                    error_message: str | None = None, stream: bool | None = None, **more: Any) -> str | None:
    return await _service().publish_download_progress(
        download_id, status, progress, downloaded_bytes=downloaded_bytes, total_bytes=total_bytes, download_speed=download_speed,
        eta=eta, error_message=error_message, stream=stream, **more)


async def publish_queue_update(action: str, download_id: str, status: str, *, stream: bool | None = None) -> str | None:
    return await _service().publish_queue_update(action, download_id, status, stream=stream)


async def publish_system_notification(notification_type: str, message: str, *, stream: bool | None = None) -> str | None:
    return await _service().publish_system_notification(notification_type, message, stream=stream)


async def close() -> None:
    await _service().close()


publish.__doc__ = RedisService.publish.__doc__
publish_download_progress.__doc__ = RedisService.publish_download_progress.__doc__
publish_queue_update.__doc__ = RedisService.publish_queue_update.__doc__
publish_system_notification.__doc__ = RedisService.publish_system_notification.__doc__
close.__doc__ = RedisService.close.__doc__
