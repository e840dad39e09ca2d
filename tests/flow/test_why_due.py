"""“Why is it due then?” in lines a person can check (domain.md section 4)."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils import timezone, translation

from handoffs.flow.worktime import Calendar, Reason, Span, Window, days_with, due_at, text

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
ROUND_THE_CLOCK = Calendar("always")
OFFICE = Calendar(
    "office",
    windows=tuple(w for day in range(5) for w in (Window(day, time(9), time(12)), Window(day, time(13), time(18)))),
)


def at(written: str) -> datetime:
    return datetime.fromisoformat(written).replace(tzinfo=SHANGHAI)


def said(start: str, length: timedelta, calendar: Calendar, pauses: tuple[Span, ...] = ()) -> list[str]:
    with timezone.override(SHANGHAI), translation.override("en"):
        return [text(reason) for reason in due_at(at(start), length, calendar, pauses).why]


def test_why_names_start_length_windows_holidays_and_pauses() -> None:
    pause = Span(at("2026-10-08 09:10"), at("2026-10-08 09:15:30"), "waiting_buyer")
    assert said("2026-09-30 17:30", HOUR, OFFICE, (pause,)) == [
        "Started 2026-09-30 Wed 17:30.",
        "1 h allowed.",
        "Counted in the hours of “office” (Asia/Shanghai), Chinese public holidays and make-up days observed.",
        "2026-09-30 Wed 17:30 to 18:00: 30 min counted.",
        "2026-10-01 Thu to 2026-10-07 Wed are public holidays: not counted.",
        "2026-10-08 Thu 09:00 to 09:35:30: 30 min counted.",
        "Paused from 2026-10-08 Thu 09:10 to 09:15:30: waiting for the buyer.",
    ]


def test_why_names_the_make_up_day_it_used() -> None:
    assert "2026-10-10 Sat is a make-up working day (调休): counted." in said("2026-10-09 17:30", HOUR, OFFICE)


def test_why_says_round_the_clock_and_since_when_it_is_paused() -> None:
    lines = said("2026-04-20 10:00", 90 * MINUTE, ROUND_THE_CLOCK, (Span(at("2026-04-20 10:10"), None),))
    assert lines == [
        "Started 2026-04-20 Mon 10:00.",
        "1 h 30 min allowed.",
        "Counted round the clock.",
        "Paused since 2026-04-20 Mon 10:10.",
    ]


def test_why_sums_up_the_windows_after_the_first_dozen() -> None:
    lines = said("2026-09-21 09:00", 80 * HOUR, OFFICE)
    assert sum(line.endswith("counted.") and " to " in line for line in lines) == 12
    assert lines[-1] == (
        "8 more windows until 2026-10-10 Sat 18:00: 32 h counted. Public holidays left out: 5. Make-up days worked: 1."
    )


def test_days_are_named_only_where_they_have_24_hours() -> None:
    assert said("2026-04-20 10:00", timedelta(days=5, hours=1), ROUND_THE_CLOCK)[1] == "5 d 1 h allowed."
    assert said("2026-04-20 10:00", timedelta(days=1), OFFICE)[1] == "24 h allowed."


def test_why_holidays_on_two_sides_of_a_paused_day_are_not_run_together() -> None:
    days = days_with({date(2026, 4, 20): "rest", date(2026, 4, 22): "rest"})
    pause = Span(at("2026-04-21 00:00"), at("2026-04-22 00:00"))
    why = due_at(at("2026-04-20 09:00"), HOUR, OFFICE, (pause,), days).why
    assert [r.params["first"].day for r in why if r.code == "holiday"] == [20, 22]


def test_times_are_told_in_the_readers_zone() -> None:
    with timezone.override("Europe/London"):
        assert text(Reason("start", {"at": at("2026-04-20 10:00")})) == "Started 2026-04-20 Mon 03:00."


def test_an_imported_and_a_shortened_deadline_have_words_and_an_unknown_code_shows_itself() -> None:
    assert "imported" in text(Reason("marketplace"))
    assert "Brought forward" in text(Reason("capped"))
    assert text(Reason("something_new")) == "something_new"
