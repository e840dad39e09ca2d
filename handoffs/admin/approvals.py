"""Approvals: everything needed to decide on one screen, several at once with a result per row."""

from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib import messages
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import limits
from accounts.models import User
from handoffs import permissions
from handoffs.admin import queues, shown
from handoffs.admin.bell import forget
from handoffs.admin.page import draw, page, person
from handoffs.exact import wholes
from handoffs.flow import cap, decision
from handoffs.flow.approve_many import Wish, approve_many
from handoffs.flow.errors import FlowError, Invalid
from handoffs.models import Case, Decision

SHOWN = 100
Errors = dict[int, str]
Limits = dict[tuple[int, str], Decimal | None]


@page("GET", "POST", verb="approve")
def approvals(request: HttpRequest) -> HttpResponse:
    """What waits for a decision of mine. POST settles the chosen rows, each by itself; failed ones keep their input."""
    user, errors = person(request), {}
    if request.method == "POST":
        errors = _settle(request, user)
        if not errors:
            return redirect("admin:handoffs_approvals")
    now = timezone.now()
    waiting = list(queues.waiting_decisions(user).prefetch_related("case__attachments")[:SHOWN])
    gone = set(errors) - {row.pk for row in waiting}
    for pk in gone:
        messages.error(request, f"{_name(pk, user)}: {errors[pk]}")
    history, tops = _history([row.case for row in waiting]), _limits(waiting, user)
    rows = [_row(row, tops, history, now) | _typed(request, row.pk, errors) for row in waiting]
    return draw(request, "handoffs/approvals.html", title=_("Approvals"), rows=rows, status=400 if errors else 200)


def _limits(waiting: list[Decision], user: User) -> Limits:
    """The person's own limit for each shop and kind that occurs."""
    occurring = {(row.case.shop_id, row.kind) for row in waiting}
    return {(shop_id, kind): limits.ceiling(user, shop_id=shop_id, kind=kind) for shop_id, kind in occurring}


def _row(row: Decision, tops: Limits, history: dict[str, dict[str, int]], now: datetime) -> dict[str, Any]:
    case = row.case
    top = tops[case.shop_id, row.kind]
    total = (row.amount or Decimal(0)) + row.granted_before
    return {
        "decision": row,
        "case": case,
        "left": shown.time_left(row.at, row.handoff.due_at if row.handoff else None, at=now),
        "limit": top,
        "total": total,
        "covered": top is None or total <= top,
        "paid": cap.basis(case),
        "files": list(case.attachments.all()),
        "history": history.get(case.buyer_nick, {}),
    }


def _typed(request: HttpRequest, pk: int, errors: Errors) -> dict[str, Any]:
    """What was typed into a row that has to be shown again, and why it was declined."""
    return {
        "error": errors.get(pk, ""),
        "chosen": pk in errors,
        "amount": request.POST.get(f"amount-{pk}", ""),
        "reason": request.POST.get(f"reason-{pk}", ""),
    }


def _history(cases: list[Case]) -> dict[str, dict[str, int]]:
    """How often each buyer applied, was refunded and was refused, in one statement."""
    nicks = {case.buyer_nick for case in cases if case.buyer_nick}
    shops = {case.shop_id for case in cases}
    rows = Case.objects.filter(buyer_nick__in=nicks, shop__in=shops).values("buyer_nick")
    counted = rows.annotate(
        all=Count("pk"), refunded=Count("pk", filter=Q(phase="success")), refused=Count("pk", filter=Q(phase="refused"))
    )
    return {row["buyer_nick"]: row for row in counted.order_by()}


def _settle(request: HttpRequest, user: User) -> Errors:
    """Approve or refuse each chosen decision; what fails is said per row and stops no other.

    A row's own button names its decision (`approve:7`); the buttons below take all that are ticked.
    """
    verb, _colon, one = request.POST.get("verb", "").partition(":")
    chosen = [one] if one else request.POST.getlist("decision")
    if not chosen:
        messages.warning(request, _("Choose at least one row."))
    ids = wholes(chosen)
    settle = {"approve": _approve, "refuse": _refuse}.get(verb)
    errors = settle(request, ids, user) if settle else dict.fromkeys(ids, _("Approve or refuse."))
    settled = Decision.objects.filter(pk__in=set(ids) - set(errors)).select_related("case").order_by("pk")
    for made in settled:
        messages.success(request, f"{made.case.refund_id}: {made.get_status_display()}")
    forget(user)
    return errors


def _approve(request: HttpRequest, ids: list[int], user: User) -> Errors:
    wishes, errors = dict[int, Wish](), Errors()
    for pk in ids:
        try:
            wishes[pk] = Wish(_amount(request, pk), request.POST.get(f"reason-{pk}", ""))
        except Invalid as error:
            errors[pk] = str(error)
    said = approve_many(wishes, by=user, at=timezone.now())
    return errors | {pk: str(error) for pk, error in said.items() if error}


def _refuse(request: HttpRequest, ids: list[int], user: User) -> Errors:
    errors, at = Errors(), timezone.now()
    for pk in ids:
        try:
            decision.refuse(pk, reason=request.POST.get(f"reason-{pk}", ""), by=user, at=at)
        except FlowError as error:
            errors[pk] = str(error)
    return errors


def _name(pk: int, user: User) -> str:
    shops = user.shops_as(*permissions.DESK)
    found = Decision.objects.filter(pk=pk, case__shop__in=shops).select_related("case").first()
    return found.case.refund_id if found else str(pk)


def _amount(request: HttpRequest, pk: int) -> Decimal | None:
    text = request.POST.get(f"amount-{pk}", "").strip().lstrip("¥￥").replace(",", "")
    if not text:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        raise Invalid(_("“%(text)s” is no amount.") % {"text": text}, field="amount") from error
    if not amount.is_finite():
        raise Invalid(_("“%(text)s” is no amount.") % {"text": text}, field="amount")
    return amount


PAGES = (("approvals/", approvals, "handoffs_approvals"),)
