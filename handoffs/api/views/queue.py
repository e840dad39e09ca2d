"""My queue: what waits for me, by each of my roles, first due first."""

from typing import Any

from django.db.models import Q, QuerySet
from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from accounts.models.people import Role
from handoffs import permissions
from handoffs.api import reading
from handoffs.api.shown.case import CaseOut
from handoffs.api.shown.handoff import HandoffOut
from handoffs.api.shown.people import all_shown
from handoffs.api.views.base import DeskView, described
from handoffs.flow.clock import overdue_first
from handoffs.flow.kinds import APPROVALS
from handoffs.models import Case, Handoff

DEFAULT, MOST = 100, 300
Due = tuple[bool, float, bool, int]
Item = tuple[Due, dict[str, Any]]


class QueueIn(serializers.Serializer[Any]):
    limit = serializers.IntegerField(min_value=1, max_value=MOST, default=DEFAULT)


class QueuedCase(CaseOut):
    """A case that waits for me, or that nobody has."""

    type = serializers.ChoiceField(["case"])


class QueuedHandoff(HandoffOut):
    """A question that waits for my answer."""

    type = serializers.ChoiceField(["handoff"])


QueueItem = PolymorphicProxySerializer(
    "QueueItem", serializers={"case": QueuedCase, "handoff": QueuedHandoff}, resource_type_field_name="type", many=True
)


class QueuePage(serializers.Serializer[Any]):
    results = QueueItem
    more = serializers.BooleanField(help_text="Whether more waits than is shown.")


class Queue(DeskView):
    """Cases of mine and those nobody has; questions put to me or to my role. What is due first stands first."""

    @described("queue", gives=QueuePage, parameters=[QueueIn])
    def get(self, request: Request) -> Response:
        limit = self.query(QueueIn)["limit"]
        cases = list(cases_for(self.me)[: limit + 1])
        asked = list(handoffs_for(self.me)[: limit + 1])
        waiting = [*self.items("case", CaseOut, cases), *self.items("handoff", HandoffOut, asked)]
        waiting.sort(key=lambda item: item[0])
        return Response({"results": [item for _due, item in waiting[:limit]], "more": len(waiting) > limit})

    def items(self, kind: str, form: type[serializers.Serializer[Any]], rows: list[Any]) -> list[Item]:
        found = zip(rows, all_shown(form, rows, user=self.me), strict=True)
        return [(_due(row), {"type": kind, **item}) for row, item in found]


def _due(record: Case | Handoff) -> Due:
    """First due first, what has no deadline last; a colleague who waits goes before a case."""
    stamp = record.due_at.timestamp() if record.due_at else 0.0
    return record.due_at is None, stamp, isinstance(record, Case), record.pk


def cases_for(user: User) -> "QuerySet[Case]":
    """Open cases of the own desk shops that are mine or nobody's."""
    desk = user.shops_as(*permissions.DESK)
    rows = reading.cases(user).filter(Q(owner=user) | Q(owner=None), shop__in=desk)
    return rows.exclude(status=Case.Status.CLOSED).order_by(*overdue_first())


def handoffs_for(user: User) -> "QuerySet[Handoff]":
    """Live questions put to me, and those in the open queue of a role I hold; joined ones stand under the first."""
    mine = Q(assignee=user)
    for role in Role.values:
        if shops := user.shops_as(role):
            mine |= Q(assignee=None, to_role=role, case__shop__in=shops)
    if shops := user.shops_as(Role.MANAGER):
        mine |= Q(assignee=None, kind__in=APPROVALS, case__shop__in=shops)
    rows = reading.handoffs(user).filter(mine, status__in=Handoff.LIVE, joined=None)
    return rows.order_by(*overdue_first())
