"""The periodic jobs and the import, as Celery tasks. Arguments are ids; deadlines are rows, never `eta`.

Nothing is caught here: what a job cannot cope with reaches Celery's log. A pass that dies is made up for by the next.
"""

from datetime import datetime
from typing import Any

from celery import shared_task
from django.utils import timezone

from handoffs import delivery, digests, imports
from handoffs import sweep as sweeping
from handoffs.models import Tick

task = {"acks_late": True, "ignore_result": True}


@shared_task(name="handoffs.tasks.sweep", **task)
def sweep() -> None:
    """Every clock step that is due."""
    at = timezone.now()
    sweeping.tick(sweeping.run(at=at), at=at)


@shared_task(name="handoffs.tasks.deliver", **task)
def deliver() -> None:
    """Every mail that is due."""
    at = timezone.now()
    _tick("deliver", delivery.run(at=at), at=at)


@shared_task(name="handoffs.tasks.digests", **task)
def send_digests() -> None:
    """The digests of those whose morning has come."""
    at = timezone.now()
    prepared = digests.prepare(at=at)
    if prepared.ids:
        delivery.run(at=at, only=prepared.ids)
    _tick("digests", prepared.counts, at=at)


@shared_task(name="handoffs.tasks.run_import", **task)
def run_import(run_id: int) -> None:
    """Take in an uploaded file; started again after a crash it goes on, since intake is idempotent."""
    imports.run(run_id, at=timezone.now())


def _tick(name: str, counts: dict[str, Any], *, at: datetime) -> None:
    """Leave proof of the pass, as the sweep does."""
    Tick.objects.update_or_create(name=name, defaults={"at": at, "data": counts})
