"""What opens on a case: questions to colleagues, decisions, and every other button of the playbook."""

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from handoffs import permissions
from handoffs.api.asked import ProposalIn, QuestionIn, act_in
from handoffs.api.shown.case import CaseOut
from handoffs.api.shown.handoff import DecisionOut, HandoffOut
from handoffs.api.views.base import DeskView, described, missing, not_allowed
from handoffs.flow import acts, decision, handoff, next_step
from handoffs.flow.errors import Invalid
from handoffs.flow.handoff import Question
from handoffs.flow.kinds import APPROVALS, KINDS
from handoffs.flow.proposal import Proposal
from handoffs.models import Case, Decision, Parcel


class Ask(DeskView):
    """Put a question to a colleague. The same kind on the same waybill joins the one that is open."""

    @described("cases_ask", takes=QuestionIn, gives=HandoffOut, status=201)
    def post(self, _request: Request, pk: int) -> Response:
        case = self.case(pk)
        if not any(permissions.may_open_handoff(self.me, case, from_roles=kind.from_roles) for kind in KINDS.values()):
            not_allowed()
        given = self.body(QuestionIn)
        if given["kind"] in APPROVALS:
            return self.show_handoff(self._approval(case, given), status=201)
        asked = handoff.ask(pk, _question(case, given), by=self.me, at=self.now)
        return self.show_handoff(asked.pk, status=201)

    def _approval(self, case: Case, given: dict[str, Any]) -> int:
        """To ask for an approval is to propose the decision it is about; the note is its reason."""
        self.must("propose", case)
        amount = given.get("amount")
        whole = amount is None or amount == case.amount
        kind = Decision.Kind.COMPENSATION if given["kind"] == "approve_compensation" else (
            Decision.Kind.FULL_REFUND if whole else Decision.Kind.PARTIAL_REFUND)  # fmt: skip
        proposal = Proposal(kind, given.get("note", ""), amount, ask=True)
        made = decision.propose(case.pk, proposal, by=self.me, at=self.now)
        return made.handoff_id or 0


def _question(case: Case, given: dict[str, Any]) -> Question:
    difficult, why = given.pop("difficult", (False, ""))
    parcel = _parcel(case, given.pop("waybill", ""), given.pop("parcel", None))
    return Question(**given, parcel=parcel, difficult=difficult, difficult_reason=why)


def _parcel(case: Case, waybill: str, pk: int | None) -> Parcel | None:
    """The case's parcel that is meant; the flow chooses where none is named."""
    if not waybill and pk is None:
        return None
    rows = case.parcels.select_related("carrier__agreement")
    found = rows.filter(waybill=waybill) if pk is None else rows.filter(pk=pk)
    if parcel := found.order_by("pk").first():
        return parcel
    raise Invalid(_("The case has no such parcel."), field="waybill" if waybill else "parcel")


class Decide(DeskView):
    """Decide within the own limit, or ask a supervisor: the decision's status says which it became."""

    @described("cases_decide", takes=ProposalIn, gives=DecisionOut, status=201)
    def post(self, _request: Request, pk: int) -> Response:
        self.must("propose", self.case(pk))
        given = self.body(ProposalIn)
        proposal = Proposal(**{**given, "attachments": tuple(given.get("attachments", ()))})
        return self.show_decision(decision.propose(pk, proposal, by=self.me, at=self.now).pk, status=201)


class ActFieldOut(serializers.Serializer[Any]):
    """One input of an act. Types: text, long, date, amount, yesno, choice."""

    name = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    type = serializers.CharField()
    required = serializers.BooleanField()  # type: ignore[assignment]
    choices = serializers.ListField(child=serializers.DictField(child=serializers.CharField()))


class ActOut(serializers.Serializer[Any]):
    """A button. `offered`: the playbook proposes it on this case now."""

    code = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]
    offered = serializers.BooleanField()
    template = serializers.CharField(help_text="The reply template that goes with it.")
    fields = ActFieldOut(many=True)  # type: ignore[assignment]


class ActList(serializers.Serializer[Any]):
    results = ActOut(many=True)


class Acts(DeskView):
    """The buttons of a case that my role may press, with their fields."""

    @described("cases_acts", gives=ActList)
    def get(self, _request: Request, pk: int) -> Response:
        case = self.case(pk)
        offered = {step.code for step in next_step.steps(case)}
        mine = [act for act in acts.ACTS.values() if permissions.may(self.me, act.verb, shop_id=case.shop_id)]
        return Response({"results": [_act(act, offered=act.code in offered) for act in mine]})


def _act(act: acts.Act, *, offered: bool) -> dict[str, Any]:
    fields = [
        {
            "name": field.name,
            "label": str(field.label),
            "type": field.type,
            "required": field.required,
            "choices": [{"value": str(value), "label": str(label)} for value, label in field.choices],
        }
        for field in act.fields
    ]
    return {
        "code": act.code,
        "label": str(act.label),
        "offered": offered,
        "template": act.template,
        "fields": fields,
    }


class Perform(DeskView):
    """Press one of the buttons `cases/{id}/acts/` lists."""

    @described("cases_act", takes=OpenApiTypes.OBJECT, gives=CaseOut)
    def post(self, request: Request, pk: int, code: str) -> Response:
        case = self.case(pk)
        act = acts.ACTS.get(code) or missing(_("There is no such case or act."))
        self.must(act.verb, case)
        acts.perform(pk, code, act_in(act, request.data), by=self.me, at=self.now)
        return self.show_case(pk)
