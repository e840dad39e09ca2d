"""What holds of working time whatever the start, length, calendar and pauses."""

from datetime import UTC, datetime, time, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from handoffs.flow.worktime import Calendar, Span, Window, due_at, elapsed

SECOND = timedelta(seconds=1)
ROUND_THE_CLOCK = Calendar("always")
OFFICE = Calendar(
    "office",
    windows=tuple(w for day in range(5) for w in (Window(day, time(9), time(12)), Window(day, time(13), time(18)))),
)
EVENINGS = Calendar("evenings", windows=tuple(Window(day, time(20)) for day in range(7)), holidays=False)
MORNINGS = Calendar("mornings", windows=tuple(Window(day, time(0), time(8)) for day in range(7)), holidays=False)
NEW_YORK = Calendar("ny", "America/New_York", OFFICE.windows, holidays=False)

moments = st.datetimes(datetime(2025, 12, 1), datetime(2026, 12, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
    lambda moment: moment.replace(microsecond=0)
)
lengths = st.integers(1, 4 * 24 * 3600).map(lambda seconds: timedelta(seconds=seconds))
calendars = st.sampled_from((ROUND_THE_CLOCK, OFFICE, EVENINGS, MORNINGS, NEW_YORK))
repeatable = settings(deadline=None, derandomize=True)


@st.composite
def pauses_near(draw: st.DrawFn, start: datetime) -> tuple[Span, ...]:
    rows = draw(st.lists(st.tuples(st.integers(-5000, 200_000), st.integers(0, 90_000)), max_size=4))
    return tuple(Span(start + a * SECOND, start + (a + b) * SECOND) for a, b in rows)


@repeatable
@given(st.data(), moments, lengths, calendars)
def test_the_time_elapsed_at_due_is_the_time_allowed(
    data: st.DataObject, start: datetime, length: timedelta, calendar: Calendar
) -> None:
    pauses = data.draw(pauses_near(start))
    found = due_at(start, length, calendar, pauses).at
    assert found is not None
    assert elapsed(start, found, calendar, pauses) == length
    assert elapsed(start, found - SECOND, calendar, pauses) == length - SECOND


@repeatable
@given(st.data(), moments, lengths, calendars)
def test_two_stretches_elapse_to_their_sum(
    data: st.DataObject, start: datetime, length: timedelta, calendar: Calendar
) -> None:
    pauses = data.draw(pauses_near(start))
    middle, end = start + length / 3, start + length
    parts = elapsed(start, middle, calendar, pauses) + elapsed(middle, end, calendar, pauses)
    assert parts == elapsed(start, end, calendar, pauses)


@repeatable
@given(moments, lengths, lengths, calendars)
def test_more_time_is_never_due_earlier(start: datetime, one: timedelta, more: timedelta, calendar: Calendar) -> None:
    first, second = due_at(start, one, calendar).at, due_at(start, one + more, calendar).at
    assert first is not None
    assert second is not None
    assert first < second


@repeatable
@given(moments, moments, lengths, calendars)
def test_a_later_start_is_never_due_earlier(a: datetime, b: datetime, length: timedelta, calendar: Calendar) -> None:
    early, late = sorted((a, b))
    first, second = due_at(early, length, calendar).at, due_at(late, length, calendar).at
    assert first is not None
    assert second is not None
    assert first <= second


@repeatable
@given(st.data(), moments, lengths, calendars)
def test_pausing_inside_working_time_moves_due_by_as_much_working_time(
    data: st.DataObject, start: datetime, length: timedelta, calendar: Calendar
) -> None:
    plain = due_at(start, length, calendar).at
    assert plain is not None
    begun = start + data.draw(st.integers(0, int((plain - start).total_seconds()) - 1)) * SECOND
    pause = Span(begun, begun + data.draw(st.integers(1, 200_000)) * SECOND)
    paused = due_at(start, length, calendar, (pause,)).at
    assert paused is not None
    lost = elapsed(begun, pause.end or begun, calendar)
    assert elapsed(plain, paused, calendar) == lost


@repeatable
@given(st.data(), moments, lengths)
def test_round_the_clock_is_plain_addition_and_so_is_a_week_of_full_days(
    data: st.DataObject, start: datetime, length: timedelta
) -> None:
    full = Calendar("full", "America/New_York", tuple(Window(day, time(0)) for day in range(7)), holidays=False)
    pauses = data.draw(pauses_near(start))
    assert due_at(start, length, ROUND_THE_CLOCK).at == start + length
    assert due_at(start, length, full, pauses).at == due_at(start, length, ROUND_THE_CLOCK, pauses).at


@repeatable
@given(st.data(), moments, lengths, calendars)
def test_the_order_of_pauses_does_not_matter(
    data: st.DataObject, start: datetime, length: timedelta, calendar: Calendar
) -> None:
    pauses = data.draw(pauses_near(start))
    shuffled = data.draw(st.permutations(pauses))
    assert due_at(start, length, calendar, pauses).at == due_at(start, length, calendar, shuffled).at
