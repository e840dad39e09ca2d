"""Whether a person's queue has changed since the browser last saw it, without drawing it.

A stamp has two halves. The first is the desk's pulse, two look-ups: as long as nobody did anything anywhere and this
person was told nothing, nothing has changed. Where somebody did, the second half says whether it concerns this person:
the rows of their queues with their versions, and nothing else of them. The page says which rows those are, so that its
filters count too.
"""

import hashlib
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified

from accounts.models import User
from handoffs.admin.bell import counts
from handoffs.models import TimelineEntry

PULSE_SECONDS = 300  # what changes without an entry is seen by then at the latest
FILTERED_SECONDS = 60  # “due within the hour” changes with the time alone
NEWEST = 200  # entries are numbered before they are committed: one that comes late is seen among the newest


def known(request: HttpRequest) -> str:
    """The stamp of a page that asks for itself again; an ordinary visit has none."""
    return request.headers.get("If-None-Match", "") if request.headers.get("X-Live") else ""


def unmoved(user: User, known: str, query: str, *, at: datetime) -> bool:
    """Whether nothing happened anywhere since that stamp; for pages whose rows cost something to ask for."""
    return known.strip().rpartition("-")[0] == f'W/"{_pulse(user, query, at)}'


def look(
    user: User, known: str, query: str, rows: Callable[[], Iterable[Iterable[Any]]], *, at: datetime
) -> tuple[bool, str]:
    """Whether the browser's stamp still holds (the same pulse, or the same rows), and the stamp as it is now.

    `query` are the filters of the page: each set of filters has stamps of its own.
    """
    pulse = _pulse(user, query, at)
    before, _, seen = known.strip().rpartition("-")
    if before == f'W/"{pulse}':
        return True, known.strip()
    mark = _mark(user, query, rows())
    return seen == f'{mark}"', f'W/"{pulse}-{mark}"'


def not_modified(stamp: str) -> HttpResponse:
    """304, with the stamp as it is now."""
    answer = HttpResponseNotModified()
    answer.headers["ETag"] = stamp
    return answer


def _pulse(user: User, query: str, at: datetime) -> str:
    newest = TimelineEntry.objects.order_by("-pk").values_list("pk", flat=True)[:NEWEST]
    told = user.messages.order_by("-created_at").values_list("pk", "read_at")[:1]  # a reminder leaves no entry
    last = hashlib.sha256(repr([*newest, *told]).encode()).hexdigest()[:12]
    looked = int(user.looked_at.timestamp()) if user.looked_at else 0
    page = hashlib.sha256(query.encode()).hexdigest()[:8] if query else "0"
    tick = int(at.timestamp()) // (FILTERED_SECONDS if query else PULSE_SECONDS)
    return f"{user.pk}.{user.language}.{last}.{tick}.{looked}.{page}"


def _mark(user: User, query: str, rows: Iterable[Iterable[Any]]) -> str:
    told: list[Any] = [tuple(counts(user).values()), user.language, query]
    told += [list(each) for each in rows]
    return hashlib.sha256(repr(told).encode()).hexdigest()[:24]
