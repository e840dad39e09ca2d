"""Refund orders: recorded before the single call, keyed so that a second one cannot be, confirmed by reading back."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from handoffs.flow import path
from handoffs.flow.cap import book, check_cap, line_of
from handoffs.flow.errors import Stale
from handoffs.flow.moves import move, note
from handoffs.models import BatchRow, Case, Decision, RefundOrder

Status = RefundOrder.Status


def version_of(case: Case) -> str:
    """The marketplace's version of the application; type, amount and status stand in where it has none."""
    return case.refund_version or f"{case.dispute_type}|{case.amount}|{case.marketplace_status}"


def key_of(case: Case, operation: str) -> str:
    """(shop, source kind, marketplace id, version, operation), as domain.md section 5 has it."""
    return f"{case.shop_id}:{case.source_kind}:{case.refund_id}:{version_of(case)}:{operation}"[:200]


def _recorded(decision: Decision, *, by: User, at: datetime, via: str) -> RefundOrder:
    """The order of this decision, under the line's lock: a new one, or one that failed for certain, tried again.

    Raises Stale when one is alive already, Invalid when the sum on the line passes what the buyer paid.
    """
    case, amount = decision.case, decision.amount or Decimal(0)
    check_cap(case, amount)
    line, key = line_of(case), key_of(case, "agree")
    order = RefundOrder.objects.filter(key=key, status=Status.FAILED).first()
    if order is None:
        order = RefundOrder(case=case, key=key, by=by, at=at)
    order.case, order.decision, order.line, order.amount, order.via = case, decision, line, amount, via
    order.settle_as, order.settle_reason, order.settle_by = "", "", None
    try:
        with transaction.atomic():
            order.save()
            values = {"attempts": order.attempts + 1, "by": by, "at": at, "settled_at": None, "answer": "",
                      "answer_code": ""}  # fmt: skip
            move(order, Status.ORDERED, by=by, at=at, why="ordered", changes=values, amount=str(amount))
            book(case)
    except IntegrityError as error:
        raise Stale(_("A refund for this application is recorded already.")) from error
    _set_money(case, Case.Money.ORDERED)
    return order


def order_by_hand(decision: Decision, *, by: User, at: datetime, reference: str) -> RefundOrder:
    """Record that staff paid this in the back office. The next import confirms it."""
    order = _recorded(decision, by=by, at=at, via=RefundOrder.Via.HAND)
    accepted(order, by=by, at=at, reference=reference[:120])
    return order


def order_at_gateway(decision: Decision, *, by: User, at: datetime) -> RefundOrder:
    """Record that the marketplace is about to be told to pay. The caller commits this before it calls, once."""
    return _recorded(decision, by=by, at=at, via=RefundOrder.Via.GATEWAY)


def accepted(order: RefundOrder, *, by: User | None, at: datetime, **changes: Any) -> None:
    """The marketplace took the order. It is confirmed only by reading the refund back."""
    values = {"read_at": at, **changes}
    move(order, Status.ACKNOWLEDGED, by=by, at=at, why="acknowledged", changes=values, amount=str(order.amount))
    rows_of(order).update(state=BatchRow.State.ACCEPTED, at=at)
    _set_money(order.case, Case.Money.ACKNOWLEDGED)


def failed(order: RefundOrder, *, by: User | None, at: datetime, code: str = "", answer: str = "") -> None:
    """It is certain that no money moved: the decision stands and may be carried out again."""
    values = {"settled_at": at, "answer_code": code[:80], "answer": answer[:255], "read_at": None}
    shown = {"amount": str(order.amount), "said": answer[:255]}
    move(order, Status.FAILED, by=by, at=at, why="refund_failed", changes=values, **shown)
    rows_of(order).update(state=BatchRow.State.FAILED, why=code[:40], message=answer[:255], at=at)
    book(order.case)
    _set_money(order.case, Case.Money.FAILED)


def doubted(order: RefundOrder, *, at: datetime, answer: str = "") -> None:
    """Whether the money moved is unknown. It is never tried again by itself: reading back or a person settles it."""
    values = {"answer": answer[:255], "read_at": at}
    move(order, Status.UNKNOWN, by=None, at=at, why="refund_unknown", changes=values, amount=str(order.amount))
    rows_of(order).update(state=BatchRow.State.UNKNOWN, message=answer[:255], at=at)
    _set_money(order.case, Case.Money.UNKNOWN)


def confirm(case: Case, *, at: datetime) -> list[RefundOrder]:
    """The marketplace reads “refunded”: confirm our order, or note that the money left without us.

    An exchange, a repair or a reshipping that is finished refunded nothing.
    """
    orders = list(case.refund_orders.select_related("decision").exclude(status__in=(Status.FAILED, Status.CONFIRMED)))
    for order in orders:
        order.case = case
        changes = {"settled_at": at, "read_at": None}
        move(order, Status.CONFIRMED, by=None, at=at, why="confirmed", changes=changes, amount=str(order.amount))
        rows_of(order).update(state=BatchRow.State.PAID, at=at)
    if not orders and not case.refund_orders.filter(status=Status.CONFIRMED).exists():
        if case.dispute_type in path.NO_MONEY_MOVES:
            return []
        note(case, "paid_elsewhere", at=at, by=None, amount=str(case.amount))
    _set_money(case, Case.Money.CONFIRMED)
    return orders


def settled_as_paid(order: RefundOrder, *, by: User, at: datetime, reason: str) -> None:
    """Two people say that the money moved."""
    values = {"settled_at": at, "read_at": None}
    shown = {"amount": str(order.amount), "said": reason}
    move(order, Status.CONFIRMED, by=by, at=at, why="confirmed", changes=values, **shown)
    rows_of(order).update(state=BatchRow.State.PAID, at=at)
    _set_money(order.case, Case.Money.CONFIRMED)


def contradict(case: Case, *, at: datetime) -> None:
    """The marketplace closed the application though we recorded a payment: unknown, and a person settles it."""
    for order in case.refund_orders.filter(status__in=(Status.ORDERED, Status.ACKNOWLEDGED)):
        order.case = case
        doubted(order, at=at)


def rows_of(order: RefundOrder) -> QuerySet[BatchRow]:
    """The batch row that sent this order and still shows it as open."""
    open_states = (BatchRow.State.SENT, BatchRow.State.ACCEPTED, BatchRow.State.UNKNOWN)
    return BatchRow.objects.filter(order=order, state__in=open_states)


def in_flight(decision: Decision) -> bool:
    """Whether money may be moving for this decision, so that it can no longer be taken back or fall away."""
    return decision.refund_orders.exclude(status=Status.FAILED).exists()


def _set_money(case: Case, money: str) -> None:
    Case.objects.filter(pk=case.pk).update(money=money)
    case.money = money
