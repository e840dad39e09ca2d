"""When a clock is due: windows, holidays, make-up days, pauses, zones (domain.md section 4)."""

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest

from handoffs.flow.worktime import (
    Calendar,
    DayKind,
    NoWorkingTime,
    Reason,
    Span,
    Window,
    at_fraction,
    chinese_days,
    days_with,
    due_at,
    elapsed,
)

SHANGHAI = ZoneInfo("Asia/Shanghai")
NEW_YORK = ZoneInfo("America/New_York")
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
ROUND_THE_CLOCK = Calendar("always")
OFFICE = Calendar(
    "office",
    windows=tuple(w for day in range(5) for w in (Window(day, time(9), time(12)), Window(day, time(13), time(18)))),
)
EVENINGS = Calendar("evenings", windows=tuple(Window(day, time(20)) for day in range(7)), holidays=False)
MORNINGS = Calendar("mornings", windows=tuple(Window(day, time(0), time(8)) for day in range(7)), holidays=False)
QUARTERS = Calendar("quarters", windows=(Window(1, time(10), time(10, 15)),), holidays=False)


def at(written: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=zone)


def due(start: str, length: timedelta, calendar: Calendar, pauses: tuple[Span, ...] = ()) -> datetime | None:
    return due_at(at(start), length, calendar, pauses).at


def codes(start: str, length: timedelta, calendar: Calendar, pauses: tuple[Span, ...] = ()) -> list[str]:
    return [reason.code for reason in due_at(at(start), length, calendar, pauses).why]


# Round the clock and windows ------------------------------------------------------------------------------------------


def test_round_the_clock_counts_every_second_of_holidays_too() -> None:
    assert due("2026-10-01 23:59:59", 30 * MINUTE, ROUND_THE_CLOCK) == at("2026-10-02 00:29:59")


def test_times_come_out_in_utc_whatever_zone_they_come_in() -> None:
    found = due("2026-04-20 09:00", HOUR, OFFICE)
    assert found is not None
    assert found.tzinfo is UTC
    assert found == datetime(2026, 4, 20, 2, tzinfo=UTC)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        due_at(datetime(2026, 4, 20), HOUR, OFFICE)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("start", "minutes", "expected"),
    [
        ("2026-04-20 09:00:00", 30, "2026-04-20 09:30:00"),  # Monday
        ("2026-04-20 07:12:34", 30, "2026-04-20 09:30:00"),  # before opening
        ("2026-04-20 11:45:07", 30, "2026-04-20 13:15:07"),  # over lunch
        ("2026-04-20 11:30:00", 30, "2026-04-20 12:00:00"),  # exactly at closing, not at the next opening
        ("2026-04-20 17:50:00", 30, "2026-04-21 09:20:00"),  # overnight
        ("2026-04-24 17:50:00", 30, "2026-04-27 09:20:00"),  # over the weekend
        ("2026-04-25 12:00:00", 30, "2026-04-27 09:30:00"),  # on a Saturday
        ("2026-04-20 09:00:00", 480, "2026-04-20 18:00:00"),
        ("2026-04-20 09:00:00", 481, "2026-04-21 09:01:00"),
    ],
)
def test_only_the_windows_count(start: str, minutes: int, expected: str) -> None:
    assert due(start, minutes * MINUTE, OFFICE) == at(expected)


def test_a_window_until_midnight_ends_with_the_day_and_joins_one_from_midnight() -> None:
    assert due("2026-04-20 23:50", 10 * MINUTE, EVENINGS) == at("2026-04-21 00:00")
    assert due("2026-04-20 23:50", 11 * MINUTE, EVENINGS) == at("2026-04-21 20:01")
    night = Calendar("night", windows=EVENINGS.windows + MORNINGS.windows, holidays=False)
    assert due("2026-04-20 23:50", 11 * MINUTE, night) == at("2026-04-21 00:01")


@pytest.mark.parametrize("end", [None, time(0), time.max])
def test_midnight_may_be_written_in_three_ways(end: time | None) -> None:
    assert Window(0, time(20), end).end is None


def test_windows_that_overlap_are_not_counted_twice() -> None:
    calendar = Calendar("x", windows=(Window(0, time(9), time(12)), Window(0, time(10), time(11))), holidays=False)
    assert due("2026-04-20 09:00", 3 * HOUR, calendar) == at("2026-04-20 12:00")


def test_a_window_that_ends_before_it_starts_is_refused() -> None:
    with pytest.raises(ValueError, match="ends before it starts"):
        Window(0, time(22), time(6))
    with pytest.raises(ValueError, match="weekday"):
        Window(7, time(9), time(10))


def test_no_time_at_all_is_due_at_once_even_out_of_hours() -> None:
    assert due("2026-04-25 12:00", timedelta(0), OFFICE) == at("2026-04-25 12:00")


def test_a_calendar_that_never_opens_is_an_error_not_an_endless_search() -> None:
    with pytest.raises(NoWorkingTime):
        due_at(at("2026-04-20 09:00"), HOUR, OFFICE, days=lambda _day: "rest")


# Holidays and make-up days --------------------------------------------------------------------------------------------


def test_public_holidays_are_left_out() -> None:
    assert due("2026-09-30 17:30", HOUR, OFFICE) == at("2026-10-08 09:30")


def test_a_make_up_saturday_without_hours_of_its_own_has_mondays() -> None:
    assert due("2026-10-09 17:30", HOUR, OFFICE) == at("2026-10-10 09:30")


def test_a_make_up_saturday_keeps_hours_of_its_own() -> None:
    calendar = Calendar("six days", windows=(*OFFICE.windows, Window(5, time(10), time(12))))
    assert due("2026-10-09 17:30", HOUR, calendar) == at("2026-10-10 10:30")


def test_a_make_up_day_has_the_first_weekday_with_hours_where_monday_is_closed() -> None:
    calendar = Calendar("from Tuesday", windows=tuple(w for w in OFFICE.windows if w.weekday))
    assert due("2026-10-10 08:00", HOUR, calendar) == at("2026-10-10 10:00")


def test_an_ordinary_saturday_with_hours_counts_and_one_inside_a_holiday_does_not() -> None:
    calendar = Calendar("saturdays", windows=(Window(5, time(9), time(18)),))
    assert due("2026-04-25 08:00", HOUR, calendar) == at("2026-04-25 10:00")
    assert due("2026-10-03 08:00", HOUR, calendar) == at("2026-10-10 10:00")


def test_a_calendar_that_does_not_follow_holidays_counts_them_as_weekdays() -> None:
    calendar = Calendar("always office", windows=OFFICE.windows, holidays=False)
    assert due("2026-09-30 17:30", HOUR, calendar) == at("2026-10-01 09:30")
    assert due("2026-10-09 17:30", HOUR, calendar) == at("2026-10-12 09:30")


def test_an_unpublished_year_goes_by_weekdays_and_says_so_once() -> None:
    found = due_at(at("2027-09-30 17:30"), 10 * HOUR, OFFICE)
    assert found.at == at("2027-10-04 10:30")  # Thursday 30 min, Friday 8 h, Monday
    assert [r.params["year"] for r in found.why if r.code == "calendar_not_loaded"] == [2027]


def test_the_year_that_is_not_loaded_is_named_where_the_count_crosses_into_it() -> None:
    found = due_at(at("2026-12-31 17:30"), HOUR, OFFICE)
    assert [r.params["year"] for r in found.why if r.code == "calendar_not_loaded"] == [2027]
    assert "calendar_not_loaded" not in codes("2026-12-31 16:30", HOUR, OFFICE)


def test_rows_of_the_table_go_before_the_published_calendar_and_load_a_year() -> None:
    rows: dict[date, str] = {date(2026, 10, 1): "work", date(2027, 10, 1): "rest"}
    days = days_with(rows)  # type: ignore[arg-type]
    assert [days(day) for day in (date(2026, 10, 1), date(2026, 10, 2))] == ["work", "rest"]
    assert [days(day) for day in (date(2027, 10, 1), date(2027, 10, 5), date(2028, 1, 3))] == ["rest", "plain", None]


@pytest.mark.parametrize(
    ("day", "kind"),
    [
        (date(2026, 10, 1), "rest"),
        (date(2026, 10, 3), "rest"),  # a Saturday inside the holiday
        (date(2026, 10, 10), "work"),
        (date(2026, 10, 12), "plain"),
        (date(2026, 10, 17), "plain"),  # an ordinary Saturday
        (date(2027, 1, 1), None),
        (date(1999, 1, 1), None),
    ],
)
def test_the_published_calendar(day: date, kind: DayKind) -> None:
    assert chinese_days(day) == kind


# Pauses ---------------------------------------------------------------------------------------------------------------


def test_a_pause_moves_due_by_its_length_to_the_second() -> None:
    pause = Span(at("2026-04-20 10:00:00"), at("2026-04-20 10:07:13"))
    assert due("2026-04-20 09:50", 30 * MINUTE, ROUND_THE_CLOCK, (pause,)) == at("2026-04-20 10:27:13")


def test_overlapping_pauses_are_counted_once() -> None:
    pauses = (
        Span(at("2026-04-20 10:05"), at("2026-04-20 10:15")),
        Span(at("2026-04-20 10:00"), at("2026-04-20 10:10")),
        Span(at("2026-04-20 10:06"), at("2026-04-20 10:07")),
    )
    assert due("2026-04-20 09:50", 30 * MINUTE, ROUND_THE_CLOCK, pauses) == at("2026-04-20 10:35")


def test_a_pause_over_closed_hours_costs_only_the_open_part() -> None:
    pause = Span(at("2026-04-20 17:45"), at("2026-04-21 09:10"))
    assert due("2026-04-20 17:30", HOUR, OFFICE, (pause,)) == at("2026-04-21 09:55")


def test_a_pause_entirely_out_of_hours_changes_nothing() -> None:
    pause = Span(at("2026-04-20 19:00"), at("2026-04-21 08:00"))
    assert due("2026-04-20 17:30", HOUR, OFFICE, (pause,)) == due("2026-04-20 17:30", HOUR, OFFICE)


def test_a_pause_that_began_before_the_start_counts_from_the_start() -> None:
    pause = Span(at("2026-04-20 08:00"), at("2026-04-20 10:05"))
    assert due("2026-04-20 10:00", HOUR, ROUND_THE_CLOCK, (pause,)) == at("2026-04-20 11:05")


@pytest.mark.parametrize("calendar", [ROUND_THE_CLOCK, OFFICE])
def test_an_open_pause_leaves_no_due_time(calendar: Calendar) -> None:
    pause = Span(at("2026-04-20 10:10"), None, "waiting_buyer")
    found = due_at(at("2026-04-20 10:00"), HOUR, calendar, (pause,))
    assert found.at is None
    assert found.why[-1] == Reason("pause", {"start": pause.start, "end": None, "reason": "waiting_buyer"})


def test_an_open_pause_that_began_after_due_does_not_take_it_back() -> None:
    pause = Span(at("2026-04-20 12:00"), None)
    assert due("2026-04-20 10:00", HOUR, ROUND_THE_CLOCK, (pause,)) == at("2026-04-20 11:00")
    assert "pause" not in codes("2026-04-20 10:00", HOUR, ROUND_THE_CLOCK, (pause,))


def test_elapsed_stops_at_an_open_pause() -> None:
    pause = Span(at("2026-04-20 10:10"), None)
    assert elapsed(at("2026-04-20 10:00"), at("2026-04-22 10:00"), OFFICE, (pause,)) == 10 * MINUTE


def test_elapsed_counts_open_hours_only_and_never_below_nothing() -> None:
    assert elapsed(at("2026-04-24 17:00"), at("2026-04-27 10:00"), OFFICE) == 2 * HOUR
    assert elapsed(at("2026-04-27 10:00"), at("2026-04-24 17:00"), OFFICE) == timedelta(0)


# Zones that change to summer time -------------------------------------------------------------------------------------


def test_a_window_over_the_change_lasts_as_long_as_it_really_does() -> None:
    nights = Calendar(
        "nights", "America/New_York", tuple(Window(d, time(0), time(6)) for d in range(7)), holidays=False
    )
    spring, autumn = at("2026-03-08 00:00", NEW_YORK), at("2026-11-01 00:00", NEW_YORK)
    assert elapsed(spring, at("2026-03-08 12:00", NEW_YORK), nights) == 5 * HOUR
    assert elapsed(autumn, at("2026-11-01 12:00", NEW_YORK), nights) == 7 * HOUR
    assert due_at(spring, 5 * HOUR, nights).at == at("2026-03-08 06:00", NEW_YORK)


def test_a_window_inside_the_skipped_hour_is_empty_that_day() -> None:
    window = Calendar("skipped", "America/New_York", (Window(6, time(2, 15), time(2, 45)),), holidays=False)
    assert due_at(at("2026-03-08 00:00", NEW_YORK), MINUTE, window).at == at("2026-03-15 02:16", NEW_YORK)


def test_a_window_that_begins_in_the_skipped_hour_opens_at_the_change() -> None:
    window = Calendar("half", "America/New_York", (Window(6, time(2, 30), time(4)),), holidays=False)
    assert due_at(at("2026-03-08 00:00", NEW_YORK), HOUR, window).at == at("2026-03-08 04:00", NEW_YORK)


# Steps ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [(0.5, "10:15"), (Decimal("0.8"), "10:24"), (1, "10:30"), (1.5, "10:45")],
)
def test_steps_lie_at_shares_of_the_time_allowed(fraction: Decimal | float, expected: str) -> None:
    found = at_fraction(at("2026-04-20 10:00"), 30 * MINUTE, fraction, ROUND_THE_CLOCK)
    assert found == at(f"2026-04-20 {expected}")


def test_steps_keep_to_working_hours_and_pauses() -> None:
    pause = Span(at("2026-04-21 09:00"), at("2026-04-21 09:05"))
    assert at_fraction(at("2026-04-20 17:50"), HOUR, 0.5, OFFICE, (pause,)) == at("2026-04-21 09:25")
    assert at_fraction(at("2026-04-20 17:50"), HOUR, 0.5, OFFICE, (Span(at("2026-04-20 17:55"), None),)) is None


# Long spans -----------------------------------------------------------------------------------------------------------


def test_years_of_quarter_hours_are_found_without_walking_minutes() -> None:
    began = perf_counter()
    found = due_at(at("2026-04-20 00:00"), 1040 * 15 * MINUTE, QUARTERS)
    assert found.at == at("2046-03-20 10:15")
    assert perf_counter() - began < 2
    assert len(found.why) < 20
