"""Decisions: approve, approve less, refuse, take back, carry out."""

from rest_framework.request import Request
from rest_framework.response import Response

from handoffs import permissions
from handoffs.api.asked import ApprovalIn, CarryOutIn, Nothing, RefusalIn
from handoffs.api.shown.handoff import DecisionOut
from handoffs.api.views.base import DeskView, described, not_allowed
from handoffs.flow import decision


class OneDecision(DeskView):
    """A decision, for those who see amounts."""

    @described("decisions_read", gives=DecisionOut)
    def get(self, _request: Request, pk: int) -> Response:
        return self.show_decision(self.decision(pk).pk)


class Approve(DeskView):
    """Approve, or approve less, within the own limit. The question is answered by the same act."""

    @described("decisions_approve", takes=ApprovalIn, gives=DecisionOut)
    def post(self, _request: Request, pk: int) -> Response:
        self.must("approve", self.decision(pk).case)
        decision.approve(pk, **self.body(ApprovalIn), by=self.me, at=self.now)
        return self.show_decision(pk)


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
