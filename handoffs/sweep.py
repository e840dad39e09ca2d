"""The sweep: takes the clocks whose next step is due, in batches, and does each step exactly once.

Two sweepers at once do no harm: a batch is locked (SKIP LOCKED; SQLite serialises writers), the steps, the timeline
rows and the outbox rows are written in the same transaction, and a clock's `step` says what has been done. What moves a
case (an expiry) goes row by row through the flow, after its retry time was pushed out.
"""

import logging
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from handoffs import outbox
from handoffs.flow.audience import Audience
from handoffs.flow.expire import EXPIRES, expire
from handoffs.flow.terms import moment_of_step
from handoffs.models import Clock, OutboxMessage, Tick, TimelineEntry
from handoffs.models.rewrite import rewrite

BATCH = 500
PUSHED_BACK = timedelta(hours=1)
KIND_OF = {"remind": "reminded", "late": "late", "escalate": "escalated"}
logger = logging.getLogger(__name__)


@dataclass
class Counts:
    """Steps done, by kind; `claimed` counts clocks taken up, `failed` those pushed back."""

    claimed: int = 0
    reminded: int = 0
    late: int = 0
    escalated: int = 0
    expired: int = 0
    failed: int = 0


@dataclass
class Written:
    """What one batch writes."""

    clocks: list[Clock] = field(default_factory=list)
    entries: list[TimelineEntry] = field(default_factory=list)
    messages: list[OutboxMessage] = field(default_factory=list)
    expiring: list[int] = field(default_factory=list)


def run(*, at: datetime) -> dict[str, Any]:
    """One pass: every step due at `at`, however many batches. Returns the counts with the time."""
    counts = Counts()
    while _batch(at, counts):
        pass
    return {"at": at.isoformat(), **asdict(counts)}


def tick(counts: dict[str, Any], *, at: datetime) -> None:
    """Leave proof that the engine passed."""
    Tick.objects.update_or_create(name="sweep", defaults={"at": at, "data": counts})


def due(at: datetime) -> QuerySet[Clock]:
    """The clocks with a step due, first due first."""
    return Clock.objects.filter(next_action_at__lte=at).order_by("next_action_at", "pk")


def _batch(at: datetime, counts: Counts) -> bool:
    written = Written()
    with transaction.atomic():
        rows = due(at).select_for_update(of=("self",), no_key=True, skip_locked=True)
        related = ("terms", "case__shop", "case__owner", "handoff__assignee", "handoff__asker")
        clocks = list(rows.select_related(*related).prefetch_related("pauses")[:BATCH])
        if not clocks:
            return False
        counts.claimed += len(clocks)
        audience = Audience({clock.case.shop_id for clock in clocks}, at=at)
        for clock in clocks:
            _take(clock, audience, written, counts, at)
        rewrite(written.clocks, ["state", "step", "next_action_at", "failed"])
        TimelineEntry.objects.bulk_create(written.entries, batch_size=BATCH)
        outbox.put(written.messages)
    for pk in written.expiring:
        _expire(pk, at, counts)
    return len(clocks) == BATCH


def _take(clock: Clock, audience: Audience, written: Written, counts: Counts, at: datetime) -> None:
    """Decide the steps of one clock; one that raises is pushed back an hour with its error, and shown."""
    try:
        taken = _steps_due(clock, at)
        clock.failed = ""
    except Exception as error:
        logger.exception("clock %s could not be swept", clock.pk)
        clock.failed, clock.next_action_at = f"{type(error).__name__}: {error}"[:200], at + PUSHED_BACK
        counts.failed += 1
        written.clocks.append(clock)
        return
    if clock.kind in EXPIRES and any(step["act"] == "late" for step in taken):
        clock.next_action_at = at + PUSHED_BACK
        written.expiring.append(clock.pk)
    else:
        _note_steps(clock, taken, audience, written, counts, at)
    written.clocks.append(clock)


def _steps_due(clock: Clock, at: datetime) -> list[dict[str, Any]]:
    """Advance the clock over every step that has come due, in order; sets the time of the next one."""
    pauses, taken = list(clock.pauses.all()), []
    moment = moment_of_step(clock, clock.step, pauses)
    while moment is not None and moment <= at:
        taken.append(clock.terms.data["steps"][clock.step])
        clock.step += 1
        moment = moment_of_step(clock, clock.step, pauses)
    clock.next_action_at = moment
    return taken


def _note_steps(
    clock: Clock, taken: list[dict[str, Any]], audience: Audience, written: Written, counts: Counts, at: datetime
) -> None:
    """A timeline row per step; one message, of the latest step, to all whom the overdue steps concern."""
    if not taken:
        return
    for number, step in enumerate(taken, start=1):
        kind = KIND_OF[step["act"]]
        setattr(counts, kind, getattr(counts, kind) + 1)
        data = {"clock": clock.kind, "version": clock.version, "percent": step["percent"]}
        if clock.handoff is not None:
            data |= {"handoff": clock.handoff.pk, "kind": clock.handoff.kind}
        if number < len(taken):
            data["collapsed"] = True
        written.entries.append(TimelineEntry(case=clock.case, kind=kind, at=at, data=data))
        if step["act"] == "late":
            clock.state = Clock.State.LATE
    last = taken[-1]
    serious = [step for step in taken if step["act"] != "remind"] or [last]
    people = {user.pk: user for step in serious for user in audience.people(clock, step["to"])}
    key = f"{last['act']}:{clock.pk}:{clock.version}:{clock.step}"
    written.messages += [
        outbox.message(KIND_OF[last["act"]], to=user, key=key, at=at, case=clock.case_id, clock=clock.kind,
                       handoff=clock.handoff_id, due=clock.due_at.isoformat() if clock.due_at else None)
        for user in people.values()
    ]  # fmt: skip


def _expire(pk: int, at: datetime, counts: Counts) -> None:
    """Let one clock expire through the flow; a failure is kept on the clock, which was pushed back already."""
    try:
        counts.expired += expire(pk, at=at)
    except Exception as error:
        logger.exception("clock %s could not expire", pk)
        counts.failed += 1
        Clock.objects.filter(pk=pk).update(failed=f"{type(error).__name__}: {error}"[:200])
