"""Not more calls a second than an app may make: one bucket per app key in a process, shared by all its shops."""

import threading
import time
from collections.abc import Callable

from django.utils.translation import gettext as _

from handoffs.marketplaces.base import Later

CALLS_A_SECOND = 10.0
PATIENCE = 5.0


class Bucket:
    """Lets `rate` calls a second through, with bursts of as many. Who would wait longer than `patience` is sent away.

    The clock must be one that never jumps; it and the sleep are given in tests.
    """

    def __init__(
        self,
        rate: float = CALLS_A_SECOND,
        *,
        patience: float = PATIENCE,
        # Not `monotonic`: a frozen clock in a test would make every later call wait.
        clock: Callable[[], float] = time.perf_counter,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.rate, self.patience, self._clock, self._sleep = rate, patience, clock, sleep
        self._lock = threading.Lock()
        self._left, self._seen, self._closed_until = max(rate, 1.0), clock(), 0.0

    def take(self) -> None:
        """Wait for this call's turn. Raises Later, nothing sent, when it is too far off."""
        wait = self._reserve()
        if wait > 0:
            self._sleep(wait)

    def close(self, seconds: float) -> None:
        """The marketplace banned the app for so long: nobody calls until it is over."""
        with self._lock:
            self._closed_until = max(self._closed_until, self._clock() + seconds)

    def _reserve(self) -> float:
        with self._lock:
            now = self._clock()
            self._left = min(max(self.rate, 1.0), self._left + (now - self._seen) * self.rate)
            self._seen = now
            wait = max((1 - self._left) / self.rate, self._closed_until - now, 0.0)
            if wait > self.patience:
                raise Later(_("Too many calls to the marketplace for now."), code="7", wait=wait)
            self._left -= 1
            return wait


_buckets: dict[str, Bucket] = {}
_buckets_lock = threading.Lock()


def bucket_of(app_key: str) -> Bucket:
    """The process's bucket for an app."""
    with _buckets_lock:
        return _buckets.setdefault(app_key, Bucket())
