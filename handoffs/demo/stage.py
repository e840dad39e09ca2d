"""The stage: stories are played side by side in order of time, and the engine sweeps in between as it does in life."""

import heapq
from collections.abc import Generator
from datetime import datetime, timedelta
from itertools import count

from django.db.models import Min

from handoffs import sweep
from handoffs.models import Clock

# A story acts, then yields the minutes until its next act. It stays where it is when the two days are over.
Story = Generator[float, None, None]
SWEEP_EVERY = timedelta(seconds=15)


class Stage:
    """Plays stories from `start` to `end`; `at` is the moment on the stage."""

    def __init__(self, *, start: datetime, end: datetime) -> None:
        self.at, self.end = start, end
        self.acts = 0
        self._numbers = count()
        self._waiting: list[tuple[datetime, int, Story]] = []

    def add(self, begins: datetime, story: Story) -> None:
        heapq.heappush(self._waiting, (begins, next(self._numbers), story))

    def play(self) -> None:
        """Act by act; whatever comes after the end is not played."""
        while self._waiting:
            moment, number, story = heapq.heappop(self._waiting)
            if moment > self.end:
                break
            self._sweep_until(moment)
            self.at = moment
            try:
                minutes = next(story)
            except StopIteration:
                continue
            self.acts += 1
            heapq.heappush(self._waiting, (moment + timedelta(minutes=minutes), number, story))
        self._sweep_until(self.end)
        self.at = self.end

    def _sweep_until(self, moment: datetime) -> None:
        """Every pass that had something to do up to `moment`; a pass comes at most 15 seconds after a step is due."""
        while True:
            first = Clock.objects.filter(next_action_at__lte=moment).aggregate(first=Min("next_action_at"))["first"]
            if first is None:
                return
            sweep.run(at=min(max(first, self.at) + SWEEP_EVERY, moment))
