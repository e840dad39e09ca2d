"""What people's programs put around an id, and times that are none."""

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from handoffs.intake.values import Bad, identifier, moment, moment_or_none, money


@pytest.mark.parametrize(
    "written",
    ["'123", "\t123\t", '="123"', "123\xa0", "\u202a123\u202c", "１２３", "\ufeff123", " `123 ", 123, 123.0],
)
def test_an_id_is_the_same_whatever_stands_around_it(written: object) -> None:
    assert identifier(written, "退款编号") == "123"


@pytest.mark.parametrize("value", [{"a": 1}, ["1"]])
def test_what_is_no_single_value_is_no_id(value: object) -> None:
    with pytest.raises(Bad) as error:
        identifier(value, "refund_id")
    assert error.value.code == "not_an_id"


@given(some.integers(min_value=0, max_value=10**19))
def test_whole_numbers_are_exact_ids_however_long(number: int) -> None:
    assert identifier(number, "tid") == identifier(str(number), "tid") == str(number)


@pytest.mark.parametrize(
    "written",
    [
        "0001-01-01 00:00:00",
        "9999-12-31 23:59:59",
        "2026-11-11T08:00:00+99:00",
        "3天",
        datetime(1, 1, 1, tzinfo=UTC),
    ],
)
def test_a_time_nobody_can_mean_is_refused(written: object) -> None:
    with pytest.raises(Bad) as error:
        moment(written, "退款的申请时间")
    assert error.value.code == "not_a_time"
    assert moment_or_none(written) is None


@given(some.text(max_size=30))
def test_any_text_is_understood_or_refused_and_nothing_else_is_raised(written: str) -> None:
    for read in (identifier, money, moment):
        with contextlib.suppress(Bad):
            read(written, "栏")
