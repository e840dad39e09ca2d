"""The month's account with each carrier: paid out to buyers, claimed, accepted, recovered, refused, still open.

Source: domain.md section 2 (the carrier bears the risk of what it did not deliver) and section 8.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.db.models import OuterRef, Subquery, Sum

from accounts.models import Carrier, User
from handoffs.flow import claims
from handoffs.models import CarrierClaim, Case, RefundOrder

Status = CarrierClaim.Status
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Line:
    """One claim that was open at some moment of the month. `paid_out`: what its buyer got back so far. Yuan."""

    claim: CarrierClaim
    paid_out: Decimal


@dataclass(slots=True)
class Account:
    """One carrier's month. `claimed` and `paid_out` are of claims opened in it, the others of those settled in it."""

    carrier: Carrier | None
    claimed: Decimal = ZERO
    paid_out: Decimal = ZERO
    recovered: Decimal = ZERO
    refused: Decimal = ZERO
    still_open: Decimal = ZERO
    lines: list[Line] = field(default_factory=list)


def span(month: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """First moment of the month and of the next, in the zone."""
    first = month.replace(day=1)
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return (
        datetime(first.year, first.month, 1, tzinfo=zone),
        datetime(following.year, following.month, 1, tzinfo=zone),
    )


def of_month(month: date, *, by: User, zone: ZoneInfo) -> list[Account]:
    """Every carrier with a claim that was open in the month, by name. Two statements. Raises NotAllowed."""
    start, end = span(month, zone)
    orders = RefundOrder.objects.filter(case=OuterRef("case"), status=RefundOrder.Status.CONFIRMED).order_by()
    ours = orders.values("case").annotate(sum=Sum("amount")).values("sum")
    rows = claims.visible(by).filter(opened_at__lt=end).exclude(settled_at__lt=start)
    accounts: dict[int | None, Account] = {}
    for claim in rows.annotate(by_us=Subquery(ours)).order_by("parcel__carrier__name", "opened_at", "pk"):
        account = accounts.setdefault(claim.parcel.carrier_id, Account(claim.parcel.carrier))
        line = Line(claim, _paid_out(claim.case, claim.by_us))
        account.lines.append(line)
        _add(account, line, start, end)
    return list(accounts.values())


def _paid_out(case: Case, by_us: Decimal | None) -> Decimal:
    """Through the desk, else what the marketplace paid by itself."""
    return by_us or (case.amount if case.money == Case.Money.CONFIRMED else ZERO)


def _add(account: Account, line: Line, start: datetime, end: datetime) -> None:
    claim = line.claim
    if claim.opened_at >= start:
        account.claimed += claim.amount
        account.paid_out += line.paid_out
    if claim.settled_at is None or claim.settled_at >= end:
        account.still_open += claim.amount
    elif claim.status == Status.PAID:
        account.recovered += claim.recovered or ZERO
    elif claim.status == Status.REFUSED:
        account.refused += claim.amount
