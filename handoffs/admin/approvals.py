"""Approvals: everything needed to decide on one screen, several at once with a result per row."""

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
from handoffs.admin.page import draw, page, person
from handoffs.flow import decision, refund
from handoffs.flow.errors import FlowError, Invalid
from handoffs.models import Case, Decision


@page("GET", "POST", verb="approve")
def approvals(request: HttpRequest) -> HttpResponse:
    """What waits for a decision of mine; POST settles the chosen rows, each by itself."""
    user = person(request)
    if request.method == "POST":
        _settle(request, user)
        return redirect("admin:handoffs_approvals")
    now = timezone.now()
    waiting = list(queues.waiting_decisions(user).prefetch_related("case__attachments")[:50])
    history = _history([row.case for row in waiting])
    rows = [_row(row, user, history, now) for row in waiting]
    return draw(request, "handoffs/approvals.html", title=_("Approvals"), rows=rows)


def _row(row: Decision, user: User, history: dict[str, dict[str, int]], now: Any) -> dict[str, Any]:
    case = row.case
    top = limits.ceiling(user, shop_id=case.shop_id, kind=row.kind)
    total = (row.amount or Decimal(0)) + row.granted_before
    return {
        "decision": row,
        "case": case,
        "left": shown.time_left(row.at, row.handoff.due_at if row.handoff else None, at=now),
        "limit": top,
        "total": total,
        "covered": top is None or total <= top,
        "paid": refund.basis(case),
        "files": list(case.attachments.all()),
        "history": history.get(case.buyer_nick, {}),
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


def _settle(request: HttpRequest, user: User) -> None:
    """Approve or refuse each chosen decision; what fails is said per row and stops no other."""
    chosen = [int(pk) for pk in request.POST.getlist("decision") if pk.isdigit()]
    verb = request.POST.get("verb")
    if not chosen:
        messages.warning(request, _("Choose at least one row."))
    for pk in chosen:
        try:
            if verb == "refuse":
                made = decision.refuse(pk, reason=request.POST.get(f"reason-{pk}", ""), by=user, at=timezone.now())
            else:
                made = decision.approve(pk, amount=_amount(request, pk), note=request.POST.get(f"reason-{pk}", ""),
                                        by=user, at=timezone.now())  # fmt: skip
        except FlowError as error:
            messages.error(request, _("%(row)s: %(error)s") % {"row": _name(pk, user), "error": error})
        else:
            messages.success(request, f"{made.case.refund_id}: {made.get_status_display()}")


def _name(pk: int, user: User) -> str:
    shops = user.shops_as(*permissions.DESK)
    found = Decision.objects.filter(pk=pk, case__shop__in=shops).select_related("case").first()
    return found.case.refund_id if found else str(pk)


def _amount(request: HttpRequest, pk: int) -> Decimal | None:
    text = request.POST.get(f"amount-{pk}", "").strip()
    if not text:
        return None
    try:
        return Decimal(text)
    except InvalidOperation as error:
        raise Invalid(_("“%(text)s” is no amount.") % {"text": text}, field="amount") from error


PAGES = (("approvals/", approvals, "handoffs_approvals"),)
