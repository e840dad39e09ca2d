"""Case owners: dealt on arrival, claimed, passed on, put back (domain.md section 5)."""

import heapq
from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.db.models import Count
from django.utils.translation import gettext as _

from accounts import duty
from accounts.models import Membership, Shop, User
from accounts.models.people import Role
from handoffs import outbox, permissions
from handoffs.flow.case import refresh, set_status
from handoffs.flow.errors import Invalid, NotAllowed, NotYours, Stale
from handoffs.flow.moves import locked_case, note
from handoffs.models import Case


class Dealer:
    """Gives the new cases of a run to support on duty in one shop, fewest open cases first.

    Open cases are counted once, and anew every so many dealt, for others work meanwhile: a run's batches do not each
    count them all.
    """

    ANEW = 10_000

    def __init__(self, shop: Shop, *, at: datetime) -> None:
        self.shop, self.at = shop, at
        self.forget()

    def forget(self) -> None:
        """Count anew: what was dealt did not come to be."""
        self.hands: list[tuple[int, int, User]] | None = None
        self.dealt = 0

    def deal(self, cases: Sequence[Case]) -> int:
        """Give unsaved cases their owners; returns how many nobody could be given."""
        if not cases:
            return 0
        if self.hands is None or self.dealt >= self.ANEW:
            self.hands, self.dealt = _hands(self.shop, self.at), 0
        if not self.hands:
            return len(cases)
        for case in cases:
            load, pk, case.owner = self.hands[0]
            heapq.heapreplace(self.hands, (load + 1, pk, case.owner))
        self.dealt += len(cases)
        return 0


def _hands(shop: Shop, at: datetime) -> list[tuple[int, int, User]]:
    """(open cases, id, person) of each, as a heap. Closed cases, of which there are many, are not looked at."""
    present = duty.on_duty_ids(at)
    rows = Membership.objects.in_force(at).filter(role=Role.SUPPORT, shop=shop, user_id__in=present)
    people = list(User.objects.filter(pk__in=rows.values("user_id"), is_active=True))
    still_open = Case.objects.filter(owner__in=people).exclude(status=Case.Status.CLOSED).order_by()
    loads = dict(still_open.values_list("owner").annotate(n=Count("pk")))
    hands = [(loads.get(user.pk, 0), user.pk, user) for user in people]
    heapq.heapify(hands)
    return hands


def claim(case_id: int, *, by: User, at: datetime) -> Case:
    """Take a case that nobody owns, or that one already owns. Raises Stale when another person has it."""
    with transaction.atomic():
        case = locked_case(case_id)
        _must_own(by, case)
        if case.owner_id == by.pk and case.status != Case.Status.NEW:
            raise Stale(_("You own this case already."))
        if case.owner_id not in (None, by.pk):
            raise Stale(_("%(name)s has taken this case.") % {"name": case.owner})
        _give(case, by, by=by, at=at, kind="case_claimed")
        if case.status == Case.Status.NEW:
            set_status(case, Case.Status.IN_PROGRESS, by=by, at=at)
        refresh(case, at=at, by=by)
    return case


def assign(case_id: int, *, to: User, by: User, at: datetime) -> Case:
    """Pass a case on to another person who may own cases in its shop."""
    with transaction.atomic():
        case = locked_case(case_id)
        _must_own(by, case)
        if not permissions.may(to, "own", shop_id=case.shop_id):
            raise Invalid(_("%(name)s does not work on this shop's cases.") % {"name": to}, field="user")
        _give(case, to, by=by, at=at, kind="case_assigned")
        if to.pk != by.pk:
            outbox.tell("case_assigned", to=[to], key=f"case_assigned:{case.pk}:{case.version}", at=at, case=case)
        refresh(case, at=at, by=by)
    return case


def put_back(case_id: int, *, by: User, at: datetime) -> Case:
    """Return a case to the open queue."""
    with transaction.atomic():
        case = locked_case(case_id)
        _must_own(by, case)
        if case.owner_id is None:
            raise Stale(_("Nobody owns this case."))
        _give(case, None, by=by, at=at, kind="case_put_back")
        refresh(case, at=at, by=by)
    return case


def _must_own(by: User, case: Case) -> None:
    if not permissions.can_see(by, case):
        raise NotYours(_("There is no such case."))
    if not permissions.may(by, "own", shop_id=case.shop_id):
        raise NotAllowed(_("Your role does not own cases."))
    if case.status == Case.Status.CLOSED:
        raise Stale(_("This case is closed."))


def _give(case: Case, user: User | None, *, by: User, at: datetime, kind: str) -> None:
    Case.objects.filter(pk=case.pk).update(owner=user)
    case.owner = user
    note(case, kind, at=at, by=by, owner=user.name if user else None)
