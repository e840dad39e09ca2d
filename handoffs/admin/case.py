"""The page of one case: need, goods and money, path, clocks, next step, handoffs, decisions, timeline."""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.models.people import Role
from handoffs import connections, permissions
from handoffs.admin import shown, values, words
from handoffs.admin.page import draw, person, seen_case
from handoffs.admin.presence import visited
from handoffs.flow import acts, kinds, next_step, path, transport, waterfall
from handoffs.flow.buyer import Buyer, seen_by
from handoffs.flow.terms import why_due
from handoffs.models import Case, CaseSource, Clock, Decision, Handoff, Parcel, ParcelEvent

TOLD = 200
Steps = list[next_step.Step]


def case_page(request: HttpRequest, case_id: int, *, revealed: Buyer | None = None) -> HttpResponse:
    """Everything the person may know about one case, on one page."""
    user, now = person(request), timezone.now()
    seen_case(request, case_id)
    case = shown.with_steps(Case.objects.filter(pk=case_id)).get()
    desk_user, since = permissions.may(user, "act", shop_id=case.shop_id), visited(case, user, at=now)
    steps = next_step.steps(case) if desk_user else []
    context = {
        "case": case,
        "row": shown.case_row(case, user=user, at=now),
        "amounts": permissions.sees_amounts(user, case),
        "buyer": revealed or _buyer(user, case),
        "revealed": revealed is not None,
        "why_path": path.why(case),
        "path_facts": values.facts(case),
        "type": values.said("dispute_type", case.dispute_type),
        "steps": steps,
        "payable": _payable(case, steps),
        "groups": groups(user, case, {step.code for step in steps}),
        "desk_user": desk_user,
        "colleagues": _colleagues(case) if desk_user and case.status != Case.Status.CLOSED else [],
        **_clocks(case, now),
        "handoffs": _handoffs(user, case, now),
        "decisions": _decisions(user, case),
        "timeline": _timeline(user, case, since=since),
        "since": since,
        "attachments": list(case.attachments.filter(handoff=None)) if desk_user else [],
        "lines": list(case.lines.all()),
        "parcels": _parcels(case),
        "related": related(user, case) if desk_user else [],
    }
    context["fresh"] = sum(row["fresh"] for row in context["timeline"])
    late = any(row["clock"].state == Clock.State.LATE for row in (*context["clocks"], *context["ended_clocks"]))
    context["waterfall"] = _waterfall(case, now) if desk_user and late else None
    return draw(request, "handoffs/case.html", title=f"{case.refund_id}", **context)


def _payable(case: Case, steps: Steps) -> bool:
    """Whether the marketplace's gateway can pay it now: then the desk does, and nobody records it by hand."""
    codes = {step.code for step in steps}
    if not codes & {"full_refund", "carry_out"} or not connections.pays(case):
        return False
    refusal = case.decisions.filter(status=Decision.Status.APPROVED, kind=Decision.Kind.REFUSE).exists()
    return not refusal and connections.connected(case.shop) is not None


def _buyer(user: User, case: Case) -> Buyer | None:
    return seen_by(user, case, source=CaseSource.objects.filter(case=case).first())


def groups(user: User, case: Case, offered: set[str]) -> dict[str, Steps]:
    """Every other button the person may press: decisions, questions, things to record."""
    closed = case.status == Case.Status.CLOSED
    verbs = {"respond", "propose", *(act.verb for act in acts.ACTS.values())}
    may = {verb: permissions.may(user, verb, shop_id=case.shop_id) for verb in verbs}
    pointless = {"carry_out"} if may["inspect"] and transport.under_way(case) else {"carry_out", "goods_at_qc"}
    decisions = list(Decision.Kind.values) if may["propose"] and not closed else []
    asked = [] if closed else [
        code for code, kind in kinds.KINDS.items()
        if code not in kinds.APPROVALS and permissions.may_open_handoff(user, case, from_roles=kind.from_roles)
    ]  # fmt: skip
    recorded = ["respond"] if may["respond"] and not closed else []
    recorded += [
        code for code, act in acts.ACTS.items()
        if may[act.verb] and code not in pointless and (not closed or code in acts.AFTER_CLOSING)
    ]  # fmt: skip
    named = {"decide": decisions, "ask": asked, "record": recorded}
    return {name: [next_step.step(code) for code in codes if code not in offered] for name, codes in named.items()}


def _colleagues(case: Case) -> QuerySet[User]:
    """Who may own cases of this shop."""
    held = {"memberships__shop": case.shop_id, "memberships__role__in": permissions.DESK}
    return User.objects.filter(is_active=True, **held).exclude(pk=case.owner_id).distinct().order_by("name")


def _clocks(case: Case, now: datetime) -> dict[str, list[dict[str, Any]]]:
    """Open clocks, and those that have ended."""
    rows = case.clocks.model.objects.filter(case=case).select_related("terms", "handoff").prefetch_related("pauses")
    shown_rows = [
        {
            "clock": clock,
            "name": clock.handoff.get_kind_display() if clock.handoff else clock.get_kind_display(),
            "left": shown.time_left(clock.started_at, clock.due_at, at=now) if clock.is_open else None,
            "why": why_due(clock, list(clock.pauses.all())),
        }
        for clock in rows.order_by("due_at", "pk")
    ]
    return {
        "clocks": [row for row in shown_rows if row["clock"].is_open],
        "ended_clocks": [row for row in shown_rows if not row["clock"].is_open],
    }


def _handoffs(user: User, case: Case, now: datetime) -> list[dict[str, Any]]:
    """The questions the person may see, live ones first, then the latest."""
    rows = permissions.visible_handoffs(user).filter(case=case)
    rows = rows.select_related("assignee", "asker", "answered_by", "parcel__carrier", "case__shop", "joined")
    amounts = permissions.sees_amounts(user, case)
    return [
        {
            "handoff": asked,
            "left": shown.time_left(asked.created_at, asked.due_at, at=now) if asked.is_live else None,
            "answer": words.answer_label(asked.kind, asked.answer),
            "details": words.details(asked.data, amounts=amounts),
            "files": list(asked.attachments.all()),
            "is_approval": asked.kind in kinds.APPROVALS,
            "may_answer": asked.is_live and permissions.may_answer(user, asked) and asked.kind not in kinds.APPROVALS,
            "may_steer": (asked.is_live or asked.status == Handoff.Status.RETURNED)
            and permissions.may_withdraw(user, asked),
        }
        for asked in sorted(rows.prefetch_related("attachments"), key=lambda row: (not row.is_live, -row.pk))
    ]


def _decisions(user: User, case: Case) -> list[dict[str, Any]]:
    """Decisions oldest first, with whether the person may take them back or must settle them."""
    rows = permissions.visible_decisions(user, case).select_related("by", "approved_by", "handoff")
    approves = permissions.may(user, "approve", shop_id=case.shop_id)
    return [
        {
            "decision": row,
            "may_withdraw": row.status in Decision.LIVE and (row.by_id == user.pk or approves),
            "may_settle": row.status == Decision.Status.PROPOSED and approves and row.by_id != user.pk,
        }
        for row in rows
    ]


def _timeline(user: User, case: Case, *, since: datetime | None) -> list[dict[str, Any]]:
    """What happened, the latest first; what others did since the person last looked is `fresh`."""
    rows = permissions.visible_timeline(user, case).select_related("by").order_by("-at", "-pk")[:TOLD]
    return [
        {"entry": entry, "text": words.sentence(entry),
         "fresh": since is not None and entry.at > since and entry.by_id != user.pk}
        for entry in rows
    ]  # fmt: skip


def related(user: User, case: Case) -> list[Case]:
    """Other applications of the same order or the same buyer."""
    seen = permissions.visible_cases(user).filter(shop=case.shop).exclude(pk=case.pk)
    same_order = seen.filter(order_id=case.order_id) if case.order_id else seen.none()
    same_buyer = seen.filter(buyer_nick=case.buyer_nick) if case.buyer_nick else seen.none()
    found = {row.pk: row for row in (*same_order.order_by("-pk")[:10], *same_buyer.order_by("-pk")[:10])}
    return list(found.values())


def _waterfall(case: Case, now: datetime) -> dict[str, Any]:
    """Who held the case for how long: the stretches as shares of the whole, and the sums in words."""
    kinds_read = waterfall.OPENS | waterfall.ENDS | {"status"}
    rows = waterfall.stretches(case, case.timeline.filter(kind__in=kinds_read), at=now)
    whole = sum((row.length for row in rows), timedelta()) or timedelta(seconds=1)
    names = {**dict(Role.choices), waterfall.BUYER: _("waiting for the buyer")}
    return {
        "bars": [{"holder": row.holder, "name": names.get(row.holder, row.holder), "start": row.start, "end": row.end,
                  "percent": f"{100 * row.length / whole:.2f}"} for row in rows],
        "sums": [{"holder": holder, "name": names.get(holder, holder), "words": shown.length(held)}
                 for holder, held in waterfall.totals(rows).items()],
    }  # fmt: skip


def _parcels(case: Case) -> list[Parcel]:
    """The case's parcels, each with its trace as `trace`, newest first."""
    newest = Prefetch("events", ParcelEvent.objects.order_by("-at", "-pk"), to_attr="trace")
    return list(case.parcels.select_related("carrier", "replaced_by").prefetch_related(newest).order_by("pk"))
