"""Rows as the console shows them: time left as a share of the time given, steps, chips. Nothing is decided here."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from handoffs import permissions
from handoffs.flow import next_step
from handoffs.models import Case, Clock, Handoff

SOON = 0.8


@dataclass(frozen=True, slots=True)
class TimeLeft:
    """A bar that counts down: how much of the time is used (0 to 100), and in words what is left."""

    start: datetime
    due: datetime
    percent: int
    words: str
    tone: str  # late, soon, fine

    @property
    def start_ms(self) -> int:
        return int(self.start.timestamp() * 1000)

    @property
    def due_ms(self) -> int:
        return int(self.due.timestamp() * 1000)


def time_left(start: datetime, due: datetime | None, *, at: datetime) -> TimeLeft | None:
    if due is None:
        return None
    whole = max((due - start).total_seconds(), 1)
    used = (at - start).total_seconds() / whole
    tone = "late" if at >= due else "soon" if used >= SOON else "fine"
    return TimeLeft(start, due, min(max(round(used * 100), 0), 100), in_words(due - at), tone)


def in_words(left: timedelta) -> str:
    """“12 min left”, “late by 1 h 5 min”."""
    said = _("late by %(time)s") if left.total_seconds() <= 0 else _("%(time)s left")
    return said % {"time": length(left)}


def length(span: timedelta) -> str:
    """“1 h 5 min”, whether forward or back."""
    minutes = int(abs(span.total_seconds()) // 60)
    days, hours, minutes = minutes // 1440, minutes // 60 % 24, minutes % 60
    if days:
        return _("%(d)s d %(h)s h") % {"d": days, "h": hours}
    if not hours and not minutes:
        return _("less than a minute")
    return _("%(h)s h %(m)s min") % {"h": hours, "m": minutes} if hours else _("%(m)s min") % {"m": minutes}


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One case in a queue."""

    case: Case
    left: TimeLeft | None
    step: next_step.Step
    amount: str
    may_take: bool = False

    @property
    def need(self) -> str:
        return self.case.reason or self.case.description[:60] or _("no reason given")


def with_steps(rows: QuerySet[Case]) -> QuerySet[Case]:
    """The related rows that time left and next step need, in a fixed number of statements."""
    return rows.select_related("shop", "owner").prefetch_related(
        Prefetch("clocks", queryset=Clock.objects.filter(ended_at=None)), "handoffs", "decisions", "facts", "parcels"
    )


def case_rows(cases: Iterable[Case], *, user: User, at: datetime | None = None) -> list[CaseRow]:
    now = at or timezone.now()
    return [case_row(case, user=user, at=now) for case in cases]


def case_row(case: Case, *, user: User, at: datetime) -> CaseRow:
    due = [clock for clock in case.clocks.all() if clock.ended_at is None and clock.due_at is not None]
    first = min(due, key=lambda clock: clock.due_at or at, default=None)
    left = time_left(first.started_at, first.due_at, at=at) if first else None
    amount = f"¥{case.amount}" if permissions.sees_amounts(user, case) else ""
    free = case.owner_id is None and case.status != Case.Status.CLOSED
    may_take = free and permissions.may(user, "own", shop_id=case.shop_id)
    return CaseRow(case, left, next_step.next_step(case), amount, may_take)


@dataclass(frozen=True, slots=True)
class HandoffRow:
    """One question in a queue."""

    handoff: Handoff
    left: TimeLeft | None


def handoff_rows(handoffs: Iterable[Handoff], *, at: datetime | None = None) -> list[HandoffRow]:
    now = at or timezone.now()
    return [HandoffRow(asked, time_left(asked.created_at, asked.due_at, at=now)) for asked in handoffs]


def field_errors(error: Any, names: Iterable[str]) -> tuple[str | None, str]:
    """(field or None, message) of a FlowError for a form that has these fields."""
    field = "files" if error.field in ("file", "attachments") else error.field
    return (field if field in set(names) else None), str(error)
