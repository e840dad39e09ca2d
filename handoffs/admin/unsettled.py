"""What is not certain: payments whose fate is unknown, and differences between the marketplace and the desk."""

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import vault
from accounts.models import User
from handoffs import permissions, reconcile, writing
from handoffs.admin.bell import forget
from handoffs.admin.page import draw, hand_over, number, page, person
from handoffs.flow import findings as finding_rules
from handoffs.flow import market_call, unsettled
from handoffs.flow.errors import FlowError, Invalid, NotYours
from handoffs.flow.response import checked
from handoffs.marketplaces.base import MarketplaceError
from handoffs.models import Connection, Finding, RefundOrder

SHOWN = 100


def findings(user: User) -> QuerySet[Finding]:
    """The open differences of the person's shops."""
    rows = Finding.objects.filter(shop__in=user.shops_as(*permissions.DESK), settled_at=None)
    return rows.select_related("shop", "case", "owner").order_by("found_at", "pk")


@page("GET", "POST", verb="propose")
def page_of_open_questions(request: HttpRequest) -> HttpResponse:
    """Both lists; POST presses one of their buttons."""
    user = person(request)
    error, at_row = "", ""
    if request.method == "POST":
        at_row = request.POST.get("order") or request.POST.get("finding") or ""
        try:
            _act(request, user)
        except FlowError as declined:
            error = str(declined)
        else:
            forget(user)
            return redirect("admin:handoffs_unsettled")
    context = {
        "orders": [_shown(order, user) for order in unsettled.unknown(user)[:SHOWN]],
        "calls": writing.open_calls(user.shops_as(*permissions.DESK), at=timezone.now()),
        "findings": list(findings(user)[:SHOWN]),
        "connections": _connections(user),
        "error": error,
        "at_row": at_row,
        "text": request.POST.get("reason", "") if error else "",
    }
    return draw(request, "handoffs/money/unsettled.html", title=_("To settle"), status=400 if error else 200, **context)


def _shown(order: RefundOrder, user: User) -> dict[str, Any]:
    first = order.settle_by_id is not None
    return {"order": order, "first": first, "may_second": first and order.settle_by_id != user.pk}


def _connections(user: User) -> list[Connection]:
    rows = Connection.objects.filter(active=True, shop__in=user.shops_as(*permissions.DESK))
    return list(rows.select_related("shop").order_by("shop__name"))


def _act(request: HttpRequest, user: User) -> None:
    verb, at = request.POST.get("verb", ""), timezone.now()
    if verb == "read":
        _read(request, _order(request, user))
    elif verb in ("paid", "not_paid"):
        order = _order(request, user)
        reason = request.POST.get("reason", "")
        now = unsettled.settle(order.pk, paid=verb == "paid", reason=reason, by=user, at=at)
        done = now.status != RefundOrder.Status.UNKNOWN
        messages.success(request, _("Settled.") if done else _("Noted. A second person has to say the same."))
    elif verb == "settle":
        _settle_finding(request, user)
    elif verb in ("arrived", "not_arrived"):
        market_call.settle(number(request, "call"), happened=verb == "arrived", by=user, at=at)
        messages.success(request, _("Settled."))
    elif verb == "reconcile":
        _start(request, user)
    else:
        raise Invalid(_("There is no such button."))


def _order(request: HttpRequest, user: User) -> RefundOrder:
    found = unsettled.unknown(user).filter(pk=number(request, "order")).first()
    if found is None:
        raise NotYours(_("There is no such refund order."))
    return found


def _read(request: HttpRequest, order: RefundOrder) -> None:
    """Reconcile now: read this one back while the person waits."""
    try:
        clear = reconcile.read_back(order, at=timezone.now())
    except (MarketplaceError, vault.Sealed) as error:
        messages.error(request, _("It could not be read: %(error)s") % {"error": error})
        return
    messages.success(request, _("It is clear now.") if clear else _("Read. It is still not certain."))


def _settle_finding(request: HttpRequest, user: User) -> None:
    note = request.POST.get("reason", "")
    found = findings(user).filter(pk=number(request, "finding")).first()
    if found is None:
        raise NotYours(_("There is no such finding."))
    checked(note, field="reason")
    finding_rules.settle(found.pk, note=note, by=user, at=timezone.now())
    messages.success(request, _("Settled."))


def _start(request: HttpRequest, user: User) -> None:
    chosen = request.POST.get("connection", "")
    rows = [row for row in _connections(user) if str(row.pk) == chosen]
    if not rows:
        raise Http404
    if hand_over("reconcile_shop", rows[0].pk):
        messages.success(request, _("The comparison with the marketplace has been started."))
    else:
        messages.error(request, _("The worker cannot be reached, so nothing was started. Try again in a minute."))


PAGES = (("unsettled/", page_of_open_questions, "handoffs_unsettled"),)
