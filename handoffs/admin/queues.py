"""What waits for a person: the queues of the home page, each first due first."""

from django.db.models import Q, QuerySet

from accounts.models import User
from accounts.models.people import Role
from handoffs import permissions
from handoffs.flow.clock import overdue_first
from handoffs.flow.kinds import APPROVALS
from handoffs.models import Case, Decision, Handoff

SHOWN = 50
BUSY = (Case.Status.NEW, Case.Status.IN_PROGRESS, Case.Status.TO_DECIDE, Case.Status.TO_PAY, Case.Status.GOODS_OPEN)


def my_cases(user: User) -> QuerySet[Case]:
    """Open cases this person owns."""
    rows = permissions.visible_cases(user).filter(owner=user).exclude(status=Case.Status.CLOSED)
    return rows.order_by(*overdue_first())


def open_queue(user: User) -> QuerySet[Case]:
    """Open cases of the person's shops that nobody owns."""
    shops = user.shops_as(*permissions.DESK)
    rows = Case.objects.filter(shop__in=shops, owner=None).exclude(status=Case.Status.CLOSED)
    return rows.order_by(*overdue_first())


def late_cases(user: User) -> QuerySet[Case]:
    """Open cases with a clock that is late, wherever they wait."""
    rows = permissions.visible_cases(user).exclude(status=Case.Status.CLOSED)
    return rows.filter(clocks__state="late", clocks__ended_at=None).distinct().order_by(*overdue_first())


def my_handoffs(user: User) -> QuerySet[Handoff]:
    """Live questions put to the person or to the person's role, approvals left to their own screen; joined ones once."""
    roles = user.roles & {Role.WAREHOUSE, Role.QC, Role.LOGISTICS, Role.SUPERVISOR}
    mine = Q(assignee=user) | Q(assignee=None, to_role__in=roles)
    rows = permissions.visible_handoffs(user).filter(mine, status__in=Handoff.LIVE, joined=None)
    rows = rows.exclude(kind__in=APPROVALS).select_related("case__shop", "assignee", "asker", "parcel__carrier")
    return rows.order_by(*overdue_first())


def waiting_decisions(user: User) -> QuerySet[Decision]:
    """Proposals of the person's shops that the person may settle, first due first."""
    shops = user.shops_as(Role.SUPERVISOR, Role.MANAGER)
    rows = Decision.objects.filter(status=Decision.Status.PROPOSED, case__shop__in=shops).exclude(by=user)
    return rows.select_related("case__shop", "by", "handoff__assignee").order_by("handoff__due_at", "pk")
