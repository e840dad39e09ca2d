"""Decisions: approve, approve less, refuse, take back, carry out."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from handoffs import permissions
from handoffs.api.asked import ApprovalIn, ApprovalsIn, CarryOutIn, Nothing, RefusalIn
from handoffs.api.shown.handoff import DecisionOut
from handoffs.api.shown.people import shown
from handoffs.api.views.base import DeskView, described, not_allowed
from handoffs.flow import decision
from handoffs.flow.approve_many import Wish, approve_many, approve_one
from handoffs.flow.errors import FlowError, NotAllowed


class OneDecision(DeskView):
    """A decision, for those who see amounts."""

    @described("decisions_read", gives=DecisionOut)
    def get(self, _request: Request, pk: int) -> Response:
        return self.show_decision(self.decision(pk).pk)


class Approve(DeskView):
    """Approve, or approve less, within the own limit. The question is answered by the same act."""

    @described("decisions_approve", takes=ApprovalIn, gives=DecisionOut)
    def post(self, _request: Request, pk: int) -> Response:
        try:
            asked = self.body(ApprovalIn)  # who may is the flow's question, under the lock
            approved = approve_one(pk, Wish(asked.get("amount"), asked.get("note", "")), by=self.me, at=self.now)
        except (APIException, NotAllowed):
            self.must("approve", self.decision(pk).case)
            raise
        return Response(shown(DecisionOut, approved, user=self.me))


class ApprovedRow(serializers.Serializer[Any]):
    """What became of one."""

    id = serializers.IntegerField()
    approved = serializers.BooleanField()
    code = serializers.CharField(help_text="Why it was not approved, as a word for programs.")
    reason = serializers.CharField(help_text="Why it was not approved.")


class Approvals(serializers.Serializer[Any]):
    results = ApprovedRow(many=True)


class ApproveMany(DeskView):
    """Approve up to 500 proposals at once, each for itself: one that cannot be approved stops no other."""

    @described("decisions_approve_many", takes=ApprovalsIn, gives=Approvals)
    def post(self, _request: Request) -> Response:
        if not permissions.may(self.me, "approve"):
            not_allowed()
        asked = self.body(ApprovalsIn)["decisions"]
        wishes = {one["id"]: Wish(one.get("amount"), one.get("note", "")) for one in asked}
        said = approve_many(wishes, by=self.me, at=self.now)
        return Response({"results": [_row(pk, error) for pk, error in said.items()]})


def _row(pk: int, error: FlowError | None) -> dict[str, Any]:
    return {"id": pk, "approved": error is None, "code": error.code if error else "", "reason": str(error or "")}


class Refuse(DeskView):
    """Turn a proposal down with a reason the proposer can act on."""

    @described("decisions_refuse", takes=RefusalIn, gives=DecisionOut)
    def post(self, _request: Request, pk: int) -> Response:
        self.must("approve", self.decision(pk).case)
        decision.refuse(pk, **self.body(RefusalIn), by=self.me, at=self.now)
        return self.show_decision(pk)


class Withdraw(DeskView):
    """Take back what is not yet carried out."""

    @described("decisions_withdraw", takes=Nothing, gives=DecisionOut)
    def post(self, _request: Request, pk: int) -> Response:
        found = self.decision(pk)
        if found.by_id != self.me.pk and not permissions.may(self.me, "approve", shop_id=found.case.shop_id):
            not_allowed()
        decision.withdraw(pk, by=self.me, at=self.now)
        return self.show_decision(pk)


class CarryOut(DeskView):
    """Record that it was carried out in the seller back office."""

    @described("decisions_carry_out", takes=CarryOutIn, gives=DecisionOut)
    def post(self, _request: Request, pk: int) -> Response:
        self.must("propose", self.decision(pk).case)
        decision.carry_out(pk, **self.body(CarryOutIn), by=self.me, at=self.now)
        return self.show_decision(pk)
