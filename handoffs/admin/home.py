"""Home: my queue first; what changed since I looked; the duty switch."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import duty
from accounts.models import DutyShift, User
from accounts.models.people import Role
from handoffs import permissions
from handoffs.admin import desk_queues, first_steps, freshness, narrowing, queues, shown, views
from handoffs.admin.bell import counts
from handoffs.admin.desk_queues import Queue
from handoffs.admin.filters import Scope
from handoffs.admin.narrowing import Narrowing
from handoffs.admin.page import draw, page, person
from handoffs.models.view import Page

LOOKED_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Section:
    """One queue of the page. `kind` says how its rows are drawn: cases, questions or approvals; `key` names it."""

    key: str
    title: Any
    kind: str
    rows: list[Any] = field(default_factory=list)
    empty: Any = ""
    more: str = ""
    total: int = 0
    hidden: str = ""

    @property
    def count(self) -> str:
        """How many there are; with a plus where the page shows no more of them."""
        return str(self.total) if self.total else f"{len(self.rows)}{'+' * (len(self.rows) >= queues.SHOWN)}"

    @property
    def stands(self) -> bool:
        """Whether there is anything to say of it."""
        return bool(self.rows or self.empty or self.hidden)


@page("GET")
def home(request: HttpRequest) -> HttpResponse:
    """The queues of every role the person holds."""
    user, now = person(request), timezone.now()
    if elsewhere := views.start(request, Page.HOME):
        return elsewhere
    only = narrowing.asked(request, Page.HOME, Scope(user, now))
    same, stamp = freshness.look(user, freshness.known(request), only.query, lambda: _told(only), at=now)
    if same:
        return freshness.not_modified(stamp)
    waiting, since = desk_queues.of(user, at=now), user.looked_at
    sections = [section for section in _sections(waiting, only) if section.stands]
    nothing = bool(only) and not any(section.rows for section in sections)
    quiet = not only and not any(section.rows for section in sections)
    context = views.bar(only) | {
        "quiet": quiet,
        "first_run": quiet and Role.MANAGER in user.roles and not first_steps.begun(),
        "hiding": only.hiding(_without_each(waiting, only)) if nothing else [],
        "nothing": nothing,
        "sections": sections,
        "news": _news(sections, since),
        "since": since or now,
        "on_duty": _on_duty(user, now),
        "ticks": bool(user.roles & permissions.DESK),
        "big": bool(user.roles & {Role.WAREHOUSE, Role.QC}),
        "summary": queues.summary(user, at=now) if Role.MANAGER in user.roles else None,
    }
    if not request.headers.get("X-Live"):
        _looked(user, now)
    response = draw(request, "handoffs/home.html", title=_("My queue"), **context)
    response.headers["ETag"] = stamp
    return response


def _told(only: Narrowing) -> list[QuerySet[Any, Any]]:
    """The rows a stamp is made of; what a colleague answered stands among one's own."""
    waiting = desk_queues.of(only.scope.user, at=only.scope.at)
    return [queue.told(only) for queue in waiting if queue.key != "answered"]


def _without_each(waiting: list[Queue], only: Narrowing) -> Counter[str]:
    """How many rows of all queues together there would be without each of the filters."""
    found: Counter[str] = Counter()
    for queue in waiting:
        if queue.key != "answered":
            found.update(queue.without_each(only))
    return found


def _sections(waiting: list[Queue], only: Narrowing) -> list[Section]:
    """The queues as they are drawn; a case that a colleague answered does not stand a second time among one's own."""
    answered: list[int] = []
    found: list[Section] = []
    for queue in waiting:
        rows = queue.narrowed(only)
        if queue.key == "mine":
            rows = rows.exclude(pk__in=answered)
        drawn = _drawn(queue, rows, only.scope)
        if queue.key == "answered":
            answered = [row.case.pk for row in drawn]
        found.append(_section(queue, drawn, only, otherwise=bool(answered)))
    return found


def _drawn(queue: Queue, rows: QuerySet[Any], scope: Scope) -> list[Any]:
    if queue.kind == "cases":
        return shown.case_rows(shown.with_steps(rows)[: queue.shown], user=scope.user, at=scope.at)
    if queue.kind == "questions":
        return shown.handoff_rows(rows[: queue.shown], at=scope.at)
    return [{"decision": row, "left": shown.time_left(row.at, row.handoff.due_at if row.handoff else None, at=scope.at)}
            for row in rows[: queue.shown]]  # fmt: skip


def _section(queue: Queue, drawn: list[Any], only: Narrowing, *, otherwise: bool) -> Section:
    """One queue with its rows. An empty one says whether it is the filters that leave it empty."""
    total = counts(only.scope.user)["approvals"] if queue.kind == "approvals" and not only else 0
    hidden = narrowing.counted(queue.rows) if only and not drawn and queue.key != "answered" else 0
    empty = "" if hidden or (queue.key == "mine" and otherwise) else queue.empty
    return Section(queue.key, queue.title, queue.kind, drawn, empty, queue.more, total,
                   narrowing.bounded(hidden) if hidden else "")  # fmt: skip


def _on_duty(user: User, now: datetime) -> bool:
    return DutyShift.objects.filter(pk__in=duty.shifts_at(now).values("pk"), user=user, stand_in=None).exists()


def _news(sections: list[Section], since: datetime | None) -> dict[str, int]:
    """How many of the rows are new, and how many were answered, since the person last looked."""
    if since is None:
        return {}
    rows = [row for section in sections for row in section.rows]
    begun = [row.case.created_at for row in rows if isinstance(row, shown.CaseRow)]
    begun += [row.handoff.created_at for row in rows if isinstance(row, shown.HandoffRow)]
    answered = [getattr(row.case, "answered", None) for row in rows if isinstance(row, shown.CaseRow)]
    return {
        "fresh": sum(1 for moment in begun if moment > since),
        "answered": sum(1 for moment in answered if moment is not None and moment > since),
    }


def _looked(user: User, now: datetime) -> None:
    if user.looked_at is None or now - user.looked_at > LOOKED_EVERY:
        User.objects.filter(pk=user.pk).update(looked_at=now)


@page("POST")
def duty_switch(request: HttpRequest) -> HttpResponse:
    """On or off duty, from now."""
    user, now = person(request), timezone.now()
    if request.POST.get("duty") == "on":
        duty.switch_on(user, at=now)
        messages.success(request, _("You are on duty."))
    else:
        duty.switch_off(user, at=now)
        messages.success(request, _("You are off duty. New questions go to your stand-in or deputy."))
    return redirect("admin:index")


PAGES = (("duty/", duty_switch, "handoffs_duty"),)
