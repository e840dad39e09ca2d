"""One worker at a time with a job that does no harm twice, only takes twice the calls."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.core.cache import cache
from redis import RedisError

logger = logging.getLogger(__name__)
AWAY = (RedisError, OSError)


@contextmanager
def alone(job: str, *, seconds: float) -> Iterator[bool]:
    """Whether the job is ours: no other worker has it. One that died gives way after so many seconds.

    A cache that does not answer gives everybody the job.
    """
    try:
        mine = cache.add(f"alone:{job}", 1, seconds)
    except AWAY:
        logger.warning("whoever else does %s is not known: the cache does not answer", job)
        yield True
        return
    try:
        yield mine
    finally:
        if mine:
            give_up(job)


def hold(job: str, *, seconds: float) -> None:
    """It is ours for so many seconds more, also where the cache was emptied meanwhile."""
    with suppress(*AWAY):
        cache.set(f"alone:{job}", 1, seconds)


def give_up(job: str) -> None:
    """Anybody may have it now."""
    with suppress(*AWAY):
        cache.delete(f"alone:{job}")


def taken(job: str) -> bool:
    """Whether somebody has it. A cache that does not answer cannot tell: then somebody may."""
    try:
        return cache.get(f"alone:{job}") is not None
    except AWAY:
        return True
