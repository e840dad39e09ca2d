"""Who else looks at a case, and what happened on it since one's last visit. Shown, never locked; kept in the cache."""

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from accounts import kept
from accounts.models import User
from handoffs.admin.page import page, person, seen_case
from handoffs.models import Case

GONE = timedelta(seconds=25)  # a page tells of itself every 8 seconds
VISITS = int(timedelta(days=30).total_seconds())
Seen = dict[int, tuple[str, bool, float]]


@page("POST")
def here(request: HttpRequest, case_id: int) -> HttpResponse:
    """This page is open, and perhaps being typed in; answers who else is there, and the case's version."""
    case, user = seen_case(request, case_id), person(request)
    rows = others(case, user, typing=request.POST.get("typing") == "1", at=timezone.now())
    return JsonResponse({"others": rows, "version": case.version})


def others(case: Case, user: User, *, typing: bool, at: datetime) -> list[dict[str, Any]]:
    """Note that the person is there, and tell who else is. Two at the same instant may miss each other once."""
    key, now = f"here:{case.pk}", at.timestamp()
    seen: Seen = kept.get(key) or {}
    fresh = {pk: row for pk, row in seen.items() if now - row[2] < GONE.total_seconds()}
    fresh[user.pk] = (user.name, typing, now)
    kept.keep(key, fresh, int(GONE.total_seconds()))
    return [{"name": name, "typing": busy} for pk, (name, busy, _at) in fresh.items() if pk != user.pk]


def visited(case: Case, user: User, *, at: datetime) -> datetime | None:
    """When the person looked at the case before; this visit is noted."""
    key = f"visit:{user.pk}:{case.pk}"
    before = parse_datetime(kept.get(key) or "")
    kept.keep(key, at.isoformat(), VISITS)
    return before


PAGES = (("cases/<int:case_id>/here/", here, "handoffs_here"),)
