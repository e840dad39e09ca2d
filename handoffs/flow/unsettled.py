"""Orders nobody can be sure of: what was read back is kept as evidence, and reading or two people settle them."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from accounts.models import User
from handoffs import permissions
from handoffs.flow import decision, refund
from handoffs.flow.case import refresh
from handoffs.flow.errors import Invalid, NotAllowed, NotYours, Stale
from handoffs.flow.moves import locked_case, note
from handoffs.flow.response import checked
from handoffs.marketplaces.base import State
from handoffs.models import Case, RefundOrder

Status = RefundOrder.Status
AGAIN = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
# A call to a gateway has taken effect within this time or never: they answer while the buyer's money is moved.
EFFECT_WITHIN = timedelta(minutes=10)
KEPT = 20


def give_up_on_stranded(*, at: datetime) -> int:
    """Orders sent long ago by a worker that never came back with an answer: unknown. Returns how many."""
    sent = RefundOrder.objects.filter(
        status=Status.ORDERED, via=RefundOrder.Via.GATEWAY, at__lte=at - EFFECT_WITHIN
    ).values_list("pk", flat=True)
    count = 0
    for order_id in list(sent):
        with transaction.atomic():
            order = _locked(order_id)
            if order.status == Status.ORDERED:
                refund.doubted(order, at=at, answer=_("No answer ever came."))
                refresh(order.case, at=at, by=None)
                count += 1
    return count


def to_read(at: datetime) -> QuerySet[RefundOrder]:
    """The orders to be read back now, those that wait longest first."""
    rows = RefundOrder.objects.filter(status__in=(Status.ACKNOWLEDGED, Status.UNKNOWN), read_at__lte=at)
    rows = rows.exclude(case__source_kind=Case.Source.SERVICE)
    return rows.filter(case__shop__connection__active=True).select_related("case__shop__connection").order_by("read_at")


def unknown(user: User) -> QuerySet[RefundOrder]:
    """The list of its own: orders whose fate is not known, in the person's shops."""
    rows = RefundOrder.objects.filter(Q(status=Status.UNKNOWN), case__shop__in=user.shops_as(*permissions.DESK))
    return rows.select_related("case__shop", "decision", "by", "settle_by").order_by("at", "pk")


def was_read(order_id: int, state: State | None, *, at: datetime) -> RefundOrder:
    """Keep what the marketplace showed and when to look again.

    Still waiting for the seller, long enough after the call: the call had no effect, and the order failed for certain.
    (A refund that reads as paid or closed was settled by taking it in.)
    """
    with transaction.atomic():
        order = _locked(order_id)
        seen = {
            "at": at.isoformat(),
            "status": state.status if state else "",
            "version": state.version if state else "",
        }
        evidence = [*order.evidence, seen][-KEPT:]
        wait = AGAIN[min(len(evidence), len(AGAIN)) - 1]
        alive = order.status in (Status.ACKNOWLEDGED, Status.UNKNOWN)
        order.evidence, order.read_at = evidence, at + wait if alive else None
        order.save(update_fields=["evidence", "read_at"])
        open_still = state is not None and not (state.paid or state.closed or state.unmapped or state.agreed)
        if order.status == Status.UNKNOWN and open_still and at - order.at >= EFFECT_WITHIN:
            refund.failed(order, by=None, at=at, code="no_effect", answer=_("Read back: the marketplace has not paid."))
            refresh(order.case, at=at, by=None)
    return order


def _locked(order_id: int) -> RefundOrder:
    case_id = RefundOrder.objects.filter(pk=order_id).values_list("case_id", flat=True).first()
    if case_id is None:
        raise NotYours(_("There is no such refund order."))
    case = locked_case(case_id)
    order = RefundOrder.objects.select_related("decision", "by", "settle_by").get(pk=order_id)
    order.case = case
    return order


def settle(order_id: int, *, paid: bool, reason: str, by: User, at: datetime) -> RefundOrder:
    """By hand, by two people: the first says what became of it and why, a second one says the same.

    Raises Stale when it is settled already, NotAllowed for a role that does not approve or the same person twice.
    """
    with transaction.atomic():
        order = _locked(order_id)
        if not permissions.can_see(by, order.case):
            raise NotYours(_("There is no such refund order."))
        if not permissions.may(by, "propose", shop_id=order.case.shop_id):
            raise NotAllowed(_("Your role does not carry out decisions."))
        if order.status != Status.UNKNOWN:
            text = _("This changed while you looked. It is now: %(state)s.")
            raise Stale(text % {"state": order.get_status_display()})
        checked(reason, field="reason")
        wanted = Status.CONFIRMED if paid else Status.FAILED
        if order.settle_as != wanted:
            return _said_first(order, wanted, reason.strip(), by=by, at=at)
        _second(order, reason.strip(), by=by, at=at)
    return order


def _said_first(order: RefundOrder, wanted: str, reason: str, *, by: User, at: datetime) -> RefundOrder:
    order.settle_as, order.settle_reason, order.settle_by = wanted, reason, by
    order.save(update_fields=["settle_as", "settle_reason", "settle_by"])
    note(order.case, "settling", at=at, by=by, result=wanted, reason=reason, amount=str(order.amount))
    return order


def _second(order: RefundOrder, reason: str, *, by: User, at: datetime) -> None:
    if order.settle_by_id == by.pk:
        raise NotAllowed(_("A second person confirms it."), code="own_proposal")
    if not permissions.may(by, "approve", shop_id=order.case.shop_id):
        raise NotAllowed(_("Your role does not approve."))
    if order.settle_as == Status.CONFIRMED:
        refund.settled_as_paid(order, by=by, at=at, reason=reason)
        decision.paid_at_gateway(order, by=by, at=at)
    elif order.settle_as == Status.FAILED:
        refund.failed(order, by=by, at=at, code="settled_by_hand", answer=reason)
    else:
        raise Invalid(_("Choose what became of it."))
    refresh(order.case, at=at, by=by)
