"""Reconciliation: the marketplace's list against the desk, each night and by button. What differs gets an owner."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from accounts import vault
from accounts.models import Shop
from handoffs import connections, reading
from handoffs.flow import unsettled
from handoffs.flow.findings import Desk
from handoffs.marketplaces.base import Marketplace, MarketplaceError, State
from handoffs.models import Case, Connection, Finding, RefundOrder

LOOKED_AT = timedelta(days=7)
AT_ONCE = 200
READ_BACKS = 100
TOO_LONG = timedelta(minutes=30)  # accepted, and still not paid
Kind, Status = Finding.Kind, RefundOrder.Status
logger = logging.getLogger(__name__)


@dataclass
class Counts:
    """Applications compared, differences found anew, orders read back, and how many of these came clear."""

    compared: int = 0
    found: int = 0
    read: int = 0
    settled: int = 0
    failed: str = ""


def run(connection: Connection, *, at: datetime) -> dict[str, Any]:
    """Compare the last seven days of one shop and take in what the desk had missed. Returns the counts."""
    counts, shop = Counts(), connection.shop
    try:
        client = connections.client_of(connection)
        for states in _chunks(client.pull(at - LOOKED_AT, at)):
            counts.compared += len(states)
            counts.found += _compare(states, shop, at)
            reading.take(states, shop=shop, at=at)
        _read_open_orders(client, shop, counts, at)
    except (MarketplaceError, vault.Sealed) as error:
        counts.failed = str(error) or type(error).__name__
        logger.warning("shop %s could not be reconciled: %s", shop.code, counts.failed)
    return {"shop": shop.code, "at": at.isoformat(), **asdict(counts)}


def _chunks(states: Iterator[State]) -> Iterator[list[State]]:
    while chunk := list(islice(states, AT_ONCE)):
        yield chunk


def _compare(states: Sequence[State], shop: Shop, at: datetime) -> int:
    """Note every difference, before the news is taken in and hides it."""
    cases = Case.objects.filter(shop=shop, refund_id__in=[state.refund_id for state in states])
    read = cases.select_related("owner").prefetch_related("refund_orders")
    known = {(case.source_kind, case.refund_id): case for case in read}
    desk = Desk(shop, at)
    return sum(_note(state, known.get((_source(state, shop), state.refund_id)), desk) for state in states)


def _source(state: State, shop: Shop) -> str:
    """JD counts services and cancelled orders apart; its client says which by the phase."""
    return state.phase if shop.marketplace == Shop.Marketplace.JD else Case.Source.REFUND


def _note(state: State, case: Case | None, desk: Desk) -> int:
    return sum(desk.open(kind, state, case, desk=said) for kind, said in _differences(state, case, desk.at))


def _differences(state: State, case: Case | None, at: datetime) -> Iterator[tuple[str, str]]:
    """(kind, what the desk says) of each difference."""
    if case is None:
        yield Kind.MISSED, ""
        return
    orders = [order for order in case.refund_orders.all() if order.status != Status.FAILED]
    if state.paid and not orders and case.phase != Case.Phase.SUCCESS:
        yield Kind.PAID_ELSEWHERE, case.get_phase_display()
    elif (state.paid or state.closed) and not case.is_over and not orders:
        yield Kind.MISSED, case.get_phase_display()
    for order in orders:
        yield from _against_order(state, order, at)


def _against_order(state: State, order: RefundOrder, at: datetime) -> Iterator[tuple[str, str]]:
    said = f"{order.get_status_display()} ¥{order.amount}"
    if state.closed:
        yield Kind.CLOSED_ELSEWHERE, said
    elif state.paid and state.amount not in (None, Decimal(0), order.amount):
        yield Kind.AMOUNT, said
    elif not state.paid and order.status != Status.UNKNOWN and at - order.at >= TOO_LONG:
        yield Kind.NOT_PAID, said


# Reading back what is not certain ------------------------------------------------------------------------------------


def _read_open_orders(client: Marketplace, shop: Shop, counts: Counts, at: datetime) -> None:
    open_orders = RefundOrder.objects.filter(case__shop=shop, status__in=(Status.ACKNOWLEDGED, Status.UNKNOWN))
    open_orders = open_orders.exclude(case__source_kind=Case.Source.SERVICE)
    for order in open_orders.select_related("case__shop").order_by("pk"):
        counts.read += 1
        counts.settled += _read(client, order, at)


def _read(client: Marketplace, order: RefundOrder, at: datetime) -> bool:
    """Read one order's refund back, take it in, keep the evidence. True when the order came clear by it."""
    state = client.read(order.case.refund_id)
    reading.take([state], shop=order.case.shop, at=at)
    now = unsettled.was_read(order.pk, state, at=at)
    return now.status in (Status.CONFIRMED, Status.FAILED)


def read_back(order: RefundOrder, *, at: datetime) -> bool:
    """By button: read this one now. Raises MarketplaceError when that cannot be done; False when it stays open."""
    connection = connections.connected(order.case.shop) if connections.pays(order.case) else None
    return _read(connections.client_of(connection), order, at) if connection is not None else False


def read_due(*, at: datetime) -> dict[str, Any]:
    """The orders whose time to be read back has come; one that cannot be read is tried again later."""
    counts = Counts()
    unsettled.give_up_on_stranded(at=at)
    for order in unsettled.to_read(at)[:READ_BACKS]:
        counts.read += 1
        try:
            counts.settled += _read(connections.client_of(order.case.shop.connection), order, at)
        except (MarketplaceError, vault.Sealed) as error:
            logger.warning("refund order %s could not be read back: %s", order.pk, error)
            unsettled.was_read(order.pk, None, at=at)
    return {"at": at.isoformat(), "read": counts.read, "settled": counts.settled}
