"""Beat's scheduler: what Celery's own does, and a clock that is put back stops nothing."""

import logging
from datetime import UTC, datetime
from typing import Any

from celery.beat import PersistentScheduler

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
logger = logging.getLogger("refunddesk.beat")


class Scheduler(PersistentScheduler):  # type: ignore[misc]
    """An entry whose last run lies in the future is due now.

    Celery's own waits until the clock has come to that run once more: an hour put back is an hour without a sweep.
    """

    def tick(self, *args: Any, **kwargs: Any) -> float:
        if ahead := self._ahead():
            logger.warning("the clock was put back: %s entries of the timetable are due now", len(ahead))
            for entry in ahead:
                entry.last_run_at = LONG_AGO
            self._heap = None  # its order is by the clock as it was
        return float(super().tick(*args, **kwargs))

    def _ahead(self) -> list[Any]:
        now = self.app.now()
        return [entry for entry in self.schedule.values() if entry.last_run_at > now]
