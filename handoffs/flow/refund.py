"""Refund orders: recorded before the money moves, keyed so that a second one cannot be, capped by what was paid."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Sum
from django.utils.translation import gettext as _

from accounts.models import User
from handoffs.flow.errors import Invalid, Stale
from handoffs.flow.moves import move, note
from handoffs.models import Case, Decision, OrderLine, RefundOrder

Status = RefundOrder.Status
GONE = (Status.FAILED,)


def version_of(case: Case) -> str:
    """The marketplace's version of the application; type, amount and status stand in where it has none."""
    return case.refund_version or f"{case.dispute_type}|{case.amount}|{case.marketplace_status}"


def key_of(case: Case, operation: str) -> str:
    """(shop, source kind, marketplace id, version, operation), as domain.md section 5 has it."""
    return f"{case.shop_id}:{case.source_kind}:{case.refund_id}:{version_of(case)}:{operation}"[:200]


def basis(case: Case) -> Decimal | None:
    """What the buyer paid for the case's line, in yuan; None when the source does not name the line.

    TOP's `total_fee` is the line's; an export's paid amount is the order's line only where the file says which line.
    """
    if case.total_fee is not None and (case.line_id or case.source_kind != Case.Source.REFUND):
        return case.total_fee
    return case.paid


def _line_of(case: Case) -> OrderLine:
    """The ledger row of the case's order line, locked."""
    where: dict[str, Any] = {"shop": case.shop, "order_id": case.order_id, "line_id": case.line_id}
    OrderLine.objects.get_or_create(**where)
    return OrderLine.objects.select_for_update(of=("self",), no_key=True).get(**where)


def taken(case: Case) -> Decimal:
    """What has left or is leaving on the same order line for other cases: ours, and the marketplace's own."""
    others = Case.objects.filter(shop_id=case.shop_id, order_id=case.order_id, line_id=case.line_id).exclude(pk=case.pk)
    orders = RefundOrder.objects.exclude(status__in=GONE)
    ours = orders.filter(case__in=others).aggregate(total=Sum("amount"))["total"] or Decimal(0)
    settled = others.filter(phase=Case.Phase.SUCCESS).exclude(pk__in=orders.values("case_id"))
    return ours + (settled.aggregate(total=Sum("amount"))["total"] or Decimal(0))


def check_cap(case: Case, amount: Decimal) -> None:
    """Raise Invalid when this refund and those before it pass what the buyer paid.

    Where the source names no line, what was paid may be the order's or the line's: a person confirms it when it is
    missing or does not reach.
    """
    paid, before = basis(case), taken(case)
    certain = paid is not None and (bool(case.line_id) or case.source_kind != Case.Source.REFUND)
    if not certain and case.basis_confirmed:
        return
    if paid is None:
        text = _("What the buyer paid is not in the file. Confirm the paid amount first.")
        raise Invalid(text, code="confirm_basis")
    if before + amount <= paid:
        return
    shown = {"paid": paid, "before": before, "rest": max(paid - before, Decimal(0))}
    text = _("The buyer paid %(paid)s yuan for this line; %(before)s is refunded already, %(rest)s is left.") % shown
    if not certain:
        confirm = _("The file names no order line: confirm the paid amount if this is another one.")
        raise Invalid(f"{text} {confirm}", code="confirm_basis")
    raise Invalid(text, field="amount", code="over_the_cap")


def order_by_hand(decision: Decision, *, by: User, at: datetime, reference: str) -> RefundOrder:
    """Record, under the line's lock, that staff paid this in the back office. The next import confirms it.

    Raises Stale when a refund for this version of the application is recorded already.
    """
    case, amount = decision.case, decision.amount or Decimal(0)
    check_cap(case, amount)
    line = _line_of(case)
    try:
        with transaction.atomic():
            confirmed_by_hand = not case.line_id and case.basis_confirmed
            paid = None if confirmed_by_hand else basis(case)
            OrderLine.objects.filter(pk=line.pk).update(paid=paid, refunded=taken(case) + amount)
            order = RefundOrder.objects.create(
                case=case, decision=decision, line=line, key=key_of(case, "agree"), amount=amount, by=by, at=at
            )
    except IntegrityError as error:
        raise Stale(_("A refund for this application is recorded already.")) from error
    move(order, Status.ORDERED, by=by, at=at, why="ordered", amount=str(amount))
    changes = {"reference": reference[:120]}
    move(order, Status.ACKNOWLEDGED, by=by, at=at, why="acknowledged", changes=changes, amount=str(amount))
    _set_money(case, Case.Money.ACKNOWLEDGED)
    return order


def confirm(case: Case, *, at: datetime) -> None:
    """The marketplace reads “refunded”: confirm our order, or note that the money left without us."""
    orders = list(case.refund_orders.exclude(status__in=(Status.FAILED, Status.CONFIRMED)))
    for order in orders:
        order.case = case
        move(
            order,
            Status.CONFIRMED,
            by=None,
            at=at,
            why="confirmed",
            changes={"settled_at": at},
            amount=str(order.amount),
        )
    if not orders and not case.refund_orders.filter(status=Status.CONFIRMED).exists():
        note(case, "paid_elsewhere", at=at, by=None, amount=str(case.amount))
    _set_money(case, Case.Money.CONFIRMED)


def contradict(case: Case, *, at: datetime) -> None:
    """The marketplace closed the application though we recorded a payment: unknown, and a person settles it."""
    for order in case.refund_orders.filter(status__in=(Status.ORDERED, Status.ACKNOWLEDGED)):
        order.case = case
        move(order, Status.UNKNOWN, by=None, at=at, why="refund_unknown", amount=str(order.amount))
        _set_money(case, Case.Money.UNKNOWN)


def _set_money(case: Case, money: str) -> None:
    Case.objects.filter(pk=case.pk).update(money=money)
    case.money = money
