"""Home: my queue first; what changed since I looked; the duty switch."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import duty
from accounts.models import DutyShift, User
from accounts.models.people import Role
from handoffs import permissions
from handoffs.admin import freshness, queues, shown
from handoffs.admin.bell import counts
from handoffs.admin.page import draw, page, person

LOOKED_EVERY = timedelta(minutes=1)
DECIDES = frozenset({Role.SUPERVISOR, Role.MANAGER})
ANSWERS = frozenset({Role.WAREHOUSE, Role.QC, Role.LOGISTICS, Role.SUPERVISOR})


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

    @property
    def count(self) -> str:
        """How many there are; with a plus where the page shows no more of them."""
        return str(self.total) if self.total else f"{len(self.rows)}{'+' * (len(self.rows) >= queues.SHOWN)}"


@page("GET")
def home(request: HttpRequest) -> HttpResponse:
    """The queues of every role the person holds."""
    user, now = person(request), timezone.now()
    known = request.headers.get("If-None-Match", "") if request.headers.get("X-Live") else ""
    same, stamp = freshness.look(user, known, at=now)
    if same:
        return freshness.not_modified(stamp)
    since = user.looked_at
    sections = [section for section in _sections(user, now) if section.rows or section.empty]
    context = {
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


def _sections(user: User, now: datetime) -> list[Section]:
    """What the person's roles have to do, the most pressing first."""
    found: list[Section] = []
    if user.roles & DECIDES:
        waiting = queues.waiting_decisions(user)[:6]
        rows = [{"decision": row, "left": shown.time_left(row.at, row.handoff.due_at if row.handoff else None, at=now)}
                for row in waiting]  # fmt: skip
        found.append(
            Section("approve", _("To approve"), "approvals", rows, more="admin:handoffs_approvals",
                    total=counts(user)["approvals"])
        )  # fmt: skip
    if user.roles & ANSWERS:
        rows = shown.handoff_rows(queues.my_handoffs(user)[: queues.SHOWN], at=now)
        only_answers = not user.roles & permissions.DESK
        empty = _("No question is open. New ones appear here, the most urgent first.") if only_answers else ""
        found.append(Section("asked", _("Questions for me"), "questions", rows, empty))
    if user.roles & permissions.DESK:
        found += _desk(user, now)
    return found


def _desk(user: User, now: datetime) -> list[Section]:
    """The desk's cases: answered ones first, then one's own, then what is late or without an owner."""
    answered = _rows(queues.answered_cases(user), user, now)
    own = _rows(queues.my_cases(user).exclude(pk__in=[row.case.pk for row in answered]), user, now)
    unowned = Section(
        "open", _("Open queue"), "cases", _rows(queues.open_queue(user), user, now), _("Every case has an owner.")
    )
    supports = Role.SUPPORT in user.roles
    nothing = _("You own no open case. Take one from the open queue, or go on duty so that new ones are dealt to you.")
    mine = [
        Section("answered", _("A colleague has answered"), "cases", answered),
        Section("mine", _("My cases"), "cases", own, nothing if supports and not answered else ""),
    ]
    if not user.roles & DECIDES:
        return [*mine, unowned]
    others = queues.late_cases(user, at=now).exclude(owner=user).exclude(owner=None)
    late = Section("late", _("Late now"), "cases", _rows(others, user, now)[:20], _("Nothing is late at the others."),
                   more="admin:handoffs_board")  # fmt: skip
    return [*mine, late, unowned]


def _rows(cases: Any, user: User, now: datetime) -> list[shown.CaseRow]:
    return shown.case_rows(shown.with_steps(cases)[: queues.SHOWN], user=user, at=now)


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
