"""What a shop's warehouse system says of orders before they leave, and whom nobody needs to ask about them.

Source: domain.md section 2, the playbook: path 1 asks the warehouse to stop the parcel, unless its feed says that
nothing was picked. Then that is the fact, the refund can be decided at once, and the system itself is asked to let the
order go. Where it cannot, or reports later that it was picked, people are asked after all (`stopping.ask_people`).
"""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max, Q

from accounts.models import Shop
from accounts.models.people import Role
from handoffs.flow import clock
from handoffs.flow.terms import Asked
from handoffs.models import (
    Case,
    Clock,
    Fact,
    Interception,
    Parcel,
    Terms,
    TimelineEntry,
    WarehouseOrder,
    WarehouseSystem,
    bulk,
)
from handoffs.models.clock import ClockKind
from handoffs.models.handoff import HandoffKind
from handoffs.warehouses.base import Progress, Report

AHEAD = timedelta(days=1)  # a stamp from further in the future is somebody's mistake
KEPT = timedelta(days=7)  # what was last said longer ago than this says nothing any more
STEPS = (Progress.WAITING, Progress.PICKING, Progress.PACKED, Progress.LEFT)


def heard(system: WarehouseSystem, report: Report, *, at: datetime) -> None:
    """Keep how far an order has come. Reports may come late, twice and in any order: one takes an order further on
    whenever it comes, but back only with a time of its own that is later than what is kept.
    """
    own = report.at if report.at is not None and report.at <= at + AHEAD else None
    said = {"progress": report.progress, "at": own or at}
    with transaction.atomic():
        rows = WarehouseOrder.objects.select_for_update(no_key=True)
        kept, new = rows.get_or_create(system=system, code=report.order_code[:64], defaults=said)
        further = _place(report.progress) > _place(kept.progress)
        if not new and (further or (own is not None and own > kept.at)):
            WarehouseOrder.objects.filter(pk=kept.pk).update(progress=report.progress, at=max(kept.at, own or at))


def _place(progress: str) -> int:
    """How far on a step is; what is none of the way out is past all of it: nothing waits there."""
    return STEPS.index(Progress(progress)) if progress in STEPS else len(STEPS)


def says_so(shop: Shop) -> bool:
    """Whether the shop has a warehouse system that reports each order's steps."""
    return WarehouseSystem.objects.filter(shop=shop, active=True, kind=WarehouseSystem.Kind.QIMEN).exists()


def spare(cases: Sequence[Case], *, at: datetime, memo: dict[Asked, Terms] | None = None) -> list[TimelineEntry]:
    """Of locked or new cases of one shop, those whose orders wait unpicked: fact, decision due, and the system is to be
    asked. Returns a timeline row for each, to be stored. What is paid or has a waybill already is asked about as ever,
    and so is all of which more is known.
    """
    open_ones = {case.pk: case for case in cases if not case.is_over and not case.contradiction}
    if not open_ones:
        return []
    more = Q(facts__isnull=False) | Q(handoffs__kind=HandoffKind.STOP_PARCEL) | Q(parcels__leg=Parcel.Leg.OUTBOUND)
    for pk in Case.objects.filter(more, pk__in=open_ones).values_list("pk", flat=True):
        open_ones.pop(pk, None)
    waiting = _waiting(cases[0].shop_id, {case.order_id for case in open_ones.values()}, at)
    spared = [case for case in open_ones.values() if case.order_id in waiting]
    if spared:
        _spare(spared, at=at, memo=memo)
    return [TimelineEntry(case=case, kind="not_picked", at=at) for case in spared]


def _waiting(shop_id: int, orders: Collection[str], at: datetime) -> set[str]:
    """Those that wait unpicked, locked: a report that picking began is seen here, or finds the case afterwards."""
    rows = WarehouseOrder.objects.select_for_update(no_key=True, of=("self",)).filter(
        system__shop=shop_id, system__active=True, code__in=orders, progress=Progress.WAITING, at__gt=at - KEPT
    )
    return set(rows.order_by("pk").values_list("code", flat=True))


def forget(case: Case) -> bool:
    """The system's word that nothing was picked holds no longer; whether it was there."""
    return bool(case.facts.filter(what=Fact.What.NOT_PICKED, handoff=None).delete()[0])


def _spare(cases: list[Case], *, at: datetime, memo: dict[Asked, Terms] | None) -> None:
    decide = Clock.objects.filter(case__in=cases, kind=ClockKind.DECIDE).order_by().values_list("case")
    versions = dict(decide.annotate(last=Max("version")))
    running = set(decide.filter(ended_at=None).values_list("case", flat=True))
    due = clock.Start(ClockKind.DECIDE, Role.SUPPORT, at)
    bulk.create([Fact(case=case, what=Fact.What.NOT_PICKED, rank=Fact.Rank.ANSWER, at=at) for case in cases])
    bulk.create([
        clock.build(case, due, version=versions.get(case.pk, 0) + 1, at=at, memo=memo)
        for case in cases if case.pk not in running
    ])  # fmt: skip
    bulk.create_new([
        Interception(key=uuid.uuid4().hex, case=case, via=Interception.Via.SYSTEM, at=at) for case in cases
    ])  # fmt: skip
    clock.refresh_due([case.pk for case in cases])
