"""Proof that the engine lives: the last pass of each periodic job."""

from django.db import models


class Tick(models.Model):
    """One row per job, overwritten at each pass with its time and its counts."""

    name = models.CharField(max_length=20, unique=True)
    at = models.DateTimeField()
    data = models.JSONField(default=dict)

    def __str__(self) -> str:
        return self.name
