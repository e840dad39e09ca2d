"""The cap: refunds on an order line never exceed what the buyer paid for it (domain.md section 5)."""

from decimal import Decimal
from typing import Any

from django.db.models import Case as Choose
from django.db.models import F, Q, Sum, When
from django.utils.translation import gettext as _

from handoffs.flow.errors import Invalid
from handoffs.models import Case, Decision, OrderLine, RefundOrder


def basis(case: Case) -> Decimal | None:
    """What the buyer paid for the case's line, in yuan; None when the source does not name the line.

    TOP's `total_fee` is the line's; an export's paid amount is the order's line only where the file says which line.
    """
    if case.total_fee is not None and (case.line_id or case.source_kind != Case.Source.REFUND):
        return case.total_fee
    return case.paid


# The same of a decision's case, in SQL.
BASIS = Choose(
    When(~Q(case__line_id="") | ~Q(case__source_kind=Case.Source.REFUND), case__total_fee__isnull=False,
         then=F("case__total_fee")),
    default=F("case__paid"),
)  # fmt: skip


def is_certain(case: Case) -> bool:
    """Whether the source names the order line, so that what it says was paid is what was paid for it."""
    return basis(case) is not None and (bool(case.line_id) or case.source_kind != Case.Source.REFUND)


def line_of(case: Case) -> OrderLine:
    """The ledger row of the case's order line, locked."""
    where: dict[str, Any] = {"shop": case.shop, "order_id": case.order_id, "line_id": case.line_id}
    OrderLine.objects.get_or_create(**where)
    return OrderLine.objects.select_for_update(of=("self",), no_key=True).get(**where)


def taken(case: Case) -> Decimal:
    """What has left or is leaving on the same order line for other cases: ours, and the marketplace's own."""
    others = Case.objects.filter(shop_id=case.shop_id, order_id=case.order_id, line_id=case.line_id).exclude(pk=case.pk)
    orders = RefundOrder.objects.exclude(status__in=("failed",))
    ours = orders.filter(case__in=others).aggregate(total=Sum("amount"))["total"] or Decimal(0)
    settled = others.filter(phase=Case.Phase.SUCCESS).exclude(pk__in=orders.values("case_id"))
    return ours + (settled.aggregate(total=Sum("amount"))["total"] or Decimal(0))


def promised(case: Case) -> Decimal:
    """What is approved for other cases of the line and not yet ordered; an offer is none before the buyer takes it."""
    rows = Decision.objects.filter(status=Decision.Status.APPROVED, kind__in=Decision.REFUND, offer=False)
    others = Case.objects.filter(shop_id=case.shop_id, order_id=case.order_id, line_id=case.line_id).exclude(pk=case.pk)
    alive = RefundOrder.objects.exclude(status="failed").values("decision_id")
    rows = rows.filter(case__in=others).exclude(pk__in=alive)
    return rows.aggregate(total=Sum("amount"))["total"] or Decimal(0)


def check_cap(case: Case, amount: Decimal, *, promised: Decimal = Decimal(0)) -> None:
    """Raise Invalid when this refund, those before it and what is promised pass what the buyer paid.

    Where the source names no line, what was paid may be the order's or the line's. Deciding up to it confirms it (see
    `decision.propose`); where it is missing or does not reach, a person confirms it by an act of its own first.
    """
    paid, before = basis(case), taken(case) + promised
    certain = is_certain(case)
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


def book(case: Case) -> None:
    """Bring the ledger of the case's line, locked, in step with the orders on it. The database refuses a sum beyond
    what was paid.
    """
    line = line_of(case)
    by_hand = not case.line_id and case.basis_confirmed
    own = case.refund_orders.exclude(status="failed").aggregate(total=Sum("amount"))["total"] or Decimal(0)
    paid = None if by_hand else basis(case)
    OrderLine.objects.filter(pk=line.pk).update(paid=paid, refunded=taken(case) + own)
