"""Working time: when a clock is due, how much of it has run, and why. Pure: no rows are read here.

Times go in and come out as aware datetimes and are counted in UTC; a calendar's zone only says where its windows lie,
so a window that crosses a change to summer time lasts as long as it really does. Source: domain.md section 4.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

import chinese_calendar

from handoffs.flow.why import Account, Reason, text

# work: a make-up working day (or any working day) · rest: a public holiday · plain: the weekday decides ·
# None: nothing is known of that year, the weekday decides and the reader is told.
DayKind = Literal["work", "rest", "plain"] | None
Days = Callable[[date], DayKind]

__all__ = [
    "Calendar", "DayKind", "Days", "Due", "NoWorkingTime", "Reason", "Span", "Window",
    "at_fraction", "chinese_days", "days_with", "due_at", "elapsed", "text",
]  # fmt: skip
Hours = tuple[tuple[time, time | None], ...]

ONE_DAY = timedelta(days=1)
NOTHING = timedelta(0)
SATURDAY = 5
DAYS_WITHOUT_WORK = 3660


class NoWorkingTime(ValueError):
    """The calendar leaves no working time for ten years on end, so nothing started under it can fall due."""


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch of working time on a weekday (0 is Monday). `end` None, 00:00 or time.max is midnight that ends it."""

    weekday: int
    start: time
    end: time | None = None

    def __post_init__(self) -> None:
        if self.weekday not in range(7):
            raise ValueError(f"weekday {self.weekday} is not 0 to 6")
        if self.end in (time(0), time.max):
            object.__setattr__(self, "end", None)
        if self.end is not None and self.end <= self.start:
            raise ValueError(f"window {self.start}–{self.end} ends before it starts")


@dataclass(frozen=True, slots=True)
class Calendar:
    """Windows in a zone; none at all means round the clock, which knows no holidays either.

    `holidays`: whether Chinese public holidays are off and make-up working days (调休) are on.
    """

    name: str
    zone: str = "Asia/Shanghai"
    windows: tuple[Window, ...] = ()
    holidays: bool = True


@dataclass(frozen=True, slots=True)
class Span:
    """A pause. `end` None: it still lasts."""

    start: datetime
    end: datetime | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Due:
    """`at` in UTC, or None while a pause lasts."""

    at: datetime | None
    why: list[Reason]


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Open time without a break; `end` None has no end. `before`: what was met on the way to it."""

    start: datetime
    end: datetime | None
    before: tuple[Reason, ...] = ()


def chinese_days(day: date) -> DayKind:
    """What the published Chinese calendar says of a day; None for a year that is not published yet."""
    try:
        rest, name = chinese_calendar.get_holiday_detail(day)
    except NotImplementedError:
        return None
    if name is None:
        return "plain"
    return "rest" if rest else "work"


def days_with(rows: Mapping[date, Literal["work", "rest"]], base: Days = chinese_days) -> Days:
    """`base` with the rows of an editable table on top. A year of which the table has any row counts as loaded."""
    years = {day.year for day in rows}

    def kind(day: date) -> DayKind:
        return rows.get(day) or base(day) or ("plain" if day.year in years else None)

    return kind


def due_at(
    start: datetime, length: timedelta, calendar: Calendar, pauses: Iterable[Span] = (), days: Days = chinese_days
) -> Due:
    """The first moment at which `length` of working time has run since `start`, pauses left out, and why.

    None where a pause still lasts and the time had not run out before it. Raises NoWorkingTime.
    """
    start, rows = _utc(start), list(pauses)
    holes = _merged(rows)
    stop = next((hole.start for hole in holes if hole.end is None), None)
    account, left = Account(), length
    due = start if length <= NOTHING else None
    for stretch in _stretches(start, calendar, days) if due is None else ():
        if stop is not None and stretch.start >= stop:
            break
        account.met(stretch.before)
        due, used = _spend(stretch, holes, left)
        left -= used
        if calendar.windows:
            account.window(stretch.start, due or stretch.end or start, used)
        if due is not None:
            break
    return Due(due, _why(start, length, calendar, account.lines(), _felt(rows, start, due)))


def elapsed(
    start: datetime, end: datetime, calendar: Calendar, pauses: Iterable[Span] = (), days: Days = chinese_days
) -> timedelta:
    """Working time between two moments, pauses left out; nothing when `end` is not after `start`."""
    start, end = _utc(start), _utc(end)
    holes, total = _merged(pauses), NOTHING
    for stretch in _stretches(start, calendar, days, until=end):
        last = end if stretch.end is None else min(end, stretch.end)
        for piece_start, piece_end in _pieces(stretch.start, last, holes):
            total += (piece_end or last) - piece_start
    return total


def at_fraction(
    start: datetime,
    total: timedelta,
    fraction: Fraction | Decimal | float,
    calendar: Calendar,
    pauses: Iterable[Span] = (),
    days: Days = chinese_days,
) -> datetime | None:
    """When that share of `total` has run: 0.5 and 0.8 for reminders, 1.5 for escalation. None while paused."""
    whole = total // timedelta(microseconds=1)
    part = timedelta(microseconds=round(whole * Fraction(fraction)))
    return due_at(start, part, calendar, pauses, days).at


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return moment.astimezone(UTC)


# Working stretches ---------------------------------------------------------------------------------------------------


def _stretches(start: datetime, calendar: Calendar, days: Days, until: datetime | None = None) -> Iterator[_Stretch]:
    """Open time from `start` on, in order, without end unless `until` is given. Walks days, never minutes."""
    if until is not None and until <= start:
        return
    if not calendar.windows:
        yield _Stretch(start, None)
        return
    zone = ZoneInfo(calendar.zone)
    day, idle = start.astimezone(zone).date(), 0
    waiting: list[Reason] = []
    while until is None or _moment(day, time(0), zone) < until:
        windows, reason = _windows_of(day, calendar, days)
        waiting += [reason] if reason else []
        idle = 0 if windows else idle + 1
        for stretch in _of_day(day, windows, zone, start):
            if until is None or stretch.start < until:
                yield _Stretch(stretch.start, stretch.end, tuple(waiting))
                waiting = []
        if idle > DAYS_WITHOUT_WORK:
            raise NoWorkingTime(calendar.name)
        day += ONE_DAY


def _of_day(day: date, windows: Hours, zone: ZoneInfo, start: datetime) -> Iterator[_Stretch]:
    for opens, closes in windows:
        first = max(_moment(day, opens, zone), start)
        last = _moment(day + ONE_DAY, time(0), zone) if closes is None else _moment(day, closes, zone)
        if first < last:
            yield _Stretch(first, last)


def _moment(day: date, at: time, zone: ZoneInfo) -> datetime:
    """A wall-clock time as UTC: one that the clocks skip is the moment they change, one that comes twice the first."""
    wall = datetime.combine(day, at)
    moment = wall.replace(tzinfo=zone).astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == wall:
        return moment
    before = wall.replace(tzinfo=zone, fold=1).astimezone(UTC).replace(microsecond=0)
    after, offset = moment.replace(microsecond=0), moment.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = (before + (after - before) / 2).replace(microsecond=0)
        changed = middle.astimezone(zone).utcoffset() == offset
        before, after = (before, middle) if changed else (middle, after)
    return after


@lru_cache(maxsize=256)
def _week(windows: tuple[Window, ...]) -> tuple[Hours, ...]:
    """The windows of each weekday, in order, those that touch or overlap made one."""
    week: list[list[tuple[time, time | None]]] = [[] for _day in range(7)]
    for window in sorted(windows, key=lambda w: (w.weekday, w.start)):
        of_day = week[window.weekday]
        if of_day and (of_day[-1][1] is None or window.start <= of_day[-1][1]):
            first, last = of_day.pop()
            closes = None if last is None or window.end is None else max(last, window.end)
            of_day.append((first, closes))
        else:
            of_day.append((window.start, window.end))
    return tuple(tuple(of_day) for of_day in week)


def _windows_of(day: date, calendar: Calendar, days: Days) -> tuple[Hours, Reason | None]:
    """The windows of one day and what is out of the ordinary about it."""
    week = _week(calendar.windows)
    plain = week[day.weekday()]
    kind = days(day) if calendar.holidays else "plain"
    if kind is None:
        return plain, Reason("calendar_not_loaded", {"year": day.year})
    if kind == "rest":
        return (), Reason("holiday", {"first": day, "last": day}) if plain else None
    if kind == "work" and day.weekday() >= SATURDAY:
        # A make-up day stands in for a weekday: Monday's hours, unless the weekend day has hours of its own.
        made_up = plain or next((windows for windows in week[:SATURDAY] if windows), ())
        return made_up, Reason("makeup", {"day": day})
    return plain, None


# Pauses --------------------------------------------------------------------------------------------------------------


def _merged(pauses: Iterable[Span]) -> list[Span]:
    """Pauses in order, those that touch or overlap made one, in UTC. Everything after an open one is part of it."""
    merged: list[Span] = []
    for pause in sorted(pauses, key=lambda p: p.start):
        start, end = _utc(pause.start), _utc(pause.end) if pause.end else None
        if end is not None and end <= start:
            continue
        last = merged[-1] if merged else None
        if last is None or (last.end is not None and start > last.end):
            merged.append(Span(start, end))
        elif last.end is not None:
            merged[-1] = Span(last.start, None if end is None else max(last.end, end))
    return merged


def _pieces(start: datetime, end: datetime | None, holes: list[Span]) -> Iterator[tuple[datetime, datetime | None]]:
    """What is left of a stretch when the pauses are cut out."""
    for hole in holes:
        if hole.end is not None and hole.end <= start:
            continue
        if end is not None and hole.start >= end:
            break
        if hole.start > start:
            yield start, hole.start
        if hole.end is None:
            return
        start = hole.end
    if end is None or start < end:
        yield start, end


def _spend(stretch: _Stretch, holes: list[Span], left: timedelta) -> tuple[datetime | None, timedelta]:
    """Take `left` out of a stretch: the moment it is used up (None: not in this one) and how much was taken."""
    used = NOTHING
    for start, end in _pieces(stretch.start, stretch.end, holes):
        if end is None or end - start >= left - used:
            return start + (left - used), left
        used += end - start
    return None, used


def _felt(pauses: Iterable[Span], start: datetime, due: datetime | None) -> list[Span]:
    """The pauses that lie between start and due, in order."""
    rows = sorted(pauses, key=lambda p: p.start)
    return [p for p in rows if (p.end is None or p.end > max(start, p.start)) and (due is None or p.start < due)]


# Why -----------------------------------------------------------------------------------------------------------------


def _why(start: datetime, length: timedelta, calendar: Calendar, met: list[Reason], pauses: list[Span]) -> list[Reason]:
    shown = {"name": calendar.name, "zone": calendar.zone, "holidays": calendar.holidays}
    return [
        Reason("start", {"at": start}),
        Reason("length", {"time": length, "days": not calendar.windows}),
        Reason("calendar", shown) if calendar.windows else Reason("round_the_clock"),
        *met,
        *(Reason("pause", {"start": p.start, "end": p.end, "reason": p.reason}) for p in pauses),
    ]
