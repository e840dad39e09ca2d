"""The cache in Redis. What is kept there can be missed, so a Redis that hangs does not make pages hang."""

from time import monotonic
from typing import Any

from redis import ConnectionPool, RedisError
from redis.exceptions import ConnectionError

PATIENCE_SECONDS = 1.0
PAUSE_SECONDS = 5.0


def redis(address: str) -> dict[str, Any]:
    """The entry of CACHES."""
    return {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": address,
        "KEY_PREFIX": "refunddesk",
        "OPTIONS": {
            "pool_class": "refunddesk.caching.Pool",
            "socket_connect_timeout": PATIENCE_SECONDS,
            "socket_timeout": PATIENCE_SECONDS,
        },
    }


class Pool(ConnectionPool):
    """Where Redis could not be reached, it is not tried again for some seconds: whoever asks learns that at once."""

    away_until = 0.0

    def get_connection(self, *args: Any, **kwargs: Any) -> Any:
        if monotonic() < self.away_until:
            raise ConnectionError("the cache did not answer a moment ago")
        try:
            return super().get_connection(*args, **kwargs)
        except (RedisError, OSError):
            self.away_until = monotonic() + PAUSE_SECONDS
            raise
