"""One question put on several cases: first what would become of each, then each by itself."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.models import prefetch_related_objects
from django.utils.translation import gettext as _

from accounts import duty
from accounts.models import User
from handoffs import permissions
from handoffs.flow import handoff
from handoffs.flow.asking import Question, may_ask
from handoffs.flow.clock import ours_to_act
from handoffs.flow.errors import FlowError, Stale
from handoffs.flow.kinds import APPROVALS, KINDS, Kind
from handoffs.models import Case, Handoff, Parcel


@dataclass(frozen=True, slots=True)
class Plan:
    """What asking would do on one case; `problem` says why it cannot be asked.

    `to` is whom it reaches, one each for the roles the question goes to. `joins`: it comes under the deadline of the
    question that is open on the same waybill.
    """

    case: Case
    problem: str = ""
    parcel: Parcel | None = None
    to: tuple[duty.Reached, ...] = ()
    due_at: datetime | None = None
    joins: bool = False

    @property
    def too_late(self) -> bool:
        """Whether the answer would be due after the marketplace's own deadline."""
        deadline = self.case.marketplace_deadline
        return bool(self.due_at and deadline and self.due_at > deadline and ours_to_act(self.case))


def kinds_for(cases: Iterable[Case], *, by: User) -> list[tuple[Kind, int]]:
    """The questions that the person may put on some of these cases, with on how many."""
    listed = list(cases)
    asked = [kind for kind in KINDS.values() if kind.code not in APPROVALS]
    counted = [
        (kind, sum(permissions.may_open_handoff(by, case, from_roles=kind.from_roles) for case in listed))
        for kind in asked
    ]
    return [(kind, count) for kind, count in counted if count]


def plan(cases: list[Case], question: Question, *, by: User, at: datetime) -> list[Plan]:
    """What would become of each, in a fixed number of statements per shop and carrier."""
    prefetch_related_objects(cases, "parcels__carrier__agreement", "handoffs", "shop")
    known: dict[Any, Any] = {}
    leaders = _leaders(cases, question)
    return [_plan(case, question, by, at, known, leaders) for case in cases]


def _plan(
    case: Case, question: Question, by: User, at: datetime, known: dict[Any, Any], leaders: dict[Any, datetime | None]
) -> Plan:
    try:
        kind = may_ask(case, question, by=by)
        parcel = handoff.the_parcel(list(case.parcels.all()), kind) if kind.about_parcel else None
        roles = [question.to_role] if question.to_role else [kind.to_role, *kind.also_to]
        _not_open(case, question, parcel, roles[0], kind)
    except FlowError as error:
        return Plan(case, str(error))
    to = tuple(_reached(case, role, parcel, at, known) for role in roles)
    leader = (parcel.pk if parcel else None, roles[0])
    if leader in leaders:
        return Plan(case, "", parcel, to, leaders[leader], joins=True)
    due_at = _due(case, kind, question, parcel, at, known)
    if parcel:
        leaders[leader] = due_at  # the next case on this waybill joins this one
    return Plan(case, "", parcel, to, due_at)


def _not_open(case: Case, question: Question, parcel: Parcel | None, to_role: str, kind: Kind) -> None:
    subject = handoff.subject_of(question, parcel, to_role, kind)
    if any(row.is_live and (row.kind, row.subject) == (kind.code, subject) for row in case.handoffs.all()):
        raise Stale(_("This question is already open on the case."))


def _leaders(cases: list[Case], question: Question) -> dict[Any, datetime | None]:
    """The open questions of the kind on the cases' waybills, by parcel and role, with their deadlines."""
    parcels = {parcel.pk for case in cases for parcel in case.parcels.all()}
    rows = Handoff.objects.filter(parcel__in=parcels, kind=question.kind, status__in=Handoff.LIVE, joined=None)
    return {(pk, role): due for pk, role, due in rows.order_by("-pk").values_list("parcel", "to_role", "due_at")}


def _reached(case: Case, role: str, parcel: Parcel | None, at: datetime, known: dict[Any, Any]) -> duty.Reached:
    key = ("to", role, case.shop_id, parcel.carrier_id if parcel else None)
    if key not in known:
        known[key] = handoff.route(case, role, parcel=parcel, at=at)
    found: duty.Reached = known[key]
    return found


def _due(
    case: Case, kind: Kind, question: Question, parcel: Parcel | None, at: datetime, known: dict[Any, Any]
) -> datetime | None:
    key = ("due", case.shop_id, handoff.inspected_outside(case), parcel.carrier_id if parcel else None)
    if key not in known:
        known[key] = handoff.expected_due(case, kind, parcel=parcel, at=at, difficult=question.difficult)
    found: datetime | None = known[key]
    return found


def ask_many(case_ids: Iterable[int], question: Question, *, by: User, at: datetime) -> Iterator[tuple[int, str]]:
    """Ask on each by itself: (case, why not; empty where it was asked). One that is turned down stops no other."""
    for case_id in case_ids:
        try:
            handoff.ask(case_id, replace(question), by=by, at=at)
        except FlowError as error:
            yield case_id, str(error)
        else:
            yield case_id, ""
