"""The ledger of claims against carriers: what is open, its evidence, the month with each carrier."""

import re
from datetime import date
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from handoffs import permissions
from handoffs.admin.goods import SHOWN, pressed, yuan
from handoffs.admin.page import draw, number, page, person
from handoffs.admin.statement_sheet import workbook
from handoffs.flow import claims, evidence, statement
from handoffs.flow.errors import Invalid
from handoffs.models import CarrierClaim

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@page("GET", "POST", verb="see_claims")
def carrier_claims(request: HttpRequest) -> HttpResponse:
    """The ledger; POST settles a claim, follows it up or keeps evidence with it."""
    user, error, row = person(request), "", ""
    if request.method == "POST":
        error, row = pressed(request, lambda: _press(request))
        if not error:
            return redirect("admin:handoffs_claims")
    wanted = "settled" if request.GET.get("status") == "settled" else "open"
    rows = claims.visible(user).order_by("follow_up_at", "-opened_at", "pk")
    live = {"status__in": CarrierClaim.OPEN}
    shown = list((rows.filter(**live) if wanted == "open" else rows.exclude(**live))[:SHOWN])
    proofs = claims.evidence_of(shown)
    month = _month(request)
    accounts = statement.of_month(month, by=user, zone=_zone())
    return draw(
        request, "handoffs/goods/claims.html", title=_("Carrier claims"), wanted=wanted, error=error,
        settles=permissions.may(user, "act"), at_row=row,
        rows=[{"claim": claim, "files": proofs[claim.pk]} for claim in shown], month=month,
        accounts=accounts, amounts=_amounts(user, accounts),
        status=400 if error else 200,
    )  # fmt: skip


def _amounts(user: User, accounts: list[statement.Account]) -> bool:
    """What buyers were paid is shown only where the person sees amounts in every shop concerned."""
    shops = {line.claim.case.shop_id for account in accounts for line in account.lines}
    return permissions.may(user, "see_amounts") and all(
        permissions.may(user, "see_amounts", shop_id=pk) for pk in shops
    )


def _zone() -> ZoneInfo:
    """The reader's zone, as the middleware set it."""
    zone = timezone.get_current_timezone()
    return zone if isinstance(zone, ZoneInfo) else ZoneInfo("Asia/Shanghai")


def _month(request: HttpRequest) -> date:
    """The month asked for as 2026-11; this month where nothing readable was."""
    text = request.GET.get("month", "")
    if re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", text):
        return date(int(text[:4]), int(text[5:]), 1)
    return timezone.localdate().replace(day=1)


@page("GET", verb="see_claims")
def month_sheet(request: HttpRequest) -> HttpResponse:
    """The month with each carrier as a workbook, a sheet a carrier."""
    user, month = person(request), _month(request)
    accounts = statement.of_month(month, by=user, zone=_zone())
    response = HttpResponse(workbook(accounts, zone=_zone(), amounts=_amounts(user, accounts)), content_type=XLSX)
    response["Content-Disposition"] = f'attachment; filename="carrier-claims-{month:%Y-%m}.xlsx"'
    return response


def _press(request: HttpRequest) -> None:
    user, at, claim = person(request), timezone.now(), number(request, "row")
    verb, words = request.POST.get("verb", ""), request.POST.get("words", "")
    proofs = [evidence.upload(file, by=user, at=at).pk for file in request.FILES.getlist("files")[:20]]
    if verb == "accept":
        claims.accept(claim, amount=yuan(request, "amount"), reference=words, by=user, at=at)
    elif verb == "paid":
        claims.paid(claim, amount=yuan(request, "amount"), reference=words, by=user, at=at)
    elif verb == "refuse":
        claims.refuse(claim, reason=words, by=user, at=at)
    elif verb == "withdraw":
        claims.withdraw(claim, reason=words, by=user, at=at)
    elif verb == "follow_up":
        claims.follow_up(claim, said=words, attachments=proofs, by=user, at=at)
        return
    elif verb != "evidence":
        raise Invalid(_("There is no such button."))
    if verb == "evidence":
        claims.add_evidence(claim, proofs, by=user, at=at)


PAGES = (
    ("claims/", carrier_claims, "handoffs_claims"),
    ("claims/month.xlsx", month_sheet, "handoffs_claims_month"),
)
