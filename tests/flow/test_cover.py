"""Empty shifts ahead: the hours in which nobody of a role is on duty in a shop."""

from datetime import datetime, timedelta

import pytest

from accounts import cover
from accounts.models import DutyShift, Membership, Shop, User
from tests import factories
from tests.factories import NOON, World

HOUR = timedelta(hours=1)
Stretch = tuple[int, int]


@pytest.fixture
def shop(world: World) -> Shop:
    DutyShift.objects.all().delete()
    return world.shop


def member(shop: Shop, role: str = "qc") -> User:
    return factories.person(role, shop, on_duty=False)


def shift(user: User, start: int, end: int | None, stand_in: User | None = None) -> None:
    ends_at = None if end is None else NOON + end * HOUR
    DutyShift.objects.create(user=user, starts_at=NOON + start * HOUR, ends_at=ends_at, stand_in=stand_in)


def empty(shop: Shop, role: str = "qc") -> list[Stretch]:
    found = cover.gaps([shop.pk], [role], start=NOON, end=NOON + 24 * HOUR)
    assert {(gap.role, gap.shop_id) for gap in found} <= {(role, shop.pk)}
    return [(_hours(gap.start), _hours(gap.end)) for gap in found]


def _hours(moment: datetime) -> int:
    return int((moment - NOON) / HOUR)


def test_without_shifts_the_whole_day_is_empty(shop: Shop) -> None:
    assert empty(shop) == [(0, 24)]


def test_hours_between_shifts_are_empty_and_hours_that_overlap_are_not(shop: Shop) -> None:
    first, second = member(shop), member(shop)
    shift(first, -2, 6)
    shift(second, 4, 10)
    shift(first, 12, 30)
    assert empty(shop) == [(10, 12)]


def test_shifts_that_meet_leave_no_gap(shop: Shop) -> None:
    first, second = member(shop), member(shop)
    shift(first, -1, 8)
    shift(second, 8, None)
    assert empty(shop) == []


def test_empty_hours_in_a_row_are_one_stretch(shop: Shop) -> None:
    colleague, stranger = member(shop), member(shop, "support")
    shift(colleague, 0, 2)
    shift(stranger, 5, 7)
    assert empty(shop) == [(2, 24)]


def test_a_stand_in_counts_and_who_is_stood_in_for_does_not(shop: Shop) -> None:
    person, in_role, elsewhere = member(shop), member(shop), member(shop, "support")
    shift(person, 0, 24)
    shift(person, 4, 8, stand_in=in_role)
    shift(person, 10, 14, stand_in=elsewhere)
    assert empty(shop) == [(10, 14)]


def test_a_member_of_another_shop_does_not_help(shop: Shop, world: World) -> None:
    Membership.objects.filter(role="qc", shop=shop).delete()
    member(shop)
    shift(member(world.other_shop), 0, None)
    assert empty(shop) == [(0, 24)]


def test_a_role_without_members_is_no_empty_shift(shop: Shop) -> None:
    Membership.objects.filter(role="qc", shop=shop).delete()
    assert empty(shop) == []


def test_people_who_were_switched_off_do_not_count(shop: Shop) -> None:
    gone = member(shop)
    shift(gone, 0, None)
    assert empty(shop) == []
    User.objects.filter(pk=gone.pk).update(is_active=False)
    assert empty(shop) == [(0, 24)]
