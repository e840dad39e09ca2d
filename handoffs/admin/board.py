"""The board: who is late, what money is at risk, who carries how much, whether the engine runs."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from django.contrib import messages
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import duty
from accounts.models import User
from accounts.models.people import Role
from handoffs import delivery
from handoffs.admin.page import draw, page, person
from handoffs.admin.setup_faults import faults
from handoffs.flow import exposure
from handoffs.models import Case, Clock, Handoff, OutboxMessage, RejectedRow, Tick
from handoffs.models.clock import ClockKind
from handoffs.models.handoff import HandoffKind

STALE = timedelta(minutes=2)
AHEAD = (1, 4, 12)


@page("GET", verb="see_board")
def board(request: HttpRequest) -> HttpResponse:
    user, now = person(request), timezone.now()
    shops = user.shops_as(Role.SUPERVISOR, Role.MANAGER)
    tick = Tick.objects.filter(name="sweep").first()
    open_cases = Case.objects.filter(shop__in=shops).exclude(status=Case.Status.CLOSED)
    present = duty.on_duty_ids(now)
    context = {
        "late_by_role": _late_by_role(shops),
        "late_by_kind": _late_by_kind(shops),
        "at_risk": [_at_risk(open_cases, now, hours) for hours in AHEAD],
        "exposure": _sum(exposure.exposed(shops)),
        "load": _load(shops, present),
        "tick": tick,
        "tick_stale": tick is None or now - tick.at > STALE,
        "failed": list(Clock.objects.filter(case__shop__in=shops).exclude(failed="").select_related("case")[:20]),
        "dead": list(_dead(shops).select_related("to")[:50]),
        "rejected": RejectedRow.objects.filter(run__shop__in=shops, settled_at=None).values("pk")[:1000].count(),
        "faults": faults(),
    }
    return draw(request, "handoffs/board.html", title=_("Board"), **context)


def _late_by_role(shops: frozenset[int]) -> list[dict[str, Any]]:
    rows = Clock.objects.filter(case__shop__in=shops, state="late", ended_at=None).exclude(kind=ClockKind.MARKETPLACE)
    counted = rows.values("owner_role").annotate(count=Count("pk")).order_by("-count")
    return [{"label": Role(row["owner_role"]).label, "count": row["count"]} for row in counted]


def _late_by_kind(shops: frozenset[int]) -> list[dict[str, Any]]:
    rows = Clock.objects.filter(case__shop__in=shops, state="late", ended_at=None)
    counted = rows.values("kind", "handoff__kind").annotate(count=Count("pk")).order_by("-count")
    names: dict[Any, Any] = {**dict(ClockKind.choices), **dict(HandoffKind.choices)}
    return [{"label": names[row["handoff__kind"] or row["kind"]], "count": row["count"]} for row in counted]


def _at_risk(cases: QuerySet[Case], now: Any, hours: int) -> dict[str, Any]:
    """Money of open cases whose marketplace deadline falls within the next hours."""
    within = cases.filter(marketplace_deadline__gte=now, marketplace_deadline__lt=now + timedelta(hours=hours))
    return {"hours": hours, **_sum(within.exclude(money=Case.Money.CONFIRMED))}


def _sum(cases: QuerySet[Case]) -> dict[str, Any]:
    found = cases.aggregate(total=Sum("amount"), count=Count("pk"))
    total = (found["total"] or Decimal(0)).quantize(Decimal("0.01"))
    return {"total": total, "count": found["count"]}


def _load(shops: frozenset[int], present: set[int]) -> list[dict[str, Any]]:
    people = User.objects.filter(memberships__shop__in=shops, is_active=True).distinct()
    cases = dict(
        Case.objects.filter(shop__in=shops, owner__isnull=False).exclude(status=Case.Status.CLOSED)
        .values_list("owner").annotate(Count("pk")).order_by()
    )  # fmt: skip
    asked = dict(
        Handoff.objects.filter(case__shop__in=shops, status__in=Handoff.LIVE, assignee__isnull=False, joined=None)
        .values_list("assignee").annotate(Count("pk")).order_by()
    )  # fmt: skip
    rows = [
        {"user": user, "cases": cases.get(user.pk, 0), "handoffs": asked.get(user.pk, 0), "on": user.pk in present}
        for user in people.order_by("name")
    ]
    return sorted(rows, key=lambda row: -(row["cases"] + row["handoffs"]))


def _dead(shops: frozenset[int]) -> QuerySet[OutboxMessage]:
    return OutboxMessage.objects.filter(Q(case__shop__in=shops) | Q(case=None), mail=OutboxMessage.Mail.DEAD)


@page("POST", verb="see_board")
def resend(request: HttpRequest) -> HttpResponse:
    """Try again the mails that were given up."""
    user = person(request)
    ids = [int(pk) for pk in request.POST.getlist("mail") if pk.isdigit()]
    shops = user.shops_as(Role.SUPERVISOR, Role.MANAGER)
    mine = list(_dead(shops).filter(pk__in=ids).values_list("pk", flat=True))
    delivery.resend(mine, at=timezone.now())
    messages.success(request, _("%(count)s will be sent again.") % {"count": len(mine)})
    return redirect("admin:handoffs_board")


PAGES = (("board/", board, "handoffs_board"), ("board/resend/", resend, "handoffs_resend"))
