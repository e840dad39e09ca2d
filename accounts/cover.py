"""Hours ahead in which nobody of a role is on duty in a shop, from the duty shifts as they stand."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Q

from accounts.models import DutyShift, Membership

Place = tuple[str, int]  # role, shop
Shift = tuple[int, int | None, datetime, datetime | None]  # user, stand-in, from, to


@dataclass(frozen=True, slots=True)
class Gap:
    """A stretch in which a role of a shop has nobody on duty."""

    role: str
    shop_id: int
    start: datetime
    end: datetime


def gaps(shops: Iterable[int], roles: Iterable[str], *, start: datetime, end: datetime) -> list[Gap]:
    """The empty stretches between two moments, the first to begin first. Three statements at most.

    A role that has no member in a shop is a fault of the set-up, not an empty shift, and is left out here.
    Open-ended duty counts as present.
    """
    members: dict[Place, set[int]] = {}
    rows = Membership.objects.in_force(start).filter(shop__in=set(shops), role__in=set(roles))
    for role, shop, user in rows.values_list("role", "shop_id", "user_id"):
        members.setdefault((role, shop), set()).add(user)
    shifts = _shifts({user for people in members.values() for user in people}, start, end)
    found = [gap for place, people in members.items() for gap in _empty(place, people, shifts, start, end)]
    return sorted(found, key=lambda gap: (gap.start, gap.role, gap.shop_id))


def _shifts(users: set[int], start: datetime, end: datetime) -> list[Shift]:
    rows = DutyShift.objects.filter(Q(user__in=users) | Q(stand_in__in=users), starts_at__lt=end)
    rows = rows.filter(Q(ends_at=None) | Q(ends_at__gt=start))
    return list(rows.values_list("user_id", "stand_in_id", "starts_at", "ends_at"))


def _empty(place: Place, people: set[int], shifts: list[Shift], start: datetime, end: datetime) -> list[Gap]:
    """The stretches of one place, between the moments at which anybody comes or goes."""
    mine = [shift for shift in shifts if shift[0] in people or shift[1] in people]
    turns = {moment for shift in mine for moment in shift[2:] if moment is not None and start < moment < end}
    found: list[Gap] = []
    moments = [start, *sorted(turns), end]
    for begin, until in zip(moments, moments[1:], strict=False):
        if people & _present(mine, begin):
            continue
        if found and found[-1].end == begin:
            begin = found.pop().start
        found.append(Gap(*place, begin, until))
    return found


def _present(shifts: Iterable[Shift], at: datetime) -> set[int]:
    """Who is there at the moment: stand-ins included, those who are stood in for left out."""
    there = [shift for shift in shifts if shift[2] <= at and (shift[3] is None or shift[3] > at)]
    replaced = {user for user, stand_in, _start, _end in there if stand_in}
    return {stand_in or user for user, stand_in, _start, _end in there} - replaced
