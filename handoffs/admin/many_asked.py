"""Handing off many cases: one question to each, looked at first, sent once, told row by row."""

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import duty
from accounts.models import User
from accounts.models.people import Role
from handoffs import notices
from handoffs.admin.dialogs import DIFFICULT
from handoffs.admin.many import again, back, ticked
from handoffs.admin.page import draw, page, person
from handoffs.flow import ask_many
from handoffs.flow.handoff import Question
from handoffs.flow.kinds import APPROVALS, KINDS, Kind
from handoffs.models import Case
from handoffs.models.handoff import HandoffKind

LABELS = dict(HandoffKind.choices)


@dataclass
class Row:
    """One case: whom the question reaches and when it is due, or why it cannot be asked; then what became of it."""

    case: Case
    to: str = ""
    due: str = ""
    warning: str = ""
    problem: str = ""
    done: bool = False


@page("POST", verb="act")
def ask(request: HttpRequest) -> HttpResponse:
    """Choose the question, write the note, look at each row, send."""
    user, cases = person(request), ticked(request, person(request))
    to, chosen = back(request), KINDS.get(request.POST.get("kind", ""))
    if not cases:
        messages.info(request, _("Tick the cases first."))
        return redirect(to)
    if chosen is None or chosen.code in APPROVALS:
        return draw(request, "handoffs/ask_many.html", title=_("Hand off many"), cases=cases, back=to,
                    groups=_kinds(cases, user), **_carried(request))  # fmt: skip
    question, step = _question(request, chosen), request.POST.get("step", "")
    rows = _rows(cases, question, user) if step in ("preview", "send") else []
    sent = step == "send" and not again(request)
    if sent:
        _send(rows, question, user)
    context = {
        "cases": cases, "back": to, "kind": chosen, "label": LABELS[chosen.code], "question": question, "rows": rows,
        "sent": sent, "ready": [row for row in rows if not row.problem], "once": uuid4().hex,
        "may_be_difficult": chosen.code in DIFFICULT, "roles": _roles(chosen),
    }  # fmt: skip
    return draw(request, "handoffs/ask_many.html", title=_("Hand off many"), **context, **_carried(request))


def _carried(request: HttpRequest) -> dict[str, str]:
    """Where the rows were ticked, for every form of the page to carry along."""
    return {"of_page": request.POST.get("back", ""), "query": request.POST.get("query", "")[:2000]}


def _question(request: HttpRequest, kind: Kind) -> Question:
    given, roles = request.POST, (kind.to_role, *kind.also_to)
    difficult = kind.code in DIFFICULT and given.get("difficult") == "1"
    to_role = given.get("to_role", "") if kind.also_to and given.get("to_role") in roles else ""
    return Question(kind.code, given.get("note", "").strip()[:2000], difficult=difficult,
                    difficult_reason=given.get("difficult_reason", "").strip()[:255], to_role=to_role)  # fmt: skip


def _kinds(cases: list[Case], user: User) -> list[dict[str, Any]]:
    """The questions to choose from, by whom they go to."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for kind, count in ask_many.kinds_for(cases, by=user):
        row = {"code": kind.code, "label": LABELS[kind.code], "asks": kind.question, "count": count}
        groups.setdefault(kind.to_role, []).append(row)
    return [{"to": Role(role).label, "kinds": rows} for role, rows in groups.items()]


def _roles(kind: Kind) -> list[tuple[str, Any]]:
    return [(role, Role(role).label) for role in (kind.to_role, *kind.also_to)] if kind.also_to else []


def _rows(cases: list[Case], question: Question, user: User) -> list[Row]:
    now = timezone.now()
    return [_row(plan, now) for plan in ask_many.plan(cases, question, by=user, at=now)]


def _row(plan: ask_many.Plan, now: Any) -> Row:
    if plan.problem:
        return Row(plan.case, problem=plan.problem)
    due = notices.when(plan.due_at) if plan.due_at else ""
    if plan.joins:
        due = _("%(when)s, together with the same waybill's other case") % {"when": due}
    warning = _("Due after the marketplace's own deadline.") if plan.too_late else ""
    return Row(plan.case, " · ".join(_who(reached, now) for reached in plan.to), due, warning)


def _who(reached: duty.Reached, now: Any) -> str:
    if reached.user is None:
        return _("open queue of the role")
    online = _("online") if duty.is_online(reached.user, now) else _("not seen in the last minutes")
    return f"{reached.user} ({online})"


def _send(rows: list[Row], question: Question, user: User) -> None:
    """Ask on those without a problem; each keeps what was said of it."""
    ready = {row.case.pk: row for row in rows if not row.problem}
    for case_id, problem in ask_many.ask_many(ready, question, by=user, at=timezone.now()):
        ready[case_id].problem, ready[case_id].done = problem, not problem


PAGES = (("cases/ask/", ask, "handoffs_ask_many"),)
