"""What waits for a person: the queues of the home page, each first due first."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import F, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from accounts.models import User
from accounts.models.people import Role
from handoffs import permissions
from handoffs.admin.filters import HOURS, at_risk
from handoffs.flow.clock import overdue_first
from handoffs.flow.exposure import EXPOSED
from handoffs.flow.kinds import APPROVALS
from handoffs.models import Case, Decision, Finding, Handoff, RefundOrder, TimelineEntry

SHOWN = 50
FEN = Decimal("0.01")


def my_cases(user: User) -> QuerySet[Case]:
    """Open cases this person owns."""
    rows = permissions.visible_cases(user).filter(owner=user).exclude(status=Case.Status.CLOSED)
    return rows.order_by(*overdue_first())


def answered_cases(user: User) -> QuerySet[Case]:
    """The person's cases where a colleague answered after the person's last act, and no other answer is awaited.

    `answered` is when.
    """
    answers = Handoff.objects.filter(case=OuterRef("pk"), status=Handoff.Status.ANSWERED).exclude(answered_by=user)
    acts = TimelineEntry.objects.filter(case=OuterRef("pk"), by=user)
    last_answer = answers.order_by("-answered_at").values("answered_at")[:1]
    last_act = acts.order_by("-at").values("at")[:1]
    rows = my_cases(user).exclude(status=Case.Status.WAITING_COLLEAGUE).annotate(answered=Subquery(last_answer))
    return rows.filter(answered__gt=Coalesce(Subquery(last_act), F("created_at")))


def open_queue(user: User) -> QuerySet[Case]:
    """Open cases of the person's shops that nobody owns."""
    shops = user.shops_as(*permissions.DESK)
    rows = Case.objects.filter(shop__in=shops, owner=None).exclude(status=Case.Status.CLOSED)
    return rows.order_by(*overdue_first())


def late_cases(user: User, *, at: datetime) -> QuerySet[Case]:
    """Open cases of the person's shops with a deadline that has passed, wherever they wait."""
    rows = permissions.visible_cases(user).exclude(status=Case.Status.CLOSED)
    return rows.filter(due_at__lte=at).order_by(*overdue_first())


def live_questions(user: User) -> QuerySet[Handoff]:
    """Live questions that the person may see, joined ones once: by what is lost first, the promise or the money.

    `first_at` is that moment: the question's own deadline, or the marketplace's where the seller must act before it.
    """
    rows = permissions.visible_handoffs(user).filter(status__in=Handoff.LIVE, joined=None)
    rows = rows.select_related("case__shop", "assignee", "asker", "parcel__carrier")
    return rows.order_by(*overdue_first("first_at"))


def my_handoffs(user: User) -> QuerySet[Handoff]:
    """Live questions put to the person or the person's role; approvals have their own screen."""
    roles = user.roles & {Role.WAREHOUSE, Role.QC, Role.LOGISTICS, Role.SUPERVISOR}
    mine = Q(assignee=user) | Q(assignee=None, to_role__in=roles)
    return live_questions(user).filter(mine).exclude(kind__in=APPROVALS)


def waiting_decisions(user: User) -> QuerySet[Decision]:
    """Proposals of the person's shops that the person may settle, first due first."""
    shops = user.shops_as(Role.SUPERVISOR, Role.MANAGER)
    rows = Decision.objects.filter(status=Decision.Status.PROPOSED, case__shop__in=shops).exclude(by=user)
    return rows.select_related("case__shop", "by", "handoff__assignee").order_by(*overdue_first("handoff__due_at"))


def to_settle(user: User) -> list[int]:
    """Payments whose fate is unknown and open findings of the person's shops; a list, for counting, to a bound."""
    shops = user.shops_as(*permissions.DESK)
    orders = RefundOrder.objects.filter(status=RefundOrder.Status.UNKNOWN, case__shop__in=shops)
    findings = Finding.objects.filter(settled_at=None, shop__in=shops)
    return [pk for rows in (orders, findings) for pk in rows.order_by().values_list("pk", flat=True)[:SHOWN]]


def summary(user: User, *, at: datetime) -> dict[str, Any]:
    """Late, without an owner, and the money a marketplace deadline reaches in the next hours; each by its own index."""
    rows = Case.objects.filter(shop__in=user.shops_as(Role.SUPERVISOR, Role.MANAGER))
    being_open = rows.exclude(status=Case.Status.CLOSED)
    risks = {f"risk_{hours}": Sum("amount", filter=at_risk(at, hours)) for hours in HOURS}
    found = rows.filter(at_risk(at, max(HOURS))).aggregate(**risks) | rows.filter(EXPOSED).aggregate(
        exposed=Sum("amount")
    )
    # SQLite adds up in floating point, so sums are brought back to the fen.
    money = {name: Decimal(total or 0).quantize(FEN) for name, total in found.items()}
    return {"late": being_open.filter(due_at__lte=at).count(), "unowned": being_open.filter(owner=None).count()} | money
