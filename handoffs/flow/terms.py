"""The terms of a clock: minutes, calendar and steps, taken from the policy rows when it starts and kept.

A clock remembers what it was started under; editing a policy changes the clocks that start afterwards.
"""

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any, Literal, Protocol

from django.db.models import F, Q

from handoffs.flow import worktime
from handoffs.models import Calendar, CalendarDay, Clock, ClockPolicy, Pause, PolicyStep, Terms
from handoffs.models.clock import ClockKind
from handoffs.seeds.policies import CLOCK_MINUTES, DEFAULT_STEPS, HANDOFF_MINUTES

ROUND_THE_CLOCK = worktime.Calendar(name="", zone="Asia/Shanghai", windows=(), holidays=False)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a clock is for, as far as its terms go."""

    kind: str
    shop_id: int
    handoff_kind: str = ""
    difficult: bool = False
    external: bool = False
    minutes: int | None = None


def terms_for(asked: Asked, memo: dict[Asked, Terms] | None = None) -> Terms:
    """The terms in force now for this obligation; identical terms share one row. `memo` spares a batch the look-ups."""
    if memo is not None and asked in memo:
        return memo[asked]
    found = _terms_for(asked)
    if memo is not None:
        memo[asked] = found
    return found


def _terms_for(asked: Asked) -> Terms:
    data = data_for(asked)
    return Terms.objects.get_or_create(digest=digest_of(data), defaults={"data": data})[0]


def digest_of(data: dict[str, Any]) -> str:
    """By what terms are known."""
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def data_for(asked: Asked) -> dict[str, Any]:
    """What the terms in force now say for this obligation. Nothing is stored."""
    policy = _policy(asked)
    minutes = asked.minutes or (_minutes(policy, asked) if policy else _default_minutes(asked))
    calendar = calendar_data(policy.calendar) if policy and policy.calendar else None
    return {"minutes": minutes, "calendar": calendar, "steps": steps_for(asked.kind)}


def would_be_due(asked: Asked, at: datetime) -> datetime | None:
    """When a clock for this obligation would be due if it were started at `at`. Nothing is stored."""
    return due(Terms(data=data_for(asked)), at)


def _policy(asked: Asked) -> ClockPolicy | None:
    """The shop's own, else the one for every shop."""
    rows = ClockPolicy.objects.filter(clock=asked.kind, handoff_kind=asked.handoff_kind).select_related("calendar")
    return rows.filter(Q(shop=asked.shop_id) | Q(shop=None)).order_by(F("shop").asc(nulls_last=True)).first()


def _minutes(policy: ClockPolicy, asked: Asked) -> int:
    if asked.external and policy.external_minutes:
        return policy.external_minutes
    if asked.difficult and policy.difficult_minutes:
        return policy.difficult_minutes
    return policy.minutes


def _default_minutes(asked: Asked) -> int:
    if asked.kind == ClockKind.HANDOFF:
        plain, difficult, external = HANDOFF_MINUTES[asked.handoff_kind]
        return (external if asked.external else difficult if asked.difficult else None) or plain
    return CLOCK_MINUTES[asked.kind]


def steps_for(kind: str) -> list[dict[str, Any]]:
    """The steps of a kind of clock: its own rows, else the rows for every clock, else the shipped ones."""
    rows = list(PolicyStep.objects.filter(clock__in=(kind, "")).order_by("percent"))
    chosen = [row for row in rows if row.clock == kind] or [row for row in rows if not row.clock]
    if not chosen:
        return [dict(step) for step in DEFAULT_STEPS]
    return [{"act": row.act, "percent": row.percent, "to": row.to} for row in chosen]


def calendar_data(calendar: Calendar) -> dict[str, Any]:
    """A calendar as it is kept in terms."""
    windows = [(w.weekday, w.start.isoformat(), w.end.isoformat()) for w in calendar.windows.all()]
    return {"name": calendar.name, "zone": calendar.time_zone, "holidays": calendar.holidays, "windows": windows}


def calendar_of(terms: Terms) -> worktime.Calendar:
    data = terms.data.get("calendar")
    if not data:
        return ROUND_THE_CLOCK
    windows = tuple(
        worktime.Window(weekday, time.fromisoformat(start), _end(time.fromisoformat(end)))
        for weekday, start, end in data["windows"]
    )
    return worktime.Calendar(name=data["name"], zone=data["zone"], windows=windows, holidays=data["holidays"])


def reckoning(terms: Terms) -> tuple[worktime.Calendar, worktime.Days]:
    """Calendar and days that these terms count by; read once for as long as the object lives."""
    known: tuple[worktime.Calendar, worktime.Days] | None = terms.__dict__.get("reckoning")
    if known is None:
        calendar = calendar_of(terms)
        known = terms.__dict__["reckoning"] = (calendar, days_for(calendar))
    return known


def _end(end: time) -> time | None:
    return None if end == time(0) else end


def days_for(calendar: worktime.Calendar) -> worktime.Days:
    """What each day is for this calendar; the editable table is read only where it matters."""
    return table_days() if calendar.windows and calendar.holidays else worktime.chinese_days


def table_days() -> worktime.Days:
    """The editable table of holidays and make-up days over the published calendar."""
    rows: dict[date, Literal["work", "rest"]] = {
        day: "work" if kind == CalendarDay.Kind.WORK else "rest"
        for day, kind in CalendarDay.objects.values_list("day", "kind")
    }
    return worktime.days_with(rows)


def length_of(terms: Terms) -> timedelta:
    return timedelta(minutes=terms.data["minutes"])


def spans(pauses: Iterable[Pause]) -> list[worktime.Span]:
    return [worktime.Span(pause.started_at, pause.ended_at, pause.reason) for pause in pauses]


def due(terms: Terms, start: datetime, pauses: Iterable[Pause] = ()) -> datetime | None:
    """When a clock started at `start` is due; None while it is paused."""
    calendar, days = reckoning(terms)
    return worktime.due_at(start, length_of(terms), calendar, spans(pauses), days).at


class Timed(Protocol):
    """What the times of a clock's steps follow from."""

    @property
    def terms(self) -> Terms: ...
    @property
    def started_at(self) -> datetime: ...
    @property
    def due_at(self) -> datetime | None: ...


def moment_of_step(clock: Timed, step: int, pauses: Iterable[Pause] = ()) -> datetime | None:
    """When step number `step` comes up; None when there is no such step or the clock stands still.

    The share is taken of the time the clock was given. Where the due time was imported or promised rather than
    counted from the policy, it is taken of the plain time between start and due.
    """
    steps = clock.terms.data["steps"]
    if clock.due_at is None or step >= len(steps):
        return None
    percent: int = steps[step]["percent"]
    if percent == 100:
        return clock.due_at
    calendar, days = reckoning(clock.terms)
    pause_rows = list(pauses)
    if not calendar.windows and not pause_rows:
        return clock.started_at + (clock.due_at - clock.started_at) * percent / 100
    still = spans(pause_rows)
    given = worktime.elapsed(clock.started_at, clock.due_at, calendar, still, days)
    return worktime.due_at(clock.started_at, given * percent / 100, calendar, still, days).at


def why_due(clock: Clock, pauses: Iterable[Pause], *, days: worktime.Days | None = None) -> list[str]:
    """“Why is it due then?” as sentences: start, minutes, windows, holidays, pauses. `days` spares lists the table."""
    if clock.kind == ClockKind.MARKETPLACE:
        return [str(worktime.text(worktime.Reason("marketplace", {})))]
    calendar = calendar_of(clock.terms)
    known = days or days_for(calendar)
    counted = worktime.due_at(clock.started_at, length_of(clock.terms), calendar, spans(pauses), known)
    lines = [str(worktime.text(reason)) for reason in counted.why]
    if clock.due_at is not None and counted.at is not None and clock.due_at < counted.at:
        lines.append(str(worktime.text(worktime.Reason("capped", {}))))
    return lines
