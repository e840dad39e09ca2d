"""Whether a person's queue has changed since the browser last saw it, without drawing it.

A stamp has two halves. The first is the desk's pulse, one look-up: as long as nobody did anything anywhere, nothing has
changed. Where somebody did, the second half says whether it concerns this person: the rows of their queues with their
versions, and nothing else of them.
"""

import hashlib
from datetime import datetime
from typing import Any

from django.db.models import QuerySet
from django.http import HttpResponse, HttpResponseNotModified

from accounts.models import User
from accounts.models.people import Role
from handoffs import permissions
from handoffs.admin import queues
from handoffs.admin.bell import counts
from handoffs.models import TimelineEntry

PULSE_SECONDS = 20  # entries are numbered before they are committed: a late one is seen by then


def look(user: User, known: str, *, at: datetime) -> tuple[bool, str]:
    """Whether the browser's stamp still holds (the same pulse, or the same rows), and the stamp as it is now."""
    pulse = _pulse(user, at)
    before, _, rows = known.strip().rpartition("-")
    if before == f'W/"{pulse}':
        return True, known.strip()
    mark = _mark(user, at)
    return rows == f'{mark}"', f'W/"{pulse}-{mark}"'


def not_modified(stamp: str) -> HttpResponse:
    """304, with the stamp as it is now."""
    answer = HttpResponseNotModified()
    answer.headers["ETag"] = stamp
    return answer


def _pulse(user: User, at: datetime) -> str:
    last = TimelineEntry.objects.order_by("-pk").values_list("pk", flat=True).first()
    looked = int(user.looked_at.timestamp()) if user.looked_at else 0
    return f"{user.pk}.{user.language}.{last or 0}.{int(at.timestamp()) // PULSE_SECONDS}.{looked}"


def _mark(user: User, at: datetime) -> str:
    told = [tuple(counts(user).values()), user.language]
    told += [list(rows) for rows in _rows(user, at)]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:24]


def _rows(user: User, at: datetime) -> list[QuerySet[Any, Any]]:
    """The rows of the person's queues, as few columns of each as tell one state from another."""
    found: list[QuerySet[Any, Any]] = []
    if user.roles & {Role.SUPERVISOR, Role.MANAGER}:
        found.append(queues.late_cases(user, at=at).values_list("pk", "version")[: queues.SHOWN])
    if user.roles & {Role.WAREHOUSE, Role.QC, Role.LOGISTICS, Role.SUPERVISOR}:
        found.append(queues.my_handoffs(user).values_list("pk", "status", "version", "assignee_id")[: queues.SHOWN])
    if user.roles & permissions.DESK:
        found.append(queues.my_cases(user).values_list("pk", "version")[: queues.SHOWN])
        found.append(queues.open_queue(user).values_list("pk", "version")[: queues.SHOWN])
    return found
