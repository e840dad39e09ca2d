"""Chinese public holidays and make-up working days, taken from the published calendar, for the editable table."""

from datetime import date, timedelta
from typing import Literal, NamedTuple

import chinese_calendar  # type: ignore[import-untyped]
from chinese_calendar.constants import Holiday, holidays  # type: ignore[import-untyped]

FIRST_YEAR = 2024


class Special(NamedTuple):
    """A day that its weekday alone does not explain."""

    kind: Literal["rest", "work"]
    name: str


def known_years() -> list[int]:
    """The published years worth filling in: from the first in which a refund may still be open."""
    return [year for year in sorted({day.year for day in holidays}) if year >= FIRST_YEAR]


def chinese_days(year: int) -> dict[date, Special] | None:
    """Public holidays (weekends inside them too, for those who work weekends) and make-up days; None if unpublished."""
    try:
        found = {day: special for day in _days_of(year) if (special := _special(day))}
    except NotImplementedError:
        return None
    return found or None


def _days_of(year: int) -> list[date]:
    first = date(year, 1, 1)
    return [first + timedelta(days=number) for number in range((date(year + 1, 1, 1) - first).days)]


def _special(day: date) -> Special | None:
    rest, name = chinese_calendar.get_holiday_detail(day)
    if name is None:
        return None
    chinese = Holiday(name).chinese
    return Special("rest", f"{chinese} {name}") if rest else Special("work", f"{chinese}调休 {name}, make-up day")
