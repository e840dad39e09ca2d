"""The board: who is late, what money is at risk, who carries how much, whether the engine runs."""

from datetime import timedelta

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models.people import Role
from handoffs import delivery, permissions
from handoffs.admin import narrowing
from handoffs.admin.board_numbers import Board
from handoffs.admin.page import draw, page, person
from handoffs.admin.setup_faults import faults
from handoffs.exact import wholes
from handoffs.models import Clock, OutboxMessage, RejectedRow, Tick

STALE = timedelta(minutes=2)
AHEAD = timedelta(seconds=30)
LISTED = 200


@page("GET", verb="see_board")
def board(request: HttpRequest) -> HttpResponse:
    user, now = person(request), timezone.now()
    numbers, tick = Board(user, at=now), Tick.objects.filter(name="sweep").first()
    shops = numbers.shops
    context = {
        "late": numbers.late(),
        "late_by_role": numbers.late_by_role(),
        "late_by_lane": numbers.late_by_lane(),
        "late_by_promise": numbers.late_by_promise(),
        "at_risk": numbers.at_risk(),
        "exposed": numbers.exposed(),
        "load": numbers.load(),
        "on_duty": numbers.on_duty(),
        "empty_shifts": numbers.empty_shifts(),
        "sets_up": permissions.may(user, "edit_setup"),
        "tick": tick,
        "tick_stale": tick is None or now - tick.at > STALE,
        "tick_ahead": tick is not None and tick.at - now > AHEAD,
        "failed": list(Clock.objects.filter(case__shop__in=shops).exclude(failed="").select_related("case")[:20]),
        "dead": list(_dead(shops).select_related("to")[:50]),
        "waiting": _not_taken(shops).order_by("next_try_at").first(),
        "rejected": narrowing.bounded(narrowing.counted(_rejected(shops))),
        "faults": faults(),
    }
    return draw(request, "handoffs/board.html", title=_("Board"), **context)


def _rejected(shops: frozenset[int]) -> QuerySet[RejectedRow]:
    return RejectedRow.objects.filter(run__shop__in=shops, settled_at=None)


@page("GET", verb="see_board")
def rejected(request: HttpRequest) -> HttpResponse:
    """The rows of all imports that wait to be fixed, the latest import first."""
    shops = person(request).shops_as(Role.SUPERVISOR, Role.MANAGER)
    rows = list(_rejected(shops).select_related("run__shop").order_by("-run", "number")[:LISTED])
    return draw(request, "handoffs/rejected.html", title=_("Rejected rows"), rows=rows, most=LISTED)


def _not_taken(shops: frozenset[int]) -> QuerySet[OutboxMessage]:
    """Mails that were tried in vain and are tried again by themselves."""
    tried = OutboxMessage.objects.filter(Q(case__shop__in=shops) | Q(case=None), mail__in=delivery.TO_SEND)
    return tried.exclude(error="")


def _dead(shops: frozenset[int]) -> QuerySet[OutboxMessage]:
    return OutboxMessage.objects.filter(Q(case__shop__in=shops) | Q(case=None), mail=OutboxMessage.Mail.DEAD)


@page("POST", verb="see_board")
def resend(request: HttpRequest) -> HttpResponse:
    """Try again the mails that were given up."""
    user = person(request)
    ids = wholes(request.POST.getlist("mail"))
    shops = user.shops_as(Role.SUPERVISOR, Role.MANAGER)
    mine = list(_dead(shops).filter(pk__in=ids).values_list("pk", flat=True))
    delivery.resend(mine, at=timezone.now())
    messages.success(request, _("%(count)s will be sent again.") % {"count": len(mine)})
    return redirect("admin:handoffs_board")


PAGES = (
    ("board/", board, "handoffs_board"),
    ("board/resend/", resend, "handoffs_resend"),
    ("board/rejected/", rejected, "handoffs_rejected"),
)
