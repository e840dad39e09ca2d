"""Where the goods are: parcels that must not arrive, parcels of no case, money whose goods are open."""

from decimal import Decimal, InvalidOperation
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from handoffs import permissions
from handoffs.admin.page import draw, number, page, person
from handoffs.admin.words import answer_label
from handoffs.flow import exposure, orphans, stopping
from handoffs.flow.errors import FlowError, Invalid
from handoffs.flow.next_step import next_step
from handoffs.models import Case, Interception

SHOWN = 200
Outcome = tuple[str, str]


def pressed(request: HttpRequest, act: Any) -> Outcome:
    """Do what a button says; (error, row) for the page to show beside the row."""
    try:
        act()
    except FlowError as declined:
        if declined.status in (403, 404):
            raise
        return str(declined), request.POST.get("row", "")
    messages.success(request, _("Saved."))
    return "", ""


def yuan(request: HttpRequest, name: str) -> Decimal | None:
    text = request.POST.get(name, "").strip().lstrip("¥￥").replace(",", "")
    if not text:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation as error:
        raise Invalid(_("Give the amount."), field=name) from error
    if not amount.is_finite():
        raise Invalid(_("Give the amount."), field=name)
    return amount


@page("GET", "POST", verb="see_stops")
def stops(request: HttpRequest) -> HttpResponse:
    """Parcels that must not arrive, by carrier and cut-off."""
    user, at, error, row = person(request), timezone.now(), "", ""
    if request.method == "POST":
        asked, payer = number(request, "row"), request.POST.get("payer", "")

        def act() -> None:
            if request.POST.get("verb") == "intercept":
                stopping.ask_service(asked, payer=payer or "shop", by=user, at=at)
            else:
                stopping.record_fee(asked, fee=yuan(request, "fee"), payer=payer, by=user, at=at)

        error, row = pressed(request, act)
        if not error:
            return redirect("admin:handoffs_stops")
    rows = stopping.board(user, at=at)
    for each in rows:
        each.words = answer_label(each.handoff.kind, each.handoff.answer)
        each.by = parse_datetime(str(each.handoff.data.get("by") or ""))
    desk = permissions.may(user, "act")
    told = {"rows": rows, "alone": stopping.system_alone(user), "error": error, "at_row": row, "desk_user": desk}
    return draw(request, "handoffs/goods/stops.html", title=_("Parcels to stop"), **told,
                payers=Interception.Payer.choices, status=400 if error else 200)  # fmt: skip


@page("GET", "POST", verb="see_orphans")
def orphan_parcels(request: HttpRequest) -> HttpResponse:
    """Parcels that belong to no case yet, with the cases they may belong to."""
    user, at, error, row = person(request), timezone.now(), "", ""
    if request.method == "POST":
        kept = number(request, "row")

        def act() -> None:
            if request.POST.get("verb") == "assign":
                orphans.assign(kept, _case_id(request), by=user, at=at)
            else:
                orphans.dismiss(kept, request.POST.get("reason", ""), by=user, at=at)

        error, row = pressed(request, act)
        if not error:
            return redirect("admin:handoffs_orphans")
    waiting = orphans.waiting(by=user)
    likely = orphans.likely_of(waiting, by=user)
    rows = [{"orphan": each, "likely": likely[each.pk]} for each in waiting]
    return draw(request, "handoffs/goods/orphans.html", title=_("Parcels of no case"), rows=rows, error=error,
                at_row=row, status=400 if error else 200)  # fmt: skip


def _case_id(request: HttpRequest) -> int:
    """The case meant: chosen among the likely ones, or named by its refund or order number."""
    if chosen := number(request, "case"):
        return chosen
    text, user = request.POST.get("number", "").strip(), person(request)
    mine = Case.objects.filter(shop__in=user.shops_as())
    found = list((mine.filter(refund_id=text) | mine.filter(order_id=text)).order_by("pk")[:2]) if text else []
    if len(found) != 1:
        raise Invalid(_("No single case has this number. Give the refund number."), field="number")
    return found[0].pk


@page("GET", verb="see_exposure")
def exposed(request: HttpRequest) -> HttpResponse:
    """Refunds confirmed whose goods are not secured, oldest first, with their sum."""
    cases = exposure.seen_by(person(request))
    count, amount = exposure.total(cases)
    related = ("clocks", "decisions", "facts", "handoffs", "parcels", "claims")
    shown = list(cases.select_related("shop", "owner").prefetch_related(*related)[:SHOWN])
    rows = [{"case": case, "step": next_step(case)} for case in shown]
    return draw(request, "handoffs/goods/exposure.html", title=_("Exposure"), rows=rows, count=count, amount=amount)


PAGES = (
    ("stops/", stops, "handoffs_stops"),
    ("orphans/", orphan_parcels, "handoffs_orphans"),
    ("exposure/", exposed, "handoffs_exposure"),
)
