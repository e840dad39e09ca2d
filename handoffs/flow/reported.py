"""What a shop's warehouse system reports: an order stopped, not stopped or left; a return put into stock.

Source: domain.md sections 2 and 3: the system's answer fills the handoff, otherwise the warehouse's people answer.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from handoffs.carriers.base import Event, State
from handoffs.flow import handoff, stopping, tracking, unpicked
from handoffs.flow.answer import by_wire
from handoffs.flow.moves import locked_case
from handoffs.models import Case, Fact, Handoff, Interception, Parcel, ParcelEvent, Receipt, WarehouseSystem
from handoffs.models.handoff import HandoffKind as K
from handoffs.warehouses.base import Counted, Progress, Report, Stocked

Leg = Parcel.Leg
EVENTS = {Progress.SIGNED: State.SIGNED, Progress.REFUSED: State.REFUSED}
BEGUN = (Progress.PICKING, Progress.PACKED, Progress.LEFT)
ANSWERS = {Progress.STOPPED: Interception.State.STOPPED, Progress.NOT_STOPPED: Interception.State.FAILED}


def step(system: WarehouseSystem, report: Report, *, at: datetime) -> None:
    """One step of an order. What it does not change is not written down."""
    unpicked.heard(system, report, at=at)
    if report.progress in BEGUN:
        _begun(system, report, at=at)
    cases = _cases(system, report)
    if report.progress in ANSWERS:
        _answer(cases, report, at=at)
    elif report.progress == Progress.LEFT:
        _left(cases, report, at=at)
    elif report.progress in EVENTS and report.waybill:
        event = Event(min(report.at or at, at), EVENTS[report.progress], report.raw, report.words, "", report.waybill)
        track = tracking.single(report.waybill, event, carrier=report.carrier)
        tracking.one(track, tracking.Origin(ParcelEvent.Source.API, system.shop), at=at, order_id=report.order_code)


def _cases(system: WarehouseSystem, report: Report) -> list[int]:
    """The cases of the order, or on the parcel, that are not over."""
    named = Q(order_id=report.order_code)
    if report.waybill:
        named |= Q(parcels__waybill=report.waybill)
    rows = Case.objects.filter(named, shop=system.shop).exclude(status=Case.Status.CLOSED)
    return list(rows.order_by("pk").values_list("pk", flat=True).distinct())


def _begun(system: WarehouseSystem, report: Report, *, at: datetime) -> None:
    """Of what was said not to be picked, and paid perhaps, it has begun after all: people are asked to stop it."""
    rows = Case.objects.filter(shop=system.shop, order_id=report.order_code, facts__what=Fact.What.NOT_PICKED)
    for case_id in rows.order_by("pk").values_list("pk", flat=True).distinct():
        with transaction.atomic():
            stopping.ask_people(locked_case(case_id), said=_words(report), at=at)


def _words(report: Report) -> str:
    return " ".join(part for part in (report.raw, report.words) if part)[:255]


def _answer(cases: list[int], report: Report, *, at: datetime) -> None:
    """The newest open interception of each case gets the answer; a stop nobody sent is answered all the same."""
    for case_id in cases:
        rows = Interception.objects.filter(case=case_id, via=Interception.Via.SYSTEM).order_by("-pk")
        asked = rows.values_list("pk", flat=True).first()
        if asked is not None:
            stopping.settle(asked, ANSWERS[report.progress], said=_words(report), at=at, newest=True)
        elif report.progress == Progress.STOPPED:
            for handoff_id in _stops([case_id]):
                by_wire(handoff_id, "stopped", said=_words(report), at=at)


def _stops(cases: list[int]) -> list[int]:
    rows = Handoff.objects.filter(case__in=cases, kind=K.STOP_PARCEL, status__in=Handoff.LIVE, joined=None)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def _left(cases: list[int], report: Report, *, at: datetime) -> None:
    """It has left: stopping has failed, and with a waybill the question is answered and the recall begins."""
    for asked in Interception.objects.filter(case__in=cases, handoff__kind=K.STOP_PARCEL, state__in=Interception.LIVE):
        stopping.settle(asked.pk, Interception.State.FAILED, said=_words(report), at=at)
    if report.waybill:
        for handoff_id in _stops(cases):
            more = {"waybill": report.waybill, "carrier": report.carrier}
            by_wire(handoff_id, "left", said=_words(report), at=at, more=more)


# Returns --------------------------------------------------------------------------------------------------------------


def signed(system: WarehouseSystem, waybill: str, carrier: str, *, at: datetime) -> None:
    """A return package was signed for at the warehouse."""
    event = Event(at, State.SIGNED, "sign", "", "", waybill)
    origin = tracking.Origin(ParcelEvent.Source.API, system.shop)
    tracking.one(tracking.single(waybill, event, carrier=carrier), origin, at=at, leg=Leg.RETURN)


def stocked(system: WarehouseSystem, told: Stocked, *, at: datetime) -> Receipt:
    """A return put into stock: each case's `receive_return` is answered; of no case, it is an orphan. Taken once."""
    key = f"wms-{hashlib.sha256(f'{system.pk}:{told.key}'.encode()).hexdigest()[:56]}"
    with transaction.atomic():
        known = Receipt.objects.filter(key=key).first()
        if known is not None:
            return known
        cases = {case.pk: case for case in _returning(system, told)}
        lines = {pk: _own(cases[pk], told.lines, alone=len(cases) == 1) for pk in cases}
        kept = Receipt.objects.create(
            key=key, shop=system.shop, waybill=(told.waybill or told.key)[:64], carrier_text=told.carrier[:80], at=at,
            state=Receipt.State.MATCHED if any(lines.values()) else Receipt.State.ORPHAN,
            note=str(system) if any(lines.values()) else _listed(told.lines),
            lines=[{"case": pk, "line": line.item, "actual": line.actual, "condition": line.grade}
                   for pk, rows in lines.items() for line in rows],
        )  # fmt: skip
    if told.waybill and any(lines.values()):
        signed(system, told.waybill, told.carrier, at=at)
    for pk in sorted(lines):
        if lines[pk]:
            _received(system, pk, lines[pk], at=at)
    return kept


def _returning(system: WarehouseSystem, told: Stocked) -> Iterable[Case]:
    """The cases on the parcel, else those of the orders its lines name."""
    rows = Case.objects.filter(shop=system.shop)
    by_parcel = list(rows.filter(parcels__waybill=told.waybill).order_by("pk").distinct()) if told.waybill else []
    orders = {line.order_id for line in told.lines if line.order_id}
    named = rows.filter(order_id__in=orders, path=Case.Path.RETURN).exclude(status=Case.Status.CLOSED)
    return by_parcel or list(named.order_by("pk"))


def _own(case: Case, lines: Iterable[Counted], *, alone: bool) -> list[Counted]:
    """The lines that are of this case: by the marketplace's number of the line, else by order and goods."""
    skus = {case.sku, *case.lines.values_list("sku", flat=True)} - {""}
    own = [line for line in lines if case.line_id and line.line_id == case.line_id]
    own = own or [line for line in lines if line.order_id == case.order_id and (not skus or line.item in skus)]
    return own or (list(lines) if alone else [])


def _listed(lines: Iterable[Counted]) -> str:
    return "; ".join(f"{line.order_id} {line.item} × {line.actual}".strip() for line in lines)[:500]


def _received(system: WarehouseSystem, case_id: int, lines: list[Counted], *, at: datetime) -> None:
    """Answer the case's question by wire; a question is opened where none was, and one already answered stays."""
    with transaction.atomic():
        case = locked_case(case_id)
        mine = case.handoffs.filter(kind=K.RECEIVE_RETURN)
        if mine.filter(status=Handoff.Status.ANSWERED).exists():
            return
        asked = mine.filter(status__in=Handoff.LIVE).order_by("pk").first()
        asked = asked or handoff.open_handoff(case, handoff.Question(K.RECEIVE_RETURN), asker=None, at=at)
        by_wire(asked.pk, "received", said=str(system), at=at, more=_data(lines))


def _data(lines: list[Counted]) -> dict[str, Any]:
    short = any(line.planned is not None and line.planned != line.actual for line in lines)
    damaged = any(line.grade != "good" for line in lines)
    rows = [{"line": line.line_id, "sku": line.item, "planned": line.planned, "actual": line.actual,
             "condition": line.grade} for line in lines]  # fmt: skip
    return {"condition": "damaged" if damaged else "missing" if short else "good", "counted": rows, "differs": short}
