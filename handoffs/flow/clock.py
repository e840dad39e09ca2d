"""Clocks: start, end, pause, resume. Every obligation of domain.md section 4; the sweep acts on what is written here.

All functions expect the caller to hold the case's lock. Times are aware UTC; `at` is the moment of the act.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import F

from accounts.models import User
from accounts.models.people import Role
from handoffs.flow.moves import note
from handoffs.flow.terms import Asked, due, moment_of_step, terms_for
from handoffs.models import Case, Clock, Handoff, Pause, Terms
from handoffs.models.clock import ClockKind

State = Clock.State
FIXED = frozenset({ClockKind.MARKETPLACE, ClockKind.RETURN_PROMISED})
WAITS_FOR_US = (Case.Phase.WAIT_SELLER, Case.Phase.WAIT_SELLER_CONFIRM)
# Waiting for the buyer pauses our own clocks on the case, never the marketplace's or one the buyer owes.
PAUSED_BY_BUYER = frozenset({ClockKind.DECIDE, ClockKind.CARRY_OUT})


@dataclass(frozen=True, slots=True)
class Start:
    """What clock to start, and from when. `due_at` fixes the end (imported or promised); `cap` may only shorten it."""

    kind: str
    owner_role: str
    started_at: datetime
    handoff: Handoff | None = None
    difficult: bool = False
    external: bool = False
    minutes: int | None = None
    due_at: datetime | None = None
    cap: datetime | None = None


def build(case: Case, start: Start, *, version: int, at: datetime, memo: dict[Asked, Terms] | None = None) -> Clock:
    """An unsaved clock. One that is past due when first seen is late with the cause “arrived late” and has no steps."""
    handoff_kind = start.handoff.kind if start.handoff else ""
    asked = Asked(start.kind, case.shop_id, handoff_kind, start.difficult, start.external, start.minutes)
    clock = Clock(
        case=case,
        handoff=start.handoff,
        kind=start.kind,
        owner_role=start.owner_role,
        version=version,
        terms=terms_for(asked, memo),
        started_at=start.started_at,
    )
    clock.due_at = start.due_at or due(clock.terms, start.started_at)
    if start.cap is not None and clock.due_at is not None and at < start.cap < clock.due_at:
        clock.due_at = start.cap
    if clock.due_at is not None and clock.due_at <= at and start.started_at < at:
        clock.state, clock.cause, clock.step = State.LATE, "arrived_late", len(clock.terms.data["steps"])
    else:
        clock.next_action_at = moment_of_step(clock, 0)
    return clock


def start(case: Case, start: Start, *, at: datetime) -> Clock:
    """Start a clock; a clock of the same kind that still runs on the same thing is ended as cancelled first."""
    same = Clock.objects.filter(case=case, kind=start.kind, handoff=start.handoff)
    for running in same.filter(ended_at=None):
        cancel(running, at=at, cause="new_version")
    version = (same.order_by("-version").values_list("version", flat=True).first() or 0) + 1
    clock = build(case, start, version=version, at=at)
    clock.save()
    return clock


def running(case: Case, *kinds: str) -> list[Clock]:
    """The case's open clocks of these kinds (all kinds where none is named), oldest first, locked.

    Locking them keeps a sweep that is at work on one of them from being overwritten: late is sticky.
    """
    rows = Clock.objects.select_for_update(of=("self",), no_key=True).select_related("terms", "case__shop")
    rows = rows.filter(case=case, ended_at=None).order_by("started_at", "pk")
    return list(rows.filter(kind__in=kinds) if kinds else rows)


def end(clock: Clock, *, at: datetime, cause: str = "") -> None:
    """The obligation was met at `at`: met in time, late for good after due. An open pause ends with it.

    What was done in time and is only now learned of (a response declared later, an import) was in time.
    """
    _close_pause(clock, at=at)
    past_due = clock.due_at is not None and at > clock.due_at
    late = past_due or (clock.state == State.LATE and clock.due_at is None)
    _finish(clock, State.LATE if late else State.MET, at=at, cause=cause or clock.cause)
    if past_due and late:
        note_late_end(clock, at=at)


def cancel(clock: Clock, *, at: datetime, cause: str) -> None:
    """The obligation fell away. Past due it stays late (late is sticky), otherwise it is cancelled."""
    _close_pause(clock, at=at)
    late = clock.state == State.LATE or (clock.due_at is not None and at > clock.due_at)
    _finish(clock, State.LATE if late else State.CANCELLED, at=at, cause=cause)


def drop(clock: Clock, *, at: datetime, cause: str) -> None:
    """Cancel outside the rate even when late: settled automatically, timed out or withdrawn by the buyer."""
    _close_pause(clock, at=at)
    _finish(clock, State.CANCELLED, at=at, cause=cause)


def end_all(case: Case, *kinds: str, at: datetime, cause: str = "") -> None:
    for clock in running(case, *kinds):
        end(clock, at=at, cause=cause)


def cancel_all(case: Case, *kinds: str, at: datetime, cause: str) -> None:
    for clock in running(case, *kinds):
        cancel(clock, at=at, cause=cause)


def _finish(clock: Clock, state: str, *, at: datetime, cause: str) -> None:
    clock.state, clock.cause, clock.next_action_at = state, cause, None
    clock.ended_at = max(at, clock.started_at)
    Clock.objects.filter(pk=clock.pk).update(
        state=clock.state, cause=cause, next_action_at=None, ended_at=clock.ended_at, failed=""
    )


def note_late_end(clock: Clock, *, at: datetime) -> None:
    """An end after due that the sweep had not yet seen is still written down as late, once."""
    if clock.step < steps_until_late(clock.terms):
        note(clock.case, "late", at=at, by=None, clock=clock.kind, handoff=clock.handoff_id, version=clock.version)
        clock.step = steps_until_late(clock.terms)
        Clock.objects.filter(pk=clock.pk).update(step=clock.step)


def steps_until_late(terms: Terms) -> int:
    """How many steps are behind a clock that is late."""
    return sum(1 for step in terms.data["steps"] if step["percent"] <= 100)


def pause(clock: Clock, *, at: datetime, reason: str) -> None:
    """Stand still from `at`. A clock that is late or already paused stays as it is."""
    if clock.state != State.RUNNING:
        return
    Pause.objects.create(clock=clock, started_at=at, reason=reason)
    clock.state, clock.next_action_at, clock.due_at = State.PAUSED, None, None
    clock.save(update_fields=["state", "next_action_at", "due_at"])


def resume(clock: Clock, *, at: datetime) -> None:
    """Go on; due and the next step are computed again from start and pauses."""
    if clock.state != State.PAUSED:
        return
    _close_pause(clock, at=at)
    pauses = list(clock.pauses.all())
    clock.state, clock.due_at = State.RUNNING, due(clock.terms, clock.started_at, pauses)
    clock.next_action_at = moment_of_step(clock, clock.step, pauses)
    clock.save(update_fields=["state", "next_action_at", "due_at"])


def _close_pause(clock: Clock, *, at: datetime) -> None:
    open_pause = clock.pauses.filter(ended_at=None).first()
    if open_pause is None:
        return
    open_pause.ended_at = max(at, open_pause.started_at)
    open_pause.save(update_fields=["ended_at"])
    clock.due_at = due(clock.terms, clock.started_at, clock.pauses.all())
    Clock.objects.filter(pk=clock.pk).update(due_at=clock.due_at)


def pause_for_buyer(case: Case, *, at: datetime) -> None:
    for clock in running(case, *PAUSED_BY_BUYER):
        pause(clock, at=at, reason="waiting_buyer")


def resume_after_buyer(case: Case, *, at: datetime) -> None:
    for clock in running(case, *PAUSED_BY_BUYER):
        resume(clock, at=at)


def follow_marketplace(case: Case, *, at: datetime, by: User | None) -> None:
    """Keep the marketplace's own clock in step with what was imported: never guessed, gone when there is none."""
    del by
    current = next(iter(running(case, ClockKind.MARKETPLACE)), None)
    wanted = case.marketplace_deadline if ours_to_act(case) else None
    if current is not None and current.due_at == wanted:
        return
    if current is not None and wanted is None:
        settled = cancel if case.is_over and case.phase == Case.Phase.CLOSED else end
        moment = max(min(case.modified or at, at), current.started_at)  # when it was so, not when it was read
        settled(current, at=moment, cause="no_longer_ours")
    if wanted is not None:
        begun = max(case.applied_at, case.modified or case.applied_at) if current is None else at
        start(case, Start(ClockKind.MARKETPLACE, Role.SUPPORT, min(begun, at), due_at=wanted), at=at)


def ours_to_act(case: Case) -> bool:
    """Whether the marketplace waits for the seller now."""
    return case.phase in WAITS_FOR_US


def first_moment(case: Case, due_at: datetime | None) -> datetime | None:
    """When something is lost first: the promise at `due_at`, or the money where the marketplace waits for us."""
    deadline = case.marketplace_deadline
    sooner = deadline is not None and due_at is not None and deadline < due_at and ours_to_act(case)
    return deadline if sooner else due_at


def refresh_due(case_ids: Iterable[int]) -> None:
    """Write by what queues are ordered: each live question's first moment, each case's earliest open deadline.

    Two statements however many cases, in words of SQL: every act ends here, and the ORM takes longer to write them
    than the database to do them.
    """
    ids = list(case_ids)
    if not ids:
        return
    these = ", ".join(["%s"] * len(ids))
    with connection.cursor() as cursor:
        moment = WAITS_FOR_US
        cursor.execute(FIRST_MOMENTS.format(these=these), [*moment, *ids, *Handoff.LIVE, *moment, *moment])
        cursor.execute(FIRST_DEADLINES.format(these=these), ids)


def _changed(table: str, column: str, to: str, where: str) -> str:
    """Write only what differs. Both sides may be empty, which a bare comparison would leave out."""
    differs = f"{column} <> {to} OR ({column} IS NULL) <> ({to} IS NULL)"
    return f"UPDATE {table} SET {column} = {to} WHERE {where} AND ({differs})"  # noqa: S608  names of our own


# What `first_moment` says.
FIRST_MOMENTS = _changed(
    "handoffs_handoff",
    "first_at",
    "coalesce((SELECT c.marketplace_deadline FROM handoffs_case c WHERE c.id = handoffs_handoff.case_id"
    " AND c.phase IN (%s, %s) AND c.marketplace_deadline < handoffs_handoff.due_at), due_at)",
    "case_id IN ({these}) AND status IN (%s, %s)",
)
FIRST_DEADLINES = _changed(
    "handoffs_case",
    "due_at",
    "(SELECT min(k.due_at) FROM handoffs_clock k WHERE k.case_id = handoffs_case.id AND k.ended_at IS NULL)",
    "id IN ({these})",
)


def overdue_first(field: str = "due_at") -> list[F]:
    """Ordering of every queue: what is due first stands first, what has no deadline last."""
    return [F(field).asc(nulls_last=True), F("pk").asc()]  # type: ignore[list-item]
