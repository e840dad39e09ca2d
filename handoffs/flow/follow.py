"""The buyer's next application on the same order line: it goes on with the parcel and the recall of the one before.

Source: domain.md section 2, path 1: the marketplace may close an application when its dispatch is recorded.
"""

from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q

from handoffs.flow import handoff
from handoffs.flow.case import refresh
from handoffs.flow.moves import note
from handoffs.models import Case, Fact, Handoff, Parcel
from handoffs.models.handoff import HandoffKind

# What is known of a parcel holds for every application on its line; what was stopped or came back is over.
GOES_ON = (Fact.What.LEFT, Fact.What.IN_TRANSIT, Fact.What.WILL_RETURN, Fact.What.DELIVERED, Fact.What.LOST)


def earlier(cases: Sequence[Case]) -> dict[int, Case]:
    """For each of these new cases the last earlier one on its line that a parcel is known of. Two statements."""
    lines = {(case.order_id, case.line_id): case for case in cases if case.order_id and case.line_id}
    if not lines:
        return {}
    shop_id, new = cases[0].shop_id, {case.pk for case in cases}
    same = Case.objects.filter(shop_id=shop_id, order_id__in={order for order, _line in lines}).exclude(pk__in=new)
    known = same.filter(Q(parcels__leg=Parcel.Leg.OUTBOUND), facts__what__in=GOES_ON).distinct().order_by("pk")
    last = {(case.order_id, case.line_id): case for case in known}
    return {case.pk: last[key] for key, case in lines.items() if key in last}


def take_over(case: Case, before: Case, *, at: datetime) -> None:
    """Give a new case the parcels, the facts and the running recall of the one before, and bring it in step."""
    for parcel in before.parcels.filter(leg=Parcel.Leg.OUTBOUND):
        parcel.cases.add(case)
    Fact.objects.bulk_create(
        Fact(case=case, what=fact.what, rank=fact.rank, at=fact.at, by=fact.by, parcel=fact.parcel)
        for fact in before.facts.filter(what__in=GOES_ON)
    )
    note(case, "follows", at=at, by=None, refund_id=before.refund_id, case=before.pk)
    note(before, "followed_by", at=at, by=None, refund_id=case.refund_id, case=case.pk)
    refresh(case, at=at, by=None)
    recalled = before.handoffs.filter(kind=HandoffKind.RECALL_PARCEL, status__in=Handoff.LIVE).exists()
    if recalled:
        handoff.open_once(case, HandoffKind.RECALL_PARCEL, at=at)
        refresh(case, at=at, by=None)
