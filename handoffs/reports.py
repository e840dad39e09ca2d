"""The measures of domain.md section 8, defined once and used everywhere. Each number brings the cases behind it.

An obligation counts in the span in which it was settled: when it was met, or when its due time passed. Cancelled ones
are left out. Spans are half open and must not reach into the future; money is yuan.
"""

import math
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import (
    Case as Either,
)
from django.db.models import (
    Count,
    DateTimeField,
    DurationField,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    When,
)
from django.db.models.functions import Coalesce, TruncDate

from accounts.models import Carrier, User
from accounts.models.people import Role
from handoffs.flow.exposure import exposed
from handoffs.models import Case, Clock, RefundOrder, Response, TimelineEntry
from handoffs.models.clock import ClockKind


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` up to, not including, `end`."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Share:
    """`met` of `total`, with the cases of both and of those not met. `marked` of the met were identical bulk text."""

    met: int
    total: int
    cases: QuerySet[Case]
    missed: QuerySet[Case]
    marked: int = 0

    @property
    def percent(self) -> int | None:
        """Whole percent, never rounded up to 100; None where nothing was due."""
        return self.met * 100 // self.total if self.total else None


@dataclass(frozen=True, slots=True)
class Part:
    """One bar: a lane, a carrier or a person, and its share."""

    key: Any
    label: str
    share: Share


@dataclass(frozen=True, slots=True)
class Times:
    """How long it took from application to confirmation; empty where nothing was confirmed."""

    count: int
    median: timedelta | None
    p90: timedelta | None
    cases: QuerySet[Case]


@dataclass(frozen=True, slots=True)
class Exposure:
    """Money that has gone while the goods are not secured."""

    count: int
    amount: Decimal
    cases: QuerySet[Case]


def first_response_rate(shops: Collection[int], span: Span) -> Share:
    """Cases whose first response came within their clock ÷ cases whose clock ended or passed."""
    clocks = _settled(shops, span).filter(kind=ClockKind.FIRST_RESPONSE)
    share = _share_of_cases(clocks)
    bulk = Response.objects.filter(bulk=True, case__in=share.cases).exclude(case__in=share.missed)
    marked = bulk.aggregate(n=Count("case", distinct=True))["n"]
    return Share(share.met, share.total, share.cases, share.missed, marked)


def completion_time(shops: Collection[int], span: Span) -> Times:
    """Application → confirmed by the marketplace, of the refunds confirmed in the span."""
    ours = RefundOrder.objects.filter(case=OuterRef("pk"), status=RefundOrder.Status.CONFIRMED)
    confirmed = Coalesce("ended_at", Subquery(ours.values("settled_at")[:1]), "modified", output_field=DateTimeField())
    cases = (
        Case.objects.filter(shop__in=shops, phase=Case.Phase.SUCCESS)
        .annotate(confirmed_at=confirmed)
        .filter(confirmed_at__gte=span.start, confirmed_at__lt=span.end)
    )
    took = ExpressionWrapper(F("confirmed_at") - F("applied_at"), output_field=DurationField())
    lengths = cases.annotate(took=took).order_by("took", "pk").values_list("took", flat=True)
    count = cases.count()
    return Times(count, _percentile(lengths, count, 50), _percentile(lengths, count, 90), cases)


def on_time_by_lane(shops: Collection[int], span: Span) -> list[Part]:
    """Handoffs answered in time ÷ handoffs due, per lane (asking role, asked role); the fullest lane first."""
    rows = _settled(shops, span).filter(kind=ClockKind.HANDOFF)
    return _parts(rows, ("handoff__from_role", "handoff__to_role"), lambda lane: " → ".join(_role(r) for r in lane))


def on_time_by_carrier(shops: Collection[int], span: Span) -> list[Part]:
    """The same per carrier, of the handoffs to logistics about a parcel whose carrier is known."""
    rows = _settled(shops, span).filter(kind=ClockKind.HANDOFF, handoff__to_role=Role.LOGISTICS)
    rows = rows.filter(handoff__parcel__carrier__isnull=False)
    names = dict(Carrier.objects.values_list("pk", "name"))
    return _parts(rows, ("handoff__parcel__carrier",), lambda key: names.get(key[0], "–"))


def on_time_by_person(shops: Collection[int], span: Span) -> list[Part]:
    """Handoffs by whoever answered (else has) them, and first responses by the case's owner, per person."""
    rows = _settled(shops, span).filter(kind__in=(ClockKind.HANDOFF, ClockKind.FIRST_RESPONSE))
    holder = Either(
        When(kind=ClockKind.HANDOFF, then=Coalesce("handoff__answered_by", "handoff__assignee")), default="case__owner"
    )
    rows = rows.annotate(person=holder).filter(person__isnull=False)
    names = dict(User.objects.values_list("pk", "name"))
    return _parts(rows, ("person",), lambda key: names.get(key[0], "–"))


def exposure(shops: Collection[int]) -> Exposure:
    """Refunds confirmed whose goods are neither back, nor stopped, nor claimed from a carrier, nor waived, as of now.

    The flow keeps exactly these as “goods open”; refunds that were history when the desk first saw them are not.
    """
    cases = exposed(frozenset(shops))
    found = cases.aggregate(count=Count("pk"), amount=Sum("amount"))
    return Exposure(found["count"], found["amount"] or Decimal(0), cases)


def _settled(shops: Collection[int], span: Span) -> QuerySet[Clock]:
    """The clocks that were met, or whose due time passed, within the span."""
    moment = Either(When(ended_at__lt=F("due_at"), then="ended_at"), default="due_at")
    rows = Clock.objects.filter(case__shop__in=shops).exclude(state=Clock.State.CANCELLED)
    return rows.annotate(settled_at=moment).filter(settled_at__gte=span.start, settled_at__lt=span.end)


def _share_of_cases(clocks: QuerySet[Clock]) -> Share:
    """A case with more than one clock counts once, and as missed when one of them was."""
    missed = clocks.exclude(state=Clock.State.MET)
    total = clocks.aggregate(n=Count("case", distinct=True))["n"]
    failed = missed.aggregate(n=Count("case", distinct=True))["n"]
    return Share(total - failed, total, _cases(clocks), _cases(missed))


def _parts(rows: QuerySet[Clock], fields: tuple[str, ...], label: Any) -> list[Part]:
    """A share per group, in one statement; the biggest group first."""
    counted = rows.values(*fields).annotate(
        total=Count("pk", distinct=True), met=Count("pk", distinct=True, filter=Q(state=Clock.State.MET))
    )
    parts = []
    for row in counted.order_by("-total", *fields):
        key = tuple(row[name] for name in fields)
        own = rows.filter(**dict(zip(fields, key, strict=True)))
        share = Share(row["met"], row["total"], _cases(own), _cases(own.exclude(state=Clock.State.MET)))
        parts.append(Part(key if len(key) > 1 else key[0], label(key), share))
    return parts


def _cases(clocks: QuerySet[Clock]) -> QuerySet[Case]:
    return Case.objects.filter(pk__in=clocks.values("case_id"))


def _role(role: str) -> str:
    return str(dict(Role.choices).get(role, role))


def _percentile(lengths: QuerySet[Any, Any], count: int, percent: int) -> timedelta | None:
    """Nearest rank: the shortest time within which so many percent were done."""
    if not count:
        return None
    found: timedelta = lengths[math.ceil(count * percent / 100) - 1]
    return found


# All of it at once ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Day:
    """What was refused and what came back on one day of one shop."""

    day: date
    shop: str
    refused: int
    reopened: int


@dataclass(frozen=True, slots=True)
class Overview:
    """Every measure of a span, for the page, the workbook and the API alike."""

    span: Span
    first_response: Share
    completion: Times
    lanes: list[Part]
    carriers: list[Part]
    people: list[Part]
    days: list[Day]


def overview(shops: Collection[int], span: Span, *, zone: ZoneInfo) -> Overview:
    """The measures of these shops in the span; days are those of the zone."""
    return Overview(
        span, first_response_rate(shops, span), completion_time(shops, span), on_time_by_lane(shops, span),
        on_time_by_carrier(shops, span), on_time_by_person(shops, span), refused_by_day(shops, span, zone=zone),
    )  # fmt: skip


def refused_by_day(shops: Collection[int], span: Span, *, zone: ZoneInfo) -> list[Day]:
    """Applications that were refused, and refused ones that the buyer opened again, by day and shop."""
    told = TimelineEntry.objects.filter(kind="changed", case__shop__in=shops, at__gte=span.start, at__lt=span.end)
    refused = Q(data__changes__phase__1=Case.Phase.REFUSED)
    again = Q(data__changes__phase__0=Case.Phase.REFUSED, data__changes__phase__1=Case.Phase.WAIT_SELLER)
    moved = told.annotate(day=TruncDate("at", tzinfo=zone))
    rows = moved.filter(refused | again).values("day", "case__shop__name").order_by("day", "case__shop__name")
    counted = rows.annotate(refused=Count("pk", filter=refused), reopened=Count("pk", filter=again))
    return [Day(row["day"], row["case__shop__name"], row["refused"], row["reopened"]) for row in counted]
