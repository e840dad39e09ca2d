"""Many cases at once: taking the ticked ones, and one answer to cases of one path and reason, filled for each buyer."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts import kept
from accounts.models import User
from handoffs import permissions, writing
from handoffs.admin import at_the_marketplace, replies
from handoffs.admin.page import draw, page, person
from handoffs.admin.views import back_to
from handoffs.exact import wholes
from handoffs.flow import owner, response, wording
from handoffs.flow.errors import FlowError
from handoffs.flow.market_call import Said
from handoffs.flow.response import Reply
from handoffs.models import Case, MarketCall
from handoffs.models.view import Page

MANY = 100
THROUGH = 20  # as many are sent through the marketplace while one waits
ONCE = 3600


@dataclass
class Row:
    """One case with what its buyer would be told, or why not. `done`: empty until it is sent."""

    case: Case
    message: str = ""
    problem: str = ""
    done: bool = False


def ticked(request: HttpRequest, user: User) -> list[Case]:
    """The ticked cases that the person sees, the first ticked first."""
    ids = wholes(request.POST.getlist("case")[:MANY])
    found = permissions.visible_cases(user).select_related("shop", "owner").in_bulk(ids)
    return [found[pk] for pk in dict.fromkeys(ids) if pk in found]


@page("POST", verb="own")
def take(request: HttpRequest) -> HttpResponse:
    """Take the ticked cases; one that somebody else has by now stops no other."""
    by, at, taken = person(request), timezone.now(), 0
    for case in ticked(request, by):
        try:
            owner.claim(case.pk, by=by, at=at)
            taken += 1
        except FlowError as error:
            messages.error(request, f"{case.refund_id}: {error}")
    if taken:
        text = ngettext("%(n)d case is yours now.", "%(n)d cases are yours now.", taken) % {"n": taken}
        messages.success(request, text)
    return redirect(back(request))


def back(request: HttpRequest) -> str:
    """The page the rows were ticked on, with its filters."""
    of_page = request.POST.get("back", "")
    return back_to(request, of_page if of_page in Page.values else Page.HOME)


@page("POST", verb="respond")
def respond(request: HttpRequest) -> HttpResponse:
    """One answer to many: write it, look at what each buyer would be told, send it, see what became of each."""
    user, cases = person(request), ticked(request, person(request))
    if not cases:
        messages.info(request, _("Tick the cases first."))
        return redirect(back(request))
    alike = _alike(cases)
    body, channel, step = (request.POST.get(name, "").strip() for name in ("body", "channel", "step"))
    rows = [_filled(case, body, user) for case in cases] if body and len(alike) == 1 else []
    if step == "send" and rows and not again(request):
        _send(rows, channel, request.POST.get("template", "")[:40], user)
    sent = step == "send" and any(row.done or row.problem for row in rows)
    ready = [row for row in rows if not row.problem]
    context = {
        "cases": cases, "alike": alike, "rows": rows, "body": body, "channel": channel, "sent": sent, "ready": ready,
        "templates": replies.bodies({case.shop_id for case in cases}), "channels": _channels(cases),
        "once": uuid4().hex, "chosen": request.POST.get("template", ""),
    }  # fmt: skip
    return draw(request, "handoffs/respond_many.html", title=_("Respond to many"), **context)


def _alike(cases: Iterable[Case]) -> list[dict[str, Any]]:
    """The cases by path and reason: one answer fits one such group only."""
    groups: dict[tuple[Any, str], list[Case]] = {}
    for case in cases:
        groups.setdefault((case.path, case.reason), []).append(case)
    return [{"path": rows[0].get_path_display(), "reason": reason, "cases": rows}
            for (_path, reason), rows in groups.items()]  # fmt: skip


def _filled(case: Case, body: str, user: User) -> Row:
    """What the buyer of this case would be told; variables without a value and words that say nothing are problems."""
    if case.status == Case.Status.CLOSED:
        return Row(case, problem=_("This case is closed."))
    try:
        message = wording.fill(body, replies.values(case, user))
        wording.require_meaningful(message, "message")
    except FlowError as error:
        return Row(case, body, str(error))
    return Row(case, message)


def again(request: HttpRequest) -> bool:
    """The same form sent twice counts once."""
    key = f"many:{request.POST.get('once', '')[:40]}"
    if kept.first(key, ONCE):
        return False
    messages.info(request, _("This was sent already."))
    return True


def _send(rows: list[Row], channel: str, template: str, user: User) -> None:
    """Send to each by itself; those with a problem are left out, and each keeps what was said of it."""
    ready = [row for row in rows if not row.problem]
    if channel == at_the_marketplace.GATEWAY:
        for row in ready[:THROUGH]:
            row.problem = _through(row, template, user)
            row.done = not row.problem
        return
    told = {row.case.pk: Reply(row.message, channel, template=template, bulk=True) for row in ready}
    said = dict(response.respond_many(told, by=user, at=timezone.now()))
    for row in ready:
        row.problem = said[row.case.pk]
        row.done = not row.problem


def _through(row: Row, template: str, user: User) -> str:
    said = Said(MarketCall.Operation.MESSAGE, row.message, {"template": template, "bulk": True})
    try:
        writing.send(row.case, said, by=user, at=timezone.now(), now=timezone.now)
    except FlowError as error:
        return str(error)
    return ""


def _channels(cases: list[Case]) -> list[tuple[str, Any]]:
    by_hand = [("chat", _("chat (旺旺 / 咚咚)")), ("message", _("marketplace message")), ("phone", _("phone"))]
    shops = {case.shop_id: case.shop for case in cases}.values()
    if len(cases) > THROUGH or not all(writing.can_write(shop) for shop in shops):
        return by_hand
    return [(at_the_marketplace.GATEWAY, _("send it through the marketplace now")), *by_hand]


PAGES = (
    ("cases/take/", take, "handoffs_take_many"),
    ("cases/respond/", respond, "handoffs_respond_many"),
)
