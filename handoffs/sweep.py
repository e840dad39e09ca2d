"""The sweep: takes the clocks whose next step is due, in batches, and does each step exactly once.

Two sweepers at once do no harm: a batch is locked (SKIP LOCKED; SQLite serialises writers), the steps, the timeline
rows and the outbox rows are written in the same transaction, and a clock's `step` says what has been done. The rows of
one part are made while the database writes those of the part before. What moves a
case (an expiry) goes row by row through the flow, after its retry time was pushed out.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet

from accounts.models import Shop, User
from handoffs import outbox
from handoffs.flow.audience import Audience, Owed
from handoffs.flow.expire import EXPIRES, expire
from handoffs.flow.terms import moment_of_step, reckoning
from handoffs.models import Clock, Handoff, Pause, Terms, Tick, TimelineEntry, bulk

CLAIMED, WRITTEN = 2000, 250  # clocks locked at once; clocks written by a statement
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


@dataclass(slots=True)
class Due:
    """A clock taken up, with what its steps need to be known of case and handoff."""

    pk: int
    case_id: int
    kind: str
    version: int
    state: str
    step: int
    terms_id: int
    started_at: datetime
    due_at: datetime | None
    role: str
    shop_id: int
    owner_id: int | None
    handoff_id: int | None
    handoff_kind: str | None
    assignee_id: int | None
    asker_id: int | None
    stood_still: bool
    terms: Terms = field(init=False)
    pauses: Sequence[Pause] = ()
    next_action_at: datetime | None = None
    failed: str = ""

    @property
    def holder_id(self) -> int | None:
        return self.assignee_id if self.handoff_id else self.owner_id

    @property
    def for_id(self) -> int | None:
        return self.asker_id if self.handoff_id else self.owner_id


@dataclass(frozen=True, slots=True)
class Joined:
    """A question on another case that the clock's question answers too."""

    pk: int
    case_id: int
    asker_id: int


STOOD_STILL = Exists(Pause.objects.filter(clock=OuterRef("pk")))
COLUMNS = ("pk", "case_id", "kind", "version", "state", "step", "terms_id", "started_at", "due_at", "owner_role",
           "case__shop_id", "case__owner_id", "handoff_id", "handoff__kind", "handoff__assignee_id",
           "handoff__asker_id", "stood_still")  # fmt: skip


@dataclass
class Pass:
    """What is read once and serves all batches of a pass: people, memberships, terms."""

    at: datetime
    counts: Counts = field(default_factory=Counts)
    people: dict[int, User] = field(default_factory=dict)
    terms: dict[int, Terms] = field(default_factory=dict)
    joined: dict[int, list[Joined]] = field(default_factory=dict)
    audience: Audience = field(init=False)

    def read(self, clocks: Sequence[Due]) -> None:
        """Have at hand what these clocks need; a statement only for what is new."""
        if clocks and not hasattr(self, "audience"):
            self.audience = Audience(Shop.objects.values_list("pk", flat=True), at=self.at)
        wanted = {pk for clock in clocks for pk in (clock.holder_id, clock.for_id) if pk}
        wanted |= self._read_joined([clock.handoff_id for clock in clocks if clock.handoff_id])
        if wanted := wanted - self.people.keys():
            self.people |= User.objects.in_bulk(wanted)
        if unread := {clock.terms_id for clock in clocks} - self.terms.keys():
            self.terms |= Terms.objects.in_bulk(unread)
            for pk in unread:
                reckoning(self.terms[pk])
        still: dict[int, list[Pause]] = {}
        if stood := [clock.pk for clock in clocks if clock.stood_still]:
            for pause in Pause.objects.filter(clock__in=stood).order_by("started_at", "pk"):
                still.setdefault(pause.clock_id, []).append(pause)
        for clock in clocks:
            clock.terms, clock.pauses = self.terms[clock.terms_id], still.get(clock.pk, ())

    def _read_joined(self, asked: Sequence[int]) -> set[int]:
        """Who asked the same on other cases, and waits for the same answer by the same deadline."""
        if not asked:
            return set()
        rows = Handoff.objects.filter(joined__in=asked, status__in=Handoff.LIVE, asker__isnull=False).order_by("pk")
        self.joined = {}
        for leader, *row in rows.values_list("joined_id", "pk", "case_id", "asker_id"):
            self.joined.setdefault(leader, []).append(Joined(*row))
        return {each.asker_id for joined in self.joined.values() for each in joined}

    def told(self, clock: Due, to: str) -> list[User]:
        holder, for_whom = self.people.get(clock.holder_id or 0), self.people.get(clock.for_id or 0)
        return self.audience.people(Owed(clock.shop_id, clock.role, holder, for_whom), to)


@dataclass
class Written:
    """What one batch writes."""

    entries: list[Sequence[Any]] = field(default_factory=list)
    messages: list[outbox.Message] = field(default_factory=list)
    expiring: list[int] = field(default_factory=list)


def run(*, at: datetime) -> dict[str, Any]:
    """One pass: every step due at `at`, however many batches. Returns the counts with the time."""
    this = Pass(at)
    if due(at).values("pk").first():  # seldom; the look costs the same however many clocks there are
        while _batch(this):
            pass
    return {"at": at.isoformat(), **asdict(this.counts)}


def tick(counts: dict[str, Any], *, at: datetime, seconds: float | None = None) -> None:
    """Leave proof that the engine passed."""
    Tick.note("sweep", counts, at=at, seconds=seconds)


def due(at: datetime) -> QuerySet[Clock]:
    """The clocks with a step due, first due first."""
    return Clock.objects.filter(next_action_at__lte=at).order_by("next_action_at", "pk")


def _batch(this: Pass) -> bool:
    expiring: list[int] = []
    with transaction.atomic():
        clocks = _claimed(this.at)
        this.counts.claimed += len(clocks)
        this.read(clocks)
        with bulk.unawaited():
            for first in range(0, len(clocks), WRITTEN):
                expiring += _write(clocks[first : first + WRITTEN], this)
    for pk in expiring:
        _expire(pk, this.at, this.counts)
    return len(clocks) == CLAIMED


def _claimed(at: datetime) -> list[Due]:
    """Clocks with a step due, locked; those another sweeper has are left to it."""
    locked = due(at).select_for_update(no_key=True, skip_locked=True).values("pk")[:CLAIMED]
    rows = Clock.objects.filter(pk__in=locked).order_by("next_action_at", "pk").annotate(stood_still=STOOD_STILL)
    return [Due(*row) for row in rows.values_list(*COLUMNS)]


def _write(clocks: Sequence[Due], this: Pass) -> list[int]:
    """Do the steps of some clocks and write them; returns the clocks that are to expire."""
    written = Written()
    for clock in clocks:
        _take(clock, this, written)
    moved = [(clock.pk, clock.state, clock.step, clock.next_action_at, clock.failed) for clock in clocks]
    bulk.update(Clock, ("id", "state", "step", "next_action_at", "failed"), moved)
    bulk.insert_new(TimelineEntry, ("case", "at", "kind", "data"), written.entries)
    outbox.put(written.messages)
    return written.expiring


def _take(clock: Due, this: Pass, written: Written) -> None:
    """Decide the steps of one clock; one that raises is pushed back an hour with its error, and shown."""
    try:
        steps = _steps_due(clock, this.at)
    except Exception as error:
        logger.exception("clock %s could not be swept", clock.pk)
        clock.failed, clock.next_action_at = f"{type(error).__name__}: {error}"[:200], this.at + PUSHED_BACK
        this.counts.failed += 1
        return
    if clock.kind in EXPIRES and any(step["act"] == "late" for step in steps):
        clock.next_action_at = this.at + PUSHED_BACK
        written.expiring.append(clock.pk)
    elif steps:
        _note_steps(clock, steps, this, written)


def _steps_due(clock: Due, at: datetime) -> list[dict[str, Any]]:
    """Advance the clock over every step that has come due, in order; sets the time of the next one."""
    taken = []
    moment = moment_of_step(clock, clock.step, clock.pauses)
    while moment is not None and moment <= at:
        taken.append(clock.terms.data["steps"][clock.step])
        clock.step += 1
        moment = moment_of_step(clock, clock.step, clock.pauses)
    clock.next_action_at = moment
    return taken


def _note_steps(clock: Due, steps: list[dict[str, Any]], this: Pass, written: Written) -> None:
    """A timeline row per step; one message, of the latest step, to all whom the overdue steps concern."""
    last = steps[-1]
    for step in steps:
        kind = KIND_OF[step["act"]]
        setattr(this.counts, kind, getattr(this.counts, kind) + 1)
        data = {"clock": clock.kind, "version": clock.version, "percent": step["percent"]}
        if clock.handoff_id is not None:
            data |= {"handoff": clock.handoff_id, "kind": clock.handoff_kind}
        if step is not last:
            data["collapsed"] = True
        written.entries.append((clock.case_id, this.at, kind, data))
        if step["act"] == "late":
            clock.state = Clock.State.LATE
    serious = [step for step in steps if step["act"] != "remind"] or [last]
    people = {user.pk: user for step in serious for user in this.told(clock, step["to"])}
    key = f"{last['act']}:{clock.pk}:{clock.version}:{clock.step}"
    due_at = clock.due_at.isoformat() if clock.due_at else None
    for user in people.values():
        more: dict[str, Any] = {"clock": clock.kind, "handoff": clock.handoff_id, "due": due_at}
        message = outbox.message(KIND_OF[last["act"]], to=user, key=key, at=this.at, case=clock.case_id, **more)
        written.messages.append(message)
    if any(step["to"] == "asker_and_lead" for step in serious):
        for other in this.joined.get(clock.handoff_id or 0, ()):
            more = {"clock": clock.kind, "handoff": other.pk, "due": due_at}
            written.messages.append(
                outbox.message(KIND_OF[last["act"]], to=this.people[other.asker_id], key=f"{key}:{other.pk}",
                               at=this.at, case=other.case_id, **more)
            )  # fmt: skip


def _expire(pk: int, at: datetime, counts: Counts) -> None:
    """Let one clock expire through the flow; a failure is kept on the clock, which was pushed back already."""
    try:
        counts.expired += expire(pk, at=at)
    except Exception as error:
        logger.exception("clock %s could not expire", pk)
        counts.failed += 1
        Clock.objects.filter(pk=pk).update(failed=f"{type(error).__name__}: {error}"[:200])
