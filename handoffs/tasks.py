"""The periodic jobs and the import, as Celery tasks. Arguments are ids; deadlines are rows, never `eta`.

Nothing is caught here: what a job cannot cope with reaches Celery's log. A pass that dies is made up for by the next.
"""

from collections.abc import Callable
from functools import partial
from time import perf_counter
from typing import Any

from celery import shared_task
from django.utils import timezone

from handoffs import archiving, delivery, digests, handover, imports, notifying, payments, reading, reconcile, tracking
from handoffs import sweep as sweeping
from handoffs.alone import alone
from handoffs.models import Connection, Tick

PULL_EXPIRES, PULL_AT_MOST = 60, 300
IMPORT_EXPIRES = 60
task = {"acks_late": True, "ignore_result": True}


@shared_task(name="handoffs.tasks.sweep", **task)
def sweep() -> None:
    """Every clock step that is due."""
    at, begun = timezone.now(), perf_counter()
    sweeping.tick(sweeping.run(at=at), at=at, seconds=perf_counter() - begun)


@shared_task(name="handoffs.tasks.deliver", **task)
def deliver() -> None:
    """Every mail that is due."""
    _tick("deliver", delivery.run)


@shared_task(name="handoffs.tasks.notify", **task)
def notify() -> None:
    """Every chat message that is due."""
    _tick("notify", notifying.run)


@shared_task(name="handoffs.tasks.digests", **task)
def send_digests() -> None:
    """The digests of those whose morning has come."""
    at = timezone.now()
    prepared = digests.prepare(at=at)
    if prepared.ids:
        Tick.note("deliver", delivery.run(at=at, only=prepared.ids), at=at)
    Tick.note("digests", prepared.counts, at=at)
    _tick("handover", handover.prepare)


@shared_task(name="handoffs.tasks.run_import", **task)
def run_import(run_id: int) -> None:
    """Take in an uploaded file; started again after a crash it goes on, since intake is idempotent."""
    imports.run(run_id, at=timezone.now())


@shared_task(name="handoffs.tasks.imports", **task)
def resume_imports() -> None:
    """Imports that were asked for and that no living worker has in hand."""
    for run_id in imports.standing(timezone.now()):
        run_import.apply_async((run_id,), expires=IMPORT_EXPIRES)


@shared_task(name="handoffs.tasks.run_batch", **task)
def run_batch(batch_id: int) -> None:
    """Carry out a batch refund; started again after a crash it goes on with what is left."""
    if payments.run(batch_id):
        run_batch.delay(batch_id)


@shared_task(name="handoffs.tasks.payments", **task)
def resume_batches() -> None:
    """Batches that run and that no living worker has in hand; orders to be read back."""
    at = timezone.now()
    for batch_id in payments.waiting(at):
        run_batch.delay(batch_id)
    _tick("payments", reconcile.read_due)


@shared_task(name="handoffs.tasks.track", **task)
def track() -> None:
    """Parcels: subscriptions, queries, interceptions, and the cases that have not followed theirs yet."""
    _tick("track", tracking.run)


@shared_task(name="handoffs.tasks.pull", **task)
def pull() -> None:
    """What changed at the marketplaces of the connected shops."""
    for connection_id in Connection.objects.filter(active=True).values_list("pk", flat=True):
        pull_shop.apply_async((connection_id,), expires=PULL_EXPIRES)


@shared_task(name="handoffs.tasks.pull_shop", **task)
def pull_shop(connection_id: int) -> None:
    """What changed by the clock first, which is the guarantee; then the messages, which only hint."""
    connection = _connection(connection_id)
    with alone(f"pull:{connection_id}", seconds=PULL_AT_MOST) as mine:
        if mine:
            reading.pull(connection, at=timezone.now())
            reading.hear(connection, at=timezone.now())


@shared_task(name="handoffs.tasks.reconcile", **task)
def reconcile_all() -> None:
    """Each night: every connected shop against its marketplace."""
    for connection_id in Connection.objects.filter(active=True).values_list("pk", flat=True):
        reconcile_shop.delay(connection_id)


@shared_task(name="handoffs.tasks.reconcile_shop", **task)
def reconcile_shop(connection_id: int) -> None:
    connection = _connection(connection_id)
    _tick(f"reconcile:{connection.shop.code}", partial(reconcile.run, connection))


@shared_task(name="handoffs.tasks.archive", **task)
def archive() -> None:
    """Each night: what has had its time."""
    _tick("archive", archiving.run)


def _connection(connection_id: int) -> Connection:
    return Connection.objects.select_related("shop").get(pk=connection_id)


def _tick(name: str, run: Callable[..., dict[str, Any]]) -> None:
    """One pass of a job, and proof of it, as the sweep leaves it."""
    at, begun = timezone.now(), perf_counter()
    Tick.note(name, run(at=at), at=at, seconds=perf_counter() - begun)
