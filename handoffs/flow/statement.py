"""The month's account with each carrier: paid out to buyers, claimed, recovered, refused, still open.

Source: domain.md section 2 (the carrier bears the risk of what it did not deliver) and section 8.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from accounts.models import Carrier, User
from handoffs.flow import claims
from handoffs.models import CarrierClaim, Case, RefundOrder

Status = CarrierClaim.Status
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Line:
    """One claim that was open at some moment of the month. `paid_out`: what its buyer had got back by the month's end,
    told once a case. Yuan.
    """

    claim: CarrierClaim
    paid_out: Decimal


@dataclass(slots=True)
class Account:
    """One carrier's month, in yuan: open before + claimed = recovered + given up + refused + withdrawn + still open.

    `given_up` is what it accepted or paid less. `paid_out` are the refunds that became a carrier's debt in the month:
    both claimed and paid, each case once. What happens later changes none of these figures.
    """

    carrier: Carrier | None
    open_before: Decimal = ZERO
    claimed: Decimal = ZERO
    paid_out: Decimal = ZERO
    recovered: Decimal = ZERO
    given_up: Decimal = ZERO
    refused: Decimal = ZERO
    withdrawn: Decimal = ZERO
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
    seen = claims.visible(by).filter(opened_at__lt=end)
    rows = list(seen.exclude(settled_at__lt=start).order_by("parcel__carrier__name", "opened_at", "pk"))
    refunds = _refunds({claim.case_id for claim in rows})
    accounts: dict[int | None, Account] = {}
    for claim in rows:
        account = accounts.setdefault(claim.parcel.carrier_id, Account(claim.parcel.carrier))
        first = all(line.claim.case_id != claim.case_id for line in account.lines)
        paid = _paid(claim.case, refunds.get(claim.case_id, ()), end) if first else []
        account.lines.append(Line(claim, sum((amount for _at, amount in paid), ZERO)))
        account.paid_out += sum((amount for at, amount in paid if max(at, claim.opened_at) >= start), ZERO)
        _add(account, claim, start, end)
    return list(accounts.values())


def _refunds(case_ids: Iterable[int]) -> dict[int, list[tuple[datetime, Decimal]]]:
    """What the desk itself paid on these cases: when, how much."""
    rows = RefundOrder.objects.filter(case__in=case_ids, status=RefundOrder.Status.CONFIRMED, settled_at__isnull=False)
    found: dict[int, list[tuple[datetime, Decimal]]] = {}
    for case_id, at, amount in rows.values_list("case_id", "settled_at", "amount"):
        if at is not None:
            found.setdefault(case_id, []).append((at, amount))
    return found


def _paid(case: Case, by_us: Sequence[tuple[datetime, Decimal]], end: datetime) -> list[tuple[datetime, Decimal]]:
    """Through the desk, else what the marketplace paid by itself."""
    at = case.ended_at or case.modified or case.changed_at
    by_itself = case.money == Case.Money.CONFIRMED and at is not None and not by_us
    paid = [(at, case.amount)] if by_itself and at is not None else by_us
    return [(moment, amount) for moment, amount in paid if moment < end]


def _add(account: Account, claim: CarrierClaim, start: datetime, end: datetime) -> None:
    """What the claim was at the month's beginning and what became of it by its end."""
    if claim.opened_at >= start:
        account.claimed += claim.amount
    else:
        account.open_before += _owed(claim, start)
    owed = _owed(claim, end)
    account.given_up += (claim.amount if claim.opened_at >= start else _owed(claim, start)) - owed
    if claim.settled_at is None or claim.settled_at >= end:
        account.still_open += owed
    elif claim.status == Status.PAID:
        account.recovered += claim.recovered or ZERO
        account.given_up += owed - (claim.recovered or ZERO)
    elif claim.status == Status.REFUSED:
        account.refused += owed
    else:
        account.withdrawn += owed


def _owed(claim: CarrierClaim, at: datetime) -> Decimal:
    """What a claim stood at just before a moment: what was accepted by then, else what was claimed."""
    accepted = claim.accepted is not None and claim.accepted_at is not None and claim.accepted_at < at
    return claim.accepted if accepted and claim.accepted is not None else claim.amount
