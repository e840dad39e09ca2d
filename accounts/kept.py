"""What is kept in the cache to save work. A cache that does not answer has forgotten it, and stops nobody."""

from contextlib import suppress
from typing import Any

from django.core.cache import cache
from redis import RedisError

AWAY = (RedisError, OSError)


def get(key: str) -> Any:
    """What was kept, else None."""
    with suppress(*AWAY):
        return cache.get(key)
    return None


def keep(key: str, value: Any, seconds: float) -> None:
    with suppress(*AWAY):
        cache.set(key, value, seconds)


def forget(key: str) -> None:
    with suppress(*AWAY):
        cache.delete(key)


def first(key: str, seconds: float) -> bool:
    """Whether nobody was here before, within so many seconds; everybody is where that cannot be told."""
    with suppress(*AWAY):
        return bool(cache.add(key, 1, seconds))
    return True


def count(key: str) -> None:
    """One more, for as long as the cache lives."""
    with suppress(*AWAY, ValueError):
        cache.add(key, 0, None)
        cache.incr(key)
