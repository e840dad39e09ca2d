"""Proof that the engine lives: the last pass of each periodic job, and what its passes have done so far."""

from datetime import datetime
from typing import Any

from django.db import models, transaction


class Tick(models.Model):
    """One row per job, overwritten at each pass with its time and its counts.

    `data` holds the last pass: its counts and, where known, its `seconds`. `totals` adds up every count since the desk
    was set up, and `passes`; figures that only grow are read from there, never counted over a big table.
    """

    name = models.CharField(max_length=60, unique=True)
    at = models.DateTimeField()
    data = models.JSONField(default=dict)
    totals = models.JSONField(default=dict, db_default={})

    def __str__(self) -> str:
        return self.name

    @classmethod
    def note(cls, name: str, counts: dict[str, Any], *, at: datetime, seconds: float | None = None) -> None:
        """Leave proof of a pass. Two passes that end together both count; the one that ended last is shown."""
        data = counts if seconds is None else {**counts, "seconds": round(seconds, 3)}
        done = {key: value for key, value in counts.items() if isinstance(value, int) and not isinstance(value, bool)}
        with transaction.atomic():
            row, _new = cls.objects.select_for_update().get_or_create(name=name, defaults={"at": at})
            before = row.totals
            row.totals = before | {key: before.get(key, 0) + value for key, value in {**done, "passes": 1}.items()}
            row.at, row.data = at, data
            row.save()
